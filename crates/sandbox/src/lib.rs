//! Confining it: how a program is started, held to a profile by the kernel, and ended with everything it started.
//!
//! A program is started in two steps, by the same executable with [`ARGUMENT`]. The process that it becomes is the keeper:
//! it stays beside the program, and outlives whoever gave the order by as long as it takes to end the program and all that
//! came from it ([`keeper`]). Its child confines itself and becomes the program ([`enter`]). The keeper gets its
//! order over a socket that is its standard input, so that nothing of it can be seen from outside.
//!
//! Nothing here knows plans, tools or configuration.

mod absent;
mod calls;
mod enter;
mod files;
mod fork;
mod hide;
mod keeper;
mod kernel;
mod kin;
mod message;
mod profile;
mod room;
pub mod wire;

pub use keeper::PLEASE_END;
pub use kernel::Kernel;
pub use message::{Ended, Limits, Order, Over, Start, Word};
pub use profile::Profile;

use rustix::fd::OwnedFd;
use std::{io, process::ExitCode};

/// The argument that makes the executable the helper.
pub const ARGUMENT: &str = "__sandbox-exec";
/// This executable, also where its file was replaced meanwhile.
pub const HELPER: &str = "/proc/self/exe";

/// What the helper does: `Some` if the process was started as the helper, and is done.
pub fn helper() -> Option<ExitCode> {
    let asked = std::env::args_os()
        .nth(1)
        .is_some_and(|argument| argument == ARGUMENT);
    asked.then(|| {
        // What is good for Mandate's own memory is no matter of the programs that it starts.
        let _ = rustix::thread::disable_transparent_huge_pages(false);
        match obey() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                // Whoever gave the order is gone, or somebody typed it.
                eprintln!("mandate: this command is for Mandate's own use: {error}");
                ExitCode::FAILURE
            }
        }
    })
}

fn obey() -> io::Result<()> {
    let control = control()?;
    let Some((order, files)) = wire::receive::<Order>(&control)? else {
        return Ok(());
    };
    match order {
        Order::Keep(start) => keeper::keep(*start, files, &control),
        Order::Probe => wire::send(&control, &Word::Can(kernel::probe()), &[]),
    }
}

/// The socket that came as standard input; nothing that is started here inherits it.
fn control() -> io::Result<OwnedFd> {
    let stdin = rustix::stdio::stdin();
    let kind = rustix::fs::fstat(stdin)?.st_mode;
    if rustix::fs::FileType::from_raw_mode(kind) != rustix::fs::FileType::Socket {
        return Err(io::Error::other("standard input is no socket"));
    }
    let control = rustix::io::fcntl_dupfd_cloexec(stdin, 3)?;
    let null = std::fs::File::open("/dev/null")?;
    rustix::stdio::dup2_stdin(null)?;
    Ok(control)
}
