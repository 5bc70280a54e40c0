//! What the processes on both ends of a control socket say to each other.

use crate::{kernel::Kernel, profile::Profile};
use serde::{Deserialize, Serialize};
use std::{ffi::OsString, path::PathBuf};

/// What the helper is started for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Order {
    /// To start a program and stay beside it.
    Keep(Box<Start>),
    /// To say what this kernel can do.
    Probe,
}

/// A program, and what it gets. Its standard input, output and error and its directory come as open files beside it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Start {
    /// A path, or a name that is looked up in `PATH` of `env`.
    pub program: OsString,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// All of its environment.
    pub env: Vec<(OsString, OsString)>,
    /// What it is held to by the kernel; none lets it do what its user may.
    pub profile: Option<Profile>,
    /// How much it may use.
    pub limits: Limits,
}

/// How much a program may use; what is absent is not limited.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Processor time of one process, in seconds.
    pub cpu_seconds: Option<u64>,
    /// Address space of one process, in bytes.
    pub address_space_bytes: Option<u64>,
    /// Memory of all processes of the call, in bytes.
    pub memory_bytes: Option<u64>,
    /// The largest file that it may write, in bytes.
    pub file_bytes: Option<u64>,
    /// Open files of one process.
    pub open_files: Option<u64>,
    /// Processes of the call.
    pub processes: Option<u64>,
}

/// What the helper says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Word {
    /// The program runs from now on.
    Started,
    /// It was not started, for this reason.
    Refused(String),
    /// It was not started, because this kernel cannot hold it to its profile.
    Unable(String),
    /// It has ended, and so has everything that it started.
    Ended(Ended),
    /// What this kernel can do.
    Can(Kernel),
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Its exit code.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// The limit that it, and what it started, was ended for.
    pub over: Option<Over>,
    /// Processes that could not be ended.
    pub left: u32,
    /// What came to be under names that no program may use, and was moved aside.
    #[serde(default)]
    pub refused: Vec<PathBuf>,
}

/// A limit that is counted over all processes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Over {
    /// [`Limits::processes`].
    Processes,
    /// [`Limits::memory_bytes`].
    Memory,
}
