//! `mandate serve` over a folder of its own.

use crate::{children::end, failure::Failure};
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// It, as long as it is kept.
pub(super) struct Served {
    child: Child,
    address: SocketAddr,
    _dir: TempDir,
}

impl Served {
    pub(super) fn start(mandate: &Path, dir: &Path) -> Result<Self, Failure> {
        let dir = tempfile::Builder::new()
            .prefix("mandate-bench-")
            .tempdir_in(dir)
            .map_err(Failure::io("make a directory in", dir))?;
        let command = |args: &[&str]| {
            let mut command = Command::new(mandate);
            command.args(args).current_dir(dir.path());
            command
                .env("HOME", dir.path())
                .env_remove("MANDATE_API_KEY");
            command.stderr(Stdio::null());
            command
        };
        let made = command(&["init"]).stdout(Stdio::null()).status();
        made.map_err(Failure::io("start", mandate))?;
        let mut child = command(&["serve", "--listen", "127.0.0.1:0", "--json"])
            .stdout(Stdio::piped())
            .spawn()
            .map_err(Failure::io("start", mandate))?;
        let mut line = String::new();
        if let Some(out) = child.stdout.take() {
            BufReader::new(out)
                .read_line(&mut line)
                .map_err(Failure::doing("hear from the server"))?;
        }
        let told: Value = serde_json::from_str(&line)?;
        let url = told.get("listening").and_then(Value::as_str);
        let url = url.unwrap_or_default().trim_start_matches("http://");
        let address = url.trim_end_matches('/').parse();
        let address = address
            .map_err(|_| Failure::Wrong(format!("the server does not say where it is: {line}")))?;
        Ok(Self {
            child,
            address,
            _dir: dir,
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}
