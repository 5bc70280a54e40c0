//! The tools as the host drives them: real files, real sockets, real processes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs,
    reason = "tests"
)]

mod compile_fail;
mod config;
mod data;
mod fake_server;
mod files;
mod files_confined;
mod fixture;
mod http;
mod http_confined;
mod http_server;
mod lock;
mod look_up;
mod mcp;
mod mcp_misbehaving;
mod mcp_secrets;
mod own_tools;
mod permits;
mod process;
mod real_servers;
mod registry;
mod runner;
mod sandbox;
mod secrets;
mod test_tools;
