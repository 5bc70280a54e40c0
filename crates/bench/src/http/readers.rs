//! Many who read the events of one execution as they happen, and see that each gets all of them, in order.

use crate::failure::Failure;
use std::net::SocketAddr;
use std::thread::{self, JoinHandle};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Those who read.
pub(super) struct Reading {
    thread: JoinHandle<Result<Vec<u64>, String>>,
}

/// Has so many read, from one thread.
pub(super) fn start(address: SocketAddr, id: &str, readers: u32) -> Result<Reading, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::doing("start the readers"))?;
    let request = format!(
        "GET /v1/executions/{id}/events HTTP/1.1\r\nhost: {address}\r\naccept: text/event-stream\r\n\r\n"
    );
    let thread = thread::spawn(move || {
        runtime.block_on(async {
            let all: Vec<_> = (0..readers)
                .map(|_| tokio::spawn(read(address, request.clone())))
                .collect();
            let mut last = Vec::new();
            for one in all {
                last.push(one.await.map_err(|error| error.to_string())??);
            }
            Ok(last)
        })
    });
    Ok(Reading { thread })
}

impl Reading {
    /// Waits for all of them to have read to the end. Each must have got so many events.
    pub(super) fn hold_to(self, last: u64) -> Result<(), Failure> {
        let read = self.thread.join();
        let read = read.map_err(|_| Failure::Wrong("the readers panicked".to_owned()))?;
        let read = read.map_err(Failure::Wrong)?;
        match read.iter().find(|found| **found != last) {
            None => Ok(()),
            Some(other) => Err(Failure::Wrong(format!(
                "a reader got {other} events instead of {last}"
            ))),
        }
    }
}

/// Reads to the end; gives the number of the last event. None may be left out or come twice.
async fn read(address: SocketAddr, request: String) -> Result<u64, String> {
    let broke = |error: std::io::Error| format!("a reader's connection broke: {error}");
    let mut stream = TcpStream::connect(address).await.map_err(broke)?;
    stream.write_all(request.as_bytes()).await.map_err(broke)?;
    let (mut text, mut piece) = (Vec::new(), vec![0; 16 * 1024]);
    let mut last = 0_u64;
    loop {
        let read = stream.read(&mut piece).await.map_err(broke)?;
        if read == 0 {
            return Err("a reader's connection ended before the execution did".to_owned());
        }
        text.extend_from_slice(piece.get(..read).unwrap_or_default());
        let mut from = 0;
        while let Some(length) = { text.get(from..).unwrap_or_default() }
            .iter()
            .position(|byte| *byte == b'\n')
        {
            let until = from.saturating_add(length);
            let line = text.get(from..until).unwrap_or_default();
            from = until.saturating_add(1);
            if line.starts_with(b"event: end") {
                return Ok(last);
            }
            let Some(number) = line.strip_prefix(b"id: ") else {
                continue;
            };
            let number = String::from_utf8_lossy(number);
            let number: u64 = number.trim().parse().unwrap_or_default();
            if number != last.saturating_add(1) {
                return Err(format!("event {number} came after {last}"));
            }
            last = number;
        }
        text.drain(..from);
    }
}
