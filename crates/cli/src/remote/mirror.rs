//! An execution as a server's events give it: the same state that its journal gives.

use super::{client::Client, problem};
use crate::errors::Failure;
use mandate_engine::{Applied, Event, State};
use mandate_host::Freeze;
use mandate_plan::{Digest, reload};
use mandate_server::view::{AwaitedCalls, ChainedEvent};
use mandate_store::Head;
use serde::Deserialize;
use serde_json::value::RawValue;

/// As many events as a page has at most.
const PAGE: &str = "1000";

#[derive(Deserialize)]
struct Page {
    events: Vec<ChainedEvent>,
    next_after: Option<u64>,
}

#[derive(Deserialize)]
struct Plan {
    plan: Box<RawValue>,
}

/// What a server says of an execution beside its events.
#[derive(Deserialize)]
pub(super) struct Beside {
    /// The head of its journal.
    #[serde(default)]
    pub(super) head: Option<Head>,
    /// The freeze that holds it up.
    #[serde(default)]
    pub(super) freeze: Option<Freeze>,
    /// What it lacks to start, while others of its session have set calls aside.
    #[serde(default)]
    pub(super) awaited_calls: Option<AwaitedCalls>,
}

/// Folds all events that there are.
///
/// # Errors
/// There is no such execution, or what comes does not fold.
pub(super) fn state(client: &Client, execution_id: &str) -> Result<State, Failure> {
    Ok(history(client, execution_id)?.0)
}

/// The same, with the events.
///
/// # Errors
/// The same.
pub(super) fn history(
    client: &Client,
    execution_id: &str,
) -> Result<(State, Vec<ChainedEvent>), Failure> {
    let all = pages(client, execution_id, 0)?;
    let strange = |why: String| problem::strange(&client.name(), &why);
    let first = all.first();
    let first = first.ok_or_else(|| strange(format!("`{execution_id}` has no events")))?;
    let begun = event(client, first)?;
    // The plan that it began with: revisions are in the events.
    let query = [("at", Some("1".to_owned()))];
    let plan: Plan = client.get(&["executions", execution_id, "plan"], &query)?;
    let plan = reload(plan.plan.get().as_bytes())
        .map_err(|_| strange("its plan is none of this version".to_owned()))?;
    let mut state = State::begin(plan, &begun).map_err(|error| strange(error.to_string()))?;
    for told in all.iter().skip(1) {
        apply(client, &mut state, told)?;
    }
    Ok((state, all))
}

/// The events behind one.
///
/// # Errors
/// What the server says.
pub(super) fn pages(
    client: &Client,
    execution_id: &str,
    mut after: u64,
) -> Result<Vec<ChainedEvent>, Failure> {
    let mut all = Vec::new();
    loop {
        let query = [
            ("after", Some(after.to_string())),
            ("limit", Some(PAGE.to_owned())),
        ];
        let page: Page = client.get(&["executions", execution_id, "events"], &query)?;
        all.extend(page.events);
        match page.next_after {
            Some(next) if next > after => after = next,
            _ => return Ok(all),
        }
    }
}

/// Takes an event in, and gives it.
///
/// # Errors
/// It does not fit behind what is there.
pub(super) fn apply(
    client: &Client,
    state: &mut State,
    told: &ChainedEvent,
) -> Result<Event, Failure> {
    let event = event(client, told)?;
    if state.apply(&event) == Applied::Ignored {
        let why = format!("event {} of `{}` does not fit", told.seq, told.execution_id);
        return Err(problem::strange(&client.name(), &why));
    }
    Ok(event)
}

fn event(client: &Client, told: &ChainedEvent) -> Result<Event, Failure> {
    let data = told.data.as_ref().map_or("null", |data| data.get());
    Event::from_row(told.seq, told.at_ms, &told.kind, data.as_bytes())
        .map_err(|error| problem::strange(&client.name(), &error.to_string()))
}

/// What the server says beside the events.
///
/// # Errors
/// What the server says instead.
pub(super) fn beside(client: &Client, execution_id: &str) -> Result<Beside, Failure> {
    client.get(&["executions", execution_id], &[])
}

/// A plan that the server has, as its hash is taken over it; none where it does not show it.
pub(super) fn plan(client: &Client, hash: &Digest) -> Option<Vec<u8>> {
    let plan: Result<Plan, Failure> = client.get(&["plans", &hash.to_string()], &[]);
    Some(plan.ok()?.plan.get().as_bytes().to_vec())
}
