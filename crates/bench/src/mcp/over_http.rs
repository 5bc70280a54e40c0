//! A client over streamable HTTP that does as little as possible itself: one connection per caller, kept open.

use super::{Calls, Times, over_pipes::Answer};
use crate::{children::end, failure::Failure};
use serde_json::{Value, json};
use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// How long a server may take to listen.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server that listens.
pub(super) struct Http {
    child: Option<Child>,
    address: String,
    key: Option<String>,
    /// Of the revisions with sessions, where the server speaks no other.
    session: Option<String>,
    open: Vec<Connection>,
}

impl Http {
    /// A server at that URL.
    pub(super) fn at(url: &str, key: Option<&str>) -> Result<Self, Failure> {
        let rest = url.strip_prefix("http://").unwrap_or(url);
        let address = rest.split('/').next().unwrap_or_default().to_owned();
        Ok(Self {
            child: None,
            address,
            key: key.map(str::to_owned),
            session: None,
            open: Vec::new(),
        })
    }

    /// A program that prints its address.
    pub(super) fn of_command(mut command: Command) -> Result<Self, Failure> {
        let started = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let mut child = started.map_err(Failure::doing("start a server"))?;
        let mut line = String::new();
        if let Some(output) = child.stdout.as_mut() {
            let read = BufReader::new(output).read_line(&mut line);
            read.map_err(Failure::doing("read from a server"))?;
        }
        let mut this = Self::at(line.trim(), None)?;
        this.child = Some(child);
        Ok(this)
    }

    /// The server's own HTTP, which has sessions.
    pub(super) fn of_everything(server: &Path) -> Result<Self, Failure> {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr());
        let address = free.map_err(Failure::doing("find a free port"))?;
        let mut command = Command::new(server);
        command.arg("streamableHttp");
        command.env("PORT", address.port().to_string());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().map_err(Failure::doing("start a server"))?;
        let mut this = Self::at(&address.to_string(), None)?;
        this.child = Some(child);
        let begun = Instant::now();
        while TcpStream::connect(&this.address).is_err() && begun.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(50));
        }
        let hello = json!({
            "jsonrpc": "2.0", "id": 1, "method": "initialize",
            "params": {
                "protocolVersion": "2025-11-25",
                "capabilities": {},
                "clientInfo": { "name": "mandate-bench", "version": "1" },
            },
        });
        let mut connection = Connection::open(&this.address)?;
        let (head, _) = connection.ask(&this.head("initialize", ""), &hello.to_string())?;
        let session = { head.lines() }.find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("mcp-session-id")
                .then(|| value.trim().to_owned())
        });
        this.session = session;
        let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        connection.ask(&this.head("", ""), &ready.to_string())?;
        Ok(this)
    }

    /// The head of a request, but for the length.
    fn head(&self, method: &str, name: &str) -> String {
        let mut head = format!(
            "POST /mcp HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\naccept: application/json, text/event-stream\r\n",
            self.address
        );
        match &self.session {
            Some(session) => head.push_str(&format!("mcp-session-id: {session}\r\n")),
            None if method == "initialize" => {}
            None => head.push_str(&format!(
                "mcp-protocol-version: 2026-07-28\r\nmcp-method: {method}\r\nmcp-name: {name}\r\n"
            )),
        }
        if let Some(key) = &self.key {
            head.push_str(&format!("authorization: Bearer {key}\r\n"));
        }
        head
    }

    fn body(&self, id: u64, name: &str, arguments: &str) -> String {
        let meta = match self.session {
            Some(_) => "",
            None => {
                r#","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":{"name":"mandate-bench","version":"1"}}"#
            }
        };
        format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"{name}","arguments":{arguments}{meta}}}}}"#
        )
    }

    /// Proposes a plan.
    pub(super) fn propose(&mut self, plan: &Value) -> Result<Value, Failure> {
        let mut connection = Connection::open(&self.address)?;
        let arguments = json!({ "plan": plan }).to_string();
        let body = self.body(1, "propose_plan", &arguments);
        let (_, answer) = connection.ask(&self.head("tools/call", "propose_plan"), &body)?;
        Ok(serde_json::from_str(&answer)?)
    }

    /// Every caller calls over a connection of its own.
    pub(super) fn calls(&mut self, calls: &Calls) -> Result<Times, Failure> {
        while self.open.len() < calls.callers {
            self.open.push(Connection::open(&self.address)?);
        }
        let head = self.head("tools/call", calls.name);
        let body = |caller: usize| {
            let arguments = format!(r#"{{"message":"caller {caller}"}}"#);
            self.body(1, calls.name, &arguments)
        };
        let bodies: Vec<String> = (0..calls.callers).map(body).collect();
        let all = std::thread::scope(|scope| {
            let threads: Vec<_> = { self.open.iter_mut().zip(&bodies) }
                .map(|(connection, body)| {
                    let head = &head;
                    scope.spawn(move || connection.calls(head, body, calls.times))
                })
                .collect();
            let ended = threads.into_iter().map(|thread| {
                let ended = thread.join();
                ended.unwrap_or_else(|_| Err(Failure::Wrong("a caller ended".to_owned())))
            });
            ended.collect::<Result<Vec<Times>, Failure>>()
        })?;
        Ok(all.concat())
    }
}

impl Drop for Http {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            end(child);
        }
    }
}

/// One connection.
struct Connection {
    input: TcpStream,
    output: BufReader<TcpStream>,
}

impl Connection {
    fn open(address: &str) -> Result<Self, Failure> {
        let connected = TcpStream::connect(address);
        let input = connected.map_err(Failure::doing("connect to a server"))?;
        let _ = input.set_nodelay(true);
        let output = input.try_clone().map_err(Failure::doing("copy a socket"))?;
        Ok(Self {
            input,
            output: BufReader::with_capacity(64 * 1024, output),
        })
    }

    fn calls(&mut self, head: &str, body: &str, times: usize) -> Result<Times, Failure> {
        let mut took = Vec::with_capacity(times);
        for _ in 0..times {
            let begun = Instant::now();
            let (_, answer) = self.ask(head, body)?;
            took.push(begun.elapsed().as_secs_f64() * 1e6);
            let good = serde_json::from_str::<Answer>(&answer).is_ok_and(|it| it.is_good());
            if !good {
                return Err(Failure::Wrong(format!("a call failed: {answer}")));
            }
        }
        Ok(took)
    }

    /// Sends a request, and gives head and message of the answer.
    fn ask(&mut self, head: &str, body: &str) -> Result<(String, String), Failure> {
        let whole = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
        let said = self.input.write_all(whole.as_bytes());
        said.map_err(Failure::doing("write to a server"))?;
        let mut head = String::new();
        loop {
            let before = head.len();
            let read = self.output.read_line(&mut head);
            let read = read.map_err(Failure::doing("read from a server"))?;
            match head.get(before..) {
                _ if read == 0 => return Err(Failure::Wrong("a server hung up".to_owned())),
                Some("\r\n") => break,
                _ => {}
            }
        }
        let field = |wanted: &str| {
            head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case(wanted).then(|| value.trim())
            })
        };
        let body = match field("content-length").map(str::parse::<usize>) {
            Some(Ok(length)) => self.exactly(length)?,
            _ if field("transfer-encoding") == Some("chunked") => self.chunks()?,
            _ => Vec::new(),
        };
        let text = String::from_utf8_lossy(&body).into_owned();
        // A stream of events holds the message in its last one with data.
        let message = match field("content-type") {
            Some(kind) if kind.starts_with("text/event-stream") => { text.lines().rev() }
                .filter_map(|line| line.strip_prefix("data:"))
                .map(str::trim)
                .find(|data| !data.is_empty())
                .unwrap_or_default()
                .to_owned(),
            _ => text,
        };
        Ok((head, message))
    }

    fn exactly(&mut self, length: usize) -> Result<Vec<u8>, Failure> {
        let mut bytes = vec![0; length];
        let read = self.output.read_exact(&mut bytes);
        read.map_err(Failure::doing("read from a server"))?;
        Ok(bytes)
    }

    fn chunks(&mut self) -> Result<Vec<u8>, Failure> {
        let mut all = Vec::new();
        loop {
            let mut line = String::new();
            let read = self.output.read_line(&mut line);
            read.map_err(Failure::doing("read from a server"))?;
            let length = usize::from_str_radix(line.trim(), 16).unwrap_or(0);
            let chunk = self.exactly(length.saturating_add(2))?;
            if length == 0 {
                return Ok(all);
            }
            all.extend(chunk.iter().take(length));
        }
    }
}
