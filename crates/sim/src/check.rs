//! What must hold after every run. Nothing here asks the engine what is right: it reads the journal, the plan and the
//! witness, and has rules of its own.

mod effects;
mod kept;
mod order;
mod sessions;
mod status;

use crate::hold::hold;
use crate::scenario::DiskKind;
use crate::world::World;
use mandate_engine::{Event, Phase, State, StepState, fold, replay};
use mandate_host::projection::{execution_row, request_rows};
use mandate_host::recovery::{events, plan_of};
use mandate_store::Journal;

/// What does not hold, and what was found instead.
type Faults = Vec<(&'static str, String)>;

/// An execution as the journal has it.
pub(crate) struct Found {
    pub(crate) id: String,
    pub(crate) events: Vec<Event>,
    pub(crate) state: State,
}

/// Checks everything, and notes what does not hold.
pub(crate) fn check(world: &mut World<'_>) {
    let mut faults = Faults::new();
    let ids = hold(&world.acknowledged).executions();
    if let Some((process, outside)) = world.parts() {
        let journal = process.journal.as_ref();
        let mut all = Vec::new();
        let folds = world.scenario().disk == DiskKind::Sqlite;
        for id in ids {
            match found(journal, &id, folds) {
                Ok(found) => all.push(found),
                Err(why) => faults.push(("a journal folds and replays identically", why)),
            }
        }
        effects::check(outside, &all, &mut faults);
        order::check_all(journal, &all, &mut faults);
        kept::check(world, journal, &all, &mut faults);
        sessions::check(world, &all, &mut faults);
        let limit = world.scenario().calls_per_session;
        for found in &all {
            ends(found, (&all, limit), &mut faults);
            status::check(found, &mut faults);
            order::check(found, &mut faults);
            projections(journal, found, &mut faults);
            if let Some(state) = process.host.state(&found.id)
                && *state != found.state
            {
                let what = format!("{}: memory is not what the journal folds into", found.id);
                faults.push(("the state is the fold of the journal", what));
            }
        }
        for finding in world.verify_store() {
            faults.push(("the store verifies", finding));
        }
    }
    for (check, what) in faults {
        world.violate(check, what);
    }
}

fn found(journal: &dyn Journal, id: &str, folds: bool) -> Result<Found, String> {
    let told = |error: &dyn std::fmt::Display| format!("{id}: {error}");
    let events = events(journal, id).map_err(|error| told(&error))?;
    let plan = plan_of(journal, id, &events).map_err(|error| told(&error))?;
    let replayed = replay(plan.clone(), &events).map_err(|difference| {
        let (expected, found) = (&difference.expected, &difference.found);
        format!(
            "{}; expected {expected:?}, found {found:?}",
            told(&difference)
        )
    })?;
    let state = replayed.state;
    // A replay folds too; that the fold alone comes to the same is looked at in a share of the runs, since it takes long.
    if folds && fold(plan, &events).as_ref() != Ok(&state) {
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

/// Every execution ends or waits for something that has a name. At the end nobody is awaited who has anything to say.
fn ends(found: &Found, (all, limit): (&[Found], Option<u64>), faults: &mut Faults) {
    let state = &found.state;
    if state.phase == Phase::Ended {
        return;
    }
    let waits = state.waiting_for();
    let named = waits.as_ref().is_some_and(|waits| {
        // An approval that nobody gives expires, and an agent that stays away is not waited for.
        waits.kind == "replan" || (waits.kind == "child" && waits.step.is_some())
    });
    let named = named || (state.awaits_admission() && stands_in_line(all, limit));
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

/// Whether there is a line: all share one session, and somebody needs more than is left beside what others have set aside, who
/// must have a reason of their own to wait.
fn stands_in_line(all: &[Found], limit: Option<u64>) -> bool {
    let held = { all.iter().map(|one| one.state.set_aside()) }.fold(0, u64::saturating_add);
    let waits = all.iter().filter(|one| one.state.awaits_admission());
    let mut needs = waits.map(|one| one.state.worst_case().saturating_add(held));
    held > 0 && needs.any(|needs| limit.is_some_and(|limit| needs > limit))
}

/// What lists and the inbox read is what follows from the journal.
fn projections(journal: &dyn Journal, found: &Found, faults: &mut Faults) {
    const CHECK: &str = "projections follow from the journal";
    let id = &found.id;
    let row = journal.execution(id).ok().flatten();
    if row.as_ref() != Some(&execution_row(&found.state)) {
        faults.push((CHECK, format!("{id}: the execution's row")));
    }
    for row in request_rows(&found.state) {
        if journal.request(&row.request_id).ok().flatten().as_ref() != Some(&row) {
            faults.push((CHECK, format!("{id}: request {}", row.request_id)));
        }
    }
}
