//! Being asked in a terminal.

use crate::project::{Project, WRITES};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::{
    fs::{File, OpenOptions},
    io::{Read as _, Write as _},
    os::unix::ffi::OsStrExt as _,
    process::{Child, Stdio},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

/// A command with a terminal as standard input and error.
struct Session {
    child: Child,
    keyboard: File,
    screen: Receiver<Vec<u8>>,
    seen: String,
}

impl Session {
    fn start(project: &Project, args: &[&str]) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap();
        let theirs = OpenOptions::new()
            .read(true)
            .write(true)
            .open(std::ffi::OsStr::from_bytes(name.as_bytes()))
            .unwrap();
        let child = project
            .command(args)
            .env("TERM", "xterm")
            .stdin(Stdio::from(theirs.try_clone().unwrap()))
            .stderr(Stdio::from(theirs))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let keyboard = File::from(ours);
        let mut reader = keyboard.try_clone().unwrap();
        let (sender, screen) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count) = reader.read(&mut bytes) {
                if count == 0 || sender.send(bytes[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            keyboard,
            screen,
            seen: String::new(),
        }
    }

    fn expect(&mut self, text: &str) {
        let begun = Instant::now();
        while !self.seen.contains(text) {
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "no `{text}` in {}",
                self.seen
            );
            if let Ok(bytes) = self.screen.recv_timeout(Duration::from_millis(100)) {
                self.seen.push_str(&String::from_utf8_lossy(&bytes));
            }
        }
    }

    fn type_line(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).unwrap();
        self.keyboard.write_all(b"\n").unwrap();
    }

    fn ends(mut self) -> (i32, String) {
        let mut stdout = String::new();
        self.child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut stdout)
            .unwrap();
        (self.child.wait().unwrap().code().unwrap_or(-1), stdout)
    }
}

fn asked() -> (Project, Session) {
    let project = Project::new();
    project.write("plan.yaml", WRITES);
    let mut session = Session::start(&project, &["run", "plan.yaml"]);
    session.expect("It will have 1 effect");
    session.expect("note.txt");
    session.expect("Approve this plan?");
    (project, session)
}

#[test]
fn yes_runs_the_plan_and_is_journaled_with_its_reason() {
    let (project, mut session) = asked();
    session.type_line("what?");
    session.expect("`n` rejects");
    session.type_line("y");
    session.expect("Reason");
    session.type_line("my own plan");
    let (code, stdout) = session.ends();
    assert_eq!(code, 0, "{stdout}");
    assert!(stdout.starts_with("✓ success"), "{stdout}");
    assert_eq!(project.read("note.txt"), "hello");
    let events = project
        .run(&["executions", "events", "@last"])
        .exits(0)
        .stdout;
    assert!(events.contains("over `terminal`: my own plan"), "{events}");
    // The next one of that name is compared with it.
    project.write("plan.yaml", WRITES.replace("hello", "goodbye"));
    let mut session = Session::start(&project, &["run", "plan.yaml"]);
    session.expect("Beside the plan that local:");
    session.expect("hello");
    session.expect("Approve this plan?");
    session.type_line("l");
    assert_eq!(session.ends().0, 4);
    let mut session = Session::start(&project, &["executions", "continue", "@last"]);
    session.expect("Beside the plan that local:");
    session.expect("Approve this plan?");
    session.type_line("l");
    assert_eq!(session.ends().0, 4);
}

#[test]
fn nothing_typed_is_a_no() {
    let (project, mut session) = asked();
    session.type_line("");
    session.expect("Reason");
    session.type_line("");
    assert_eq!(session.ends().0, 1);
    assert!(!project.path("note.txt").exists());
    assert_eq!(project.last()["error"]["code"], "APPROVAL_REJECTED");
}

#[test]
fn later_leaves_the_request_open() {
    let (project, mut session) = asked();
    session.type_line("l");
    assert_eq!(session.ends().0, 4);
    assert_eq!(project.last()["waiting_for"]["kind"], "plan");
}

const ASKS: &str = "version: 1
name: asks
steps:
  - {id: which, tool: human.ask, args: {question: Which one?, choices: [eu, us], default: us, expires_ms: 600000}}
  - {id: many, tool: human.ask, args: {question: How many?, schema: {type: integer, minimum: 1}}}
  - {id: note, tool: fs.write, confirm: true, args: {path: note.txt, content: '${steps.which.output.choice} ${string(steps.many.output)}'}}
  - {id: look, tool: fs.read, on_failure: ask, args: {path: missing.txt}}
outputs: {look: steps.look.output}
";

/// Up to the first question.
fn questioned(args: &[&str]) -> (Project, Session) {
    let project = Project::new();
    project.write("plan.yaml", ASKS);
    let mut session = Session::start(&project, args);
    session.expect("Approve this plan?");
    session.type_line("y");
    session.expect("Reason");
    session.type_line("");
    session.expect("Which one?");
    session.expect("[1-2, l = later]");
    (project, session)
}

#[test]
fn everything_is_asked_right_there_and_the_execution_goes_on() {
    let (project, mut session) = questioned(&["run", "plan.yaml"]);
    session.type_line("perhaps");
    session.expect("type the number of an answer");
    // Enter takes the default that is shown.
    session.type_line("");
    session.expect("How many?");
    session.type_line("none");
    session.expect("that does not fit");
    session.type_line("3");
    session.expect("May step `note` call `fs.write`");
    session.expect("us 3");
    session.type_line("approve");
    session.type_line("as it should be");
    session.expect("Step `look` failed. What now?");
    session.expect("TOOL_FAILED");
    project.write("missing.txt", "found");
    session.type_line("1");
    let (code, stdout) = session.ends();
    assert_eq!(code, 0, "{stdout}");
    assert_eq!(project.read("note.txt"), "us 3");
    let events = project
        .run(&["executions", "events", "@last"])
        .exits(0)
        .stdout;
    assert!(
        events.contains("over `terminal`: as it should be"),
        "{events}"
    );
    project.run(&["executions", "replay", "@last"]).exits(0);
}

#[test]
fn later_leaves_a_question_for_the_inbox_and_continue_asks_again() {
    let (project, mut session) = questioned(&["run", "plan.yaml"]);
    session.type_line("l");
    assert_eq!(session.ends().0, 4);
    assert_eq!(project.last()["waiting_for"]["kind"], "question");
    let mut session = Session::start(&project, &["executions", "continue", "@last"]);
    session.expect("Which one?");
    session.expect("l = later");
    session.type_line("eu");
    session.expect("How many?");
    session.expect("Ctrl-D = later");
    session.keyboard.write_all(b"\x04").unwrap();
    assert_eq!(session.ends().0, 4);
    assert_eq!(project.last()["waiting_for"]["step"], "many");
}

#[test]
fn ctrl_c_at_a_request_cancels() {
    let (project, session) = questioned(&["run", "plan.yaml"]);
    crate::project::signal(&session.child, rustix::process::Signal::INT);
    assert_eq!(session.ends().0, 130);
    assert_eq!(project.last()["state"], "cancelled");
    let listed = project.run(&["inbox", "list"]).exits(0);
    assert!(listed.stderr.contains("nothing waits"), "{}", listed.stderr);
}

#[test]
fn ctrl_c_at_the_question_cancels() {
    let (project, session) = asked();
    crate::project::signal(&session.child, rustix::process::Signal::INT);
    assert_eq!(session.ends().0, 130);
    assert_eq!(project.last()["state"], "cancelled");
    assert!(!project.path("note.txt").exists());
}
