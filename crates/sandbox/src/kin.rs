//! The processes that came from this one, however far away they moved, and their end.
//!
//! This process is their reaper: what loses its parent becomes its child, so that neither a new session nor a second fork
//! leads out of the tree.

use crate::message::{Limits, Over};
use rustix::{
    io::Errno,
    process::{
        Pid, PidfdFlags, Signal, WaitOptions, WaitStatus, pidfd_open, pidfd_send_signal, wait,
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    time::{Duration, Instant},
};

/// How long processes that do not end are tried to be killed: one may hang in the kernel.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long one try waits before the next.
const PAUSE: Duration = Duration::from_millis(2);

/// Processes by number, each with its parent's.
type Tree = BTreeMap<i32, i32>;

/// Every process that came from this one.
pub(crate) fn kin() -> Tree {
    let own = rustix::process::getpid().as_raw_nonzero().get();
    let (mut tree, mut open) = (Tree::new(), vec![own]);
    while let Some(parent) = open.pop() {
        for child in children(parent) {
            if child != own && tree.insert(child, parent).is_none() {
                open.push(child);
            }
        }
    }
    tree
}

fn children(parent: i32) -> Vec<i32> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{parent}/task")) else {
        return Vec::new();
    };
    let texts = tasks.flatten().map(|task| task.path().join("children"));
    let texts = texts.filter_map(|path| fs::read_to_string(path).ok());
    let mut found = Vec::new();
    for text in texts {
        found.extend(
            text.split_whitespace()
                .filter_map(|pid| pid.parse::<i32>().ok()),
        );
    }
    found
}

/// Whether the kernel tells children (`CONFIG_PROC_CHILDREN`).
pub(crate) fn can_be_told() -> bool {
    let own = rustix::process::getpid().as_raw_nonzero();
    fs::read_to_string(format!("/proc/self/task/{own}/children")).is_ok()
}

/// Which limit they are over together.
pub(crate) fn over(tree: &Tree, limits: &Limits) -> Option<Over> {
    if limits
        .processes
        .is_some_and(|most| tree.len() as u64 > most)
    {
        return Some(Over::Processes);
    }
    let most = limits.memory_bytes?;
    let page = rustix::param::page_size() as u64;
    let used: u64 = tree.keys().map(|pid| private_pages(*pid) * page).sum();
    (used > most).then_some(Over::Memory)
}

/// The pages that only this process has.
fn private_pages(pid: i32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
    let mut fields = text.split_whitespace().skip(1);
    let mut next = || fields.next().and_then(|field| field.parse::<u64>().ok());
    match (next(), next()) {
        (Some(resident), Some(shared)) => resident.saturating_sub(shared),
        _ => 0,
    }
}

/// Kills all of them and what they start meanwhile. Gives how many could not be killed.
pub(crate) fn end() -> u32 {
    let begun = Instant::now();
    let mut stopped = BTreeSet::new();
    loop {
        reap();
        let tree = kin();
        if tree.is_empty() {
            return 0;
        }
        if begun.elapsed() > PATIENCE {
            return u32::try_from(tree.len()).unwrap_or(u32::MAX);
        }
        // First none of them can go on, and start more; then all are killed.
        let mut more = false;
        for (pid, parent) in &tree {
            if stopped.insert(*pid) {
                more |= signal(*pid, *parent, Signal::STOP);
            }
        }
        if more {
            continue;
        }
        for (pid, parent) in &tree {
            signal(*pid, *parent, Signal::KILL);
        }
        std::thread::sleep(PAUSE);
        // A number may belong to somebody else by now.
        stopped.retain(|pid| tree.contains_key(pid));
    }
}

/// Whether the signal was sent: to this child of this parent, not to a later process of that number.
fn signal(pid: i32, parent: i32, signal: Signal) -> bool {
    let Some(process) = Pid::from_raw(pid) else {
        return false;
    };
    let Ok(handle) = pidfd_open(process, PidfdFlags::empty()) else {
        return false;
    };
    // Its parent may have ended since; then it is ours.
    let own = rustix::process::getpid().as_raw_nonzero().get();
    let parent_now = parent_of(pid);
    if parent_now != Some(parent) && parent_now != Some(own) {
        return false;
    }
    pidfd_send_signal(handle, signal).is_ok()
}

fn parent_of(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

/// Takes away every child that has ended.
fn reap() {
    while reap_one().is_some() {}
}

/// A child that has ended, and how.
pub(crate) fn reap_one() -> Option<(Pid, WaitStatus)> {
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(ended) => return ended,
            Err(Errno::INTR) => {}
            Err(_) => return None,
        }
    }
}
