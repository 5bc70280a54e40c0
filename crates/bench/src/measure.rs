//! What the process of one measurement does. It prints its figures as one JSON object.

use crate::{
    arguments::{MeasureArguments, Measurement},
    beside::Beside,
    failure::Failure,
    figures::{Figures, quantile},
    large, plans,
    rig::Rig,
    trace, usage,
};
use std::{
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::Instant,
};

/// How many executions are under way while a journal is filled.
const FILL_AT_A_TIME: u32 = 128;

/// Runs one measurement and prints its figures.
pub(crate) fn run(arguments: &MeasureArguments) -> Result<(), Failure> {
    let dir = &arguments.dir;
    let figures = match arguments.what {
        Measurement::Sequence {
            steps,
            reads,
            beside,
        } => sequence(dir, steps, reads, beside),
        Measurement::Fleet {
            executions,
            steps,
            at_a_time,
            reads,
        } => fleet(dir, executions, steps, at_a_time, reads),
        Measurement::Fill { finished, parked } => fill(dir, finished, parked),
        Measurement::Recover => recover(dir),
        Measurement::Copy {
            executions,
            waiting,
        } => large::copy(dir, executions, waiting),
        Measurement::Lists => large::lists(dir),
        Measurement::Check => large::check(dir),
        Measurement::Archive { keep } => large::archive(dir, keep),
    }?;
    println!("{}", serde_json::to_string(&figures)?);
    Ok(())
}

/// Wall time, CPU time and commits between two moments.
struct Section {
    begun: Instant,
    cpu_s: f64,
    commits: u64,
}

impl Section {
    fn begin(rig: &Rig) -> Result<Self, Failure> {
        let commits = rig.commits()?;
        trace::mark(trace::BEGIN);
        Ok(Self {
            cpu_s: usage::cpu_s(),
            begun: Instant::now(),
            commits,
        })
    }

    fn end(self, rig: &Rig) -> Result<Figures, Failure> {
        let wall_s = self.begun.elapsed().as_secs_f64();
        let cpu_s = usage::cpu_s() - self.cpu_s;
        trace::mark(trace::END);
        let commits = rig.commits()?.saturating_sub(self.commits);
        Ok(figures([
            ("wall_s", wall_s),
            ("cpu_s", cpu_s),
            ("commits", commits as f64),
            ("peak_rss_mib", mib(usage::peak_rss_bytes()?)),
        ]))
    }
}

/// Figures from their names and values.
pub(crate) fn figures<const N: usize>(pairs: [(&str, f64); N]) -> Figures {
    pairs
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect()
}

pub(crate) fn mib(bytes: u64) -> f64 {
    bytes as f64 / 1024.0 / 1024.0
}

fn sequence(dir: &Path, steps: u32, reads: bool, beside: bool) -> Result<Figures, Failure> {
    let rig = Rig::open(dir)?;
    let plan = plans::sequence(steps, reads, rig.lookup().as_ref())?;
    if beside {
        rig.tools().write_beside(Beside::of(dir)?);
    }
    let section = Section::begin(&rig)?;
    rig.run(&plan)?;
    let mut all = section.end(&rig)?;
    let calls = rig.tools().take_calls();
    if calls.len() != steps as usize {
        let made = calls.len();
        return Err(Failure::Wrong(format!("{made} calls instead of {steps}")));
    }
    // From one call to the next lies everything that a step costs: its end, the next one's decision, permit and commit.
    let apart: Vec<f64> = calls
        .iter()
        .zip(calls.iter().skip(1))
        .map(|(call, next)| next.begun.duration_since(call.ended).as_secs_f64() * 1e3)
        .collect();
    all.extend(figures([
        ("step_ms_p50", quantile(&apart, 0.5)),
        ("step_ms_p99", quantile(&apart, 0.99)),
    ]));
    if beside {
        let took: Vec<f64> = calls.iter().filter_map(|call| call.beside_ms).collect();
        all.extend(figures([("sqlite_commit_ms_p50", quantile(&took, 0.5))]));
    }
    Ok(all)
}

fn fleet(
    dir: &Path,
    executions: u32,
    steps: u32,
    at_a_time: u32,
    reads: bool,
) -> Result<Figures, Failure> {
    let rig = Rig::open(dir)?;
    let plan = plans::sequence(steps, reads, rig.lookup().as_ref())?;
    let section = Section::begin(&rig)?;
    side_by_side(executions, at_a_time, || rig.run(&plan).map(drop))?;
    section.end(&rig)
}

/// Calls `one` so many times, from so many threads.
fn side_by_side(
    times: u32,
    at_a_time: u32,
    one: impl Fn() -> Result<(), Failure> + Sync,
) -> Result<(), Failure> {
    let taken = AtomicU32::new(0);
    let work = || {
        while taken.fetch_add(1, Ordering::Relaxed) < times {
            one()?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..at_a_time.min(times))
            .map(|_| scope.spawn(work))
            .collect();
        threads.into_iter().try_for_each(|thread| {
            let crashed = || Failure::Wrong("a thread of the measurement panicked".to_owned());
            thread.join().map_err(|_| crashed())?
        })
    })
}

fn fill(dir: &Path, finished: u32, parked: u32) -> Result<Figures, Failure> {
    let rig = Rig::open(dir)?;
    let (short, long) = (
        plans::sequence(1, false, rig.lookup().as_ref())?,
        plans::sequence(10, false, rig.lookup().as_ref())?,
    );
    let section = Section::begin(&rig)?;
    side_by_side(finished, FILL_AT_A_TIME, || rig.run(&short).map(drop))?;
    side_by_side(parked, FILL_AT_A_TIME, || rig.submit(&long).map(|_| ()))?;
    let all = section.end(&rig)?;
    Ok(figures([(
        "fill_s",
        all.get("wall_s").copied().unwrap_or(f64::NAN),
    )]))
}

fn recover(dir: &Path) -> Result<Figures, Failure> {
    let begun = Instant::now();
    let since = |begun: Instant| begun.elapsed().as_secs_f64() * 1e3;
    let rig = Rig::open(dir)?;
    let open_ms = since(begun);
    let plan = plans::sequence(1, true, rig.lookup().as_ref())?;
    rig.run(&plan)?;
    let first_done_ms = since(begun);

    let unfinished = rig.unfinished()?.len();
    let before = usage::private_bytes()?;
    let (recovery, cpu_s) = (Instant::now(), usage::cpu_s());
    rig.host()?.recover()?;
    while rig.host()?.doings_but(&[])?.unknown > 0 {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    // Batches reach the disk in order: when this one has, all those of the recovery have.
    rig.run(&plan)?;
    let recover_ms = since(recovery);
    let cpu_s = usage::cpu_s() - cpu_s;
    let private = usage::private_bytes()?.saturating_sub(before);
    let count = unfinished.max(1) as f64;

    let accept = Instant::now();
    rig.run(&plan)?;
    Ok(figures([
        ("open_ms", open_ms),
        ("first_execution_done_ms", first_done_ms),
        ("recover_ms", recover_ms),
        ("open_and_recover_ms", open_ms + recover_ms),
        ("recover_cpu_us_per_parked", cpu_s * 1e6 / count),
        ("private_bytes_per_parked", private as f64 / count),
        ("execution_ms_beside_parked", since(accept)),
        ("parked", unfinished as f64),
        ("peak_rss_mib", mib(usage::peak_rss_bytes()?)),
    ]))
}
