//! `mandate-bench`: what is measured, and under which conditions.
//!
//! Everything runs as released: the host, the engine, the policy, the tool runner with its schemas, the journal with its
//! hash chain. Only the tools are trivial. Each measurement is a process of its own, so that its memory and CPU time are
//! its own; after each one the journal's rows are counted and verified.
//!
//! Start reading at `durable`; what one process measures is in `measure`, what the machine can do at best in `raw`.

mod arguments;
mod bench_tools;
mod beside;
mod children;
mod durable;
mod failure;
mod figures;
mod http;
mod large;
mod machine;
mod mcp;
mod measure;
mod plans;
mod policy;
mod raw;
mod rig;
mod rows;
mod targets;
mod templates;
mod trace;
mod usage;

/// The allocator of the binary `mandate`, so that what is measured is what runs.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

use arguments::{Arguments, Command};
use clap::Parser as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    // As the binary `mandate` does.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    if let Some(exit) = mandate_tools::helper() {
        return exit;
    }
    let done = match Arguments::parse().command {
        Command::Durable(arguments) => durable::run(&arguments),
        Command::Table(arguments) => targets::run(&arguments),
        Command::Policy(arguments) => policy::run(&arguments),
        Command::Http(arguments) => http::run(&arguments),
        Command::Sse(arguments) => http::sse(&arguments),
        Command::Read(arguments) => http::read(&arguments),
        Command::Mcp(arguments) => mcp::run(&arguments),
        Command::PassThrough(arguments) => mcp::pass_through::run(&arguments),
        Command::Measure(arguments) => measure::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("mandate-bench: {failure}");
            ExitCode::FAILURE
        }
    }
}
