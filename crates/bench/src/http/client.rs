//! A client that costs little: one connection that is kept, one request after the other.

use crate::failure::Failure;
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

/// A connection.
pub(super) struct Connection {
    address: SocketAddr,
    from: BufReader<TcpStream>,
}

impl Connection {
    pub(super) fn open(address: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).map_err(Failure::doing("connect"))?;
        stream
            .set_nodelay(true)
            .map_err(Failure::doing("set up a connection"))?;
        Ok(Self {
            address,
            from: BufReader::new(stream),
        })
    }

    pub(super) fn get(&mut self, path: &str) -> Result<Value, Failure> {
        let host = self.address;
        self.ask(&format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n"))
    }

    pub(super) fn post(&mut self, path: &str, body: &str) -> Result<Value, Failure> {
        self.post_with(path, body, "")
    }

    /// The same with headers more, each with its end of line.
    pub(super) fn post_with(
        &mut self,
        path: &str,
        body: &str,
        headers: &str,
    ) -> Result<Value, Failure> {
        let (host, length) = (self.address, body.len());
        self.ask(&format!(
            "POST {path} HTTP/1.1\r\nhost: {host}\r\n{headers}content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        ))
    }

    fn ask(&mut self, request: &str) -> Result<Value, Failure> {
        let broke = || Failure::doing("ask the server");
        self.from
            .get_mut()
            .write_all(request.as_bytes())
            .map_err(broke())?;
        let mut line = String::new();
        self.from.read_line(&mut line).map_err(broke())?;
        let status = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut length = 0_usize;
        loop {
            let mut header = String::new();
            self.from.read_line(&mut header).map_err(broke())?;
            let header = header.trim_end().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or_default();
            }
        }
        let mut body = vec![0; length];
        self.from.read_exact(&mut body).map_err(broke())?;
        if !status.starts_with('2') {
            let text = String::from_utf8_lossy(&body).into_owned();
            return Err(Failure::Wrong(format!(
                "the server answers {status}: {text}"
            )));
        }
        Ok(serde_json::from_slice(&body)?)
    }
}
