//! Whether this process may open enough files to drive anything. Libraries that meet the limit as they start up end the
//! process in the middle of things, so it is asked first.

use crate::errors::{Failure, Kind};
use mandate_plan::ErrorCode;

/// Threads, signals, the journal and its readers, the socket, and a program with its three pipes.
const LEAST: u64 = 64;

/// Refuses below [`LEAST`].
///
/// # Errors
/// The limit is lower.
pub(crate) fn enough() -> Result<(), Failure> {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    match limit.current {
        Some(most) if most < LEAST => Err(Failure::new(
            Kind::Io,
            format!("this process may open {most} files, and needs {LEAST} at least"),
        )
        .with_code(ErrorCode::ResourceExhausted)
        .remedy("raise the limit: `ulimit -n 1024`")),
        _ => Ok(()),
    }
}
