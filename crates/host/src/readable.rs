//! The two ends of a conversation over a socket, of which only the reading one is told when something happens.
//!
//! A socket of this machine tells whoever waits for room each time that the other end reads: after every line a thread would be
//! woken that has nothing to do. So room is waited for only where there is none.

use std::io::{self, ErrorKind, Write as _};
use std::os::unix::net::UnixStream;
use tokio::net::unix::pipe::{Receiver, Sender};

/// What comes in over a stream that does not block. It is read like a pipe, of which a reader is told nothing but that there is
/// something to read.
///
/// # Errors
/// The system cannot tell when something is there.
pub(crate) fn incoming(stream: &UnixStream) -> io::Result<Receiver> {
    Receiver::from_owned_fd_unchecked(stream.try_clone()?.into())
}

/// Writes as much as there is room for to a stream that does not block, and leaves the rest; true when nothing is left.
///
/// # Errors
/// Nobody is at the other end.
pub(crate) fn write_some(mut stream: &UnixStream, bytes: &mut &[u8]) -> io::Result<bool> {
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => *bytes = bytes.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

/// Writes all of it to a stream that does not block; where there is no room, that is waited for.
///
/// # Errors
/// Nobody is at the other end.
pub(crate) async fn write_all(stream: &UnixStream, mut bytes: &[u8]) -> io::Result<()> {
    while !write_some(stream, &mut bytes)? {
        let room = Sender::from_owned_fd_unchecked(stream.try_clone()?.into())?;
        room.writable().await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::time::Duration;
    use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};

    /// More than a socket holds.
    const LONG: usize = 4 * 1024 * 1024;

    fn pair() -> (Arc<UnixStream>, Arc<UnixStream>) {
        let (one, other) = UnixStream::pair().unwrap();
        for end in [&one, &other] {
            end.set_nonblocking(true).unwrap();
        }
        (Arc::new(one), Arc::new(other))
    }

    #[tokio::test]
    async fn what_does_not_fit_at_once_is_written_as_it_is_read() {
        let (one, other) = pair();
        let mut coming = incoming(&other).unwrap();
        let sent: Vec<u8> = (0..LONG).map(|at| at.to_le_bytes()[0]).collect();
        let (copy, whole) = (one.clone(), sent.clone());
        let writing = tokio::spawn(async move { write_all(&copy, &whole).await });
        drop(one);
        let mut read = Vec::new();
        coming.read_to_end(&mut read).await.unwrap();
        writing.await.unwrap().unwrap();
        assert!(read == sent, "{} of {} bytes", read.len(), sent.len());
    }

    #[tokio::test]
    async fn each_of_many_short_lines_is_told() {
        let (one, other) = pair();
        let mut lines = BufReader::new(incoming(&other).unwrap()).lines();
        let (there, back) = (one.clone(), incoming(&one).unwrap());
        let mut answers = BufReader::new(back).lines();
        let echo = tokio::spawn(async move {
            while let Some(line) = lines.next_line().await.unwrap() {
                write_all(&other, format!("{line}\n").as_bytes())
                    .await
                    .unwrap();
            }
        });
        for number in 0..1_000 {
            let line = number.to_string();
            write_all(&there, format!("{line}\n").as_bytes())
                .await
                .unwrap();
            let answer = tokio::time::timeout(Duration::from_secs(60), answers.next_line());
            assert_eq!(answer.await.unwrap().unwrap(), Some(line));
        }
        there.shutdown(std::net::Shutdown::Both).unwrap();
        echo.await.unwrap();
    }

    #[tokio::test]
    async fn whoever_writes_to_nobody_learns_it() {
        let (one, other) = pair();
        drop(other);
        let failed = write_all(&one, b"x").await.unwrap_err();
        assert_eq!(failed.kind(), ErrorKind::BrokenPipe);
        let waits = pair();
        let (writer, reader) = waits;
        let writing = tokio::spawn(async move { write_all(&writer, &vec![0; LONG]).await });
        tokio::time::sleep(Duration::from_millis(20)).await;
        drop(reader);
        let ended = tokio::time::timeout(Duration::from_secs(60), writing).await;
        assert!(ended.unwrap().unwrap().is_err());
    }
}
