//! Replay: fold the journal, re-derive every decision of the engine, and compare. What policy decided is read, not
//! decided again.

use crate::carry;
use crate::event::{Body, Event, Request, RequestKind};
use crate::settle::{self, CallOutcome, settle};
use crate::state::State;
use crate::turn::{Gate, Started, Turned, begin, turn};
use mandate_plan::{CheckedPlan, Digest, ErrorCode, execution_digest};
use mandate_policy::{Purpose, Refusal, ResolvedCall};
use serde::Serialize;
use serde_json::Value;
use std::collections::VecDeque;
use std::sync::Arc;

/// The first place where a journal is not what the engine would have written.
#[derive(Debug, Clone, PartialEq, Serialize, thiserror::Error)]
#[error("differs at seq {seq}: {message}")]
pub struct Difference {
    /// The event's `seq`.
    pub seq: u64,
    /// What is wrong with it.
    pub message: String,
    /// What the engine derives there.
    pub expected: Option<Value>,
    /// What the journal holds.
    pub found: Option<Value>,
}

/// What a replay that found no difference covered.
#[derive(Debug, Clone, PartialEq)]
pub struct Replayed {
    /// The state after the last event.
    pub state: State,
    /// Events read.
    pub events: u64,
    /// Events that were re-derived and are identical.
    pub decisions: u64,
}

struct Journaled<'a> {
    events: &'a [Event],
}

impl Journaled<'_> {
    /// The event that the journal holds after the state's last.
    fn next(&self, state: &State) -> Option<&Body> {
        let index = usize::try_from(state.seq).ok()?;
        self.events.get(index).map(|event| &event.body)
    }
}

fn not_in_journal() -> Refusal {
    Refusal::new(
        ErrorCode::UnknownError,
        "the journal holds no decision about this",
    )
}

impl Gate for Journaled<'_> {
    fn start(&mut self, state: &State, call: &ResolvedCall) -> Result<Started, Refusal> {
        match self.next(state) {
            Some(Body::StepStarted {
                step,
                item,
                facts,
                permit,
                sandbox,
                outside,
                ..
            }) if call.purpose == Purpose::Run && *step == call.step && *item == call.item => {
                Ok(Started {
                    facts: *facts,
                    permit: *permit,
                    sandbox: sandbox.clone(),
                    outside: *outside,
                })
            }
            Some(Body::CompensationStarted {
                step,
                item,
                facts,
                permit,
                sandbox,
                ..
            }) if call.purpose == Purpose::Compensate
                && *step == call.step
                && *item == call.item =>
            {
                Ok(Started {
                    facts: *facts,
                    permit: *permit,
                    sandbox: sandbox.clone(),
                    outside: false,
                })
            }
            Some(Body::CompensationFailed {
                step,
                item,
                refusal: Some(refusal),
                ..
            }) if call.purpose == Purpose::Compensate
                && *step == call.step
                && *item == call.item =>
            {
                Err(refusal.clone())
            }
            Some(Body::CallRefused {
                refusal,
                admission: false,
                ..
            }) => Err(refusal.clone()),
            Some(Body::StepBlocked {
                step,
                item,
                refusal,
            }) if *step == call.step && *item == call.item => Err(refusal.clone()),
            Some(Body::StepHeld {
                step,
                item,
                refusal,
                purpose,
                ..
            }) if *step == call.step && *item == call.item && *purpose == call.purpose => {
                Err(refusal.clone())
            }
            Some(Body::RequestOpened(request))
                if request.step.as_deref() == Some(&call.step) && request.item == call.item =>
            {
                Err(request.refusal.clone().unwrap_or_else(not_in_journal))
            }
            _ => Err(not_in_journal()),
        }
    }

    fn flow(&mut self, state: &State, request: &Request) -> Option<Value> {
        match self.next(state) {
            Some(Body::RequestOpened(found)) if found.request_id == request.request_id => {
                found.detail.get("flow").cloned()
            }
            _ => None,
        }
    }

    fn output_schema(&mut self, state: &State, step: &str) -> Option<Value> {
        let Some(Body::RequestOpened(request)) = self.next(state) else {
            return None;
        };
        let schema = request.answer_schema.clone();
        let schema = schema.filter(|_| request.step.as_deref() == Some(step));
        match (request.kind, state.step(step)) {
            (RequestKind::Failure, Some((_, data))) if data.items.is_some() => {
                schema?.get("items").cloned()
            }
            _ => schema,
        }
    }
}

/// Replays a whole stream.
///
/// # Errors
/// The first difference.
pub fn replay(plan: Arc<CheckedPlan>, events: &[Event]) -> Result<Replayed, Box<Difference>> {
    let mut gate = Journaled { events };
    let first = events
        .first()
        .ok_or_else(|| difference(1, "the stream is empty", None, None))?;
    check_digests(&plan, first)?;
    let (mut state, turned) = begin(plan, first.clone(), &mut gate)
        .map_err(|error| difference(first.seq, &error.to_string(), None, None))?;
    let mut derived = derived_of(turned);
    let mut decisions = 0;
    // `state` is ahead of `events` by what was derived; what is compared is each event in turn.
    for event in events.iter().skip(1) {
        if let Some(expected) = derived.pop_front() {
            compare(&expected, event)?;
            decisions += 1;
            continue;
        }
        check_input(&state, event)?;
        let Some(turned) = turn(&mut state, event.at_ms, event.body.clone(), &mut gate) else {
            let message = "the event changes nothing at this place: it cannot have happened here";
            return Err(difference(event.seq, message, None, Some(event)));
        };
        if let Some(applied) = turned.events.first() {
            compare(applied, event)?;
        }
        derived = derived_of(turned);
    }
    if let Some(missing) = derived.pop_front() {
        let message = format!(
            "`{}` should follow, but the journal ends before it",
            missing.body.kind()
        );
        return Err(difference(missing.seq, &message, Some(&missing), None));
    }
    Ok(Replayed {
        state,
        events: events.len() as u64,
        decisions,
    })
}

/// The state after the event with that `seq`, by folding alone.
///
/// # Errors
/// When an event cannot be applied.
pub fn fold(plan: Arc<CheckedPlan>, events: &[Event]) -> Result<State, Box<Difference>> {
    let first = events
        .first()
        .ok_or_else(|| difference(1, "the stream is empty", None, None))?;
    let mut state = State::begin(plan, first)
        .map_err(|error| difference(first.seq, &error.to_string(), None, None))?;
    for event in events.iter().skip(1) {
        if state.apply(event) == crate::apply::Applied::Ignored {
            return Err(difference(
                event.seq,
                "the event changes nothing at this place",
                None,
                Some(event),
            ));
        }
    }
    Ok(state)
}

fn derived_of(turned: Turned) -> VecDeque<Event> {
    let mut events: VecDeque<Event> = turned.events.into();
    events.pop_front();
    events
}

fn compare(expected: &Event, found: &Event) -> Result<(), Box<Difference>> {
    if expected == found {
        return Ok(());
    }
    let message = if expected.body.kind() != found.body.kind() {
        format!(
            "`{}` follows from the events before, the journal holds `{}`",
            expected.body.kind(),
            found.body.kind()
        )
    } else {
        format!(
            "`{}` has other content than follows from the events before",
            found.body.kind()
        )
    };
    Err(difference(found.seq, &message, Some(expected), Some(found)))
}

/// What can be checked of an input: the digests in it, and that an outcome means what the rules say it means.
fn check_input(state: &State, event: &Event) -> Result<(), Box<Difference>> {
    let outcome = match &event.body {
        Body::StepCompleted {
            output,
            output_digest,
            step,
            item,
            attempt,
            ..
        } => {
            if settle::output_digest(step, *item, *attempt, output) != *output_digest {
                let message = "the output is not the one that its digest was taken over";
                return Err(difference(event.seq, message, None, Some(event)));
            }
            Some((
                step,
                *item,
                *attempt,
                Purpose::Run,
                CallOutcome::Completed(output.clone()),
            ))
        }
        Body::CompensationCompleted {
            output,
            output_digest,
            step,
            item,
            attempt,
        } => {
            if settle::output_digest(step, *item, *attempt, output) != *output_digest {
                let message = "the output is not the one that its digest was taken over";
                return Err(difference(event.seq, message, None, Some(event)));
            }
            Some((
                step,
                *item,
                *attempt,
                Purpose::Compensate,
                CallOutcome::Completed(output.clone()),
            ))
        }
        // What was not called fails by the engine's own finding, which is derived and never an input.
        Body::StepFailed { attempt, .. } | Body::CompensationFailed { attempt, .. }
            if *attempt > 0 =>
        {
            None
        }
        Body::StepInDoubt { .. } => None,
        body if body.is_input() => None,
        body => {
            let message = format!(
                "`{}` does not follow from the events before it",
                body.kind()
            );
            return Err(difference(event.seq, &message, None, Some(event)));
        }
    };
    let Some((step, item, attempt, purpose, outcome)) = outcome else {
        return Ok(());
    };
    let settled = settle(state, step, item, attempt, purpose, outcome);
    // What was found in it was found then; another version may look for something else.
    let settled = settled.map(|body| body.suspected_as(&event.body));
    let settled = settled.map(|body| match event.body.reported() {
        Some(reported) => body.reported_as(reported.clone()),
        None => body,
    });
    match settled {
        Some(body) if body == event.body && body.is_as_reported() => Ok(()),
        _ => {
            let message = "this output does not complete the step here";
            Err(difference(event.seq, message, None, Some(event)))
        }
    }
}

fn check_digests(plan: &CheckedPlan, first: &Event) -> Result<(), Box<Difference>> {
    let Body::ExecutionCreated(created) = &first.body else {
        return Ok(());
    };
    let inputs = Digest::of_json(&Value::Object(created.inputs.clone()));
    let digest = execution_digest(plan.hash(), &created.inputs_digest, &created.tools);
    if inputs != created.inputs_digest || digest != created.execution_digest {
        let message =
            "the inputs or tools are not the ones that the execution's digest was taken over";
        return Err(difference(first.seq, message, None, Some(first)));
    }
    if let Some(carried) = &created.carried
        && carry::digest(&carried.from, &carried.steps) != carried.digest
    {
        let message =
            "the outputs that were taken over are not the ones that their digest was taken over";
        return Err(difference(first.seq, message, None, Some(first)));
    }
    Ok(())
}

fn difference(
    seq: u64,
    message: &str,
    expected: Option<&Event>,
    found: Option<&Event>,
) -> Box<Difference> {
    let as_json = |event: Option<&Event>| event.and_then(|event| serde_json::to_value(event).ok());
    Box::new(Difference {
        seq,
        message: message.to_owned(),
        expected: as_json(expected),
        found: as_json(found),
    })
}
