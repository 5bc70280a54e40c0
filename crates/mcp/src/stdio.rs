//! A client at the other end of standard input and output: a message per line.

use crate::desk::Reception;
use crate::handler::{Gateway, Shared};
use crate::raw::{MAX_BYTES, Screened, screen};
use crate::settings::GatewaySettings;
use crate::traces::Traces;
use rmcp::ServiceExt as _;
use rmcp::service::{RoleServer, RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::sync::Mutex;

/// Serves the client until it closes its end.
///
/// # Errors
/// What it says is not the protocol.
pub async fn serve(
    reception: Arc<dyn Reception>,
    settings: GatewaySettings,
    session: Option<String>,
    execution: Option<String>,
    traces: Option<Arc<dyn Traces>>,
) -> Result<(), io::Error> {
    let (input, output) = rmcp::transport::stdio_pipes();
    let gateway = Gateway::new(
        Shared::new(reception, settings, None, traces),
        session,
        execution,
    );
    let served = gateway.serve(Lines::new(input, output)).await;
    let running = served.map_err(|error| io::Error::other(error.to_string()))?;
    let ended = running.waiting().await;
    ended.map(|_| ()).map_err(io::Error::other)
}

/// Messages as lines.
struct Lines<R, W> {
    input: BufReader<R>,
    /// What has come of the next line. It outlives a `receive` that is given up half-way.
    line: Vec<u8>,
    /// The rest of a line that is too long is passed over.
    passing_over: bool,
    output: Arc<Mutex<W>>,
}

impl<R, W> Lines<R, W>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin + 'static,
{
    fn new(input: R, output: W) -> Self {
        Self {
            input: BufReader::new(input),
            line: Vec::new(),
            passing_over: false,
            output: Arc::new(Mutex::new(output)),
        }
    }

    /// The next line; none at the end.
    async fn next(&mut self) -> Option<io::Result<Vec<u8>>> {
        loop {
            let come = match self.input.fill_buf().await {
                Ok([]) => return None,
                Ok(come) => come,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Some(Err(error)),
            };
            let end = come.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(come.len(), |end| end.saturating_add(1));
            if !self.passing_over {
                self.line.extend(come.iter().take(taken));
            }
            self.input.consume(taken);
            if self.line.len() > MAX_BYTES {
                self.line = Vec::new();
                self.passing_over = true;
            }
            if end.is_some() {
                if std::mem::take(&mut self.passing_over) {
                    self.tell(too_long());
                    continue;
                }
                return Some(Ok(std::mem::take(&mut self.line)));
            }
        }
    }

    /// Writes a line, whoever else waits: what has begun to be written is written.
    fn tell(&self, mut line: String) {
        let output = self.output.clone();
        tokio::spawn(async move {
            line.push('\n');
            let mut output = output.lock().await;
            let written = output.write_all(line.as_bytes()).await;
            if written.is_ok() {
                let _ = output.flush().await;
            }
        });
    }
}

fn too_long() -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":null,"error":{{"code":-32600,"message":"the message is longer than {MAX_BYTES} bytes"}}}}"#
    )
}

impl<R, W> Transport<RoleServer> for Lines<R, W>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin + 'static,
{
    type Error = io::Error;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        let output = self.output.clone();
        async move {
            let mut line = serde_json::to_vec(&item)?;
            line.push(b'\n');
            let mut output = output.lock().await;
            output.write_all(&line).await?;
            output.flush().await
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        loop {
            let line = match self.next().await? {
                Ok(line) => line,
                Err(error) => {
                    tracing::warn!(%error, "standard input cannot be read");
                    return None;
                }
            };
            if line.trim_ascii().is_empty() {
                continue;
            }
            let read = match screen(&line) {
                Screened::Good => serde_json::from_slice(&line),
                Screened::Instead(text) => serde_json::from_str(&text),
                Screened::Bad(answer) => {
                    self.tell(answer);
                    continue;
                }
            };
            match read {
                Ok(message) => return Some(message),
                Err(error) => {
                    let id: Option<serde_json::Value> = serde_json::from_slice(&line)
                        .ok()
                        .and_then(|message: serde_json::Value| message.get("id").cloned());
                    // A notification is not answered.
                    let Some(id) = id else { continue };
                    let message = format!("the message is none of the protocol: {error}");
                    let error = serde_json::json!({ "code": -32600, "message": message });
                    let answer = serde_json::json!({ "jsonrpc": "2.0", "id": id, "error": error });
                    self.tell(answer.to_string());
                }
            }
        }
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.output.lock().await.flush().await
    }
}
