//! Calls of agents: each takes its turn in its execution's owner, as everything else does, and is answered when what came
//! of it is on the disk. Only what a read inside this machine gave is handed out before.

mod outside;
mod passing;
mod reply;
mod stopping;
mod words;

pub use outside::Reading;
pub use reply::AgentReply;
pub use words::{AgentAnswer, AgentAsk, AgentWish, CallableStep, Claims, Shown, TakenCall};

use crate::ask::HostError;
use crate::drive::{Drive, Place};
use crate::gate::HostGate;
use crate::host::Host;
use crate::refusals::{Caller as RefusedTo, Counted};
use crate::tokens::Renewal;
use crate::unplanned::Unlisted;
use mandate_engine::agent::matching::{Match, find};
use mandate_engine::event::RefusedCall;
use mandate_engine::{Body, Event, Fault, Phase, State, turn};
use mandate_plan::{ErrorCode, Format, ToolLookup, misfit, parse_value};
use mandate_policy::token::{TOKEN_TTL_MS, Verified};
use mandate_policy::{Purpose, Refusal};
use mandate_store::{Batch, NewRecord, SYSTEM};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A token that is younger is not renewed by a call that is made here, in milliseconds: making one is among the dearest things
/// that such a call does.
const YOUNG_MS: i64 = 60_000;

/// An agent that waits for what comes of its call.
pub(crate) struct Caller {
    place: Place,
    attempt: u32,
    /// The answer need not wait for the disk.
    ahead: bool,
    /// It makes the call itself, and waits for nothing but its start.
    enforces: bool,
    renewal: Option<Renewal>,
    reply: AgentReply,
}

impl Caller {
    /// What an event says of the call; none if it is about another one.
    fn told(&self, body: &Body) -> Option<Result<(Value, BTreeSet<String>), Fault>> {
        let is_it = |step: &str, item: &Option<u32>, attempt: u32| {
            self.place.step == step && self.place.item == *item && self.attempt == attempt
        };
        match body {
            Body::StepCompleted {
                step,
                item,
                attempt,
                output,
                suspicions,
                ..
            } if is_it(step, item, *attempt) => Some(Ok((output.clone(), suspicions.clone()))),
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
                ..
            } if is_it(step, item, *attempt) => Some(Err(error.clone())),
            _ => None,
        }
    }

    fn give(self, answer: AgentAnswer) {
        self.reply.give(Ok(answer));
    }
}

impl Drive {
    /// Answers the agents whose calls these events end.
    pub(crate) fn tell_callers(&mut self, events: &[Event]) {
        if self.callers.is_empty() {
            return;
        }
        for event in events {
            let told = self.callers.iter().enumerate();
            let told = { told }.find_map(|(at, caller)| Some((at, caller.told(&event.body)?)));
            let Some((at, told)) = told else { continue };
            let caller = self.callers.swap_remove(at);
            if let (true, Err(error)) = (caller.enforces, &told) {
                // It was not handed out.
                let refusal = Refusal::new(error.code, error.message.clone());
                let seq = self.state.seq;
                self.replies.push((seq, refusing(refusal, caller.reply)));
                continue;
            }
            let (output, suspicions, error) = match told {
                Ok((output, suspicions)) => (Some(output), suspicions, None),
                Err(error) => (None, BTreeSet::new(), Some(error)),
            };
            let lives = self.state.phase != Phase::Ended;
            let renewal = caller.renewal.as_ref().filter(|_| lives);
            let answer = AgentAnswer {
                step: Some(caller.place.step.clone()),
                item: caller.place.item,
                issued: renewal.map(|renewal| renewal.issue(event.at_ms)),
                error,
                output,
                suspicions,
                ..AgentAnswer::of(&self.state)
            };
            if caller.ahead && answer.error.is_none() {
                caller.give(answer);
                continue;
            }
            // All that followed from it goes with it.
            let seq = self.state.seq;
            self.replies.push((
                seq,
                Box::new(move |stored| match stored {
                    Ok(()) => caller.give(answer),
                    Err(error) => {
                        caller.reply.give(Err(error));
                    }
                }),
            ));
        }
    }
}

impl Host {
    /// Somebody with a token wants something.
    pub(crate) fn agent(&mut self, ask: AgentAsk, reply: AgentReply) {
        if let Err(error) = self.take_agent(&ask, &reply) {
            reply.give(Err(error));
        }
    }

    fn take_agent(&mut self, ask: &AgentAsk, reply: &AgentReply) -> Result<(), HostError> {
        let id = &ask.execution_id;
        if self.has_ended(id)? {
            if let AgentWish::Complete { call, report } = &ask.wish
                && self.report_to_ended(ask, (*call, report), reply)?
            {
                return Ok(());
            }
            let message = "the execution has ended, and its tokens with it";
            let refusal = Refusal::new(ErrorCode::TokenExpired, message);
            if self.is_written(id, RefusedTo::Unknown, &refusal) {
                self.refuse_apart(ask, refusal, reply.clone());
            } else {
                reply.give(Err(HostError::Refused(Box::new(refusal))));
            }
            return Ok(());
        }
        self.have_driven(id)?;
        let now_ms = self.parts.clock.now_ms();
        self.fire_timers(id, now_ms);
        if self.has_ended(id)? {
            return self.take_agent(ask, reply); // its time ran out just now
        }
        let verified = match self.check_token_of(id, &ask.token, &ask.by)? {
            Ok(verified) => verified,
            Err(refusal) => {
                let unknown = RefusedTo::Unknown;
                return self.refuse(ask, (&json!({}), unknown), refusal, reply);
            }
        };
        if let Some(refusal) = differing_claim(self.of(id)?, &ask.claims) {
            let known = RefusedTo::Known;
            return self.refuse(ask, (&json!({}), known), refusal, reply);
        }
        if let Some(refusal) = self.barred(ask, now_ms) {
            let known = RefusedTo::Known;
            return self.refuse(ask, (&json!({}), known), refusal, reply);
        }
        match &ask.wish {
            AgentWish::Call { tool, arguments } | AgentWish::Enforce { tool, arguments } => {
                self.call_of_agent(ask, tool, arguments, verified, reply)
            }
            AgentWish::Complete { call, report } => {
                self.report_of_agent(ask, (*call, report), &verified, reply)
            }
            AgentWish::Finish { step, item } => {
                self.finish_of_agent(ask, (step.as_deref(), *item), &verified, reply)
            }
            AgentWish::Stop {
                step,
                item,
                attempt,
            } => self.stop_of_agent(ask, (step, *item, *attempt), &verified, reply),
            AgentWish::PassedOn(what) => self.passed_on_to_agent(ask, what, &verified, reply),
            AgentWish::Status => {
                let state = self.of(id)?;
                let issued = self.renewed(state, ask, &verified, now_ms)?;
                let answer = AgentAnswer {
                    issued: issued.map(|renewal| renewal.issue(now_ms)),
                    steps: CallableStep::all(state),
                    under_way: TakenCall::all(state, &ask.by, &|step| verified.covers(step)),
                    waiting_for: state.waiting_for(),
                    ..AgentAnswer::of(state)
                };
                self.told_from_disk(id, answer, reply.clone())
            }
        }
    }

    /// An agent that was refused too often is let call nothing for a while, whatever it asks for.
    fn barred(&mut self, ask: &AgentAsk, now_ms: i64) -> Option<Refusal> {
        // What came of a call is to be known in any case.
        if matches!(
            ask.wish,
            AgentWish::Status
                | AgentWish::Complete { .. }
                | AgentWish::PassedOn(_)
                | AgentWish::Stop { .. }
        ) {
            return None;
        }
        let left_ms = self.refusals.bars(&ask.execution_id, now_ms)?;
        let most = self.parts.gateway.refusals_per_minute;
        let message = format!(
            "{most} calls were refused within a minute: no other is looked at before it is over"
        );
        let refusal = Refusal::new(ErrorCode::RateLimited, message);
        Some(
            refusal
                .by_rule("gateway.refusals_per_minute")
                .retry_after(left_ms),
        )
    }

    fn has_ended(&self, execution_id: &str) -> Result<bool, HostError> {
        if let Some(drive) = self.drives.get(execution_id) {
            return Ok(drive.state.phase == Phase::Ended);
        }
        let row = self.parts.journal.execution(execution_id)?;
        let row = row.ok_or_else(|| HostError::NoSuchExecution(execution_id.to_owned()))?;
        Ok(row.finished_at_ms.is_some())
    }

    /// The state of an execution that is in memory.
    pub(crate) fn of(&self, execution_id: &str) -> Result<&State, HostError> {
        let gone = || HostError::NoSuchExecution(execution_id.to_owned());
        self.state(execution_id).ok_or_else(gone)
    }

    /// What the token is renewed from, if it is: by a call that is made here, one that was made a moment ago is not.
    fn renewed(
        &self,
        state: &State,
        ask: &AgentAsk,
        verified: &Verified,
        now_ms: i64,
    ) -> Result<Option<Renewal>, HostError> {
        if !verified.renewable {
            return Ok(None);
        }
        let age_ms = now_ms.saturating_sub(verified.expires_ms.saturating_sub(TOKEN_TTL_MS));
        let young = age_ms < YOUNG_MS && matches!(ask.wish, AgentWish::Call { .. });
        // One of a key that was replaced is renewed at once: that key goes some day.
        if young && self.parts.tokens.ring()?.current().id() == verified.key_id {
            return Ok(None);
        }
        self.renewal(state, &ask.by, verified.steps.clone())
            .map(Some)
    }

    fn call_of_agent(
        &mut self,
        ask: &AgentAsk,
        tool: &str,
        arguments: &str,
        verified: Verified,
        reply: &AgentReply,
    ) -> Result<(), HostError> {
        let id = ask.execution_id.as_str();
        let args = match read(arguments) {
            Ok(args) => args,
            Err(refusal) => {
                return self.refuse(ask, (&json!({}), RefusedTo::Known), refusal, reply);
            }
        };
        if let Some(told) = &ask.told {
            return self.refuse(ask, (&args, RefusedTo::Known), told.clone(), reply);
        }
        let lookup = self.parts.tools.lookup();
        let enforces = matches!(ask.wish, AgentWish::Enforce { .. });
        let external = lookup.spec(tool).map(|spec| spec.external);
        if let Some(refusal) = other_way(tool, external, enforces) {
            return self.refuse(ask, (&args, RefusedTo::Known), refusal, reply);
        }
        let state = self.of(id)?;
        let found = fitting(state, tool, &args, lookup.as_ref(), &verified);
        let found = match found {
            Ok(found) => found,
            Err(refusal) => {
                return match self.unplanned(ask, tool, &args, &verified, &refusal) {
                    Some(Unlisted::Refused(refusal)) => {
                        self.refuse(ask, (&args, RefusedTo::Known), refusal, reply)
                    }
                    Some(Unlisted::Asks(asks)) => Err(HostError::Unplanned(asks)),
                    None => self.refuse(ask, (&args, RefusedTo::Known), refusal, reply),
                };
            }
        };
        let now_ms = self.parts.clock.now_ms();
        let renewal = self.renewed(self.of(id)?, ask, &verified, now_ms)?;
        let body = Body::CallRequested {
            step: found.step.clone(),
            item: found.item,
            tool: tool.to_owned(),
            args: found.args,
            by: ask.by.clone(),
            key: Some(verified.key_id),
        };
        let witness = self.parts.witness.clone();
        let Some((drive, means)) = self.judged(id, now_ms) else {
            return Err(HostError::NoSuchExecution(id.to_owned()));
        };
        let refused = drive.refused.clone();
        let mut gate = HostGate::of(&mut drive.approved, means).refused(refused);
        let turned = turn(&mut drive.state, now_ms, body, &mut gate);
        let permitted = gate.permitted();
        let Some(turned) = turned else {
            let message = "the execution cannot take a call now";
            let refusal = Refusal::new(ErrorCode::SequenceViolation, message);
            return self.refuse(ask, (&args, RefusedTo::Known), refusal, reply);
        };
        match after(&turned.events) {
            Some(Following::Started(attempt)) => {
                let place = Place {
                    step: found.step,
                    item: found.item,
                    purpose: Purpose::Run,
                };
                let ahead = { permitted.iter() }
                    .any(|permitted| Place::of(&permitted.call) == place && permitted.runs_ahead);
                if let (Some(witness), Some(beneath)) = (&witness, &ask.beneath) {
                    witness.asked_within(&drive.state, (&place, attempt), beneath);
                }
                drive.callers.push(Caller {
                    place,
                    attempt,
                    ahead,
                    enforces,
                    renewal,
                    reply: reply.clone(),
                });
            }
            following => {
                let refusal = match following {
                    Some(Following::Refused(refusal)) => refusal,
                    Some(Following::Asked(request)) => {
                        let message = format!("a human must say yes to this call: `{request}`");
                        Refusal::new(ErrorCode::ApprovalRequired, message)
                            .expecting(json!({ "request_id": request }))
                    }
                    _ => Refusal::new(
                        ErrorCode::SequenceViolation,
                        "the execution cannot take a call now",
                    ),
                };
                let (seq, reply, code) = (drive.state.seq, reply.clone(), refusal.code);
                drive.replies.push((seq, refusing(refusal, reply)));
                // It is written already.
                self.refusals.count(id, RefusedTo::Known, code, now_ms);
            }
        }
        self.carry_out(id, turned, permitted);
        Ok(())
    }

    fn finish_of_agent(
        &mut self,
        ask: &AgentAsk,
        (step, item): (Option<&str>, Option<u32>),
        verified: &Verified,
        reply: &AgentReply,
    ) -> Result<(), HostError> {
        let id = ask.execution_id.as_str();
        let args = json!({ "step": step, "item": item });
        let covered = match step {
            Some(step) => verified.covers(step),
            None => verified.steps.is_none(),
        };
        if !covered {
            let message = "the token covers some steps only, and not what is to be finished";
            let refusal = Refusal::new(ErrorCode::TokenInvalid, message);
            return self.refuse(ask, (&args, RefusedTo::Known), refusal, reply);
        }
        let body = Body::FinishRequested {
            by: ask.by.clone(),
            step: step.map(str::to_owned),
            item,
        };
        let answer = reply.clone();
        let taken = self.take_turn_with(id, body, |drive| {
            let (seq, told) = (drive.state.seq, AgentAnswer::of(&drive.state));
            drive.replies.push((
                seq,
                Box::new(move |stored| {
                    answer.give(stored.map(|()| told));
                }),
            ));
        });
        if taken {
            return Ok(());
        }
        let message = match step {
            Some(step) => format!(
                "step `{step}` cannot be finished: it was not called yet, is under way, or is settled"
            ),
            None => "the execution cannot be finished now: a call is under way, or it does not run"
                .to_owned(),
        };
        let refusal = Refusal::new(ErrorCode::SequenceViolation, message);
        self.refuse(ask, (&args, RefusedTo::Known), refusal, reply)
    }

    /// A refusal changes nothing but the journal; it is told when the disk has it.
    fn refuse(
        &mut self,
        ask: &AgentAsk,
        (args, to): (&Value, RefusedTo),
        refusal: Refusal,
        reply: &AgentReply,
    ) -> Result<(), HostError> {
        if !self.is_written(&ask.execution_id, to, &refusal) {
            reply.give(Err(HostError::Refused(Box::new(refusal))));
            return Ok(());
        }
        let body = Body::CallRefused {
            refusal: refusal.clone(),
            admission: false,
            call: Some(Box::new(RefusedCall::new(ask.wish.tool(), args, &ask.by))),
        };
        let (told, answer) = (refusal.clone(), reply.clone());
        let taken = self.take_turn_with(&ask.execution_id, body, move |drive| {
            let seq = drive.state.seq;
            drive.replies.push((seq, refusing(told, answer)));
        });
        if !taken {
            self.refuse_apart(ask, refusal, reply.clone());
        }
        Ok(())
    }

    /// Whether a refusal is written by itself; otherwise it is counted.
    fn is_written(&mut self, execution_id: &str, to: RefusedTo, refusal: &Refusal) -> bool {
        let now_ms = self.parts.clock.now_ms();
        match self.refusals.count(execution_id, to, refusal.code, now_ms) {
            Counted::Written => true,
            Counted::Summed(first) => {
                if let Some(sum) = first {
                    self.write_sum(sum);
                }
                false
            }
        }
    }

    /// The same where the execution's own journal takes nothing more.
    fn refuse_apart(&mut self, ask: &AgentAsk, refusal: Refusal, reply: AgentReply) {
        let payload = json!({
            "execution_id": ask.execution_id,
            "tool": ask.wish.tool().chars().take(256).collect::<String>(),
            "by": ask.by,
            "refusal": refusal,
        });
        let record = NewRecord {
            at_ms: self.parts.clock.now_ms(),
            kind: "call_refused",
            payload: payload.to_string().into_bytes(),
        };
        let batch = Batch {
            stream: SYSTEM.to_owned(),
            records: vec![record],
            ..Batch::default()
        };
        self.parts.journal.append(
            batch,
            Box::new(move |stored| {
                reply.give(Err(match stored {
                    Ok(_) => HostError::Refused(Box::new(refusal)),
                    Err(error) => HostError::Store(error),
                }));
            }),
        );
    }
}

type Told = Box<dyn FnOnce(Result<(), HostError>) + Send>;

fn refusing(refusal: Refusal, reply: AgentReply) -> Told {
    Box::new(move |stored| {
        let error = stored.map_or_else(|error| error, |()| HostError::Refused(Box::new(refusal)));
        reply.give(Err(error));
    })
}

/// What a caller says that is not so.
fn differing_claim(state: &State, claims: &Claims) -> Option<Refusal> {
    let created = &state.created;
    let plan = claims.plan.as_deref();
    let session = claims.session.as_deref();
    let what = if plan.is_some_and(|id| id != created.execution_id && id != created.plan_id) {
        "the token is for another execution than the one that is named"
    } else if session.is_some_and(|session| session != created.session) {
        "the token is for another session than the one that is named"
    } else {
        return None;
    };
    Some(Refusal::new(ErrorCode::TokenInvalid, what))
}

/// Why a tool is not called in this way: some are called by Mandate, and the others by whoever asks.
fn other_way(tool: &str, external: Option<bool>, enforces: bool) -> Option<Refusal> {
    let how = match (external?, enforces) {
        (true, false) => {
            "is called outside: take its turn (`mandate executions enforce`), make the call, and report what came of it"
        }
        (false, true) => "is called by Mandate itself: have it called (`mandate executions call`)",
        _ => return None,
    };
    let message = format!("`{tool}` {how}");
    Some(Refusal::new(ErrorCode::NotSupported, message))
}

/// What followed from a call that was asked for.
enum Following {
    Started(u32),
    Asked(String),
    Refused(Refusal),
}

fn after(events: &[Event]) -> Option<Following> {
    events.iter().skip(1).find_map(|event| match &event.body {
        Body::StepStarted { attempt, .. } => Some(Following::Started(*attempt)),
        Body::RequestOpened(request) => Some(Following::Asked(request.request_id.clone())),
        Body::CallRefused { refusal, .. } => Some(Following::Refused(refusal.clone())),
        _ => None,
    })
}

/// The arguments of a call, within the limits that hold for every document.
fn read(arguments: &str) -> Result<Value, Refusal> {
    match parse_value(arguments.as_bytes(), Format::Json) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err(Refusal::new(
            ErrorCode::ArgumentViolation,
            "the arguments are not an object",
        )),
        Err(found) => {
            let first = found.first().map(|violation| violation.message.clone());
            let message = format!(
                "the arguments cannot be read: {}",
                first.unwrap_or_default()
            );
            Err(Refusal::new(ErrorCode::ArgumentViolation, message))
        }
    }
}

/// The step that a call is; where the agent chose arguments, they fit the tool's schema too.
fn fitting(
    state: &State,
    tool: &str,
    args: &Value,
    lookup: &dyn ToolLookup,
    verified: &Verified,
) -> Result<Match, Refusal> {
    let schema = lookup.spec(tool).map(|spec| &spec.input_schema);
    let found = find(state, tool, args, schema, &|step| verified.covers(step))?;
    let planned = state.step(&found.step).map(|(step, _)| &step.step.args);
    let chosen = { found.args.as_object().into_iter().flatten() }
        .any(|(key, _)| planned.is_none_or(|planned| !planned.contains_key(key)));
    // What the plan says was checked with it, and is checked again just before the call.
    let why = schema
        .filter(|_| chosen)
        .and_then(|schema| misfit(schema, &found.args));
    match why {
        None => Ok(found),
        Some(why) => {
            let message = format!("the arguments do not fit what `{tool}` takes: {why}");
            Err(Refusal::new(ErrorCode::ArgumentViolation, message)
                .by_rule(format!("steps.{}.args", found.step)))
        }
    }
}
