//! A small HTTP client that sends what it is told, however wrong, and reads what comes.

use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// How long anything may take before a test fails instead of hanging.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {} {:?}", self.status, self.text()))
    }

    /// Fails unless the status is this one. What is no success must be a whole problem.
    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{} {:?}", self.text(), self.headers);
        if status >= 400 {
            self.assert_problem();
        }
        self
    }

    #[track_caller]
    pub fn assert_problem(&self) {
        let kind = self.header("content-type");
        assert_eq!(kind, Some("application/problem+json"), "{}", self.text());
        let problem = self.json();
        assert_eq!(problem["status"], self.status, "{problem}");
        let code = problem["code"].as_str().unwrap();
        assert_eq!(problem["type"], format!("/errors/{code}"));
        for name in [
            "title",
            "detail",
            "message",
            "kind",
            "category",
            "timestamp",
        ] {
            assert!(!problem[name].as_str().unwrap().is_empty(), "{problem}");
        }
        assert_eq!(problem["request_id"].as_str(), self.header("x-request-id"));
        assert!(problem["details"].is_object());
    }
}

/// Sends bytes, and reads what comes until the other end has nothing more to say.
pub fn raw(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = connect(address);
    // Whoever does not like what is sent may close before all of it is.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// One request, and the answer to it.
pub fn send(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<&[u8]>,
) -> Answer {
    let mut stream = connect(address);
    stream
        .write_all(&request(address, method, path, headers, body))
        .unwrap();
    read(&mut BufReader::new(stream))
}

pub fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<&[u8]>,
) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\n");
    let named = |name: &str| {
        headers
            .iter()
            .any(|(key, _)| key.eq_ignore_ascii_case(name))
    };
    if !named("host") {
        text.push_str(&format!("host: {address}\r\n"));
    }
    text.push_str("connection: close\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if let Some(body) = body {
        text.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    text.push_str("\r\n");
    let mut bytes = text.into_bytes();
    bytes.extend(body.unwrap_or_default());
    bytes
}

/// The head of an answer: status and headers.
pub fn head(from: &mut BufReader<TcpStream>) -> (u16, Vec<(String, String)>) {
    let mut line = String::new();
    from.read_line(&mut line).unwrap();
    let status = line.split(' ').nth(1).unwrap_or_else(|| panic!("{line:?}"));
    let status = status.parse().unwrap();
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        from.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim_end().split_once(':') else {
            return (status, headers);
        };
        headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
}

fn read(from: &mut BufReader<TcpStream>) -> Answer {
    let (status, headers) = head(from);
    let mut body = Vec::new();
    let chunked = headers
        .iter()
        .any(|(name, value)| name == "transfer-encoding" && value == "chunked");
    if chunked {
        while let Some(piece) = chunk(from) {
            body.extend(piece);
        }
    } else {
        let _ = from.read_to_end(&mut body);
    }
    Answer {
        status,
        headers,
        body,
    }
}

/// The next piece of an answer that comes in pieces; none = that was all.
pub fn chunk(from: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut line = String::new();
    from.read_line(&mut line).ok()?;
    let length = usize::from_str_radix(line.trim(), 16).ok()?;
    let mut piece = vec![0; length + 2];
    from.read_exact(&mut piece).ok()?;
    piece.truncate(length);
    (length > 0).then_some(piece)
}

/// A stream of Server-Sent Events.
pub struct Stream {
    from: BufReader<TcpStream>,
    pub status: u16,
    pub headers: Vec<(String, String)>,
    text: String,
    over: bool,
    begun: Instant,
}

/// A message of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    pub id: Option<String>,
    pub event: Option<String>,
    pub data: Value,
}

impl Stream {
    pub fn open(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Self {
        let mut stream = connect(address);
        let mut all = vec![("accept", "text/event-stream")];
        all.extend(headers);
        let asked = request(address, "GET", path, &all, None);
        stream.write_all(&asked).unwrap();
        let mut from = BufReader::new(stream);
        let (status, headers) = head(&mut from);
        Self {
            from,
            status,
            headers,
            text: String::new(),
            over: false,
            begun: Instant::now(),
        }
    }

    /// The next message; none = the stream is over. Comments are passed over.
    pub fn next(&mut self) -> Option<Message> {
        loop {
            while let Some((one, rest)) = self.text.split_once("\n\n") {
                let (one, rest) = (one.to_owned(), rest.to_owned());
                self.text = rest;
                if let Some(message) = message(&one) {
                    return Some(message);
                }
            }
            if self.over {
                return None;
            }
            // What keeps the connection alive is no news.
            assert!(self.begun.elapsed() < PATIENCE, "nothing came");
            match chunk(&mut self.from) {
                Some(piece) => self.text.push_str(std::str::from_utf8(&piece).unwrap()),
                None => self.over = true,
            }
        }
    }

    /// The next message of that name.
    pub fn named(&mut self, event: &str) -> Message {
        loop {
            let next = self.next().unwrap_or_else(|| panic!("no `{event}` came"));
            if next.event.as_deref() == Some(event) {
                return next;
            }
        }
    }
}

fn message(text: &str) -> Option<Message> {
    let field = |name: &str| {
        let found = text.lines().find_map(|line| line.strip_prefix(name));
        found.map(|value| value.trim_start().to_owned())
    };
    let data = field("data:")?;
    Some(Message {
        id: field("id:"),
        event: field("event:"),
        data: serde_json::from_str(&data).unwrap(),
    })
}
