//! Behaviour tests of `mandate-host`: the whole host on one thread, with a fake clock, journal, spawner and tools.
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

mod approvals;
mod away;
mod clocks;
mod crash_points;
mod fake_journal;
mod fakes;
mod handing_on;
mod jobs;
mod leaving;
mod look_up;
mod nested;
mod outcomes;
mod output_commit;
mod outside;
mod queue;
mod reads;
mod refused_plans;
mod requests;
mod reserving;
mod socket;
