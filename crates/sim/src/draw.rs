//! A scenario from a seed.

mod plan;

use crate::random::Random;
use crate::scenario::{Act, Approval, Deed, DiskKind, How, Run, Scenario};
use plan::Plans;
use std::collections::BTreeMap;

/// One seed in so many runs on the real store.
const SQLITE_SHARE: u64 = 8;
/// Ticks within which runs are submitted and most is done to the host.
const SPAN: u64 = 160;

impl Scenario {
    /// The scenario of a seed.
    pub fn of(seed: u64) -> Self {
        let random = &mut Random::of(seed, "scenario");
        let disk = match seed % SQLITE_SHARE {
            0 => DiskKind::Sqlite,
            _ => DiskKind::Memory,
        };
        Self::on(seed, disk, random)
    }

    fn on(seed: u64, disk: DiskKind, random: &mut Random) -> Self {
        let mut plans = Plans::default();
        let count = match random.below(8) {
            0..=4 => 1,
            5 | 6 => 2,
            _ => 3,
        };
        let mut runs = Vec::new();
        for _ in 0..count {
            let (plan, inputs) = plans.plan(random);
            let at = if random.one_in(2) {
                0
            } else {
                random.below(SPAN / 2)
            };
            let approval = match random.below(16) {
                0 => Approval::Reject,
                1 => Approval::Both,
                2 => Approval::Late,
                3 => Approval::Never,
                _ => Approval::Approve,
            };
            let deadline_in_ms = random
                .one_in(12)
                .then(|| 1_000_i64.saturating_add(random.below(100_000).cast_signed()));
            runs.push(Run {
                at,
                plan,
                inputs,
                approval,
                deadline_in_ms,
                watched: random.one_in(2),
            });
        }
        let calls = calls(&plans, random);
        let acts = acts(runs.len(), disk, random);
        // From a stream of its own: everything else of a seed stays as it was before there were sessions to run short.
        let session = &mut Random::of(seed, "session");
        Self {
            seed,
            disk,
            max_active: if random.one_in(6) { 1 } else { 256 },
            calls_per_minute: random.one_in(14).then(|| random.between(1, 4)),
            calls_per_session: session.one_in(6).then(|| session.between(2, 24)),
            runs,
            calls,
            acts,
        }
    }
}

/// How the calls of the steps go. A quarter of the scenarios has no faults here.
fn calls(plans: &Plans, random: &mut Random) -> BTreeMap<String, Vec<How>> {
    let mut calls = BTreeMap::new();
    let share = match random.below(4) {
        0 => return calls,
        1 => 2,
        _ => 4,
    };
    for step in plans.steps() {
        let count = random.between(1, 3);
        let hows: Vec<How> = (0..count).map(|_| how(share, random)).collect();
        if hows.iter().any(|how| *how != WELL) {
            calls.insert(step.clone(), hows);
        }
    }
    calls
}

const WELL: How = How::Well {
    before: 0,
    after: 0,
};

fn how(share: u64, random: &mut Random) -> How {
    if !random.one_in(share) {
        return match random.below(3) {
            0 => How::Well {
                before: random.index(4) as u8,
                after: random.index(6) as u8,
            },
            _ => WELL,
        };
    }
    let done = random.one_in(2);
    match random.below(12) {
        0..=2 => How::Error,
        3 => How::Refused,
        4 | 5 => How::Broken { done },
        6 => How::Hangs { done },
        7 => How::Panics { done },
        8 => How::Misfit,
        9 => How::Twice,
        10 => How::Swallowed,
        _ if random.one_in(4) => How::Large,
        _ => How::Error,
    }
}

fn acts(runs: usize, disk: DiskKind, random: &mut Random) -> Vec<Act> {
    let count = match random.below(6) {
        0 => 0,
        1 | 2 => 1,
        3 => 2,
        _ => random.between(2, 6),
    };
    let mut acts: Vec<Act> = (0..count)
        .map(|_| Act {
            at: random.below(SPAN),
            what: deed(runs, disk, random),
        })
        .collect();
    acts.sort_by_key(|act| act.at);
    acts
}

fn deed(runs: usize, disk: DiskKind, random: &mut Random) -> Deed {
    let run = random.index(runs);
    match random.below(24) {
        0..=4 => Deed::Kill,
        5 | 6 if disk == DiskKind::Memory => Deed::Kill,
        5 | 6 => Deed::PowerLoss,
        7..=9 if disk == DiskKind::Sqlite => Deed::PowerLossIn {
            operations: random.below(40) as u32,
        },
        7..=9 => Deed::PowerLoss,
        10 | 11 => Deed::DiskFull,
        12 => Deed::HandOver,
        13 => Deed::ClockForward {
            by_ms: forward(random),
        },
        14 => Deed::ClockBack {
            by_ms: forward(random),
        },
        15 | 16 => Deed::Cancel {
            run,
            force: random.one_in(3),
        },
        17 => Deed::Pause { run },
        18 => Deed::Resume { run },
        19 | 20 => Deed::Freeze,
        21 | 22 => Deed::Thaw,
        _ => Deed::Revoke { run },
    }
}

/// From a second to two days.
fn forward(random: &mut Random) -> i64 {
    let most = random.value(&[10_000.into(), 600_000.into(), 172_800_000.into()]);
    let most = most.as_u64().unwrap_or(10_000);
    1_000_i64.saturating_add(random.below(most).cast_signed())
}
