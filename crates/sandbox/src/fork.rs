//! A second process of the keeper's: it confines itself and becomes the program. Starting the executable anew for that would
//! load all of it once more.

use rustix::process::Pid;
use std::io;

/// On which side of a fork this is.
pub(crate) enum Forked {
    /// This is the one that was there before; the other has this number.
    Parent(Pid),
    /// This is the new one.
    Child,
}

/// Splits this process in two.
///
/// # Errors
/// The kernel gives no second one.
pub(crate) fn fork() -> io::Result<Forked> {
    #[expect(
        unsafe_code,
        reason = "the keeper has one thread, so that no other holds a lock which would be closed for ever in the new process"
    )]
    // SAFETY: there is one thread, see above.
    let number = unsafe { libc::fork() };
    match number {
        0 => Ok(Forked::Child),
        _ => Pid::from_raw(number)
            .filter(|_| number > 0)
            .map(Forked::Parent)
            .ok_or_else(io::Error::last_os_error),
    }
}

/// Ends the new process without what the old one would do at its end.
pub(crate) fn leave() -> ! {
    #[expect(
        unsafe_code,
        reason = "nothing of the standard library ends a process at once"
    )]
    // SAFETY: it takes a number and does not come back.
    unsafe {
        libc::_exit(1)
    }
}
