//! The events of an execution as they happen, however often the connection breaks.

use super::{
    client::{Client, sent},
    problem::Unreached,
};
use mandate_server::view::ChainedEvent;
use reqwest::{Method, RequestBuilder};
use std::{
    sync::mpsc::{Receiver, Sender, channel},
    time::{Duration, Instant},
};
use tokio::time::{sleep, timeout};

/// A server says something every 15 seconds; when nothing came for so long the connection is dead.
const SILENCE: Duration = Duration::from_secs(45);
/// How soon it comes again after a break; then after twice that, and so on.
const AGAIN: Duration = Duration::from_millis(250);
/// How late it comes again at most.
const LATEST: Duration = Duration::from_secs(10);
/// How long a server may be away.
const PATIENCE: Duration = Duration::from_secs(300);
/// The largest message that is taken.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// What is heard.
pub(super) enum Heard {
    /// The next event; none is left out, and none comes twice.
    Event(Box<ChainedEvent>),
    /// The connection broke, and why; it is made again.
    Lost(String),
    /// It was made again.
    Back,
    /// Nothing more will happen.
    End,
    /// There is no hearing any more.
    Over(Unreached),
}

/// Hears of an execution's events behind `after`.
pub(super) fn listen(client: &Client, execution_id: &str, after: u64) -> Receiver<Heard> {
    let (to, from) = channel();
    let path = ["executions", execution_id, "events"];
    let request = client.request(Method::GET, &path, &[]);
    let request = request.header("accept", "text/event-stream");
    client.handle().spawn(hear(request, after, to));
    from
}

/// How one connection ended.
enum Ended {
    /// There is nothing more to come.
    End,
    /// Nobody listens.
    Unheard,
    Broken(Unreached),
}

async fn hear(request: RequestBuilder, mut after: u64, to: Sender<Heard>) {
    let mut lost: Option<Instant> = None;
    let mut pause = AGAIN;
    loop {
        let before = after;
        let Some(asking) = request.try_clone() else {
            return;
        };
        let broken = match connection(asking, &mut after, &to, &mut lost).await {
            Ended::Unheard => return,
            Ended::End => {
                let _ = to.send(Heard::End);
                return;
            }
            Ended::Broken(why) => why,
        };
        if lost.is_none() || after > before {
            pause = AGAIN;
        }
        let since = *lost.get_or_insert_with(Instant::now);
        if !broken.may_pass() || since.elapsed() > PATIENCE {
            let _ = to.send(Heard::Over(broken));
            return;
        }
        if to.send(Heard::Lost(broken.words())).is_err() {
            return;
        }
        sleep(pause).await;
        pause = pause.saturating_mul(2).min(LATEST);
    }
}

async fn connection(
    request: RequestBuilder,
    after: &mut u64,
    to: &Sender<Heard>,
    lost: &mut Option<Instant>,
) -> Ended {
    let silent = || Ended::Broken(Unreached::Lost("it says nothing".to_owned()));
    let request = request.header("last-event-id", after.to_string());
    let mut response = match timeout(SILENCE, sent(request)).await {
        Ok(Ok(response)) => response,
        Ok(Err(why)) => return Ended::Broken(why),
        Err(_) => return silent(),
    };
    if lost.take().is_some() && to.send(Heard::Back).is_err() {
        return Ended::Unheard;
    }
    let mut reading = Reading::default();
    loop {
        let piece = match timeout(SILENCE, response.chunk()).await {
            Ok(Ok(Some(piece))) => piece,
            Ok(Ok(None)) => {
                return Ended::Broken(Unreached::Lost("the connection was closed".to_owned()));
            }
            Ok(Err(error)) => return Ended::Broken(Unreached::of(&error)),
            Err(_) => return silent(),
        };
        if !reading.takes(&piece) {
            return Ended::Broken(Unreached::Lost("a message does not end".to_owned()));
        }
        while let Some(message) = reading.next() {
            match message.name.as_str() {
                "end" => return Ended::End,
                "bye" => return Ended::Broken(Unreached::Lost("the server stops".to_owned())),
                _ => {}
            }
            let Ok(event) = serde_json::from_str::<ChainedEvent>(&message.data) else {
                continue;
            };
            if event.seq <= *after {
                continue;
            }
            *after = event.seq;
            if to.send(Heard::Event(Box::new(event))).is_err() {
                return Ended::Unheard;
            }
        }
    }
}

/// One message.
#[derive(Debug, Default, PartialEq, Eq)]
struct Message {
    name: String,
    data: String,
}

/// The text of a stream, line by line.
#[derive(Default)]
struct Reading {
    bytes: Vec<u8>,
    /// How far `bytes` is read.
    read: usize,
    /// The message that is being read.
    open: Message,
}

impl Reading {
    /// Takes the next piece; false when a message is too long.
    fn takes(&mut self, piece: &[u8]) -> bool {
        self.bytes.drain(..self.read);
        self.read = 0;
        self.bytes.extend_from_slice(piece);
        self.bytes.len().saturating_add(self.open.data.len()) <= MOST_BYTES
    }

    /// The next whole message.
    fn next(&mut self) -> Option<Message> {
        loop {
            let rest = self.bytes.get(self.read..)?;
            let end = rest.iter().position(|byte| *byte == b'\n')?;
            let line = String::from_utf8_lossy(rest.get(..end)?);
            let line = line.trim_end_matches('\r').to_owned();
            self.read = self.read.saturating_add(end).saturating_add(1);
            if line.is_empty() {
                let message = std::mem::take(&mut self.open);
                if message.data.is_empty() && message.name.is_empty() {
                    continue;
                }
                return Some(message);
            }
            let (field, value) = line.split_once(':').unwrap_or((&line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "event" => value.clone_into(&mut self.open.name),
                "data" => {
                    if !self.open.data.is_empty() {
                        self.open.data.push('\n');
                    }
                    self.open.data.push_str(value);
                }
                // Comments keep the connection alive; the id is in the data, too.
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Message, Reading};

    fn message(name: &str, data: &str) -> Message {
        Message {
            name: name.to_owned(),
            data: data.to_owned(),
        }
    }

    #[test]
    fn messages_come_whole_however_they_are_cut() {
        let text = "retry: 1000\n\n: nothing new\n\nid: 1\nevent: a\ndata: {\"x\":\"ü\"}\n\nevent: b\r\ndata:1\r\ndata: 2\r\n\r\nevent: end\ndata: {}\n\nevent: half\ndata";
        let expected = [
            message("a", "{\"x\":\"ü\"}"),
            message("b", "1\n2"),
            message("end", "{}"),
        ];
        for size in 1..text.len() {
            let mut reading = Reading::default();
            let mut found = Vec::new();
            for piece in text.as_bytes().chunks(size) {
                assert!(reading.takes(piece));
                while let Some(message) = reading.next() {
                    found.push(message);
                }
            }
            assert_eq!(found, expected, "in pieces of {size}");
        }
    }
}
