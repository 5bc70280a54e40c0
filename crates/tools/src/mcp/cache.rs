//! What a server said its tools are, kept so that naming them does not take starting it.
//!
//! What is kept is never believed for a call: a server is asked when it starts, and a tool that it defines otherwise
//! by then is not the one that was approved.

use mandate_plan::Digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    fs,
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

/// The largest file that is read.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// The file of one server.
pub(super) struct Cache {
    file: PathBuf,
    launch: Digest,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    /// Of how the server was started: another program is another server.
    launch: Digest,
    tools: Vec<Value>,
}

impl Cache {
    pub(super) fn new(dir: &Path, server: &str, launch: Digest) -> Self {
        Self {
            file: dir.join(format!("{server}.json")),
            launch,
        }
    }

    /// The definitions, if they are of this server.
    pub(super) fn read(&self) -> Option<Vec<Value>> {
        let about = fs::metadata(&self.file).ok()?;
        let text = (about.len() <= MAX_BYTES).then(|| fs::read(&self.file).ok())??;
        let kept: Kept = serde_json::from_slice(&text).ok()?;
        (kept.launch == self.launch).then_some(kept.tools)
    }

    /// Keeps them. That it cannot be done costs a start next time, nothing else.
    pub(super) fn write(&self, tools: &[Value]) {
        let kept = Kept {
            launch: self.launch,
            tools: tools.to_vec(),
        };
        if let Err(error) = self.try_write(&kept) {
            tracing::debug!(file = %self.file.display(), %error, "definitions are not kept");
        }
    }

    fn try_write(&self, kept: &Kept) -> std::io::Result<()> {
        let dir = self.file.parent().unwrap_or(Path::new("."));
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)?;
        // Several processes may do this at once; each writes a file of its own and puts it in place whole.
        let new = self
            .file
            .with_extension(format!("{}.new", std::process::id()));
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&new)?;
        file.write_all(&serde_json::to_vec(kept)?)?;
        fs::rename(&new, &self.file)
    }
}
