//! What a server writes to its standard error: to the log, and its end into messages about its death.

use crate::secret::Scrubber;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// How much is kept, from the end.
const KEPT: usize = 4096;
/// How much of it a message shows.
const SHOWN: usize = 600;

/// The longest line that is awaited whole before it is logged.
const LINE: usize = 64 * 1024;

/// The secrets that were ever given to one server. It may write them much later, so they are never forgotten.
#[derive(Default)]
pub(super) struct GivenSecrets(Mutex<Vec<Arc<Scrubber>>>);

impl GivenSecrets {
    pub(super) fn remember(&self, scrubber: &Arc<Scrubber>) {
        if scrubber.longest() == 0 {
            return;
        }
        let mut given = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !given.iter().any(|other| other.same_secrets(scrubber)) {
            given.push(Arc::clone(scrubber));
        }
    }

    pub(super) fn all(&self) -> Vec<Arc<Scrubber>> {
        let given = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        given.clone()
    }

    pub(super) fn scrub(&self, bytes: &[u8]) -> String {
        let scrubbed = self.all().iter().fold(bytes.to_vec(), |bytes, scrubber| {
            scrubber.scrub_bytes(&bytes).into_owned()
        });
        String::from_utf8_lossy(&scrubbed).into_owned()
    }
}

/// The end of what one process wrote.
#[derive(Default)]
pub(super) struct Stderr {
    end: Mutex<VecDeque<u8>>,
    pub(super) secrets: Arc<GivenSecrets>,
}

impl Stderr {
    pub(super) fn new(secrets: Arc<GivenSecrets>) -> Self {
        Self {
            end: Mutex::default(),
            secrets,
        }
    }

    /// Reads until the stream ends.
    pub(super) async fn read(&self, server: &str, stream: impl AsyncRead) {
        tokio::pin!(stream);
        let mut buffer = vec![0_u8; 4096];
        let mut unlogged = Vec::new();
        loop {
            let read = match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(read) => read,
            };
            let bytes = buffer.get(..read).unwrap_or_default();
            if tracing::enabled!(tracing::Level::DEBUG) {
                unlogged.extend_from_slice(bytes);
                self.log(server, &mut unlogged);
            }
            let mut end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
            end.extend(bytes);
            let over = end.len().saturating_sub(KEPT);
            end.drain(..over);
        }
    }

    /// Logs whole lines: half a secret would not be recognised.
    fn log(&self, server: &str, unlogged: &mut Vec<u8>) {
        let end = unlogged.iter().rposition(|byte| *byte == b'\n');
        let lines = match end {
            Some(end) => unlogged.drain(..=end).collect(),
            None if unlogged.len() > LINE => std::mem::take(unlogged),
            None => return,
        };
        let text = self.secrets.scrub(&lines);
        tracing::debug!(%server, text = %text.trim_end(), "standard error");
    }

    /// The last lines, for a message; empty if it wrote nothing.
    pub(super) fn shown(&self) -> String {
        let end: Vec<u8> = {
            let end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
            end.iter().copied().collect()
        };
        // Scrubbed before it is cut: half a secret would not be recognised any more.
        let text = self.secrets.scrub(&end);
        let text = text.trim();
        let from = text.chars().count().saturating_sub(SHOWN);
        text.chars().skip(from).collect()
    }

    /// `what`, and what the server said last.
    pub(super) fn explain(&self, what: &str) -> String {
        match self.shown() {
            last if last.is_empty() => what.to_owned(),
            last => format!("{what}; its last words: {last}"),
        }
    }
}
