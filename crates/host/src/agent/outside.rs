//! Calls that agents make themselves: the turn is taken here, and what came of it is reported here.
//!
//! Whoever takes a turn is told when the disk has its start, with the arguments that the plan wants. A report is read beside
//! the host, since it takes secrets to keep it free of them, and settles the call if that is still open then. One that is
//! repeated is answered as the first time; another one of the same call is refused.

use super::{AgentAnswer, AgentAsk, AgentReply, TakenCall};
use crate::ask::HostError;
use crate::calls::call_outcome;
use crate::drive::{Drive, OpenCall, Place};
use crate::host::{Host, Input};
use crate::recovery::load_with;
use crate::refusals::Caller as RefusedTo;
use crate::tokens::Renewal;
use mandate_engine::event::{Reported, report_digest};
use mandate_engine::{Body, Event, OutsideCall, OverCall, Phase, State, call_id, settle};
use mandate_plan::{Digest, ErrorCode};
use mandate_policy::token::{KnownChains, Verified};
use mandate_policy::{Purpose, Refusal, ResolvedCall};
use mandate_tools::{CallReport, ReadReport};
use serde_json::json;

/// A report that was read, and who waits for what comes of it.
pub struct Reading {
    asked: Asked,
    read: ReadReport,
}

impl Reading {
    pub(crate) fn execution_id(&self) -> &str {
        &self.asked.ask.execution_id
    }
}

/// A report while it is read.
struct Asked {
    seq: u64,
    ask: AgentAsk,
    key: String,
    renewal: Option<Renewal>,
    /// The call was over already: how, and what was answered then.
    over: Option<(OverCall, AgentAnswer)>,
    reply: AgentReply,
}

/// A call that somebody reports on.
enum Known {
    Open(OutsideCall),
    Over(OverCall),
}

impl Known {
    fn of(state: &State, seq: u64) -> Option<Self> {
        let open = state.outside_call(seq).cloned().map(Known::Open);
        open.or_else(|| state.over_call(seq).cloned().map(Known::Over))
    }

    fn place(&self) -> (&str, Option<u32>, &str) {
        match self {
            Known::Open(call) => (&call.step, call.item, &call.by),
            Known::Over(call) => (&call.step, call.item, &call.by),
        }
    }
}

impl Drive {
    /// Tells whoever took this turn that the call is theirs. The disk has its start.
    pub(crate) fn tell_taken(&mut self, call: &ResolvedCall, seq: u64, now_ms: i64) {
        let place = Place::of(call);
        let waits = |caller: &super::Caller| {
            caller.enforces && caller.place == place && caller.attempt == call.attempt
        };
        let Some(at) = self.callers.iter().position(waits) else {
            return;
        };
        let caller = self.callers.swap_remove(at);
        let Some(open) = self.state.outside_call(seq) else {
            return;
        };
        let answer = AgentAnswer {
            step: Some(place.step),
            item: place.item,
            issued: caller.renewal.as_ref().map(|renewal| renewal.issue(now_ms)),
            taken: Some(TakenCall::of(&self.state, seq, open)),
            ..AgentAnswer::of(&self.state)
        };
        caller.give(answer);
    }

    /// Lets go of calls outside that these events end.
    pub(crate) fn end_outside(&mut self, events: &[Event]) {
        if self.open.is_empty() {
            return;
        }
        for event in events {
            let (step, item, of, completed) = match &event.body {
                Body::StepCompleted {
                    step,
                    item,
                    attempt,
                    ..
                } => (step, item, attempt, true),
                Body::StepFailed {
                    step,
                    item,
                    attempt,
                    ..
                }
                | Body::StepInDoubt {
                    step,
                    item,
                    attempt,
                    ..
                } => (step, item, attempt, false),
                _ => continue,
            };
            let place = Place {
                step: step.clone(),
                item: *item,
                purpose: Purpose::Run,
            };
            let is_it = |open: &OpenCall| open.outside.is_some() && open.attempt == *of;
            if !self.open.get(&place).is_some_and(is_it) {
                continue;
            }
            let open = self.open.remove(&place).and_then(|open| open.outside);
            if let (Some(mut under_way), true) = (open, completed) {
                under_way.completed();
            }
        }
    }
}

/// The call as its report is read for it.
fn reported_call(state: &State, (step, item): (&str, Option<u32>)) -> Option<ResolvedCall> {
    let (checked, data) = state.step(step)?;
    let unit = data.units.get(item.map_or(0, |item| item as usize))?;
    Some(ResolvedCall {
        execution_id: state.execution_id().to_owned(),
        step: step.to_owned(),
        item,
        attempt: unit.attempt,
        purpose: Purpose::Run,
        tool: checked.step.tool.clone(),
        args: unit.args.clone().unwrap_or_default(),
        secrets: Vec::new(),
        idempotency_key: state.key_of_call(step, item),
        timeout_ms: None,
        sensitive: checked.step.sensitive.clone(),
    })
}

impl Host {
    /// Takes up the calls that are under way outside, whichever host handed them out.
    pub(crate) fn find_outside(&mut self, execution_id: &str) {
        let Some(drive) = self.drives.get_mut(execution_id) else {
            return;
        };
        for (_, call) in drive.state.outside_calls() {
            let place = Place {
                step: call.step.clone(),
                item: call.item,
                purpose: Purpose::Run,
            };
            let open = OpenCall {
                outside: Some(self.parts.tools.is_under_way(&call.tool)),
                ..OpenCall::under_way(call.attempt)
            };
            drive.open.insert(place, open);
        }
    }

    /// Somebody says what came of a call that they made.
    pub(super) fn report_of_agent(
        &mut self,
        ask: &AgentAsk,
        (seq, report): (u64, &CallReport),
        verified: &Verified,
        reply: &AgentReply,
    ) -> Result<(), HostError> {
        let state = self.of(&ask.execution_id)?;
        let known = match reportable(state, ask, seq, verified) {
            Ok(known) => known,
            Err(Unreportable::NoSuchCall) => return Err(no_such_call(ask, seq)),
            Err(Unreportable::Refused(refusal)) => {
                return self.refuse_report(ask, seq, refusal, reply);
            }
        };
        let over = match known {
            Known::Open(_) => None,
            Known::Over(over) if over.report.is_some() => {
                let answer = AgentAnswer::of_over(state, &over);
                Some((over, answer))
            }
            Known::Over(over) => {
                let refusal = late(&ask.execution_id, seq, &over);
                return self.refuse_report(ask, seq, refusal, reply);
            }
        };
        let renewal = self.renewed(state, ask, verified, self.parts.clock.now_ms())?;
        let call =
            reported_call(state, place_of(state, seq)).ok_or_else(|| no_such_call(ask, seq))?;
        if let Some(drive) = self.drives.get_mut(&ask.execution_id) {
            drive.reading = drive.reading.saturating_add(1);
        }
        let key = verified.key_id.clone();
        self.read_report(
            call,
            report,
            Asked {
                seq,
                ask: ask.clone(),
                key,
                renewal,
                over,
                reply: reply.clone(),
            },
        );
        Ok(())
    }

    /// The same where the execution has ended: what ended it may be repeated as long as the token would hold.
    pub(super) fn report_to_ended(
        &mut self,
        ask: &AgentAsk,
        (seq, report): (u64, &CallReport),
        reply: &AgentReply,
    ) -> Result<bool, HostError> {
        let id = &ask.execution_id;
        let state = match self.drives.get(id) {
            Some(drive) => drive.state.clone(),
            None => load_with(self.parts.journal.as_ref(), id, &mut self.plans)?,
        };
        let mut unknown = KnownChains::default();
        let Ok(verified) = self.check_token(&state, &ask.token, &ask.by, &mut unknown)? else {
            return Ok(false);
        };
        if super::differing_claim(&state, &ask.claims).is_some() {
            return Ok(false);
        }
        let Ok(Known::Over(over)) = reportable(&state, ask, seq, &verified) else {
            return Ok(false);
        };
        let call = reported_call(&state, (&over.step, over.item));
        let Some(call) = call.filter(|_| over.report.is_some()) else {
            return Ok(false);
        };
        let answer = AgentAnswer::of_over(&state, &over);
        self.read_report(
            call,
            report,
            Asked {
                seq,
                ask: ask.clone(),
                key: verified.key_id,
                renewal: None,
                over: Some((over, answer)),
                reply: reply.clone(),
            },
        );
        Ok(true)
    }

    /// Reads a report beside the host.
    fn read_report(&self, call: ResolvedCall, report: &CallReport, asked: Asked) {
        let post = self.post.clone();
        let reading = self.parts.tools.read_report(call, report.clone());
        self.parts.spawn.spawn(Box::pin(async move {
            let read = reading.await;
            post(Input::Reported(Box::new(Reading { asked, read })));
        }));
    }

    /// A report was read.
    pub(crate) fn reported(&mut self, reading: Reading) {
        let Reading { asked, read } = reading;
        let Asked {
            seq,
            ask,
            key,
            renewal,
            over,
            reply,
        } = asked;
        let id = ask.execution_id.clone();
        if let Some(drive) = self.drives.get_mut(&id) {
            drive.reading = drive.reading.saturating_sub(1);
        }
        let digest = report_digest(&read.told);
        if let Some((over, answer)) = over {
            return self.repeated(&ask, seq, (&over, digest), answer, reply);
        }
        let now_ms = self.parts.clock.now_ms();
        self.fire_timers(&id, now_ms);
        let state = match self.of(&id) {
            Ok(state) => state,
            Err(error) => {
                reply.give(Err(error));
                return;
            }
        };
        // Another report of it came first, or its time is over by now.
        if let Some(over) = state.over_call(seq).cloned() {
            let answer = AgentAnswer::of_over(state, &over);
            return self.repeated(&ask, seq, (&over, digest), answer, reply);
        }
        let Some(call) = state.outside_call(seq).cloned() else {
            reply.give(Err(no_such_call(&ask, seq)));
            return;
        };
        let reported = Reported {
            by: ask.by.clone(),
            key: Some(key),
            digest,
        };
        let outcome = call_outcome(read.keep());
        let (step, item, attempt) = (call.step.as_str(), call.item, call.attempt);
        let settled = settle(state, step, item, attempt, Purpose::Run, outcome);
        let answer = reply.clone();
        let taken = settled.is_some_and(|body| {
            self.take_turn_with(&id, body.reported_as(reported), |drive| {
                let state = &drive.state;
                let over = state.over_call(seq);
                let lives = state.phase != Phase::Ended;
                let renewal = renewal.as_ref().filter(|_| lives);
                let told = AgentAnswer {
                    issued: renewal.map(|renewal| renewal.issue(now_ms)),
                    ..over.map_or_else(
                        || AgentAnswer::of(state),
                        |over| AgentAnswer::of_over(state, over),
                    )
                };
                // All that followed from it goes with it.
                drive.replies.push((
                    state.seq,
                    Box::new(move |stored| {
                        answer.give(stored.map(|()| told));
                    }),
                ));
            })
        });
        if !taken {
            let message = "the execution takes no report now; report again".to_owned();
            reply.give(Err(HostError::NotNow(message)));
        }
    }

    /// A report of a call that is over: the one that ended it, or another.
    fn repeated(
        &mut self,
        ask: &AgentAsk,
        seq: u64,
        (over, digest): (&OverCall, Digest),
        answer: AgentAnswer,
        reply: AgentReply,
    ) {
        let id = &ask.execution_id;
        let refusal = match over.report {
            Some(first) if first == digest => {
                let told = move |stored: Result<(), HostError>| {
                    reply.give(stored.map(|()| answer));
                };
                match self.drives.get_mut(id) {
                    Some(drive) if drive.durable_seq < drive.state.seq => {
                        drive.replies.push((drive.state.seq, Box::new(told)));
                        self.flush(id);
                    }
                    _ => told(Ok(())),
                }
                return;
            }
            Some(_) => {
                let message = format!(
                    "something else was reported of this call already, and it is {}",
                    over.end.as_str()
                );
                about(
                    id,
                    seq,
                    over,
                    Refusal::new(ErrorCode::SequenceViolation, message),
                )
            }
            None => late(id, seq, over),
        };
        if let Err(error) = self.refuse_report(ask, seq, refusal, &reply) {
            reply.give(Err(error));
        }
    }

    fn refuse_report(
        &mut self,
        ask: &AgentAsk,
        seq: u64,
        refusal: Refusal,
        reply: &AgentReply,
    ) -> Result<(), HostError> {
        let args = json!({ "call_id": call_id(&ask.execution_id, seq) });
        self.refuse(ask, (&args, RefusedTo::Known), refusal, reply)
    }
}

/// Why somebody cannot report on a call.
enum Unreportable {
    NoSuchCall,
    Refused(Refusal),
}

/// The call, if whoever asks is the one who took it, with a token that covers it.
fn reportable(
    state: &State,
    ask: &AgentAsk,
    seq: u64,
    verified: &Verified,
) -> Result<Known, Unreportable> {
    let known = Known::of(state, seq).ok_or(Unreportable::NoSuchCall)?;
    let (step, _, by) = known.place();
    let message = if by != ask.by {
        "the call was taken by somebody else, who alone reports what came of it".to_owned()
    } else if !verified.covers(step) {
        format!("the token does not cover step `{step}`")
    } else {
        return Ok(known);
    };
    let refusal = Refusal::new(ErrorCode::TokenInvalid, message);
    Err(Unreportable::Refused(refusal))
}

fn place_of(state: &State, seq: u64) -> (&str, Option<u32>) {
    let open = state.outside_call(seq);
    let open = open.map(|call| (call.step.as_str(), call.item));
    let over = || { state.over_call(seq) }.map(|call| (call.step.as_str(), call.item));
    open.or_else(over).unwrap_or_default()
}

fn no_such_call(ask: &AgentAsk, seq: u64) -> HostError {
    HostError::NoSuchCall(call_id(&ask.execution_id, seq))
}

/// What comes too late changes nothing: by now a human, or a retry, makes up for it.
fn late(execution_id: &str, seq: u64, over: &OverCall) -> Refusal {
    let then = match over.end.as_str() {
        "in_doubt" => {
            "what became of it is in doubt, and `mandate executions resolve` says what is known"
        }
        _ => "it counts as one that nobody knows the end of",
    };
    let message = format!("nothing was reported of this call in time: {then}");
    let refusal = Refusal::new(ErrorCode::SequenceViolation, message);
    about(execution_id, seq, over, refusal)
}

/// The refusal, with which call it is about and how that ended.
fn about(execution_id: &str, seq: u64, over: &OverCall, refusal: Refusal) -> Refusal {
    refusal.expecting(json!({
        "call_id": call_id(execution_id, seq),
        "step": over.step,
        "item": over.item,
        "ended": over.end.as_str(),
    }))
}
