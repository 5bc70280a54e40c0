//! Where those are served who only look on: by a thread of their own, so that the others are there for everybody else, however
//! many read along.

use std::io;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Handle, Runtime};

/// What a request says that is answered for as long as somebody reads.
const READS_ALONG: &[u8] = b"text/event-stream";
/// How it begins. Whoever calls something is no such reader, whatever the answer may be: MCP clients take streams with every call.
const GETS: &[u8] = b"GET ";
/// How much of a request is looked at. What says it further behind is served all the same.
const LOOKED_AT: usize = 2_048;
/// How long the first words of a request are waited for here. Whoever is slower is served as everybody is.
const PATIENCE: Duration = Duration::from_millis(250);

/// The threads.
pub(crate) struct Quiet(Option<Runtime>);

impl Quiet {
    /// Starts them.
    ///
    /// # Errors
    /// The system gives no threads.
    pub(crate) fn start() -> io::Result<Self> {
        let threads = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("mandate-readers")
            .enable_all()
            .build()?;
        Ok(Self(Some(threads)))
    }

    pub(crate) fn handle(&self) -> Option<Handle> {
        self.0.as_ref().map(|threads| threads.handle().clone())
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        if let Some(threads) = self.0.take() {
            threads.shutdown_background();
        }
    }
}

/// Whether the first request on a connection is from somebody who reads along. What it says is not taken from the
/// connection, and nothing but where it is served depends on it.
pub(crate) async fn reads_along(stream: &TcpStream) -> bool {
    let mut head = vec![0; LOOKED_AT];
    let looked = tokio::time::timeout(PATIENCE, stream.peek(&mut head)).await;
    let Ok(Ok(count)) = looked else {
        return false;
    };
    is_of_reader(head.get(..count).unwrap_or_default())
}

fn is_of_reader(head: &[u8]) -> bool {
    head.starts_with(GETS)
        && head
            .windows(READS_ALONG.len())
            .any(|text| text.eq_ignore_ascii_case(READS_ALONG))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_reads_along_is_told_from_who_calls() {
        let reads = b"GET /v1/executions/e/events HTTP/1.1\r\nAccept: Text/Event-Stream\r\n\r\n";
        assert!(is_of_reader(reads));
        let lists = b"GET /v1/executions HTTP/1.1\r\nAccept: application/json\r\n\r\n";
        assert!(!is_of_reader(lists));
        let calls = b"POST /mcp HTTP/1.1\r\nAccept: application/json, text/event-stream\r\n\r\n";
        assert!(!is_of_reader(calls));
    }
}
