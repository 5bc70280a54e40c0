//! A message and open files over a socket: a length, JSON, and the files beside the length.

use rustix::{
    fd::{AsFd, BorrowedFd, OwnedFd},
    io::Errno,
    net::{
        RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
        SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
    },
};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
};

/// The most open files beside one message.
const MAX_FILES: usize = 4;
/// No message is as long as this: arguments and environment of a program are far shorter.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// A message as it is sent: the first part carries the files, the second follows.
///
/// # Errors
/// It cannot be written as JSON, or is too long.
pub fn encode(message: &impl Serialize) -> io::Result<([u8; 4], Vec<u8>)> {
    let body = serde_json::to_vec(message)?;
    let length = u32::try_from(body.len()).ok();
    let length = length.filter(|length| *length as usize <= MAX_BYTES);
    let length = length.ok_or_else(|| io::Error::other("the message is too long"))?;
    Ok((length.to_le_bytes(), body))
}

/// Sends the first part of a message with its files.
///
/// # Errors
/// The other end is gone.
pub fn send_head(socket: impl AsFd, head: [u8; 4], files: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FILES))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    if !files.is_empty() && !beside.push(SendAncillaryMessage::ScmRights(files)) {
        return Err(io::Error::other("too many files beside a message"));
    }
    let sent = retry(|| {
        sendmsg(
            &socket,
            &[IoSlice::new(&head)],
            &mut beside,
            SendFlags::NOSIGNAL,
        )
    })?;
    match sent {
        4 => Ok(()),
        _ => Err(io::ErrorKind::WriteZero.into()),
    }
}

/// Sends a message. Blocks until it is taken.
///
/// # Errors
/// The other end is gone.
pub(crate) fn send(
    socket: impl AsFd,
    message: &impl Serialize,
    files: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let (head, body) = encode(message)?;
    send_head(&socket, head, files)?;
    let mut rest = body.as_slice();
    while !rest.is_empty() {
        let sent = retry(|| rustix::net::send(&socket, rest, SendFlags::NOSIGNAL))?;
        rest = rest.get(sent..).unwrap_or_default();
    }
    Ok(())
}

/// Waits for a message; none when the other end is gone.
///
/// # Errors
/// What came is no message.
pub fn receive<T: DeserializeOwned>(socket: impl AsFd) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FILES))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let (mut head, mut files, mut filled) = ([0_u8; 4], Vec::new(), 0_usize);
    while let Some(room) = head.get_mut(filled..).filter(|room| !room.is_empty()) {
        let got = retry(|| {
            let mut into = [IoSliceMut::new(room)];
            recvmsg(&socket, &mut into, &mut beside, RecvFlags::CMSG_CLOEXEC)
        })?;
        for message in beside.drain() {
            if let RecvAncillaryMessage::ScmRights(given) = message {
                files.extend(given);
            }
        }
        if got.bytes == 0 {
            return Ok(None);
        }
        filled += got.bytes;
    }
    let length = u32::from_le_bytes(head) as usize;
    if length > MAX_BYTES {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let (mut body, mut filled) = (vec![0_u8; length], 0_usize);
    while let Some(room) = body.get_mut(filled..).filter(|room| !room.is_empty()) {
        match retry(|| rustix::io::read(&socket, &mut *room))? {
            0 => return Ok(None),
            read => filled += read,
        }
    }
    Ok(Some((serde_json::from_slice(&body)?, files)))
}

fn retry<T>(mut call: impl FnMut() -> rustix::io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            other => return Ok(other?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs::File, io::Read as _, os::unix::net::UnixStream};

    #[test]
    fn messages_and_files_arrive() {
        let (here, there) = UnixStream::pair().unwrap();
        let (reader, writer) = std::io::pipe().unwrap();
        send(&here, &"one", &[writer.as_fd()]).unwrap();
        send(&here, &"two", &[]).unwrap();
        drop((here, writer));
        let (text, files) = receive::<String>(&there).unwrap().unwrap();
        assert_eq!((text.as_str(), files.len()), ("one", 1));
        let flags = rustix::io::fcntl_getfd(&files[0]).unwrap();
        assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
        std::io::Write::write_all(&mut File::from(files.into_iter().next().unwrap()), b"x")
            .unwrap();
        let mut got = String::new();
        File::from(OwnedFd::from(reader))
            .read_to_string(&mut got)
            .unwrap();
        assert_eq!(got, "x");
        let (text, files) = receive::<String>(&there).unwrap().unwrap();
        assert_eq!((text.as_str(), files.len()), ("two", 0));
        assert!(receive::<String>(&there).unwrap().is_none());
    }
}
