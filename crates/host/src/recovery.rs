//! From the journal back to a state.

use crate::ask::HostError;
use crate::known_plans::KnownPlans;
use mandate_engine::{Body, Event, State, fold};
use mandate_plan::{CheckedPlan, Digest, reload};
use mandate_store::{Journal, Record};
use std::sync::Arc;

const PAGE: usize = 1_000;

/// All events of an execution, as far as they are durable.
///
/// # Errors
/// When the store fails or a row is not an event.
pub fn events(journal: &dyn Journal, execution_id: &str) -> Result<Vec<Event>, HostError> {
    let mut events: Vec<Event> = Vec::new();
    loop {
        let from = events.last().map_or(1, |event| event.seq.saturating_add(1));
        let page = journal.read(execution_id, from, PAGE)?;
        let full = page.len() == PAGE;
        for record in &page {
            events.push(event(record)?);
        }
        if !full {
            return Ok(events);
        }
    }
}

/// The event of one journal row.
///
/// # Errors
/// When the row is not an event.
pub fn event(record: &Record) -> Result<Event, HostError> {
    Event::from_row(record.seq, record.at_ms, &record.kind, &record.payload).map_err(|error| {
        HostError::Unreadable {
            execution_id: record.stream.clone(),
            reason: error.to_string(),
        }
    })
}

/// The plan that an execution's first event names.
///
/// # Errors
/// When the first event is another one, or the plan is not stored whole.
pub fn plan_of(
    journal: &dyn Journal,
    execution_id: &str,
    events: &[Event],
) -> Result<Arc<CheckedPlan>, HostError> {
    stored_plan(journal, execution_id, plan_hash(execution_id, events)?)
}

fn plan_hash<'a>(execution_id: &str, events: &'a [Event]) -> Result<&'a Digest, HostError> {
    match events.first().map(|event| &event.body) {
        Some(Body::ExecutionCreated(created)) => {
            created.is_known().map_err(|newer| HostError::Newer {
                execution_id: execution_id.to_owned(),
                reason: newer.to_string(),
            })?;
            Ok(&created.plan_hash)
        }
        _ => Err(HostError::NoSuchExecution(execution_id.to_owned())),
    }
}

fn stored_plan(
    journal: &dyn Journal,
    execution_id: &str,
    hash: &Digest,
) -> Result<Arc<CheckedPlan>, HostError> {
    let unreadable = |reason: String| HostError::Unreadable {
        execution_id: execution_id.to_owned(),
        reason,
    };
    let canonical = journal
        .plan(hash)?
        .ok_or_else(|| unreadable(format!("its plan {hash} is not stored")))?;
    let plan = reload(&canonical).map_err(|violations| {
        let first = violations
            .first()
            .map(|violation| violation.message.clone())
            .unwrap_or_default();
        unreadable(format!("its plan does not check any more: {first}"))
    })?;
    if plan.hash() != hash {
        return Err(unreadable(format!("the stored plan {hash} was changed")));
    }
    Ok(plan)
}

/// The state that an execution's events fold into.
///
/// # Errors
/// When there is no such execution or its journal does not fold.
pub fn load(journal: &dyn Journal, execution_id: &str) -> Result<State, HostError> {
    load_with(journal, execution_id, &mut KnownPlans::default())
}

/// The same; the plan is loaded only if it is not in use already.
pub(crate) fn load_with(
    journal: &dyn Journal,
    execution_id: &str,
    plans: &mut KnownPlans,
) -> Result<State, HostError> {
    let events = events(journal, execution_id)?;
    let hash = plan_hash(execution_id, &events)?;
    let plan = plans.get_or(hash, || stored_plan(journal, execution_id, hash))?;
    fold(plan, &events).map_err(|difference| HostError::Unreadable {
        execution_id: execution_id.to_owned(),
        reason: difference.to_string(),
    })
}
