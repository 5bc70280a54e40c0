//! Doing it: the tool registry, the one tool runner, the built-in tools.
//!
//! A call goes through [`Runner`] and nowhere else: permit, input schema, secrets, the call itself with its timeout,
//! scrubbing, output schema, metrics. This crate knows neither engine, journal nor host; it keeps nothing between
//! calls but the registry's counters.

mod builtin;
mod config;
mod envelope;
mod header_params;
mod lock;
mod look_up;
mod mcp;
mod metrics;
mod outcome;
mod outside;
mod own;
mod passing;
mod provider;
mod registry;
mod rfc3339;
mod runner;
mod schema;
mod secret;
mod sink;
mod trace;

pub use builtin::{
    BuiltinError, CHILD_MARK, Confining, DataTools, EngineTools, FileTools, HttpTools,
    HttpToolsError, ProcessTools, RootError, TimeTools, builtins, helper, sandbox_kernel,
    use_sandbox_helper,
};
pub use config::{
    FsConfig, HttpConfig, ProcessConfig, ProcessLimits, ProgramSandbox, SandboxConfig, ToolsConfig,
};
pub use envelope::{Category, ErrorBody, ErrorEnvelope};
pub use header_params::{HeaderParam, PARAM_PREFIX, header_mismatch, header_params};
pub use lock::{Accepted, LockError, Standing, SwitchedOff, ToolLock};
pub use look_up::Told;
pub use mcp::{
    MCP_PATIENCE, McpServerConfig, McpSettings, RESERVED_SERVERS, ServerNameError, ToolFacts,
    mcp_servers, server_names,
};
pub use metrics::{Lifecycle, Metrics};
pub use outcome::{Fault, Outcome, Report};
pub use outside::{CallReport, ReadReport, ReportedError, UnderWay};
pub use own::{OwnToolConfig, OwnToolError, OwnToolKind, OwnTools, StatusConfig};
pub use passing::{About, AboutCall, Caller, Callers, Entered, NotPassed, Pass, Passes};
pub use provider::{
    Authorized, CallContext, Check, Definition, Destination, FactsFrom, Provider, StopFlag,
};
pub use registry::{Registry, RegistryError, Snapshot, ToolStatus};
pub use rfc3339::format_ms as rfc3339_ms;
pub use runner::{MAX_OUTPUT_BYTES, Runner, Tools};
pub use secret::{
    ConfiguredSecrets, MIN_SECRET_BYTES, NoSecrets, Scrubber, SecretConfig, SecretError,
    SecretSource, SecretUse, SecretValue,
};
pub use sink::SinkWord;
pub use trace::{TracePlace, Wire, WireError};
