//! Calls under way: made when they may be, dropped when they must be, ended by what came of them.

use crate::drive::{Held, OpenCall, Place};
use crate::gate::Permitted;
use crate::host::{Host, Input, Parts};
use crate::spawn::{OnTokio, Spawn as _, Task};
use mandate_engine::turn::Abort;
use mandate_engine::{CallOutcome, Fault, settle};
use mandate_plan::ErrorCode;
use mandate_policy::{Permit, Purpose, ResolvedCall};
use mandate_tools::{Outcome, TracePlace};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll, Waker};

impl Host {
    /// Drops the calls whose own time limit has passed.
    pub(crate) fn fire_calls(&mut self, execution_id: &str, now_ms: i64) {
        let Some(drive) = self.drives.get(execution_id) else {
            return;
        };
        let over: Vec<_> = drive
            .open
            .iter()
            .filter(|(_, open)| open.deadline_ms.is_some_and(|due| due <= now_ms))
            .map(|(place, open)| (place.clone(), open.attempt))
            .collect();
        for (place, attempt) in over {
            let message = match place.purpose {
                Purpose::Run => format!("`{}` passed its `timeout_ms`", place.step),
                Purpose::Compensate => {
                    format!("undoing `{}` took longer than it may", place.step)
                }
            };
            let fault = Fault::new(ErrorCode::StepTimeout, message.clone());
            if self.stop_child(execution_id, &place, &message, Some(&fault)) {
                continue;
            }
            self.finish_call(execution_id, &place, attempt, CallOutcome::Unknown(fault));
        }
    }

    /// Makes the calls that may be made: a closed-world read at once, everything else when the disk has its start.
    pub(crate) fn dispatch(&mut self, execution_id: &str) {
        let now_ms = self.parts.clock.now_ms();
        let Some(drive) = self.drives.get_mut(execution_id) else {
            return;
        };
        if drive.held.is_empty() {
            return;
        }
        let durable = drive.durable_seq;
        let (ready, held) = std::mem::take(&mut drive.held)
            .into_iter()
            .partition(|held: &Held| held.permitted.runs_ahead || held.after_seq <= durable);
        drive.held = held;
        let ready: Vec<Held> = Vec::from(ready);
        let (mut children, mut turned_back) = (Vec::new(), Vec::new());
        for Held {
            permitted:
                Permitted {
                    permit,
                    call,
                    nested,
                    outside,
                    ..
                },
            after_seq,
        } in ready
        {
            let (place, attempt) = (Place::of(&call), call.attempt);
            let deadline_ms = call
                .timeout_ms
                .map(|limit| now_ms.saturating_add(i64::try_from(limit).unwrap_or(i64::MAX)));
            if nested {
                // The permit is used up by this: what the step holds begins, as the execution that the step stands for.
                drop(permit);
                let open = OpenCall {
                    deadline_ms,
                    ..OpenCall::under_way(attempt)
                };
                drive.open.insert(place, open);
                children.push((call.step, call.item));
                continue;
            }
            if outside {
                // Its time is the engine's to watch: it goes on without a host.
                let mut open = OpenCall::under_way(attempt);
                match self.parts.tools.hand_out(permit, &call) {
                    Ok(under_way) => {
                        open.outside = Some(under_way);
                        drive.open.insert(place, open);
                        drive.tell_taken(&call, after_seq, now_ms);
                    }
                    Err(fault) => {
                        drive.open.insert(place.clone(), open);
                        turned_back.push((place, attempt, Outcome::Refused(fault)));
                    }
                }
                continue;
            }
            let post = self.post.clone();
            let execution_id = execution_id.to_owned();
            let called = place.clone();
            let ended = move |outcome| {
                post(Input::Outcome {
                    execution_id,
                    place: called,
                    attempt,
                    outcome,
                });
            };
            let witness = self.parts.witness.as_ref();
            let trace = witness.and_then(|witness| witness.trace(&drive.state, &call));
            let task = make(&self.parts, permit, (call, trace), ended);
            drive.open.insert(
                place,
                OpenCall {
                    task: Some(task),
                    deadline_ms,
                    ..OpenCall::under_way(attempt)
                },
            );
        }
        for (place, attempt, outcome) in turned_back {
            self.finish_call(execution_id, &place, attempt, call_outcome(outcome));
        }
        for (step, item) in children {
            self.begin_child(execution_id, &step, item);
        }
    }

    pub(crate) fn abort(&mut self, execution_id: &str, abort: Abort) {
        let Some(drive) = self.drives.get(execution_id) else {
            return;
        };
        let why = drive
            .state
            .stop
            .as_ref()
            .map(|stop| stop.fault.code)
            .unwrap_or(ErrorCode::Cancelled);
        let fault = Fault::new(why, "the call was dropped because the execution stops");
        let place = Place {
            step: abort.step,
            item: abort.item,
            purpose: abort.purpose,
        };
        if self.stop_child(
            execution_id,
            &place,
            "the execution that runs it stops",
            None,
        ) {
            return;
        }
        let outcome = CallOutcome::Unknown(fault);
        self.finish_call(execution_id, &place, abort.attempt, outcome);
    }

    /// A call has ended, or is dropped here and now.
    pub(crate) fn finish_call(
        &mut self,
        execution_id: &str,
        place: &Place,
        attempt: u32,
        outcome: CallOutcome,
    ) {
        let Some(drive) = self.drives.get_mut(execution_id) else {
            return;
        };
        let mut never_sent = false;
        match drive.open.get(place) {
            Some(open) if open.attempt == attempt => {
                if let Some(task) = drive.open.remove(place).and_then(|open| open.task) {
                    task.abort();
                }
            }
            _ => {
                let before = drive.held.len();
                drive
                    .held
                    .retain(|held| Place::of(&held.permitted.call) != *place);
                never_sent = drive.held.len() < before;
                if !never_sent {
                    return;
                }
            }
        }
        let outcome = match outcome {
            // It still waited for the disk: nothing was sent, so there is nothing to doubt.
            CallOutcome::Unknown(fault) if never_sent => CallOutcome::Refused(fault),
            other => other,
        };
        let Place {
            step,
            item,
            purpose,
        } = place;
        let Some(body) = settle(&drive.state, step, *item, attempt, *purpose, outcome) else {
            return;
        };
        self.take_turn(execution_id, body);
    }
}

/// Makes a call: here and now if it answers at once, else beside the host.
fn make(
    parts: &Parts,
    permit: Permit,
    (call, trace): (ResolvedCall, Option<TracePlace>),
    ended: impl FnOnce(Outcome) + Send + 'static,
) -> Box<dyn Task> {
    let at_once = parts.tools.answers_at_once(&call);
    let place = parts.tools.runs_on(&call);
    let mut run = parts.tools.run_within(permit, call, trace);
    if at_once {
        let mut nobody = Context::from_waker(Waker::noop());
        let polled = catch_unwind(AssertUnwindSafe(|| run.as_mut().poll(&mut nobody)));
        match polled {
            Ok(Poll::Ready(report)) => {
                ended(report.outcome);
                return Box::new(Over);
            }
            // It was not as quick as it said.
            Ok(Poll::Pending) => {}
            Err(_) => {
                let message = "the call crashed; the log has the cause";
                let fault = mandate_tools::Fault::new(ErrorCode::UnknownError, message);
                ended(Outcome::Unknown(fault));
                return Box::new(Over);
            }
        }
    }
    let task = Box::pin(async move {
        ended(run.await.outcome);
    });
    match place {
        Some(runtime) => OnTokio(runtime).spawn(task),
        None => parts.spawn.spawn(task),
    }
}

/// A call that was made here, and is over.
struct Over;

impl Task for Over {
    fn abort(&self) {}
}

pub(crate) fn call_outcome(outcome: mandate_tools::Outcome) -> CallOutcome {
    use mandate_tools::Outcome as O;
    let fault = |fault: mandate_tools::Fault| Fault {
        details: fault.details,
        ..Fault::new(fault.code, fault.message)
    };
    match outcome {
        O::Completed { output, .. } => CallOutcome::Completed(output),
        O::Refused(error) => CallOutcome::Refused(fault(error)),
        O::Failed(error) => CallOutcome::Failed(fault(error)),
        O::Unknown(error) => CallOutcome::Unknown(fault(error)),
        O::Invalid {
            output,
            fault: error,
            ..
        } => CallOutcome::Invalid(fault(error), output),
    }
}
