//! Tasks: where something is that a client came away from, as the journal says. Nothing is remembered about them here.

use super::Act;
use super::call::{answered, refused};
use crate::approving::Asks;
use crate::handles::Handle;
use crate::shown;
use crate::told::Told;
use mandate_engine::event::{APPROVE, RequestKind};
use mandate_engine::{Body, Event, Fault, OpenRequest, Phase, State};
use mandate_host::{AgentAnswer, AgentWish, HostError};
use mandate_plan::ErrorCode;
use mandate_policy::{Purpose, Refusal};
use mandate_tools::NotPassed;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Where a task is.
pub(crate) struct Now {
    pub(crate) standing: Standing,
    /// The same for people.
    pub(crate) message: Option<String>,
    pub(crate) created_ms: i64,
    pub(crate) updated_ms: i64,
}

/// How a task stands.
pub(crate) enum Standing {
    /// It goes on, or waits for somebody who is asked elsewhere.
    Working,
    /// Somebody must answer first, and the client's user may.
    Asks(Asks),
    /// The yes was given, and the call can be made: of that tool, with these arguments.
    Due(String, Value),
    /// It is over: this is what the call is answered with.
    Done(Box<Told>),
    /// It is over, with an error of the protocol.
    Failed(NotPassed),
    /// It was given up.
    Cancelled,
}

/// A place in the plan: step and item.
type Unit<'a> = (&'a str, Option<u32>);

impl Act<'_> {
    /// Where a task is; none if there is none of that name that is theirs.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub(crate) fn task(&self, handle: &Handle) -> Result<Option<Now>, HostError> {
        let desk = self.visitor.desk.as_ref();
        let state = match desk.state(handle.execution_id()) {
            Err(HostError::NoSuchExecution(_)) => return Ok(None),
            state => state?,
        };
        // Whose it is, nobody else is told.
        if state.created.principal != self.visitor.principal {
            return Ok(None);
        }
        Ok(match handle {
            Handle::Call {
                step,
                item,
                attempt,
                execution_id,
            } => {
                let events = desk.events(execution_id)?;
                self.call_now(&state, &events, (step, *item), *attempt)
            }
            Handle::Asked { request_id, .. } => self.asked_now(&state, request_id)?,
            Handle::Proposal { request_id, .. } => self.proposal_now(&state, request_id),
            Handle::Run { revision, .. } => Some(self.run_now(&state, *revision)),
        })
    }

    /// What a client does not want any more.
    ///
    /// # Errors
    /// It cannot be given up now.
    pub(crate) fn give_up(&self, handle: &Handle) -> Result<(), HostError> {
        let desk = self.visitor.desk.as_ref();
        let reason = "its task was cancelled";
        match handle {
            Handle::Call {
                execution_id,
                step,
                item,
                attempt,
            } => {
                let bound = self.seat.aside(self.visitor, &desk.state(execution_id)?);
                let wish = AgentWish::Stop {
                    step: step.clone(),
                    item: *item,
                    attempt: *attempt,
                };
                match self.ask(&bound, wish) {
                    Ok(_) | Err(HostError::Refused(_)) => Ok(()),
                    Err(error) => Err(error),
                }
            }
            // The call is made when the client comes back for it, and it does not.
            Handle::Asked { .. } => Ok(()),
            Handle::Proposal { execution_id, .. } => {
                // A revision that is not wanted any more leaves the plan in force as it is.
                match desk.state(execution_id)?.phase {
                    Phase::Created => desk.cancel(execution_id, reason),
                    _ => Ok(()),
                }
            }
            Handle::Run { execution_id, .. } => desk.cancel(execution_id, reason),
        }
    }

    /// The call of a tool with these arguments that is under way, and that no task stands for yet.
    pub(crate) fn under_way(
        &self,
        (execution_id, tool, arguments): (&str, &str, &str),
        taken: &dyn Fn(&str) -> bool,
    ) -> Option<Handle> {
        let state = self.visitor.desk.state(execution_id).ok()?;
        let given: Value = serde_json::from_str(arguments).unwrap_or_default();
        let open = state.open_attempts().into_iter().filter_map(|open| {
            let (step, item, attempt) = open;
            let (checked, data) = state.step(&step)?;
            let unit = data.units.get(item.map_or(0, |item| item as usize))?;
            let same = unit.args.as_ref() == Some(&given);
            let handle = Handle::Call {
                execution_id: execution_id.to_owned(),
                step: step.clone(),
                item,
                attempt,
            };
            (checked.step.tool == tool && !taken(&handle.id())).then_some((same, handle))
        });
        let open: Vec<(bool, Handle)> = open.collect();
        // What was given may be written otherwise than what is called.
        let same = open.iter().find(|(same, _)| *same);
        same.or_else(|| open.first())
            .map(|(_, handle)| handle.clone())
    }

    fn call_now(
        &self,
        state: &State,
        events: &[Event],
        unit: Unit<'_>,
        attempt: u32,
    ) -> Option<Now> {
        let begun = events.iter().find(|event| match &event.body {
            Body::StepStarted {
                step,
                item,
                attempt: this,
                ..
            } => unit == (step, *item) && *this == attempt,
            _ => false,
        })?;
        let Body::StepStarted { tool, .. } = &begun.body else {
            return None;
        };
        let end = { events.iter().rev() }.find_map(|event| {
            let end = end_of(&event.body, unit, attempt)?;
            Some((event.at_ms, end))
        });
        let of = |standing, message, updated_ms| Now {
            standing,
            message,
            created_ms: begun.at_ms,
            updated_ms,
        };
        let Some((at_ms, end)) = end else {
            let message = format!("step {} calls {tool}", unit.0);
            return Some(of(Standing::Working, Some(message), begun.at_ms));
        };
        let (output, suspicions, error) = match end {
            End::Completed(output, suspicions) => (Some(output), suspicions, None),
            End::Failed(fault) => (None, BTreeSet::new(), Some(fault)),
        };
        if error.as_ref().is_some_and(was_given_up) {
            return Some(of(Standing::Cancelled, None, at_ms));
        }
        let protocol = error.as_ref().and_then(error_of_protocol);
        let answer = AgentAnswer {
            step: Some(unit.0.to_owned()),
            item: unit.1,
            output,
            suspicions,
            error,
            state: state.shown_state().to_owned(),
            taken: None,
            ended: None,
            issued: None,
            callable: Vec::new(),
            tools: Vec::new(),
            steps: Vec::new(),
            under_way: Vec::new(),
            waiting_for: None,
        };
        let bound = self.seat.aside(self.visitor, state);
        let told = answered(self, &bound, tool, answer);
        let standing = match protocol {
            Some(mut error) => {
                error.data = told.structured;
                Standing::Failed(error)
            }
            None => Standing::Done(Box::new(told)),
        };
        Some(of(standing, None, at_ms))
    }

    /// A call that waits for a yes, or that was made once there was one.
    fn asked_now(&self, state: &State, request_id: &str) -> Result<Option<Now>, HostError> {
        let found = state.requests.get(request_id);
        let Some(open) = found.filter(|open| open.request.kind == RequestKind::Step) else {
            return Ok(None);
        };
        let (Some(step), [bound]) = (open.request.step.as_deref(), open.request.calls.as_slice())
        else {
            return Ok(None);
        };
        let unit = (step, bound.item);
        let of = |standing, message: Option<String>, updated_ms| {
            Some(Now {
                standing,
                message,
                created_ms: open.opened_ms,
                updated_ms,
            })
        };
        let closed_ms = open.closed_ms.unwrap_or(open.opened_ms);
        let closed = open.closed.as_ref().filter(|_| !given_up(state, open));
        let Some(choice) = closed else {
            return Ok(match &state.ending {
                Some(_) => of(self.ended(state), None, state.at_ms),
                None => of(
                    self.waits(state, request_id),
                    self.who(request_id),
                    closed_ms,
                ),
            });
        };
        let no = |why: &str| {
            let fault = Refusal::new(ErrorCode::ApprovalRejected, why.to_owned());
            let bound = self.seat.aside(self.visitor, state);
            Standing::Done(Box::new(refused(self, &bound, &fault)))
        };
        if choice != APPROVE {
            let why = match &open.reason {
                Some(reason) => format!("`{request_id}` was answered with {choice}: {reason}"),
                None => format!("`{request_id}` was answered with {choice}"),
            };
            return Ok(of(no(&why), None, closed_ms));
        }
        // What came first after the yes is what came of it.
        let events = self.visitor.desk.events(state.execution_id())?;
        let yes = events.iter().position(|event| {
            matches!(&event.body, Body::RequestAnswered(answer) if answer.request_id == request_id)
        });
        let since = events
            .get(yes.unwrap_or(events.len())..)
            .unwrap_or_default();
        for event in since {
            match &event.body {
                Body::StepStarted {
                    step,
                    item,
                    attempt,
                    ..
                } if unit == (step, *item) => {
                    let now = self.call_now(state, &events, unit, *attempt);
                    return Ok(now.map(|now| Now {
                        created_ms: open.opened_ms,
                        ..now
                    }));
                }
                Body::CallRefused {
                    refusal,
                    call: Some(call),
                    ..
                } if call.step.as_deref() == Some(step) && call.item == unit.1 => {
                    let bound = self.seat.aside(self.visitor, state);
                    let told = refused(self, &bound, refusal);
                    return Ok(of(Standing::Done(Box::new(told)), None, event.at_ms));
                }
                _ => {}
            }
        }
        if state.ending.is_some() {
            return Ok(of(self.ended(state), None, state.at_ms));
        }
        let call = open
            .request
            .detail
            .get("calls")
            .and_then(|calls| calls.get(0));
        let args = call.and_then(|call| call.get("args")).cloned();
        let tool = open.request.detail.get("tool").and_then(Value::as_str);
        Ok(match (tool, args) {
            (Some(tool), Some(args)) => of(Standing::Due(tool.to_owned(), args), None, closed_ms),
            _ => None,
        })
    }

    /// A plan that waits for its approval, or what came of that.
    fn proposal_now(&self, state: &State, request_id: &str) -> Option<Now> {
        let found = state.requests.get(request_id);
        let kinds = [RequestKind::Plan, RequestKind::Revision];
        let open = found.filter(|open| kinds.contains(&open.request.kind))?;
        let of = |standing, message, updated_ms| {
            Some(Now {
                standing,
                message,
                created_ms: open.opened_ms,
                updated_ms,
            })
        };
        let closed_ms = open.closed_ms.unwrap_or(open.opened_ms);
        let closed = open.closed.as_ref().filter(|_| !given_up(state, open));
        match (closed, &state.ending) {
            (None, None) => of(
                self.waits(state, request_id),
                self.who(request_id),
                closed_ms,
            ),
            (None, Some(_)) => of(self.ended(state), None, state.at_ms),
            (Some(choice), _) => {
                let bound = self.seat.aside(self.visitor, state);
                let mut shown = self.shown(state, &bound);
                if let Value::Object(map) = &mut shown {
                    map.insert("answer".to_owned(), json!(choice));
                    map.insert("reason".to_owned(), json!(open.reason));
                }
                let told = Told {
                    is_error: choice != APPROVE,
                    ..Told::value(shown)
                };
                of(Standing::Done(Box::new(told)), None, closed_ms)
            }
        }
    }

    /// A plan that Mandate runs.
    fn run_now(&self, state: &State, revision: u32) -> Now {
        let request = state.open_request().map(|open| &open.request.request_id);
        let (standing, message) = match (&state.ending, request) {
            (Some(_), _) => (self.ended(state), None),
            // What the client waited for is over: there is another plan, or one is wanted.
            _ if state.created.revision != revision || state.shown_state() == "replanning" => {
                (Standing::Done(Box::new(self.shown_now(state))), None)
            }
            (None, Some(request)) => (self.waits(state, request), self.who(request)),
            (None, None) => {
                let steps = state.plan().steps().len();
                let all = state.every_step().take(steps);
                let settled = all.filter(|(_, data)| data.state.settled()).count();
                let message = format!(
                    "{}: {settled} of {steps} steps are settled",
                    state.shown_state()
                );
                (Standing::Working, Some(message))
            }
        };
        Now {
            standing,
            message,
            created_ms: state.created_ms,
            updated_ms: state.at_ms,
        }
    }

    fn shown_now(&self, state: &State) -> Told {
        let bound = self.seat.aside(self.visitor, state);
        let failed = state
            .ending
            .as_ref()
            .is_some_and(|ending| ending.error.is_some());
        Told {
            is_error: failed,
            ..Told::value(self.shown(state, &bound))
        }
    }

    fn ended(&self, state: &State) -> Standing {
        match state.shown_state() {
            "cancelled" => Standing::Cancelled,
            _ => Standing::Done(Box::new(self.shown_now(state))),
        }
    }

    /// How something stands that waits for an answer to a request.
    fn waits(&self, state: &State, request_id: &str) -> Standing {
        let open = state
            .open_requests()
            .find(|open| open.request.request_id == request_id);
        // What is not a yes or a no is not asked in passing.
        let open = open.filter(|open| {
            let choices = &open.request.choices;
            choices.iter().any(|choice| choice == APPROVE)
        });
        match open {
            Some(open) => {
                let question = shown::question(state, &open.request);
                Standing::Asks(Asks::new(state.execution_id(), request_id, &question))
            }
            None => Standing::Working,
        }
    }

    /// Who has to answer, for people.
    fn who(&self, request_id: &str) -> Option<String> {
        let how = match &self.settings.approval_url {
            Some(url) => format!("at {url}{request_id}"),
            None => format!("with `mandate inbox answer {request_id}`"),
        };
        Some(format!("a human must answer {request_id}, {how}"))
    }
}

/// Whether a request was taken back because its execution ended.
fn given_up(state: &State, open: &OpenRequest) -> bool {
    state.ending.is_some() && open.closed.as_deref() == Some("withdrawn")
}

/// How an attempt ended.
enum End {
    Completed(Value, BTreeSet<String>),
    Failed(Fault),
}

fn end_of(body: &Body, unit: Unit<'_>, attempt: u32) -> Option<End> {
    let is_it = |step: &String, item: &Option<u32>, this: &u32| {
        unit == (step.as_str(), *item) && *this == attempt
    };
    match body {
        Body::StepCompleted {
            step,
            item,
            attempt,
            output,
            suspicions,
            ..
        } if is_it(step, item, attempt) => Some(End::Completed(output.clone(), suspicions.clone())),
        Body::StepFailed {
            step,
            item,
            attempt,
            error,
            ..
        }
        | Body::StepInDoubt {
            step,
            item,
            attempt,
            error,
            purpose: Purpose::Run,
        } if is_it(step, item, attempt) => Some(End::Failed(error.clone())),
        // Where something was lost by that, what follows is a doubt, which is later.
        Body::AttemptInterrupted {
            step,
            item,
            attempt,
            purpose: Purpose::Run,
        } if is_it(step, item, attempt) => {
            let message = "the process that made the call ended before the call did";
            Some(End::Failed(Fault::new(ErrorCode::ToolFailed, message)))
        }
        _ => None,
    }
}

fn was_given_up(fault: &Fault) -> bool {
    fault.code == ErrorCode::Cancelled
}

/// The error of the protocol that a tool server answered with, if it did.
fn error_of_protocol(fault: &Fault) -> Option<NotPassed> {
    let code = fault.details.as_ref()?.get("code")?.as_i64()?;
    Some(NotPassed {
        code,
        message: fault.message.clone(),
        data: None,
    })
}
