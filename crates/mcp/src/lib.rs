//! The gateway: MCP clients propose plans, and call what was approved.
//!
//! Translates between the Model Context Protocol and the host: a call becomes an agent's wish, and what comes of it a tool
//! result. Decides nothing: whether a call is one of the plan, and whose turn it is, is for the host, which enforces and
//! journals every one of them. The library that speaks the protocol (`rmcp`) is known in [`handler`] and what
//! it is made of ([`calling`], [`following`], [`under`], [`below`], [`tasking`], [`traces`], [`shapes`]), [`stdio`] and [`http`] only;
//! everything else has shapes of its own.
//!
//! Start reading at [`handler`], which answers requests, then `acts/`, one file for each tool of the gateway's own.

mod acts;
mod approving;
mod below;
mod calling;
mod desk;
mod following;
mod handler;
mod handles;
pub mod http;
mod live;
mod named_session;
mod names;
mod output;
mod own_tools;
mod raw;
mod seat;
mod settings;
mod shapes;
mod shown;
pub mod stdio;
mod tasking;
mod told;
mod traces;
mod under;
mod watching;

pub use desk::{Answering, Desk, HostDesk, Reception, Tools, Visitor};
pub use names::{Names, wire_name};
pub use settings::{GatewaySettings, ToolsList};
pub use traces::{OfExecution, Traced, Traces, Where};
