//! What happened outside, against what the journal says: nothing twice, nothing lost, nothing unheard of.

use super::{Faults, Found};
use crate::outside::Outside;
use mandate_engine::event::{RETRY, RequestKind};
use mandate_engine::{Body, StepState, Unit};
use mandate_plan::Effect as Kind;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn check(outside: &Outside, all: &[Found], faults: &mut Faults) {
    for early in outside.early() {
        faults.push(("no effect begins before the disk has its start", early));
    }
    let mut started: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    // Whoever is asked about a failed step may have it tried again, also where its effect happened.
    let mut ordered: BTreeMap<(String, String), u32> = BTreeMap::new();
    for found in all {
        for step in tried_again(found) {
            let times = ordered.entry((found.id.clone(), step)).or_default();
            *times = times.saturating_add(1);
        }
        let keys = found.events.iter().filter_map(|event| match &event.body {
            Body::StepStarted {
                idempotency_key, ..
            }
            | Body::CompensationStarted {
                idempotency_key, ..
            } => Some(idempotency_key.clone()),
            _ => None,
        });
        started.insert(found.id.clone(), keys.collect());
    }
    for (key, effect) in outside.effects() {
        let place = format!(
            "step `{}` {:?} of {}",
            effect.step, effect.item, effect.execution_id
        );
        let again = ordered.get(&(effect.execution_id.clone(), effect.step.clone()));
        if effect.times > again.map_or(1, |again| again.saturating_add(1)) && !effect.idempotent {
            let what = format!("{place}: {} times", effect.times);
            faults.push(("no effect is done twice", what));
        }
        let keys = started.get(&effect.execution_id);
        if !keys.is_some_and(|keys| keys.contains(&key)) {
            faults.push(("no effect without a journal", place));
        }
    }
    for found in all {
        lost(outside, found, faults);
    }
}

/// The steps that people had tried again, once for each time.
fn tried_again(found: &Found) -> Vec<String> {
    let mut about: BTreeMap<&str, &str> = BTreeMap::new();
    let mut again = Vec::new();
    for event in &found.events {
        match &event.body {
            Body::RequestOpened(request) => {
                if let (RequestKind::Failure, Some(step)) = (request.kind, &request.step) {
                    about.insert(&request.request_id, step);
                }
            }
            Body::RequestAnswered(answer) if answer.choice == RETRY => {
                let step = about.get(answer.request_id.as_str());
                again.extend(step.map(|step| (*step).to_owned()));
            }
            _ => {}
        }
    }
    again
}

/// What the journal says was done was done. What people said of a doubt, or gave in place of an output, is theirs.
fn lost(outside: &Outside, found: &Found, faults: &mut Faults) {
    let mut keys: BTreeMap<(String, Option<u32>, bool), String> = BTreeMap::new();
    let mut told: BTreeSet<(String, Option<u32>)> = BTreeSet::new();
    for event in &found.events {
        match &event.body {
            Body::StepStarted {
                step,
                item,
                idempotency_key,
                ..
            } => {
                keys.insert((step.clone(), *item, false), idempotency_key.clone());
            }
            Body::CompensationStarted {
                step,
                item,
                idempotency_key,
                ..
            } => {
                keys.insert((step.clone(), *item, true), idempotency_key.clone());
            }
            Body::StepResolved { step, item, by, .. } if !by.starts_with("tool:") => {
                told.insert((step.clone(), *item));
            }
            _ => {}
        }
    }
    for (step, data) in found.state.every_step() {
        for (place, unit) in data.units.iter().enumerate() {
            let item = { step.for_each.as_ref() }.and_then(|_| u32::try_from(place).ok());
            let id = step.step.id.clone();
            let mut claim = |unit: &Unit, undoes: bool| {
                let effect = unit.facts.is_some_and(|facts| facts.effect != Kind::Read);
                if unit.state != StepState::Completed || !effect || unit.nested || unit.attempt == 0
                {
                    return;
                }
                let key = keys.get(&(id.clone(), item, undoes));
                let times = key.map_or(0, |key| outside.times(key));
                if times == 0 && !told.contains(&(id.clone(), item)) {
                    let what = format!("step `{id}` {item:?} of {} (undo: {undoes})", found.id);
                    faults.push(("nothing that was reported is lost", what));
                }
            };
            claim(unit, false);
            if let Some(undo) = &unit.undo {
                claim(undo, true);
            }
        }
    }
    outputs(found, faults);
}

/// An execution that has ended tells the outputs of its completed steps.
fn outputs(found: &Found, faults: &mut Faults) {
    let Some(ending) = &found.state.ending else {
        return;
    };
    if found.state.plan().outputs().is_some() {
        return;
    }
    let steps = found.state.plan().steps().iter();
    for (step, (_, data)) in steps.zip(found.state.every_step()) {
        let told = ending.outputs.get(&step.step.id);
        let usable = matches!(data.state, StepState::Completed | StepState::Recovered);
        let right = match (usable, told) {
            (true, told) => told == Some(data.output.as_ref().unwrap_or(&Value::Null)),
            (false, told) => told.is_none(),
        };
        if !right {
            let what = format!("output of `{}` of {}", step.step.id, found.id);
            faults.push(("nothing that was reported is lost", what));
        }
    }
}
