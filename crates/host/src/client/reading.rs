//! Reading what the host says, to its end: by a task, or by a thread where there is no runtime that could have one.

use super::{Shared, hear, lock};
use crate::readable::{incoming, write_some};
use crate::wire::MAX_ANSWER_BYTES;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::{self, BufRead as _, BufReader, Cursor, ErrorKind};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt};
use tokio::runtime::{Handle, RuntimeFlavor};

/// Begins to read what comes after the hello.
///
/// # Errors
/// The system gives no thread, or cannot tell when something is there.
pub(super) fn begin(
    mut reader: BufReader<UnixStream>,
    shared: Arc<Mutex<Shared>>,
) -> io::Result<()> {
    // Whoever waits on the thread of a runtime that has no other would keep its tasks from reading.
    let here = Handle::try_current().ok();
    let here = here.filter(|here| here.runtime_flavor() == RuntimeFlavor::MultiThread);
    let Some(runtime) = here else {
        let read = move || {
            by_thread(&mut reader, &shared);
            over(&shared);
        };
        let thread = std::thread::Builder::new().name("mandate-client".to_owned());
        return thread.spawn(read).map(drop);
    };
    let read_before = Cursor::new(reader.buffer().to_vec());
    let stream = reader.into_inner();
    // For whoever writes to it, too: see `write_all`.
    stream.set_nonblocking(true)?;
    let incoming = incoming(&stream)?;
    runtime.spawn(async move {
        let reader = AsyncReadExt::chain(read_before, incoming);
        by_task(&mut tokio::io::BufReader::new(reader), &shared).await;
        over(&shared);
    });
    Ok(())
}

/// Writes all of it, and waits where there is no room: the socket itself does not where a task reads from it.
///
/// # Errors
/// The host has gone, or leaves it unread for as long as `patience`.
pub(super) fn write_all(
    stream: &UnixStream,
    mut bytes: &[u8],
    patience: Duration,
) -> io::Result<()> {
    let wait = Timespec::try_from(patience).map_err(io::Error::other)?;
    while !write_some(stream, &mut bytes)? {
        let mut room = [PollFd::new(stream, PollFlags::OUT)];
        match poll(&mut room, Some(&wait)) {
            Ok(0) => return Err(ErrorKind::TimedOut.into()),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Nothing more comes: whoever waits for an answer, or for what happens, learns that none does.
fn over(shared: &Mutex<Shared>) {
    let mut shared = lock(shared);
    shared.over = true;
    shared.open.clear();
}

fn most() -> u64 {
    u64::try_from(MAX_ANSWER_BYTES).unwrap_or(u64::MAX)
}

fn by_thread(reader: &mut BufReader<UnixStream>, shared: &Mutex<Shared>) {
    let mut line = Vec::new();
    loop {
        line.clear();
        match io::Read::take(&mut *reader, most()).read_until(b'\n', &mut line) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Ok(0) | Err(_) => return,
            Ok(_) if !understood(&line, shared) => return,
            Ok(_) => {}
        }
    }
}

async fn by_task(reader: &mut (impl tokio::io::AsyncBufRead + Unpin), shared: &Mutex<Shared>) {
    let mut line = Vec::new();
    loop {
        line.clear();
        match AsyncReadExt::take(&mut *reader, most())
            .read_until(b'\n', &mut line)
            .await
        {
            Ok(0) | Err(_) => return,
            Ok(_) if !understood(&line, shared) => return,
            Ok(_) => {}
        }
    }
}

/// Takes a line up; false if it says nothing that could be understood.
fn understood(line: &[u8], shared: &Mutex<Shared>) -> bool {
    match serde_json::from_slice(line) {
        Ok(said) => {
            hear(said, &mut lock(shared));
            true
        }
        Err(error) => {
            tracing::warn!(%error, "the host says what cannot be understood");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    /// More than a socket holds.
    const LONG: usize = 4 * 1024 * 1024;

    #[test]
    fn what_does_not_fit_at_once_is_written_when_there_is_room() {
        let (stream, mut other) = UnixStream::pair().unwrap();
        stream.set_nonblocking(true).unwrap();
        let reader = std::thread::spawn(move || {
            let mut read = Vec::new();
            other.read_to_end(&mut read).unwrap();
            read.len()
        });
        write_all(&stream, &vec![b'x'; LONG], Duration::from_secs(60)).unwrap();
        drop(stream);
        assert_eq!(reader.join().unwrap(), LONG);
    }

    #[test]
    fn whoever_does_not_read_is_not_waited_for_for_ever() {
        let (stream, _other) = UnixStream::pair().unwrap();
        stream.set_nonblocking(true).unwrap();
        let written = write_all(&stream, &vec![b'x'; LONG], Duration::from_millis(20));
        assert_eq!(written.unwrap_err().kind(), ErrorKind::TimedOut);
    }
}
