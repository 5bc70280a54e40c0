//! What `mandate.toml` says about tools: `[fs]`, `[http]`, `[process]`, `[secrets.NAME]`, `[mcpServers.NAME]`, `[[tools]]`.

use crate::{mcp::McpServerConfig, own::OwnToolConfig, secret::SecretConfig};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::PathBuf};

/// The tools' part of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ToolsConfig {
    /// The file tools.
    pub fs: FsConfig,
    /// `http.request`.
    pub http: HttpConfig,
    /// `process.exec`.
    pub process: ProcessConfig,
    /// What the programs of `process.exec` may touch.
    pub sandbox: SandboxConfig,
    /// Where secrets come from, and which tools and hosts may receive them.
    pub secrets: BTreeMap<String, SecretConfig>,
    /// MCP servers.
    #[serde(rename = "mcpServers")]
    pub mcp_servers: BTreeMap<String, McpServerConfig>,
    /// The operator's own tools, by their names.
    pub tools: BTreeMap<String, OwnToolConfig>,
}

/// `[fs]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FsConfig {
    /// The directories beneath which file tools may work; empty means the project directory. Relative paths in
    /// plans start at the first.
    pub roots: Vec<PathBuf>,
    /// The most bytes that one read or write may move. At most 12 MiB are of use: an answer may hold 16 MiB.
    pub max_bytes: u64,
    /// The most entries that one listing, search or recursive deletion may visit.
    pub max_entries: u64,
}

impl Default for FsConfig {
    fn default() -> Self {
        Self {
            roots: Vec::new(),
            max_bytes: 8 * 1024 * 1024,
            max_entries: 100_000,
        }
    }
}

/// `[http]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    /// Host names, addresses and networks (`10.1.0.0/16`) that may be reached although they are private, loopback
    /// or link-local.
    pub allow_private: Vec<String>,
    /// The most bytes of a response body that are read.
    pub max_bytes: u64,
    /// The time limit for opening a connection, in milliseconds.
    pub connect_timeout_ms: u64,
    /// The time limit of a request whose call gives none, in milliseconds.
    pub timeout_ms: u64,
    /// The most redirects that are followed.
    pub max_redirects: u32,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            allow_private: Vec::new(),
            max_bytes: 8 * 1024 * 1024,
            connect_timeout_ms: 10_000,
            timeout_ms: 60_000,
            max_redirects: 5,
        }
    }
}

/// `[process]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProcessConfig {
    /// The variables of Mandate's own environment that processes see; `NAME*` stands for a prefix.
    pub env: Vec<String>,
    /// The most bytes kept of each of the two output streams.
    pub max_output_bytes: u64,
    /// The time limit of a process whose call gives none, in milliseconds.
    pub timeout_ms: u64,
    /// Limits that the kernel holds each process to.
    pub limits: ProcessLimits,
}

impl Default for ProcessConfig {
    fn default() -> Self {
        Self {
            env: [
                "PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_*", "TZ", "TMPDIR", "TERM",
            ]
            .map(str::to_owned)
            .to_vec(),
            max_output_bytes: 4 * 1024 * 1024,
            timeout_ms: 300_000,
            limits: ProcessLimits::default(),
        }
    }
}

/// `[process.limits]`: what is absent is not limited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProcessLimits {
    /// Processor time of one process, in seconds.
    pub cpu_seconds: Option<u64>,
    /// Address space of one process, in bytes. Run times that reserve much (Java, Node.js, Go) do not start under a small one.
    pub address_space_bytes: Option<u64>,
    /// The largest file it may write, in bytes.
    pub file_bytes: Option<u64>,
    /// Open files.
    pub open_files: Option<u64>,
    /// Memory of all processes of the call, in bytes.
    pub memory_bytes: Option<u64>,
    /// Processes of the call.
    pub processes: Option<u64>,
}

impl ProcessLimits {
    pub(crate) fn as_limits(&self) -> mandate_sandbox::Limits {
        mandate_sandbox::Limits {
            cpu_seconds: self.cpu_seconds,
            address_space_bytes: self.address_space_bytes,
            memory_bytes: self.memory_bytes,
            file_bytes: self.file_bytes,
            open_files: self.open_files,
            processes: self.processes,
        }
    }
}

impl Default for ProcessLimits {
    fn default() -> Self {
        Self {
            cpu_seconds: None,
            address_space_bytes: None,
            file_bytes: Some(4 * 1024 * 1024 * 1024),
            open_files: Some(4096),
            memory_bytes: Some(8 * 1024 * 1024 * 1024),
            processes: Some(1024),
        }
    }
}

/// `[sandbox]`: what the programs of `process.exec` may touch besides the roots of the file tools.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SandboxConfig {
    /// Files and directories that they may read and run programs from.
    pub read: Vec<PathBuf>,
    /// The same that they may change, too.
    pub write: Vec<PathBuf>,
    /// They may use the network.
    pub network: bool,
    /// They may connect to sockets in the file system, such as those of other programs of the user.
    pub unix_sockets: bool,
    /// Where this kernel cannot hold them to it, they run with what it can do.
    pub allow_degraded: bool,
}

/// `sandbox` of `[[tools]]` and of servers: what this one program may touch. Nothing but what it says, the system's
/// directories, and the directory that it starts in for reading.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProgramSandbox {
    /// Files and directories that it may read and run programs from.
    pub read: Vec<PathBuf>,
    /// The same that it may change, too.
    pub write: Vec<PathBuf>,
    /// It may use the network.
    pub network: bool,
    /// It may connect to sockets in the file system.
    pub unix_sockets: bool,
    /// How much it may use.
    pub limits: ProcessLimits,
}
