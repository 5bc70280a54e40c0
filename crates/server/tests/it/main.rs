//! Behaviour tests of `mandate-server`: a real server on a real store with real tools, over real TCP.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "tests"
)]

mod access;
mod agents;
mod client;
mod console;
mod events;
mod executions;
mod for_agents;
mod health;
mod idempotency;
mod inbox;
mod jobs;
mod malformed;
mod operating;
mod plans;
mod rig;
mod watching;
