//! What a confined program may touch.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What a confined program may touch; everything else is out of its reach.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Profile {
    /// Files and directories, with everything beneath, that it may read and run programs from, besides the system's own.
    pub read: Vec<PathBuf>,
    /// The same that it may change, too.
    pub write: Vec<PathBuf>,
    /// What it may not touch wherever it lies: it is hidden, or left out of what is granted.
    pub hidden: Vec<PathBuf>,
    /// It may use IPv4 and IPv6.
    pub network: bool,
    /// It may connect to sockets in the file system.
    pub unix_sockets: bool,
    /// What is hidden and not there yet must not come to be there, either: it is moved aside afterwards.
    pub names: bool,
    /// Where the kernel cannot hold it to all of this, it runs with what there is.
    pub degraded: bool,
}
