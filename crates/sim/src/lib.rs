//! What happens when everything goes wrong: the whole local host, simulated from a seed.
//!
//! Engine, host, policy, tool runner and requests are the real ones, and in a share of the runs the SQLite store is too;
//! clock, disk, tools and people are simulated, on one thread, and everything that is chance comes out of the seed. A
//! [`Scenario`] is what one run consists of; [`run`] runs it and checks what must hold afterwards, whatever went wrong.
//! See `docs/simulation.md`.
//!
//! Start reading at `world.rs`, then `check.rs`.

mod check;
mod clock;
mod disk;
mod draw;
mod hold;
mod journal;
mod kinds;
mod machine;
mod memory;
mod outside;
mod platter;
mod process;
mod random;
mod regressions;
mod scenario;
mod shrink;
mod spawn;
mod sqlite;
mod trace;
mod vfs;
mod world;

pub use kinds::KINDS;
pub use regressions::{Regression, regressions};
pub use scenario::{Act, Approval, Deed, DiskKind, How, Run, Scenario};
pub use shrink::shrink;

use mandate_plan::Digest;
use std::collections::BTreeMap;
use world::World;

/// Something that must hold and does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// What must hold.
    pub check: &'static str,
    /// What was found instead.
    pub what: String,
}

/// What came of one run.
#[derive(Debug)]
pub struct Outcome {
    /// What does not hold.
    pub violations: Vec<Violation>,
    /// How often each kind of fault was met.
    pub met: BTreeMap<&'static str, u64>,
    /// Digest over everything that happened, in order.
    pub trace: Digest,
    /// The same to read, where that was asked for.
    pub lines: Vec<String>,
}

/// Runs a scenario and checks what came of it. `readable` keeps the trace.
pub fn run(scenario: &Scenario, readable: bool) -> Outcome {
    thread_local! {
        // Time limits of calls are registered with it; nobody drives it, so that they never fire: the host's clock does.
        static RUNTIME: Option<tokio::runtime::Runtime> =
            tokio::runtime::Builder::new_current_thread().enable_time().build().ok();
    }
    RUNTIME.with(|runtime| {
        let _within = runtime.as_ref().map(tokio::runtime::Runtime::enter);
        run_within(scenario, readable)
    })
}

fn run_within(scenario: &Scenario, readable: bool) -> Outcome {
    let mut world = match World::new(scenario, readable) {
        Ok(world) => world,
        Err(what) => {
            return Outcome {
                violations: vec![Violation {
                    check: "the world can be made",
                    what,
                }],
                met: BTreeMap::new(),
                trace: Digest::of(b""),
                lines: Vec::new(),
            };
        }
    };
    world.run();
    check::check(&mut world);
    world.witness();
    let (trace, lines) = hold::hold(&world.trace).finish();
    Outcome {
        violations: std::mem::take(&mut world.violations),
        met: std::mem::take(&mut world.met),
        trace,
        lines,
    }
}

/// The value of the secret, and of what is sensitive in an output. Neither may be found anywhere.
fn secrets_of(seed: u64) -> (String, String) {
    let mut random = random::Random::of(seed, "secrets");
    let (one, other) = (random.number(), random.number());
    (format!("sk-{one:016x}"), format!("tok-{other:016x}"))
}
