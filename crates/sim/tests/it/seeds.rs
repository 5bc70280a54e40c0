//! Seeds: whatever goes wrong in them, everything holds that must hold.

use mandate_sim::{KINDS, Scenario, run};
use std::collections::BTreeSet;

/// In how many parts the seeds are run, each a test of its own, so that they share the machine's cores.
const PARTS: u64 = 8;
/// Seeds in each part.
const SEEDS: u64 = 250;
/// The kinds that so few seeds need not meet are missed by `cargo xtask simulate` only.
fn part(number: u64) -> BTreeSet<&'static str> {
    let mut met = BTreeSet::new();
    let start = number * SEEDS;
    for seed in start..start + SEEDS {
        let outcome = run(&Scenario::of(seed), false);
        met.extend(outcome.met.into_keys());
        assert!(
            outcome.violations.is_empty(),
            "seed {seed}: {:#?}\nsee it with `cargo xtask simulate show {seed}`, cut it down with `cargo xtask simulate \
             --start {seed} --seeds 1`",
            outcome.violations
        );
    }
    met
}

/// Each part meets nearly every kind of fault; what a single one may miss, the others have.
fn nearly_all(met: &BTreeSet<&'static str>) {
    let missed: Vec<_> = KINDS.iter().filter(|kind| !met.contains(*kind)).collect();
    assert!(missed.len() <= 4, "never met: {missed:?}");
}

macro_rules! parts {
    ($($name:ident $number:literal)*) => {
        $(#[test]
        fn $name() {
            assert!($number < PARTS);
            nearly_all(&part($number));
        })*
    };
}

parts! {
    seeds_of_part_0 0
    seeds_of_part_1 1
    seeds_of_part_2 2
    seeds_of_part_3 3
    seeds_of_part_4 4
    seeds_of_part_5 5
    seeds_of_part_6 6
    seeds_of_part_7 7
}

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in 0..24 {
        let (one, other) = (
            run(&Scenario::of(seed), false),
            run(&Scenario::of(seed), false),
        );
        assert_eq!(one.trace, other.trace, "seed {seed}");
        assert_eq!(one.met, other.met, "seed {seed}");
    }
}

#[test]
fn two_seeds_are_two_runs() {
    let traces: BTreeSet<_> = (1..20)
        .map(|seed| run(&Scenario::of(seed), false).trace)
        .collect();
    assert_eq!(traces.len(), 19);
}

#[test]
fn a_scenario_survives_being_written_down() {
    for seed in 0..50 {
        let scenario = Scenario::of(seed);
        let text = serde_json::to_string(&scenario).unwrap();
        let read: Scenario = serde_json::from_str(&text).unwrap();
        assert_eq!(read, scenario);
    }
}
