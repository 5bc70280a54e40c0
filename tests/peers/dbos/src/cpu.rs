//! Processor time: of this process, and of all processes of the database server.

use crate::failure::Failure;
use rustix::{
    param::clock_ticks_per_second,
    time::{ClockId, clock_gettime},
};
use std::fs;

/// User and system time of all threads of this process so far, in seconds.
pub(crate) fn own_s() -> f64 {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    spent.tv_sec as f64 + spent.tv_nsec as f64 / 1e9
}

/// User and system time of a server so far, in seconds: of its first process, of the children it has, and of those it had.
pub(crate) fn server_s(postmaster: u32) -> Result<f64, Failure> {
    let all: Vec<Process> = fs::read_dir("/proc")
        .map_err(Failure::io("list `/proc`"))?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        // A process that ends while the list is read has left its time with its parent.
        .filter_map(Process::of)
        .collect();
    if !all.iter().any(|process| process.id == postmaster) {
        return Err(Failure::Wrong(format!("no process {postmaster} runs")));
    }
    Ok(all
        .iter()
        .filter(|process| process.id == postmaster || process.parent == postmaster)
        .map(|process| process.own_s + process.children_s)
        .sum())
}

#[derive(Debug, PartialEq)]
struct Process {
    id: u32,
    parent: u32,
    own_s: f64,
    /// Of its children that have ended.
    children_s: f64,
}

impl Process {
    fn of(id: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        let mut process = Self::from_stat(id, &stat, clock_ticks_per_second() as f64)?;
        // `stat` counts in hundredths of a second, which is much for a short measurement of many processes. What PostgreSQL's
        // processes have used is told exactly here, as each of them has one thread.
        if let Some(own_s) = fs::read_to_string(format!("/proc/{id}/schedstat"))
            .ok()
            .and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok())
        {
            process.own_s = own_s / 1e9;
        }
        Some(process)
    }

    fn from_stat(id: u32, stat: &str, ticks_per_s: f64) -> Option<Self> {
        // The name stands in brackets, and may hold anything, brackets as well.
        let (_, fields) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let seconds = |user: usize| {
            let both = fields.get(user..user.checked_add(2)?)?.iter();
            let ticks: u64 = both
                .map(|field| field.parse::<u64>())
                .sum::<Result<_, _>>()
                .ok()?;
            Some(ticks as f64 / ticks_per_s)
        };
        Some(Self {
            id,
            parent: fields.get(1)?.parse().ok()?,
            own_s: seconds(11)?,
            children_s: seconds(13)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_is_read_past_any_name() {
        let stat = "7 (a) b (c)) S 3 7 7 0 -1 4194560 9 9 9 9 10 20 300 4000 20 0 1 0 5";
        let process = Process {
            id: 7,
            parent: 3,
            own_s: 0.3,
            children_s: 43.0,
        };
        assert_eq!(Process::from_stat(7, stat, 100.0), Some(process));
        assert_eq!(Process::from_stat(7, "7 (a) S 3", 100.0), None);
    }

    #[test]
    fn a_process_that_runs_is_found() {
        assert!(server_s(std::process::id()).unwrap() >= 0.0);
        assert!(server_s(u32::MAX).is_err());
    }
}
