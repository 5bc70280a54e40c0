//! `mandate-bench durable`: the workloads, each run in processes of its own, beside the raw limits.

mod workloads;

use crate::{
    arguments::{DurableArguments, Measurement},
    failure::Failure,
    figures::{Figures, Spread, spreads, table},
    machine::Machine,
    trace::Trace,
};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};
use tempfile::TempDir;

/// What is reported.
#[derive(Debug, Serialize)]
struct Report {
    workload: String,
    command: String,
    version: &'static str,
    optimised: bool,
    machine: Machine,
    /// By name, each name with its unit.
    figures: BTreeMap<String, Spread>,
}

/// Runs a workload and prints its figures.
pub(crate) fn run(arguments: &DurableArguments) -> Result<(), Failure> {
    let mut sizes = if arguments.miniature {
        Sizes::miniature()
    } else {
        Sizes::full()
    };
    if let Some(executions) = arguments.executions {
        sizes.copied = executions;
    }
    let bench = Bench {
        dir: arguments.dir.clone(),
        sizes,
        runs: arguments.runs,
        trace: arguments.trace,
    };
    let machine = Machine::here(&arguments.dir);
    let runs = bench.workload(arguments.workload)?;
    let report = Report {
        workload: clap::ValueEnum::to_possible_value(&arguments.workload)
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default(),
        command: std::env::args()
            .skip(1)
            .fold("mandate-bench".to_owned(), |all, word| {
                format!("{all} {word}")
            }),
        version: env!("CARGO_PKG_VERSION"),
        optimised: !cfg!(debug_assertions),
        machine,
        figures: spreads(&runs),
    };
    if arguments.json {
        println!("{}", serde_json::to_string(&report)?);
        return Ok(());
    }
    println!("{}", report.command);
    println!("{}", report.machine);
    if !report.optimised {
        println!("built without optimisation: these figures say nothing about speed");
    }
    print!("\n{}", table(&report.figures));
    Ok(())
}

/// How large everything is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    short_plan: u32,
    long_plan: u32,
    executions: u32,
    steps: u32,
    at_a_time: u32,
    finished: u32,
    parked: u32,
    /// Executions of a large journal, a tenth of which wait.
    copied: u32,
    /// How long each raw limit is measured.
    raw: Duration,
}

impl Sizes {
    pub(crate) fn full() -> Self {
        Self {
            short_plan: 100,
            long_plan: 1000,
            executions: 500,
            steps: 10,
            at_a_time: 64,
            finished: 140_000,
            parked: 10_000,
            copied: 1_000_000,
            raw: Duration::from_secs(1),
        }
    }

    pub(crate) fn miniature() -> Self {
        Self {
            short_plan: 5,
            long_plan: 20,
            executions: 8,
            steps: 3,
            at_a_time: 4,
            finished: 20,
            parked: 10,
            copied: 300,
            raw: Duration::from_millis(10),
        }
    }
}

/// Runs measurements.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) dir: PathBuf,
    pub(crate) sizes: Sizes,
    pub(crate) runs: u32,
    pub(crate) trace: bool,
}

impl Bench {
    /// A directory that is gone when it is dropped.
    fn fresh(&self) -> Result<TempDir, Failure> {
        tempfile::Builder::new()
            .prefix("mandate-bench-")
            .tempdir_in(&self.dir)
            .map_err(Failure::io("make a directory in", &self.dir))
    }

    /// Has a process of its own measure `what` on the data directory `dir`.
    fn measure(&self, dir: &Path, what: &Measurement) -> Result<Figures, Failure> {
        self.start(Command::new(program()?), dir, what)
    }

    /// The same under `strace`; gives the syncs of the measured section too.
    fn traced(&self, dir: &Path, what: &Measurement) -> Result<(Figures, u64), Failure> {
        let trace = Trace::into(dir.parent().unwrap_or(dir));
        let mut command = trace.command();
        command.arg(program()?);
        let figures = self.start(command, dir, what)?;
        Ok((figures, trace.syncs()?))
    }

    fn start(
        &self,
        mut command: Command,
        dir: &Path,
        what: &Measurement,
    ) -> Result<Figures, Failure> {
        let output = command
            .arg("measure")
            .arg("--dir")
            .arg(dir)
            .args(words(what))
            .stderr(Stdio::inherit())
            .output()
            .map_err(Failure::io("start", Path::new(command.get_program())))?;
        if !output.status.success() {
            return Err(Failure::Wrong(format!(
                "a measurement failed ({})",
                output.status
            )));
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}

fn program() -> Result<PathBuf, Failure> {
    std::env::current_exe().map_err(Failure::doing("find this program"))
}

/// A measurement as it stands on the command line.
fn words(what: &Measurement) -> Vec<String> {
    let words = match *what {
        Measurement::Sequence {
            steps,
            reads,
            beside,
        } => {
            let reads = if reads { " --reads" } else { "" };
            let beside = if beside { " --beside" } else { "" };
            format!("sequence {steps}{reads}{beside}")
        }
        Measurement::Fleet {
            executions,
            steps,
            at_a_time,
            reads,
        } => {
            let reads = if reads { " --reads" } else { "" };
            format!(
                "fleet --executions {executions} --steps {steps} --at-a-time {at_a_time}{reads}"
            )
        }
        Measurement::Fill { finished, parked } => {
            format!("fill --finished {finished} --parked {parked}")
        }
        Measurement::Recover => "recover".to_owned(),
        Measurement::Copy {
            executions,
            waiting,
        } => format!("copy --executions {executions} --waiting {waiting}"),
        Measurement::Lists => "lists".to_owned(),
        Measurement::Check => "check".to_owned(),
        Measurement::Archive { keep } => format!("archive --keep {keep}"),
    };
    words.split(' ').map(str::to_owned).collect()
}
