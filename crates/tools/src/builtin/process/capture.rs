//! Keeping the first part of an output stream, and reading on so that the writer is not held up.

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// What was read of a stream.
#[derive(Debug, Default)]
pub(crate) struct Captured {
    pub(crate) bytes: Vec<u8>,
    /// There was more than is kept.
    pub(crate) more: bool,
}

/// Reads into `captured` until the stream ends or fails.
pub(crate) async fn capture(stream: impl AsyncRead, limit: usize, captured: &mut Captured) {
    tokio::pin!(stream);
    let mut buffer = vec![0_u8; 16 * 1024];
    loop {
        let read = match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(read) => read,
        };
        let room = limit.saturating_sub(captured.bytes.len());
        captured.bytes.extend(buffer.iter().take(read.min(room)));
        captured.more |= read > room;
    }
}
