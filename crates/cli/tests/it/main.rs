//! End to end: the built binary in directories of its own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs,
    unreachable_pub,
    reason = "tests"
)]

mod agent;
mod agents;
mod approvals;
mod approver_attacks;
mod attacks;
mod audit;
mod background;
mod canary;
mod clock_faults;
mod command_line;
mod compensation;
mod configuration;
mod crash;
mod crash_examples;
mod data_flow;
mod disk_faults;
mod endings;
mod example_scenes;
mod examples;
mod executions;
mod external;
mod faults;
mod for_agents;
mod freeze;
mod gateway;
mod gc;
mod golden_journals;
mod inbox;
mod interrupts;
mod journal_faults;
mod left_behind;
mod limits;
mod look_ups;
mod mcp;
mod nested;
mod notices;
mod observability;
mod office;
mod own_mounts;
mod plans;
mod policies;
mod policy_change;
mod policy_workflow;
mod project;
mod remote;
mod replan;
mod rerun;
mod runbook;
mod sandbox;
mod sandbox_missing;
mod sensitive;
mod serve;
mod sessions;
mod set_aside;
mod several;
mod site;
mod soak;
mod standing;
mod sync_trace;
mod tampering;
mod terminal;
mod tool_lock;
mod tool_servers;
mod tools;
mod tracing_on;
