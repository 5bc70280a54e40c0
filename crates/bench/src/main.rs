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
mod durable;
mod failure;
mod figures;
mod large;
mod machine;
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

use arguments::{Arguments, Command};
use clap::Parser as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Durable(arguments) => durable::run(&arguments),
        Command::Table(arguments) => targets::run(&arguments),
        Command::Policy(arguments) => policy::run(&arguments),
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
