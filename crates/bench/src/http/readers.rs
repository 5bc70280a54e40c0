//! Many who read the events of one execution as they happen, and see that each gets all of them, in order. They are a
//! process of their own, so that what they use themselves can be told from what the server does for them.

use crate::arguments::ReadArguments;
use crate::failure::Failure;
use crate::usage::cpu_s;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// Those who read.
pub(super) struct Reading {
    child: Child,
    said: BufReader<ChildStdout>,
}

impl Reading {
    /// Has so many read, and waits until each has been answered. `idle`: they get what time of the processors is left over.
    pub(super) fn start(
        address: SocketAddr,
        id: &str,
        readers: u32,
        idle: bool,
    ) -> Result<Self, Failure> {
        let own = std::env::current_exe().map_err(Failure::doing("find this program"))?;
        let mut command = match idle {
            true => {
                let mut command = Command::new("chrt");
                // Also where this process has a priority that nothing else gets past.
                command.args(["--other", "0", "nice", "-n", "19"]).arg(own);
                command
            }
            false => Command::new(own),
        };
        command.args(["read", &address.to_string(), id, &readers.to_string()]);
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .map_err(Failure::doing("start the readers"))?;
        let said = child.stdout.take();
        let said = said.ok_or_else(|| Failure::Wrong("the readers say nothing".to_owned()))?;
        let mut this = Self {
            child,
            said: BufReader::new(said),
        };
        this.line()?;
        Ok(this)
    }

    fn line(&mut self) -> Result<Value, Failure> {
        let mut line = String::new();
        let read = self.said.read_line(&mut line);
        read.map_err(Failure::doing("hear from the readers"))?;
        if line.is_empty() {
            return Err(Failure::Wrong("the readers ended before time".to_owned()));
        }
        Ok(serde_json::from_str(&line)?)
    }

    /// Waits for all of them to have read to the end. Each must have got so many events. Gives the processor time that they
    /// used after all of them were answered, in seconds.
    pub(super) fn hold_to(mut self, last: u64) -> Result<f64, Failure> {
        let said = self.line()?;
        if let Some(why) = said.get("wrong").and_then(Value::as_str) {
            return Err(Failure::Wrong(why.to_owned()));
        }
        let found = said.get("last").and_then(Value::as_u64).unwrap_or_default();
        if found != last {
            let why = format!("the readers got {found} events instead of {last}");
            return Err(Failure::Wrong(why));
        }
        let cpu_s = said.get("cpu_s").and_then(Value::as_f64);
        Ok(cpu_s.unwrap_or_default())
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The process of those who read: says when all are answered, and what came of it.
pub(crate) fn run(arguments: &ReadArguments) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::doing("start the readers"))?;
    let ReadArguments {
        address,
        id,
        readers,
    } = arguments;
    let request = format!(
        "GET /v1/executions/{id}/events HTTP/1.1\r\nhost: {address}\r\naccept: text/event-stream\r\n\r\n"
    );
    let (address, readers) = (*address, *readers);
    let said = runtime.block_on(async {
        let (answered, mut answers) = unbounded_channel();
        let all: Vec<_> = (0..readers)
            .map(|_| tokio::spawn(read(address, request.clone(), answered.clone())))
            .collect();
        drop(answered);
        let mut count = 0;
        while count < readers && answers.recv().await.is_some() {
            count += 1;
        }
        println!("{}", json!({ "answered": count }));
        let before_s = cpu_s();
        let mut last = None;
        for one in all {
            let read = one.await.map_err(|error| error.to_string());
            let read = match read.and_then(|read| read) {
                Ok(read) => read,
                Err(why) => return json!({ "wrong": why }),
            };
            if *last.get_or_insert(read) != read {
                let why = format!("one reader got {read} events, another one {last:?}");
                return json!({ "wrong": why });
            }
        }
        json!({ "last": last, "cpu_s": cpu_s() - before_s })
    });
    println!("{said}");
    Ok(())
}

/// Reads to the end; gives the number of the last event. None may be left out or come twice.
async fn read(
    address: SocketAddr,
    request: String,
    answered: UnboundedSender<()>,
) -> Result<u64, String> {
    let broke = |error: std::io::Error| format!("a reader's connection broke: {error}");
    let mut stream = TcpStream::connect(address).await.map_err(broke)?;
    stream.write_all(request.as_bytes()).await.map_err(broke)?;
    let (mut text, mut piece) = (Vec::new(), vec![0; 16 * 1024]);
    let mut last = 0_u64;
    let mut answered = Some(answered);
    loop {
        let read = stream.read(&mut piece).await.map_err(broke)?;
        if read == 0 {
            return Err("a reader's connection ended before the execution did".to_owned());
        }
        if let Some(answered) = answered.take() {
            let _ = answered.send(());
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
