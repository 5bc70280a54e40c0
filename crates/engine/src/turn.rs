//! One turn: an input comes in, everything that follows from it is decided and applied. Hosts and replays share it.

use crate::agent;
use crate::apply::Applied;
use crate::decide::{Command, decide};
use crate::event::{Body, Event, Request, RequestKind};
use crate::failure::supply_schema;
use crate::held::{after_refusal, after_undo_refusal};
use crate::life::Phase;
use crate::readiness::is_closed;
use crate::state::{BadStart, State};
use mandate_plan::{CheckedPlan, Digest, Facts};
use mandate_policy::dataflow::Part;
use mandate_policy::{Approval, Labels, Purpose, Refusal, ResolvedCall, Turn, counts_as_call};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What `enforce` gave for a call, as it is journaled.
#[derive(Debug, Clone, PartialEq)]
pub struct Started {
    /// The facts of this call.
    pub facts: Facts,
    /// Digest of the permit.
    pub permit: Digest,
    /// The isolation that the call gets.
    pub sandbox: Option<String>,
    /// The one who asked for it makes it.
    pub outside: bool,
}

/// Where the turn asks whether something may happen. The host's gate calls `enforce` and keeps the permits; a replay's
/// reads what it said from the journal.
pub trait Gate {
    /// Whether this call may be made.
    ///
    /// # Errors
    /// The refusal of `enforce`.
    fn start(&mut self, state: &State, call: &ResolvedCall) -> Result<Started, Refusal>;

    /// The JSON Schema of what a step's tool gives, where there is one.
    fn output_schema(&mut self, state: &State, step: &str) -> Option<Value>;

    /// Where the arguments come from that a request about calls shows, and which of them are sensitive.
    fn flow(&mut self, state: &State, request: &Request) -> Option<Value> {
        let _ = (state, request);
        None
    }
}

/// What a turn gave: events to append as one batch, in this order, then commands to carry out.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Turned {
    /// The events, the input's first.
    pub events: Vec<Event>,
    /// The plan is to be admitted, and `execution_started` or `call_refused` given in as the next input.
    pub admit: bool,
    /// Calls to drop.
    pub aborts: Vec<Abort>,
    /// When to come back if nothing happens before, Unix milliseconds.
    pub wake_ms: Option<i64>,
}

/// A call that is to be dropped if it is still under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Abort {
    /// The step.
    pub step: String,
    /// The item.
    pub item: Option<u32>,
    /// The attempt.
    pub attempt: u32,
    /// Whether it runs the step or undoes it.
    pub purpose: Purpose,
}

/// Begins an execution: applies `execution_created` and decides.
///
/// # Errors
/// When the event cannot begin an execution of this plan.
pub fn begin(
    plan: Arc<CheckedPlan>,
    event: Event,
    gate: &mut dyn Gate,
) -> Result<(State, Turned), BadStart> {
    let mut state = State::begin(plan, &event)?;
    let mut turned = Turned {
        events: vec![event],
        ..Turned::default()
    };
    follow(&mut state, gate, &mut turned);
    Ok((state, turned))
}

/// Runs one turn at `now_ms`; engine time never goes back. None when the input changes nothing here: it is stale,
/// repeated or not legal, and there is nothing to append.
pub fn turn(state: &mut State, now_ms: i64, input: Body, gate: &mut dyn Gate) -> Option<Turned> {
    let event = Event {
        seq: state.seq.saturating_add(1),
        at_ms: state.at_ms.max(now_ms),
        body: state.sealed(input),
    };
    if state.apply(&event) == Applied::Ignored {
        return None;
    }
    let mut turned = Turned {
        events: vec![event],
        ..Turned::default()
    };
    follow(state, gate, &mut turned);
    Some(turned)
}

fn follow(state: &mut State, gate: &mut dyn Gate, turned: &mut Turned) {
    loop {
        turned.aborts.clear();
        turned.wake_ms = None;
        turned.admit = false;
        let mut changed = false;
        let phase = state.phase;
        for command in decide(state) {
            if state.phase != phase {
                break; // the rest was decided before the execution stopped
            }
            let body = match command {
                Command::Record(Body::RequestOpened(request)) => {
                    Body::RequestOpened(with_schema(state, request, gate))
                }
                Command::Record(body) => body,
                Command::Admit => {
                    turned.admit = true;
                    continue;
                }
                // The next host starts it.
                Command::Start(_) if state.leaving => continue,
                // Used up by a call of this round: what the gate would say of this one would not be put on record.
                Command::Start(call)
                    if counts_as_call(&call.tool, call.purpose) && state.is_out_of_calls() =>
                {
                    continue;
                }
                Command::Start(call) => match gate.start(state, &call) {
                    Ok(started) => started_event(call, started),
                    Err(refusal) if call.purpose == Purpose::Compensate => {
                        after_undo_refusal(state, call, refusal)
                    }
                    Err(refusal) => match agent::refused(state, refusal) {
                        Ok(body) => body,
                        Err(refusal) => after_refusal(state, call, refusal),
                    },
                },
                Command::Abort {
                    step,
                    item,
                    attempt,
                    purpose,
                } => {
                    turned.aborts.push(Abort {
                        step,
                        item,
                        attempt,
                        purpose,
                    });
                    continue;
                }
                Command::WaitUntil(due_ms) => {
                    turned.wake_ms = Some(due_ms);
                    continue;
                }
            };
            let event = Event {
                seq: state.seq.saturating_add(1),
                at_ms: state.at_ms,
                body: with_flow(state, body, gate),
            };
            // What an earlier event of this round made impossible is dropped; the next round decides anew.
            if state.apply(&event) == Applied::Changed {
                turned.events.push(event);
                changed = true;
            }
        }
        if !changed {
            return;
        }
    }
}

/// An output that somebody may supply has the schema of the tool's.
fn with_schema(state: &State, mut request: Box<Request>, gate: &mut dyn Gate) -> Box<Request> {
    let step = request.step.clone().unwrap_or_default();
    let schema = match (request.kind, state.step(&step)) {
        (RequestKind::Failure, Some((_, data))) => {
            supply_schema(data, gate.output_schema(state, &step))
        }
        // What an undo call gives is used by nobody.
        (RequestKind::InDoubt, Some(_)) if state.phase != Phase::Compensating => {
            match gate.output_schema(state, &step) {
                Some(schema) => schema,
                None => return request,
            }
        }
        _ => return request,
    };
    request.answer_schema = Some(schema);
    request.seal();
    request
}

/// Whoever says yes to a call sees where its arguments come from.
fn with_flow(state: &State, body: Body, gate: &mut dyn Gate) -> Body {
    let Body::RequestOpened(mut request) = body else {
        return body;
    };
    if request.kind == RequestKind::Step
        && let Some(flow) = gate.flow(state, &request)
        && let Some(detail) = request.detail.as_object_mut()
    {
        detail.insert("flow".to_owned(), flow);
        request.seal();
    }
    Body::RequestOpened(request)
}

fn started_event(call: ResolvedCall, started: Started) -> Body {
    let args_digest = call.args_digest();
    let granted_digest = granted_digest(&call, &started);
    if call.purpose == Purpose::Compensate {
        return Body::CompensationStarted {
            step: call.step,
            item: call.item,
            attempt: call.attempt,
            tool: call.tool,
            facts: started.facts,
            args: call.args,
            args_digest,
            idempotency_key: call.idempotency_key,
            permit: started.permit,
            granted_digest,
            timeout_ms: call.timeout_ms,
            sandbox: started.sandbox,
        };
    }
    Body::StepStarted {
        step: call.step,
        item: call.item,
        attempt: call.attempt,
        tool: call.tool,
        facts: started.facts,
        args: call.args,
        args_digest,
        idempotency_key: call.idempotency_key,
        permit: started.permit,
        granted_digest,
        timeout_ms: call.timeout_ms,
        sandbox: started.sandbox,
        outside: started.outside,
    }
}

fn granted_digest(call: &ResolvedCall, started: &Started) -> Digest {
    let Started {
        facts,
        permit,
        sandbox,
        outside,
    } = started;
    let granted = (&call.step, call.item, call.attempt, facts, permit, sandbox);
    // Written without a tree of values. It is canonical: the fields of the facts stand in the order of their names.
    let mut granted = serde_json::to_vec(&granted).unwrap_or_default();
    if *outside {
        granted.pop();
        granted.extend_from_slice(br#","outside"]"#);
    }
    Digest::framed("mandate/granted/v1", [granted.as_slice()])
}

impl Turn for State {
    fn execution_id(&self) -> &str {
        &self.created.execution_id
    }

    fn running(&self, purpose: Purpose) -> Result<(), Refusal> {
        let runs = match (self.phase, purpose) {
            // What is to come may be in the next plan another call, or none.
            (Phase::Active, Purpose::Run) => self.paused.is_none() && !self.is_replanning(),
            (Phase::Closing, Purpose::Run) => !self.is_forced(),
            (Phase::Active | Phase::Stopping, Purpose::Compensate) => {
                self.may_finish() && self.owes_undo()
            }
            (Phase::Compensating, Purpose::Compensate) => !self.gives_up(),
            _ => false,
        };
        if self.revoked {
            let message = "the approval of this execution was revoked";
            return Err(Refusal::new(
                mandate_plan::ErrorCode::ApprovalRequired,
                message,
            ));
        }
        if let Some(invariant) = self.unresolved().filter(|_| self.phase == Phase::Active) {
            let message = format!("the invariant `{invariant}` is violated");
            return Err(Refusal::new(
                mandate_plan::ErrorCode::InvariantViolated,
                message,
            ));
        }
        if runs {
            return Ok(());
        }
        let message = format!(
            "execution `{}` is {}: no {purpose} call may be made",
            self.created.execution_id,
            self.shown_state()
        );
        Err(Refusal::new(
            mandate_plan::ErrorCode::SequenceViolation,
            message,
        ))
    }

    fn turn(&self, call: &ResolvedCall) -> Result<(), Refusal> {
        let place = call.place();
        let refuse = |why: &str| {
            let message = format!("it is not the turn of `{place}`: {why}");
            let expected = serde_json::json!({ "steps": self.startable() });
            Err(
                Refusal::new(mandate_plan::ErrorCode::SequenceViolation, message)
                    .expecting(expected),
            )
        };
        let Some((step, data)) = self.step(&call.step) else {
            return refuse("the plan has no such step");
        };
        if call.purpose == Purpose::Compensate {
            let not = self.not_the_turn_of(&call.step, call.item, call.attempt);
            return not.map_or(Ok(()), refuse);
        }
        let Some(unit) = self.unit(&call.step, call.item) else {
            return refuse("the step has no such item");
        };
        if call.attempt != unit.attempt.saturating_add(1) {
            return refuse("another attempt is the next one");
        }
        if !unit.may_start(self.at_ms, self.own_wait(step.index)) {
            return refuse(&format!("it is {}", unit.state.as_str()));
        }
        if !self.in_order(step) {
            return refuse("a step before it is not settled");
        }
        if !self.needs_met(step) {
            return refuse("a step that it needs did not complete");
        }
        if step.condition.is_some() && data.condition != Some(true) {
            return refuse("its condition does not hold");
        }
        if unit.attempt == 0 && is_closed(step, data) {
            return refuse("an item before it failed");
        }
        let number = call.item.map_or(0, |item| item as usize);
        if !self.is_next_unit(data, number) {
            return refuse("an item before it is not settled");
        }
        Ok(())
    }

    fn counted_calls(&self) -> u64 {
        // What a parent did not leave over is used up from the start.
        let withheld = self.plan.max_tool_calls().saturating_sub(self.most_calls());
        self.calls.saturating_add(withheld)
    }

    fn granted_calls(&self) -> u64 {
        self.granted_calls
    }

    fn approval(&self, call: &ResolvedCall) -> Option<Approval> {
        self.approval_of(call)
    }

    fn overrides(&self, call: &ResolvedCall) -> bool {
        self.is_overridden(call)
    }

    fn labels(&self, step: &str, part: Part) -> Option<&Labels> {
        self.labels_of(step, part)
    }

    fn input_labels(&self) -> Option<&BTreeMap<String, Labels>> {
        State::input_labels(self)
    }

    fn agent_is_untrusted(&self) -> bool {
        State::agent_is_untrusted(self)
    }

    fn agent_is_suspicious(&self) -> bool {
        State::agent_is_suspicious(self)
    }
}

impl State {
    /// Ids of the steps that may be called now: at most eight, for messages.
    fn startable(&self) -> Vec<&str> {
        self.every_step()
            .filter(|(step, data)| {
                !data.state.settled()
                    && self.in_order(step)
                    && data
                        .units
                        .iter()
                        .any(|unit| unit.may_start(self.at_ms, self.own_wait(step.index)))
            })
            .map(|(step, _)| step.step.id.as_str())
            .take(8)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mandate_plan::{Facts, canonical_json};
    use serde_json::json;

    #[test]
    fn what_is_granted_is_bound_in_its_canonical_form() {
        for outside in [false, true] {
            let call = ResolvedCall {
                execution_id: String::new(),
                step: "a\u{1}\u{e9}\"b".to_owned(),
                item: outside.then_some(7),
                attempt: 2,
                purpose: Purpose::Run,
                tool: String::new(),
                args: Value::Null,
                secrets: Vec::new(),
                idempotency_key: String::new(),
                timeout_ms: None,
                sensitive: Vec::new(),
            };
            let started = Started {
                facts: Facts::WORST,
                permit: Digest::of(b"permit"),
                sandbox: Some("landlock \u{1f}/x".to_owned()),
                outside,
            };
            let mut tree = json!([
                call.step,
                call.item,
                call.attempt,
                started.facts,
                started.permit,
                started.sandbox
            ]);
            if outside {
                tree.as_array_mut().unwrap().push(json!("outside"));
            }
            let bound = canonical_json(&tree);
            let expected = Digest::framed("mandate/granted/v1", [bound.as_slice()]);
            assert_eq!(granted_digest(&call, &started), expected);
        }
    }
}
