//! `peer-dbos`: the workloads of `mandate-bench` as workflows of DBOS, so that both are measured on one machine in one run.
//!
//! It prints one JSON object of figures. Before it does, the database must hold exactly the rows of the work that is claimed.
//! It starts no database: `run.py` beside it does, and puts the figures of both next to each other.

mod arguments;
mod cpu;
mod failure;
mod rows;
mod workload;

use arguments::Arguments;
use failure::Failure;
use std::process::ExitCode;

/// The allocator that Mandate has, so that none of the difference comes from it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("peer-dbos: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<(), Failure> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::io("start the runtime"))?;
    let figures = runtime.block_on(workload::run(&arguments))?;
    println!("{}", serde_json::Value::from_iter(figures));
    Ok(())
}
