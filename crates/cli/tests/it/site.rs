//! A directory of its own for a test: configuration, home, data directory, and the built binary run in it.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

pub struct Site {
    dir: TempDir,
}

/// How a run of the binary ended.
#[derive(Debug)]
pub struct Run {
    /// The exit code; none when a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Site {
    pub fn new() -> Self {
        Self::configured("")
    }

    pub fn configured(configuration: &str) -> Self {
        let site = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        std::fs::create_dir(site.path().join("home")).unwrap();
        site.write("mandate.toml", configuration);
        site
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn data(&self) -> PathBuf {
        self.path().join(".mandate")
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).unwrap_or_default()
    }

    /// The binary with a clean environment.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mandate"));
        self.prepare(&mut command);
        command
    }

    pub fn prepare(&self, command: &mut Command) {
        command
            .current_dir(self.path())
            .env_clear()
            .stdin(Stdio::null());
        command.env("HOME", self.path().join("home"));
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    }

    pub fn run(&self, args: &[&str]) -> Run {
        self.command().args(args).output().unwrap().into()
    }

    /// The id of the newest execution, if there is one.
    pub fn newest(&self) -> Option<String> {
        let listed = self.run(&["executions", "list", "--json"]);
        assert_eq!(listed.code, Some(0), "{listed:#?}");
        let value = listed.json();
        let rows = value.get("executions").and_then(Value::as_array).unwrap();
        rows.first()
            .map(|row| row["execution_id"].as_str().unwrap().to_owned())
    }

    pub fn assert_intact(&self) {
        let verified = self.run(&["audit", "verify"]);
        assert_eq!(verified.code, Some(0), "{verified:#?}");
        assert!(verified.stdout.contains("intact"), "{verified:#?}");
    }
}
