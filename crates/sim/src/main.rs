//! `mandate-sim`: runs seeds, and tells what came of them. `cargo xtask simulate` is the way to it.

mod command;

use command::Command;
use mandate_sim::{DiskKind, KINDS, Outcome, Regression, Scenario, run, shrink};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

/// How often it is told how far it is.
const TELL_EVERY: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match Command::read(&words) {
        Ok(Command::Show { seed }) => show(seed),
        Ok(Command::Replay { file }) => replay(Path::new(&file)),
        Ok(Command::Run(ask)) => simulate(&ask),
        Err(why) => {
            eprintln!("{why}\n\n{}", command::USAGE);
            ExitCode::from(2)
        }
    }
}

/// One seed, with everything that happened.
fn show(seed: u64) -> ExitCode {
    tell(&Scenario::of(seed))
}

/// One scenario from a file.
fn replay(file: &Path) -> ExitCode {
    let read = std::fs::read_to_string(file).map_err(|error| error.to_string());
    let read = read.and_then(|text| {
        serde_json::from_str::<Regression>(&text).map_err(|error| error.to_string())
    });
    match read {
        Ok(regression) => tell(&regression.scenario),
        Err(why) => {
            eprintln!("`{}`: {why}", file.display());
            ExitCode::from(2)
        }
    }
}

fn tell(scenario: &Scenario) -> ExitCode {
    let text = serde_json::to_string_pretty(scenario);
    println!("{}", text.unwrap_or_default());
    let outcome = run(scenario, true);
    for line in &outcome.lines {
        println!("{line}");
    }
    println!("trace {}", outcome.trace);
    ExitCode::from(u8::from(!outcome.violations.is_empty()))
}

/// Many seeds, on several threads.
fn simulate(ask: &command::Ask) -> ExitCode {
    let begun = Instant::now();
    let next = AtomicU64::new(ask.start);
    let end = ask.start.saturating_add(ask.seeds);
    let stop = AtomicBool::new(false);
    let mut sum = Sum::default();
    let (to, from) = channel::<(Scenario, Outcome)>();
    std::thread::scope(|scope| {
        for _ in 0..ask.jobs.max(1) {
            let to = to.clone();
            let (next, stop) = (&next, &stop);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        return;
                    }
                    let scenario = Scenario::of(seed);
                    let outcome = run(&scenario, false);
                    if to.send((scenario, outcome)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(to);
        let mut told = begun;
        for (scenario, outcome) in from {
            let failed = !outcome.violations.is_empty();
            sum.add(scenario, outcome);
            if failed && ask.first || ask.seconds.is_some_and(|most| begun.elapsed() > most) {
                stop.store(true, Ordering::Relaxed);
            }
            if told.elapsed() > TELL_EVERY {
                told = Instant::now();
                println!("{}", sum.so_far(begun));
            }
        }
    });
    sum.tell(ask, begun)
}

#[derive(Default)]
struct Sum {
    ran: u64,
    on_sqlite: u64,
    met: BTreeMap<&'static str, (u64, u64)>,
    failed: Vec<(Scenario, Outcome)>,
}

impl Sum {
    fn add(&mut self, scenario: Scenario, outcome: Outcome) {
        self.ran = self.ran.saturating_add(1);
        self.on_sqlite = self
            .on_sqlite
            .saturating_add(u64::from(scenario.disk == DiskKind::Sqlite));
        for (name, count) in &outcome.met {
            let (runs, times) = self.met.entry(name).or_default();
            *runs = runs.saturating_add(1);
            *times = times.saturating_add(*count);
        }
        if !outcome.violations.is_empty() {
            self.failed.push((scenario, outcome));
        }
    }

    fn so_far(&self, begun: Instant) -> String {
        let seconds = begun.elapsed().as_secs_f64().max(0.001);
        let rate = self.ran as f64 / seconds;
        format!(
            "{} seeds in {seconds:.0} s, {rate:.0} seeds/s, {} on SQLite, {} failed",
            self.ran,
            self.on_sqlite,
            self.failed.len()
        )
    }

    fn tell(mut self, ask: &command::Ask, begun: Instant) -> ExitCode {
        println!("\nmet                                     runs     times");
        for (name, (runs, times)) in &self.met {
            println!("{name:36} {runs:8} {times:9}");
        }
        self.failed.sort_by_key(|(scenario, _)| scenario.seed);
        for (scenario, outcome) in &self.failed {
            let Some(violation) = outcome.violations.first() else {
                continue;
            };
            println!("\nseed {}: {}", scenario.seed, violation.check);
            println!("  {}", violation.what);
        }
        if let Some((scenario, outcome)) = self.failed.first()
            && let (Some(violation), Some(dir)) = (outcome.violations.first(), &ask.regressions)
        {
            save(scenario, violation.check, Path::new(dir));
        }
        println!("\n{}", self.so_far(begun));
        let mut missing: Vec<&str> = KINDS.to_vec();
        missing.retain(|kind| !self.met.contains_key(kind));
        if ask.all_kinds && !missing.is_empty() {
            println!("never met: {}", missing.join(", "));
            return ExitCode::FAILURE;
        }
        ExitCode::from(u8::from(!self.failed.is_empty()))
    }
}

fn save(scenario: &Scenario, check: &str, dir: &Path) {
    println!("\ncutting seed {} down", scenario.seed);
    let (small, outcome) = shrink(scenario, check);
    let found = outcome.violations.iter().find(|found| found.check == check);
    let regression = Regression {
        check: check.to_owned(),
        what: found.map(|found| found.what.clone()).unwrap_or_default(),
        scenario: small,
    };
    match regression.save(dir) {
        Ok(path) => println!("kept as `{}`", path.display()),
        Err(error) => println!("cannot be kept: {error}"),
    }
}
