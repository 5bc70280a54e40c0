//! A directory to work in, and the binary run in it.

use serde_json::Value;
use std::{
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// A project directory with a configuration, and a home of its own.
pub(crate) struct Project {
    root: TempDir,
}

/// What a command gave.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or_else(|| {
                -std::os::unix::process::ExitStatusExt::signal(&output.status).unwrap_or(1)
            }),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Standard output as one JSON value.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {:?} {:?}", self.stdout, self.stderr))
    }

    /// Fails unless the exit code is this one.
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "stdout: {}\nstderr: {}",
            self.stdout, self.stderr
        );
        self
    }
}

impl Drop for Project {
    /// Ends a host that went on in the background.
    fn drop(&mut self) {
        let lock = self.path(".mandate/lock");
        let Ok(lock) = std::fs::metadata(&lock) else {
            return;
        };
        let locks = std::fs::read_to_string("/proc/locks").unwrap_or_default();
        // Disks of their own, which some tests mount, have the same inode numbers.
        let (major, minor) = (rustix::fs::major(lock.dev()), rustix::fs::minor(lock.dev()));
        let file = format!("{major:02x}:{minor:02x}:{}", lock.ino());
        for line in locks.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            if words.get(1) == Some(&"FLOCK")
                && words.get(5) == Some(&file.as_str())
                && let Some(pid) = words[4]
                    .parse()
                    .ok()
                    .and_then(rustix::process::Pid::from_raw)
            {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        }
    }
}

impl Project {
    pub(crate) fn new() -> Self {
        let root = TempDir::new().unwrap();
        std::fs::create_dir(root.path().join("work")).unwrap();
        std::fs::create_dir(root.path().join("home")).unwrap();
        let this = Self { root };
        this.write("mandate.toml", "");
        this
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.root.path().join("work")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// The command, without a terminal.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        self.command_in(&self.dir(), args)
    }

    pub(crate) fn command_in(&self, dir: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mandate"));
        command
            .args(args)
            .current_dir(dir)
            .env_clear()
            // Where a build that counts lines writes what it counted.
            .envs(std::env::var_os("LLVM_PROFILE_FILE").map(|file| ("LLVM_PROFILE_FILE", file)))
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.root.path().join("home"))
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args).output().unwrap())
    }

    pub(crate) fn start(&self, args: &[&str]) -> Child {
        self.command(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// The newest execution as `executions show` gives it.
    pub(crate) fn last(&self) -> Value {
        self.run(&["executions", "show", "@last", "--json"])
            .exits(0)
            .json()
    }

    /// Waits until the newest execution has a step in this state.
    pub(crate) fn await_step(&self, step: &str, state: &str) {
        let begun = Instant::now();
        loop {
            let ran = self.run(&["executions", "show", "@last", "--json"]);
            if ran.code == 0 && step_of(&ran.json(), step)["state"] == state {
                return;
            }
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "{step} never was {state}: {}",
                ran.stdout
            );
            std::thread::sleep(Duration::from_millis(30));
        }
    }
}

/// One step of an execution.
pub(crate) fn step_of(execution: &Value, id: &str) -> Value {
    let steps = execution["steps"].as_array().unwrap();
    steps
        .iter()
        .find(|step| step["id"] == id)
        .cloned()
        .unwrap_or(Value::Null)
}

/// Waits for a process that was started.
pub(crate) fn finish(child: Child) -> Ran {
    Ran::of(child.wait_with_output().unwrap())
}

/// Sends a signal.
pub(crate) fn signal(child: &Child, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(pid, signal).unwrap();
}

/// Reads a directory, nothing else: runs without approval.
pub(crate) const READ_ONLY: &str = "\
version: 1
name: Look around
steps:
  - id: list
    tool: fs.list
    args: { path: \".\" }
  - id: count
    tool: data.value
    args: { value: \"${size(steps.list.output.entries)}\" }
outputs:
  entries: steps.count.output
";

/// Writes a file: needs approval.
pub(crate) const WRITES: &str = "\
version: 1
name: Write a note
inputs:
  text: { type: string, default: hello }
steps:
  - id: look
    tool: fs.list
    args: { path: \".\" }
  - id: write
    tool: fs.write
    args: { path: note.txt, content: \"${inputs.text}\" }
";
