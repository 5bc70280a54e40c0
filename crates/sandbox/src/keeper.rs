//! The process beside a program: it starts it, waits for its end, and ends everything that came from it.
//!
//! It is there before the program is, and knows by the closed end of its control socket that whoever gave the order is gone,
//! however that went. So there is no moment in which a program runs and nobody would end it.

use crate::{
    absent,
    enter::{self, Enter},
    fork::{self, Forked},
    kin,
    message::{Ended, Limits, Over, Start, Word},
    room::Room,
    wire,
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fd::OwnedFd,
    io::Errno,
    process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open},
};
use std::{io, os::unix::net::UnixStream};

/// How often it is counted what all processes of the call use.
const COUNT: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 100_000_000,
};
/// The byte that asks for the polite end of the program.
pub const PLEASE_END: u8 = b'T';

/// Does the order, and says over `control` what becomes of it.
pub(crate) fn keep(start: Start, files: Vec<OwnedFd>, control: &OwnedFd) -> io::Result<()> {
    // Nothing that is sent to Mandate's group or terminal reaches it.
    let _ = rustix::process::setsid();
    let _ = rustix::thread::set_name(c"mandate-keeper");
    let own = rustix::process::getpid();
    rustix::process::set_child_subreaper(Some(own))?;
    let limits = start.limits.clone();
    let absent = start
        .profile
        .as_ref()
        .map(absent::absent)
        .unwrap_or_default();
    match begin(start, files, own, control) {
        Ok((program, _room)) => {
            // Whoever is gone is noticed at once in what follows.
            let _ = wire::send(control, &Word::Started, &[]);
            let mut ended = stay(program, &limits, control);
            ended.refused = absent::move_aside(&absent);
            wire::send(control, &Word::Ended(ended), &[])
        }
        Err(why) => {
            kin::end();
            wire::send(control, &why, &[])
        }
    }
}

/// Starts the program by way of a process that confines itself and then becomes it.
fn begin(
    start: Start,
    files: Vec<OwnedFd>,
    keeper: Pid,
    control: &OwnedFd,
) -> Result<(Pid, Option<Room>), Word> {
    let words = |error: io::Error| Word::Refused(error.to_string());
    let said = |why: &str| Word::Refused(why.to_owned());
    let room = match &start.profile {
        Some(_) => Some(Room::make().map_err(words)?),
        None => None,
    };
    let (here, there) = UnixStream::pair().map_err(words)?;
    let order = Enter {
        start,
        keeper,
        room: room.as_ref().map(|room| room.path().to_owned()),
    };
    let program = match fork::fork().map_err(words)? {
        Forked::Parent(program) => program,
        Forked::Child => {
            drop(here);
            let why = enter::enter(order, files);
            let _ = wire::send(&there, &why, &[]);
            fork::leave()
        }
    };
    drop(there);
    // The program's ends of the pipes must close with the program.
    drop(files);
    // Its end closes when it becomes the program.
    let mut ends = [
        PollFd::new(&here, PollFlags::IN),
        PollFd::new(control, PollFlags::empty()),
    ];
    loop {
        match poll(&mut ends, None) {
            Ok(_) => break,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(words(errno.into())),
        }
    }
    let [answer, asked] = &ends;
    if answer.revents().is_empty() && !asked.revents().is_empty() {
        return Err(said("nobody waits for it"));
    }
    match wire::receive::<Word>(&here).map_err(words)? {
        None => Ok((program, room)),
        Some((why, _)) => Err(why),
    }
}

/// Waits until the program has ended, or is to; then ends what it left.
fn stay(program: Pid, limits: &Limits, control: &OwnedFd) -> Ended {
    let mut ended = Ended {
        code: None,
        signal: None,
        over: None,
        left: 0,
        refused: Vec::new(),
    };
    let handle = pidfd_open(program, PidfdFlags::empty());
    loop {
        let mut gone = false;
        while let Some((child, status)) = kin::reap_one() {
            if child == program {
                (ended.code, ended.signal) = (status.exit_status(), status.terminating_signal());
                gone = true;
            }
        }
        if gone {
            ended.left = kin::end();
            return ended;
        }
        match wait(handle.as_ref().ok(), control) {
            Awaited::Nothing => {}
            Awaited::PleaseEnd => {
                let _ = kill_process_group(program, Signal::TERM);
            }
            Awaited::NobodyThere => {
                ended.left = kin::end();
                return ended;
            }
        }
        if let Some(over) = over(limits) {
            ended.left = kin::end();
            ended.signal = Some(Signal::KILL.as_raw());
            ended.over = Some(over);
            return ended;
        }
    }
}

fn over(limits: &Limits) -> Option<Over> {
    if limits.processes.is_none() && limits.memory_bytes.is_none() {
        return None;
    }
    kin::over(&kin::kin(), limits)
}

enum Awaited {
    Nothing,
    PleaseEnd,
    NobodyThere,
}

/// Waits for the end of the program, a word, or a moment.
fn wait(program: Option<&OwnedFd>, control: &OwnedFd) -> Awaited {
    let mut ends = vec![PollFd::new(control, PollFlags::IN)];
    ends.extend(program.map(|program| PollFd::new(program, PollFlags::IN)));
    if poll(&mut ends, Some(&COUNT)).is_err() {
        return Awaited::Nothing;
    }
    if ends.first().is_none_or(|end| end.revents().is_empty()) {
        return Awaited::Nothing;
    }
    let mut word = [0_u8; 1];
    match rustix::io::read(control, &mut word) {
        Ok(1) if word == [PLEASE_END] => Awaited::PleaseEnd,
        Ok(1) | Err(Errno::INTR) => Awaited::Nothing,
        _ => Awaited::NobodyThere,
    }
}
