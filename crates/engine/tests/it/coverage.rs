//! What the scripts take of the source's tables: a legal pair or an event kind that none of them takes is a gap.

use crate::script;
use crate::scripts::FILES;
use crate::world::Taken;
use mandate_engine::life::{next_phase, next_step_state};
use mandate_engine::{Body, Phase, PhaseChange, StepChange, StepState};
use std::collections::BTreeSet;

const LIFE: &str = include_str!("../../src/life.rs");

/// Event kinds that have their place, and that nothing in this version leads to.
const KINDS_NOT_YET: [(&str, &str); 0] = [];

fn taken() -> Taken {
    let mut all = Taken::default();
    for (_, text) in FILES {
        for script in script::read(text) {
            let (_, taken) = script::run(&script);
            all.steps.extend(taken.steps);
            all.phases.extend(taken.phases);
            all.kinds.extend(taken.kinds);
        }
    }
    all
}

/// The legal pairs of one table, read from its source: `(S::Pending, C::Start) => Ok(S::Running),`.
fn legal(function: &str, state: &str) -> BTreeSet<String> {
    let start = LIFE
        .find(&format!("pub fn {function}("))
        .expect("the function");
    let body = &LIFE[start..];
    let body = &body[..body.find("\n}\n").expect("its end")];
    body.lines()
        .filter(|line| line.contains("=> Ok("))
        .map(|line| {
            let line = line.trim().split(" //").next().unwrap().trim_end();
            let line = line.replace(&format!("{state}::"), "").replace("C::", "");
            let (pair, next) = line.split_once(" => Ok(").expect("a pair");
            format!("{pair} -> {}", next.trim_end_matches("),"))
        })
        .collect()
}

#[test]
fn scripts_take_every_legal_change_of_a_step() {
    let taken: BTreeSet<String> = taken()
        .steps
        .iter()
        .map(|(state, change, next)| format!("({state:?}, {change:?}) -> {next:?}"))
        .collect();
    let wanted = legal("next_step_state", "S");
    assert!(wanted.len() > 20, "the table was not read: {wanted:?}");
    assert_eq!(taken, wanted);
}

#[test]
fn scripts_take_every_legal_change_of_an_execution() {
    let taken: BTreeSet<String> = taken()
        .phases
        .iter()
        .map(|(phase, change, next)| format!("({phase:?}, {change:?}) -> {next:?}"))
        .collect();
    let wanted = legal("next_phase", "P");
    assert_eq!(wanted.len(), 12, "the table was not read: {wanted:?}");
    assert_eq!(taken, wanted);
}

#[test]
fn scripts_take_every_event_kind() {
    let taken = taken().kinds;
    let not_yet: BTreeSet<&str> = KINDS_NOT_YET.map(|(kind, _)| kind).into();
    let wanted: BTreeSet<&str> = Body::KINDS
        .iter()
        .copied()
        .filter(|kind| !not_yet.contains(kind))
        .collect();
    assert_eq!(taken, wanted);
}

#[test]
fn the_source_of_the_tables_says_what_they_do() {
    let mut steps = BTreeSet::new();
    for state in StepState::ALL {
        for change in StepChange::ALL {
            if let Ok(next) = next_step_state(state, change) {
                let again = [StepChange::Recover, StepChange::Retry];
                assert!(!state.settled() || again.contains(&change));
                steps.insert(format!("({state:?}, {change:?}) -> {next:?}"));
            }
        }
    }
    assert_eq!(steps, legal("next_step_state", "S"));
    let mut phases = BTreeSet::new();
    for phase in Phase::ALL {
        for change in PhaseChange::ALL {
            if let Ok(next) = next_phase(phase, change) {
                phases.insert(format!("({phase:?}, {change:?}) -> {next:?}"));
            }
        }
    }
    assert_eq!(phases, legal("next_phase", "P"));
}
