//! What must hold after every run.

use crate::hold::hold;
use crate::outside::Outside;
use crate::world::World;
use mandate_engine::{Event, Phase, State, StepState};
use mandate_host::recovery::{events, load, plan_of};
use mandate_store::Journal;
use std::collections::BTreeMap;

/// An execution as the journal has it.
pub(crate) struct Found {
    pub(crate) id: String,
    pub(crate) events: Vec<Event>,
    pub(crate) state: State,
}

type Faults = Vec<(&'static str, String)>;

/// Checks everything, and notes what does not hold.
pub(crate) fn check(world: &mut World<'_>) {
    let mut faults = Faults::new();
    let ids = hold(&world.acknowledged).executions();
    if let Some((process, outside)) = world.parts() {
        let mut all = Vec::new();
        for id in ids {
            match found(process.journal.as_ref(), &id) {
                Ok(found) => all.push(found),
                Err(why) => faults.push(("a journal folds and replays identically", why)),
            }
        }
        effects(outside, &all, &mut faults);
        for found in &all {
            ends(found, &mut faults);
            if let Some(state) = process.host.state(&found.id)
                && *state != found.state
            {
                let what = format!("{}: memory is not what the journal folds into", found.id);
                faults.push(("the state is the fold of the journal", what));
            }
        }
    }
    for (check, what) in faults {
        world.violate(check, what);
    }
}

fn found(journal: &dyn Journal, id: &str) -> Result<Found, String> {
    let told = |error: &dyn std::fmt::Display| format!("{id}: {error}");
    let events = events(journal, id).map_err(|error| told(&error))?;
    let plan = plan_of(journal, id, &events).map_err(|error| told(&error))?;
    let replayed = mandate_engine::replay(plan, &events).map_err(|difference| {
        format!(
            "{}: {:?} / {:?}",
            told(&difference),
            difference.expected,
            difference.found
        )
    })?;
    let state = load(journal, id).map_err(|error| told(&error))?;
    if state != replayed.state {
        return Err(format!(
            "{id}: the replay ends in another state than the fold"
        ));
    }
    Ok(Found {
        id: id.to_owned(),
        events,
        state,
    })
}

/// Nothing twice, nothing lost, nothing without a journal.
fn effects(outside: &Outside, all: &[Found], faults: &mut Faults) {
    let mut starts: BTreeMap<(String, String), ()> = BTreeMap::new();
    for found in all {
        for event in &found.events {
            let told = serde_json::to_value(&event.body).unwrap_or_default();
            let key = told
                .pointer("/data/idempotency_key")
                .and_then(|key| key.as_str());
            if let Some(key) = key {
                starts.insert((found.id.clone(), key.to_owned()), ());
            }
        }
    }
    for early in outside.early() {
        faults.push(("no effect before the disk has its start", early));
    }
    for (key, effect) in outside.effects() {
        let place = format!(
            "step `{}` {:?} of {}",
            effect.step, effect.item, effect.execution_id
        );
        if effect.times > 1 && !effect.idempotent {
            let what = format!("{place}: {} times", effect.times);
            faults.push(("no effect is done twice", what));
        }
        if !starts.contains_key(&(effect.execution_id.clone(), key)) {
            faults.push(("no effect without a journal", place));
        }
    }
}

/// Every execution ends or waits for something that has a name.
fn ends(found: &Found, faults: &mut Faults) {
    let state = &found.state;
    if state.phase == Phase::Ended {
        return;
    }
    let waits = state.waiting_for();
    let named = waits
        .as_ref()
        .is_some_and(|waits| matches!(waits.kind.as_str(), "replan" | "plan" | "agent"));
    if !named {
        let units: Vec<StepState> = state.every_step().map(|(_, data)| data.state).collect();
        let what = format!(
            "{}: {} in {:?}, waiting for {:?}, steps {units:?}",
            found.id,
            state.shown_state(),
            state.phase,
            waits.map(|waits| (waits.kind, waits.step)),
        );
        faults.push(("every execution ends or waits for a named reason", what));
    }
}
