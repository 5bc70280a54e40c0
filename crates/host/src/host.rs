//! The host: one input after the other; each is applied, decided upon, appended, carried out.
//!
//! Everything here runs on one thread and never blocks, so that a test can drive it with a fake clock, journal, tools
//! and spawner. What may run ahead of the disk is ruled by [`Drive::owes_disk`] and [`Host::dispatch`], and nowhere else.

use crate::ask::{Ask, HostError, Submission, Submitted, Update};
use crate::clock::Clock;
use crate::drive::{Drive, Held, OpenCall};
use crate::gate::{HostGate, Permitted};
use crate::spawn::Spawn;
use crate::submit::created_event;
use mandate_engine::{Body, CallOutcome, Fault, Phase, Turned, begin, settle, turn};
use mandate_plan::ErrorCode;
use mandate_policy::SessionView;
use mandate_store::{Appended, Batch, Journal, NewRecord, PlanRow, SYSTEM, StoreError};
use mandate_tools::Tools;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::Sender;

/// What comes in.
pub enum Input {
    /// A surface asks.
    Ask(Ask),
    /// A call ended.
    Outcome {
        /// The execution.
        execution_id: String,
        /// The step.
        step: String,
        /// The item.
        item: Option<u32>,
        /// The attempt.
        attempt: u32,
        /// How.
        outcome: mandate_tools::Outcome,
    },
    /// The disk has a batch, or failed to take it.
    Stored {
        /// The execution.
        execution_id: String,
        /// `seq` of the batch's last event.
        last_seq: u64,
        /// What the store said.
        result: Result<Appended, StoreError>,
    },
}

/// Where inputs are put for the host to take up, from any thread.
pub type Post = Arc<dyn Fn(Input) + Send + Sync>;

/// What the host is made of.
#[derive(Clone)]
pub struct Parts {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// The journal.
    pub journal: Arc<dyn Journal>,
    /// The tools.
    pub tools: Arc<dyn Tools>,
    /// Where calls run.
    pub spawn: Arc<dyn Spawn>,
    /// Makes execution, plan and host ids (UUID v7 outside tests) and seeds.
    pub ids: Arc<dyn Ids>,
}

/// Where new ids and seeds come from.
pub trait Ids: Send + Sync {
    /// A new id.
    fn id(&self) -> String;
    /// A seed for the jitter of back-off.
    fn seed(&self) -> u64;
}

/// Drives the executions of one data directory.
pub struct Host {
    parts: Parts,
    post: Post,
    id: String,
    drives: BTreeMap<String, Drive>,
    sessions: BTreeMap<String, u64>,
}

impl Host {
    /// A host that drives nothing yet.
    pub fn new(parts: Parts, post: Post) -> Self {
        let id = parts.ids.id();
        Self {
            parts,
            post,
            id,
            drives: BTreeMap::new(),
            sessions: BTreeMap::new(),
        }
    }

    /// Takes one input up.
    pub fn handle(&mut self, input: Input) {
        match input {
            Input::Ask(ask) => self.answer(ask),
            Input::Outcome {
                execution_id,
                step,
                item,
                attempt,
                outcome,
            } => {
                self.finish_call(&execution_id, (step, item), attempt, call_outcome(outcome));
            }
            Input::Stored {
                execution_id,
                last_seq,
                result,
            } => {
                self.stored(&execution_id, last_seq, result);
            }
        }
    }

    /// Does what is due by now: ends of sleeps and back-offs, time limits.
    pub fn tick(&mut self) {
        let now_ms = self.parts.clock.now_ms();
        let due: Vec<String> = self
            .drives
            .iter()
            .filter(|(_, drive)| drive.next_due_ms().is_some_and(|due| due <= now_ms))
            .map(|(id, _)| id.clone())
            .collect();
        for execution_id in due {
            self.fire_calls(&execution_id, now_ms);
            self.fire_timers(&execution_id, now_ms);
        }
    }

    /// When [`Host::tick`] is next needed, Unix milliseconds.
    pub fn next_due_ms(&self) -> Option<i64> {
        self.drives.values().filter_map(Drive::next_due_ms).min()
    }

    /// Whether no execution has anything under way: each has ended or waits.
    pub fn is_idle(&self) -> bool {
        self.drives
            .values()
            .all(|drive| drive.lost.is_some() || (drive.at_rest() && drive.unsent.is_empty()))
    }

    /// The state of an execution that this host drives.
    pub fn state(&self, execution_id: &str) -> Option<&mandate_engine::State> {
        self.drives.get(execution_id).map(|drive| &drive.state)
    }

    fn answer(&mut self, ask: Ask) {
        match ask {
            Ask::Submit(submission, reply) => {
                if let Err(error) = self.submit(*submission, &reply) {
                    let _ = reply.send(Err(error));
                }
            }
            Ask::Continue(execution_id, reply) => {
                let _ = reply.send(self.take_up(&execution_id));
            }
            Ask::Watch(execution_id, watcher, reply) => {
                let _ = reply.send(self.watch(&execution_id, watcher));
            }
            Ask::Answer(execution_id, answer, reply) => {
                self.input(
                    &execution_id,
                    Body::RequestAnswered(answer),
                    reply,
                    "the request is not open, or the answer is not one of its choices",
                );
            }
            Ask::Cancel {
                execution_id,
                by,
                reason,
                force,
                reply,
            } => {
                let body = Body::CancelRequested { by, reason, force };
                self.input(
                    &execution_id,
                    body,
                    reply,
                    "the execution is ending already",
                );
            }
            Ask::Pause(execution_id, by, reply) => {
                self.input(
                    &execution_id,
                    Body::ExecutionPaused { by },
                    reply,
                    "the execution is paused or ending already",
                );
            }
            Ask::Resume(execution_id, by, reply) => {
                self.input(
                    &execution_id,
                    Body::ExecutionResumed { by },
                    reply,
                    "the execution is not paused",
                );
            }
            Ask::Resolve {
                execution_id,
                step,
                item,
                by,
                resolution,
                reply,
            } => {
                let body = Body::StepResolved {
                    step,
                    item,
                    by,
                    resolution,
                };
                self.input(&execution_id, body, reply, "the step is not in doubt");
            }
        }
    }

    fn submit(
        &mut self,
        submission: Submission,
        reply: &Sender<Result<Submitted, HostError>>,
    ) -> Result<(), HostError> {
        let now_ms = self.parts.clock.now_ms();
        let lookup = self.parts.tools.lookup();
        let session = self.session(&submission.session, &submission.principal);
        let event = match created_event(
            &submission,
            lookup.as_ref(),
            &session,
            now_ms,
            self.parts.ids.as_ref(),
        ) {
            Err(HostError::Denied(decision)) => {
                // A refusal leaves the process as a fact, so that it is stored first.
                self.record_refusal(&submission, *decision, reply.clone(), now_ms);
                return Ok(());
            }
            other => other?,
        };
        let execution_id = match &event.body {
            Body::ExecutionCreated(created) => created.execution_id.clone(),
            _ => String::new(),
        };
        let mut approved = None;
        let mut gate = HostGate {
            approved: &mut approved,
            lookup,
            session,
            now_ms,
            permitted: Vec::new(),
        };
        let plan = submission.plan.clone();
        let begun = begin(plan, event, &mut gate);
        let permitted = std::mem::take(&mut gate.permitted);
        let (state, turned) = begun.map_err(|error| HostError::Unreadable {
            execution_id: execution_id.clone(),
            reason: error.to_string(),
        })?;
        let row = PlanRow {
            hash: *submission.plan.hash(),
            canonical: submission.plan.canonical().to_vec(),
            name: submission.plan.plan().name.clone(),
            at_ms: now_ms,
        };
        let submitted = Submitted {
            execution_id: execution_id.clone(),
            decision: state.created.decision.clone(),
            request_id: state
                .open_request()
                .map(|open| open.request.request_id.clone()),
        };
        let mut drive = Drive::new(state, Some(row), 0);
        drive.approved = approved;
        let reply = reply.clone();
        drive.replies.push((
            drive.state.seq,
            Box::new(move |result| {
                let _ = reply.send(result.map(|()| submitted));
            }),
        ));
        self.drives.insert(execution_id.clone(), drive);
        self.carry_out(&execution_id, turned, permitted);
        Ok(())
    }

    fn record_refusal(
        &mut self,
        submission: &Submission,
        decision: mandate_policy::Decision,
        reply: Sender<Result<Submitted, HostError>>,
        now_ms: i64,
    ) {
        let payload = serde_json::json!({
            "plan_hash": submission.plan.hash(),
            "plan": submission.plan.plan().name,
            "principal": submission.principal,
            "session": submission.session,
            "decision": decision,
        });
        let batch = Batch {
            stream: SYSTEM.to_owned(),
            records: vec![NewRecord {
                at_ms: now_ms,
                kind: "admission_refused",
                payload: payload.to_string().into_bytes(),
            }],
            ..Batch::default()
        };
        self.parts.journal.append(
            batch,
            Box::new(move |result| {
                let _ = reply.send(Err(match result {
                    Ok(_) => HostError::Denied(Box::new(decision)),
                    Err(error) => HostError::Store(error),
                }));
            }),
        );
    }

    fn watch(&mut self, execution_id: &str, watcher: Sender<Update>) -> Result<(), HostError> {
        let drive = self.drive(execution_id)?;
        if let Some(lost) = &drive.lost {
            return Err(lost.clone());
        }
        drive.watchers.push(watcher);
        drive.told_rest = 0;
        drive.tell_rest();
        Ok(())
    }

    fn drive(&mut self, execution_id: &str) -> Result<&mut Drive, HostError> {
        self.drives
            .get_mut(execution_id)
            .ok_or_else(|| HostError::NoSuchExecution(execution_id.to_owned()))
    }

    fn session(&self, session: &str, principal: &str) -> SessionView {
        SessionView {
            session_id: session.to_owned(),
            principal: principal.to_owned(),
            frozen: false,
            calls: self.sessions.get(session).copied().unwrap_or(0),
            calls_last_minute: 0,
        }
    }

    /// Takes an unfinished execution up from the journal.
    fn take_up(&mut self, execution_id: &str) -> Result<(), HostError> {
        if self.drives.contains_key(execution_id) {
            return Ok(());
        }
        let state = crate::recovery::load(self.parts.journal.as_ref(), execution_id)?;
        if state.phase == Phase::Ended {
            return Err(HostError::NoSuchExecution(execution_id.to_owned()));
        }
        let durable_seq = state.seq;
        self.drives.insert(
            execution_id.to_owned(),
            Drive::new(state, None, durable_seq),
        );
        let host = self.id.clone();
        self.take_turn(execution_id, Body::HostStarted { host });
        Ok(())
    }

    fn input(
        &mut self,
        execution_id: &str,
        body: Body,
        reply: Sender<Result<(), HostError>>,
        otherwise: &str,
    ) {
        let known = self.drive(execution_id).map(|drive| drive.lost.clone());
        match known {
            Err(error) | Ok(Some(error)) => {
                let _ = reply.send(Err(error));
                return;
            }
            Ok(None) => {}
        }
        if !self.take_turn_with(execution_id, body, |drive| {
            let seq = drive.state.seq;
            let reply = reply.clone();
            drive.replies.push((
                seq,
                Box::new(move |result| {
                    let _ = reply.send(result);
                }),
            ));
        }) {
            let _ = reply.send(Err(HostError::NotNow(otherwise.to_owned())));
        }
    }

    fn take_turn(&mut self, execution_id: &str, body: Body) -> bool {
        self.take_turn_with(execution_id, body, |_| {})
    }

    /// One turn of one execution: what is due first, then the input.
    fn take_turn_with(
        &mut self,
        execution_id: &str,
        body: Body,
        applied: impl FnOnce(&mut Drive),
    ) -> bool {
        let now_ms = self.parts.clock.now_ms();
        if !matches!(
            body,
            Body::TimerFired { .. } | Body::RequestExpired { .. } | Body::HostStarted { .. }
        ) {
            self.fire_timers(execution_id, now_ms);
        }
        let lookup = self.parts.tools.lookup();
        let Some(drive) = self.drives.get(execution_id) else {
            return false;
        };
        let session = self.session(&drive.state.created.session, &drive.state.created.principal);
        let Some(drive) = self.drives.get_mut(execution_id) else {
            return false;
        };
        let mut gate = HostGate {
            approved: &mut drive.approved,
            lookup,
            session,
            now_ms,
            permitted: Vec::new(),
        };
        let turned = turn(&mut drive.state, now_ms, body, &mut gate);
        let permitted = std::mem::take(&mut gate.permitted);
        let Some(turned) = turned else { return false };
        applied(drive);
        self.carry_out(execution_id, turned, permitted);
        true
    }

    fn fire_timers(&mut self, execution_id: &str, now_ms: i64) {
        loop {
            let Some(drive) = self.drives.get_mut(execution_id) else {
                return;
            };
            drive.wake_ms = drive.state.next_due().map(|(due_ms, _)| due_ms);
            let Some((due_ms, body)) = drive.state.next_due() else {
                return;
            };
            if due_ms > now_ms || drive.lost.is_some() || !self.take_turn(execution_id, body) {
                return;
            }
        }
    }

    /// Drops the calls whose own time limit has passed.
    fn fire_calls(&mut self, execution_id: &str, now_ms: i64) {
        let Some(drive) = self.drives.get(execution_id) else {
            return;
        };
        let over: Vec<_> = drive
            .open
            .iter()
            .filter(|(_, open)| open.deadline_ms.is_some_and(|due| due <= now_ms))
            .map(|(place, open)| (place.clone(), open.attempt))
            .collect();
        for ((step, item), attempt) in over {
            let fault = Fault::new(
                ErrorCode::StepTimeout,
                format!("`{step}` passed its `timeout_ms`"),
            );
            self.finish_call(
                execution_id,
                (step, item),
                attempt,
                CallOutcome::Unknown(fault),
            );
        }
    }

    fn carry_out(&mut self, execution_id: &str, turned: Turned, permitted: Vec<Permitted>) {
        let admit = turned.admit;
        let Some(drive) = self.drives.get_mut(execution_id) else {
            return;
        };
        let calls = permitted.len() as u64;
        drive.wake_ms = turned.wake_ms;
        let started: BTreeMap<(String, Option<u32>), u64> = turned
            .events
            .iter()
            .filter_map(|event| match &event.body {
                Body::StepStarted { step, item, .. } => Some(((step.clone(), *item), event.seq)),
                _ => None,
            })
            .collect();
        drive.note(turned.events);
        for permitted in permitted {
            let place = (permitted.call.step.clone(), permitted.call.item);
            if let Some(after_seq) = started.get(&place) {
                drive.held.push_back(Held {
                    after_seq: *after_seq,
                    permitted,
                });
            }
        }
        let session = drive.state.created.session.clone();
        if calls > 0 {
            let counted = self.sessions.entry(session).or_insert(0);
            *counted = counted.saturating_add(calls);
        }
        if admit {
            // Before anything goes to the disk, so that both turns share a commit.
            self.admit(execution_id);
        }
        self.dispatch(execution_id);
        self.flush(execution_id);
        for (step, item, attempt) in turned.aborts {
            self.abort(execution_id, (step, item), attempt);
        }
    }

    /// Has the plan admitted, and gives the answer in.
    fn admit(&mut self, execution_id: &str) {
        let lookup = self.parts.tools.lookup();
        let now_ms = self.parts.clock.now_ms();
        let Some(drive) = self.drives.get(execution_id) else {
            return;
        };
        let session = self.session(&drive.state.created.session, &drive.state.created.principal);
        let Some(drive) = self.drives.get_mut(execution_id) else {
            return;
        };
        let mut gate = HostGate {
            approved: &mut drive.approved,
            lookup,
            session,
            now_ms,
            permitted: Vec::new(),
        };
        let body = match gate.admit(&drive.state) {
            Ok(approval) => Body::ExecutionStarted { approval },
            Err(refusal) => Body::CallRefused {
                refusal,
                admission: true,
            },
        };
        self.take_turn(execution_id, body);
    }

    /// Hands what is owed to the journal.
    fn flush(&mut self, execution_id: &str) {
        let post = self.post.clone();
        let Some(drive) = self.drives.get_mut(execution_id) else {
            return;
        };
        if drive.lost.is_some() || !drive.owes_disk() {
            return;
        }
        let Some(batch) = drive.take_batch() else {
            return;
        };
        let (execution_id, last_seq) = (execution_id.to_owned(), drive.sent_seq);
        self.parts.journal.append(
            batch,
            Box::new(move |result| {
                post(Input::Stored {
                    execution_id,
                    last_seq,
                    result,
                })
            }),
        );
    }

    /// Makes the calls that may be made: a closed-world read at once, everything else when the disk has its start.
    fn dispatch(&mut self, execution_id: &str) {
        let now_ms = self.parts.clock.now_ms();
        let Some(drive) = self.drives.get_mut(execution_id) else {
            return;
        };
        let durable = drive.durable_seq;
        let (ready, held) = std::mem::take(&mut drive.held)
            .into_iter()
            .partition(|held: &Held| held.permitted.runs_ahead || held.after_seq <= durable);
        drive.held = held;
        let ready: Vec<Held> = Vec::from(ready);
        for Held {
            permitted: Permitted { permit, call, .. },
            ..
        } in ready
        {
            let (place, attempt) = ((call.step.clone(), call.item), call.attempt);
            let deadline_ms = call
                .timeout_ms
                .map(|limit| now_ms.saturating_add(i64::try_from(limit).unwrap_or(i64::MAX)));
            let post = self.post.clone();
            let execution = execution_id.to_owned();
            let (step, item) = place.clone();
            let run = self.parts.tools.run(permit, call);
            let task = self.parts.spawn.spawn(Box::pin(async move {
                let outcome = run.await.outcome;
                post(Input::Outcome {
                    execution_id: execution,
                    step,
                    item,
                    attempt,
                    outcome,
                });
            }));
            drive.open.insert(
                place,
                OpenCall {
                    attempt,
                    task,
                    deadline_ms,
                },
            );
        }
    }

    fn abort(&mut self, execution_id: &str, place: (String, Option<u32>), attempt: u32) {
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
        self.finish_call(execution_id, place, attempt, CallOutcome::Unknown(fault));
    }

    /// A call has ended, or is dropped here and now.
    fn finish_call(
        &mut self,
        execution_id: &str,
        place: (String, Option<u32>),
        attempt: u32,
        outcome: CallOutcome,
    ) {
        let Some(drive) = self.drives.get_mut(execution_id) else {
            return;
        };
        let mut never_sent = false;
        match drive.open.get(&place) {
            Some(open) if open.attempt == attempt => {
                if let Some(open) = drive.open.remove(&place) {
                    open.task.abort();
                }
            }
            _ => {
                let before = drive.held.len();
                drive.held.retain(|held| {
                    (held.permitted.call.step.as_str(), held.permitted.call.item)
                        != (place.0.as_str(), place.1)
                });
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
        let Some(body) = settle(&drive.state, &place.0, place.1, attempt, outcome) else {
            return;
        };
        self.take_turn(execution_id, body);
    }

    fn stored(&mut self, execution_id: &str, last_seq: u64, result: Result<Appended, StoreError>) {
        let Some(drive) = self.drives.get_mut(execution_id) else {
            return;
        };
        match result {
            Ok(appended) => {
                drive.durable_seq = drive.durable_seq.max(last_seq);
                drive.head = Some(appended.head);
                drive.give_replies();
                self.dispatch(execution_id);
                self.flush(execution_id);
                self.settle_down(execution_id);
            }
            Err(error) => drive.lose(HostError::Store(error)),
        }
    }

    /// Tells watchers where the execution rests; one that has ended leaves memory.
    fn settle_down(&mut self, execution_id: &str) {
        let Some(drive) = self.drives.get_mut(execution_id) else {
            return;
        };
        drive.tell_rest();
        let over = drive.state.phase == Phase::Ended && drive.durable_seq >= drive.state.seq;
        if over && drive.replies.is_empty() {
            self.drives.remove(execution_id);
        }
    }
}

fn call_outcome(outcome: mandate_tools::Outcome) -> CallOutcome {
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
