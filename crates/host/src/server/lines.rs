//! Lines in and out of a socket, bounded.

use crate::readable::write_all;
use crate::wire::{Said, line};
use std::io;
use std::os::unix::net::UnixStream;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::unix::pipe::Receiver;
use tokio::sync::mpsc::{self, Sender, channel};
use tokio::task::JoinHandle;

/// How long somebody may leave a line unread before the conversation ends.
const UNREAD: Duration = Duration::from_secs(30);
/// How many lines may wait to be written.
const WAITING_LINES: usize = 16;

/// Reads lines. Dropping the future of [`Reader::next`] loses nothing.
pub(super) struct Reader {
    from: BufReader<Receiver>,
    begun: Vec<u8>,
}

impl Reader {
    pub(super) fn new(from: Receiver) -> Self {
        Self {
            from: BufReader::new(from),
            begun: Vec::new(),
        }
    }

    /// The next line, without its end; none when no more comes. An error for a line that is longer than `most` bytes.
    pub(super) async fn next(&mut self, most: usize) -> io::Result<Option<Vec<u8>>> {
        loop {
            let there = self.from.fill_buf().await?;
            if there.is_empty() {
                return Ok(None);
            }
            let end = there.iter().position(|byte| *byte == b'\n');
            let part = end.unwrap_or(there.len());
            if self.begun.len().saturating_add(part) > most {
                return Err(io::Error::from(io::ErrorKind::FileTooLarge));
            }
            self.begun.extend(there.iter().take(part));
            let used = end.map_or(part, |end| end.saturating_add(1));
            self.from.consume(used);
            if end.is_some() {
                return Ok(Some(std::mem::take(&mut self.begun)));
            }
        }
    }
}

/// Where lines are put to be written, by several who talk at once. Waits while too many wait.
#[derive(Clone)]
pub(super) struct Mouth(Sender<Vec<u8>>);

impl Mouth {
    /// Starts writing. The task ends when every mouth is gone and everything is written, or when nobody reads.
    pub(super) fn open(to: UnixStream) -> (Self, JoinHandle<()>) {
        let (sender, mut lines): (_, mpsc::Receiver<Vec<u8>>) = channel(WAITING_LINES);
        let writing = tokio::spawn(async move {
            while let Some(line) = lines.recv().await {
                let written = tokio::time::timeout(UNREAD, write_all(&to, &line)).await;
                if !matches!(written, Ok(Ok(()))) {
                    return;
                }
            }
        });
        (Self(sender), writing)
    }

    /// Says something; false when nobody listens any more.
    pub(super) async fn say(&self, said: &Said) -> bool {
        match line(said) {
            Ok(line) => self.put(line).await,
            Err(_) => false,
        }
    }

    pub(super) async fn put(&self, line: Vec<u8>) -> bool {
        self.0.send(line).await.is_ok()
    }

    /// Whether nobody listens any more.
    pub(super) async fn closed(&self) {
        self.0.closed().await;
    }
}
