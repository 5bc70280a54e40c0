//! Who is at the other end of the socket: a process that one of the host's tools started must not answer for a human.
//!
//! What this catches: a process whose parents lead to the host, and one that went astray from them (a daemon) and kept
//! its environment, in which the tool runner left a mark. What it does not: a process that clears its environment and
//! has its parents end; it is the user's own process by then, like any other. A sandbox is what keeps tools from that.

use mandate_tools::CHILD_MARK;
use std::path::PathBuf;

/// The longest chain of parents that is followed.
const DEEPEST: usize = 512;

/// Whether the process descends from a tool of the host `host`, as far as can be seen.
pub(crate) fn is_of_a_tool(pid: u32, host: u32) -> bool {
    let own_mark = std::env::var_os(CHILD_MARK).map(|mark| mark.to_string_lossy().into_owned());
    descends(pid, host, own_mark.as_deref(), &Proc)
}

/// What is known about processes.
trait Processes {
    fn parent(&self, pid: u32) -> Option<u32>;
    /// The value of the mark in its environment.
    fn mark(&self, pid: u32) -> Option<String>;
}

/// `own_mark`: a host that was itself started by a tool of another one has that one's mark, and so has everybody beside it.
fn descends(pid: u32, host: u32, own_mark: Option<&str>, processes: &dyn Processes) -> bool {
    let mut pid = pid;
    for step in 0..DEEPEST {
        if pid == host {
            // The host itself may use its own socket.
            return step > 0;
        }
        let mark = processes.mark(pid);
        if mark.is_some() && mark.as_deref() != own_mark {
            return true;
        }
        match processes.parent(pid) {
            Some(parent) if parent > 1 => pid = parent,
            _ => return false,
        }
    }
    true
}

struct Proc;

impl Proc {
    fn read(pid: u32, name: &str) -> Option<Vec<u8>> {
        std::fs::read(PathBuf::from(format!("/proc/{pid}/{name}"))).ok()
    }
}

impl Processes for Proc {
    fn parent(&self, pid: u32) -> Option<u32> {
        let stat = Self::read(pid, "stat")?;
        let stat = String::from_utf8_lossy(&stat);
        // The name in brackets may hold anything.
        let (_, after) = stat.rsplit_once(')')?;
        after.split_whitespace().nth(1)?.parse().ok()
    }

    fn mark(&self, pid: u32) -> Option<String> {
        let environment = Self::read(pid, "environ")?;
        let mut variables = environment.split(|byte| *byte == 0);
        variables.find_map(|variable| {
            let text = String::from_utf8_lossy(variable);
            let value = text.strip_prefix(CHILD_MARK)?.strip_prefix('=')?;
            Some(value.to_owned())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[derive(Default)]
    struct Table(BTreeMap<u32, (u32, Option<&'static str>)>);

    impl Processes for Table {
        fn parent(&self, pid: u32) -> Option<u32> {
            self.0.get(&pid).map(|(parent, _)| *parent)
        }
        fn mark(&self, pid: u32) -> Option<String> {
            self.0.get(&pid)?.1.map(str::to_owned)
        }
    }

    const HOST: u32 = 100;

    #[test]
    fn parents_and_marks_lead_to_the_host() {
        let table = Table(BTreeMap::from([
            (HOST, (50, None)),
            (50, (1, None)),
            (101, (HOST, None)),
            (102, (101, None)),
            (200, (1, Some("100"))),
            (201, (200, None)),
            (300, (50, None)),
            (400, (1, Some("9"))),
        ]));
        let of_a_tool = |pid| descends(pid, HOST, None, &table);
        assert!(of_a_tool(101) && of_a_tool(102), "children of the host");
        assert!(of_a_tool(200) && of_a_tool(201), "a daemon with its mark");
        assert!(!of_a_tool(300), "a sister of the host");
        assert!(!of_a_tool(HOST), "the host itself");
        assert!(!of_a_tool(999), "a process that is gone already");
        assert!(of_a_tool(400), "a tool of an earlier host");
        assert!(!descends(400, HOST, Some("9"), &table), "beside the host");
    }

    #[test]
    fn processes_are_read() {
        let own = std::process::id();
        assert_eq!(Proc.parent(own), Some(std::os::unix::process::parent_id()));
        assert_eq!(Proc.mark(own), None);
        assert!(!is_of_a_tool(own, own));
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        assert!(is_of_a_tool(child.id(), own));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
