//! The trace of a run: everything that happened, in order, as one digest, and as lines for whoever wants to read them.

use mandate_plan::Digest;
use sha2::{Digest as _, Sha256};

/// What happened so far.
pub(crate) struct Trace {
    hash: Sha256,
    /// Kept only where somebody wants to read it.
    lines: Option<Vec<String>>,
}

impl Trace {
    pub(crate) fn new(readable: bool) -> Self {
        Self {
            hash: Sha256::new(),
            lines: readable.then(Vec::new),
        }
    }

    /// Something happened.
    pub(crate) fn say(&mut self, what: &str) {
        self.hash.update(what.as_bytes());
        self.hash.update(b"\n");
        if let Some(lines) = &mut self.lines {
            lines.push(what.to_owned());
        }
    }

    /// A row is durable.
    pub(crate) fn row(&mut self, stream: &str, kind: &str, at_ms: i64, payload: &[u8]) {
        self.hash.update(stream.as_bytes());
        self.hash.update(kind.as_bytes());
        self.hash.update(at_ms.to_be_bytes());
        self.hash.update(payload);
        if let Some(lines) = &mut self.lines {
            let shown: String = String::from_utf8_lossy(payload).chars().take(300).collect();
            lines.push(format!("  {at_ms} {stream} {kind} {shown}"));
        }
    }

    /// The digest, and the lines.
    pub(crate) fn finish(&mut self) -> (Digest, Vec<String>) {
        let digest = Digest::from_bytes(self.hash.clone().finalize().into());
        (digest, self.lines.take().unwrap_or_default())
    }
}
