//! One execution as the host drives it: its state, the calls under way, what the disk has of it, and who watches.

use crate::agent::Caller;
use crate::ask::{HostError, Rest, Update};
use crate::following::Follower;
use crate::gate::Permitted;
use crate::look_up::Questions;
use crate::outlook::Outlook;
use crate::projection::{Shown, changed_request_rows, execution_row};
use crate::sessions::call_row;
use crate::spawn::Task;
use mandate_engine::{Body, Event, Fault, Phase, State};
use mandate_policy::{ApprovedPlan, Purpose, Refusal, ResolvedCall};
use mandate_store::{Batch, CallRow, Head, NewRecord, PlanRow};
use mandate_tools::UnderWay;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::Sender;

/// How many events of closed-world reads may wait in memory before they are handed to the journal unasked.
const UNSENT_EVENTS: usize = 512;
/// How long those of an agent may, in milliseconds: a person notices nothing of it, and hundreds of calls share a commit.
const LINGER_MS: i64 = 25;

/// What has at most one call under way: a step or one item of it, to be run or to be undone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The step.
    pub step: String,
    /// The item.
    pub item: Option<u32>,
    /// Whether the call runs it or undoes it.
    pub purpose: Purpose,
}

impl Place {
    pub(crate) fn of(call: &ResolvedCall) -> Self {
        Self {
            step: call.step.clone(),
            item: call.item,
            purpose: call.purpose,
        }
    }
}

/// A call under way.
pub(crate) struct OpenCall {
    pub(crate) attempt: u32,
    /// None for a child: it is driven beside this one.
    pub(crate) task: Option<Box<dyn Task>>,
    pub(crate) deadline_ms: Option<i64>,
    /// Of a child: the step's time is over, and this is what it fails with once the child has ended.
    pub(crate) over: Option<Fault>,
    /// Somebody outside makes it: what counts it as long as it is under way.
    pub(crate) outside: Option<Box<dyn UnderWay>>,
}

impl OpenCall {
    /// One that nothing is known of but its attempt.
    pub(crate) fn under_way(attempt: u32) -> Self {
        Self {
            attempt,
            task: None,
            deadline_ms: None,
            over: None,
            outside: None,
        }
    }
}

/// A call that waits for the disk.
pub(crate) struct Held {
    pub(crate) after_seq: u64,
    pub(crate) permitted: Permitted,
}

type Reply = Box<dyn FnOnce(Result<(), HostError>) + Send>;

pub(crate) struct Drive {
    pub(crate) state: State,
    pub(crate) approved: Option<ApprovedPlan>,
    /// Of a nested plan: why it was not admitted with the plan that holds it.
    pub(crate) refused: Option<Refusal>,
    /// Events that are applied and not yet handed to the journal.
    pub(crate) unsent: Vec<Arc<Event>>,
    /// The calls that these begin, by the session that they count for.
    unsent_calls: Vec<CallRow>,
    /// What the journal was given last of the request about the plan.
    shown: Shown,
    /// The plan document, until the first batch has carried it.
    pub(crate) plan_row: Option<PlanRow>,
    /// When the unsent events of an agent's reads are handed over, Unix milliseconds.
    linger_ms: Option<i64>,
    /// When the session of one that stands in line may count anew, Unix milliseconds.
    pub(crate) line_ms: Option<i64>,
    /// `seq` up to which events were handed to the journal.
    pub(crate) sent_seq: u64,
    /// `seq` up to which the disk has them.
    pub(crate) durable_seq: u64,
    pub(crate) held: VecDeque<Held>,
    pub(crate) open: BTreeMap<Place, OpenCall>,
    /// Questions to tools about calls in doubt.
    pub(crate) questions: Questions,
    pub(crate) wake_ms: Option<i64>,
    pub(crate) watchers: Vec<Sender<Update>>,
    /// Those who look on only to hear where it rests.
    pub(crate) awaiting: Vec<Sender<Update>>,
    pub(crate) followers: Vec<Follower>,
    /// Those who list the tools that an agent could call.
    pub(crate) outlooks: Vec<tokio::sync::watch::Sender<Outlook>>,
    /// Agents that wait for what comes of their calls.
    pub(crate) callers: Vec<Caller>,
    /// How many reports of calls outside are being read.
    pub(crate) reading: u32,
    /// Answers that become facts outside once the disk has `seq`.
    pub(crate) replies: Vec<(u64, Reply)>,
    pub(crate) head: Option<Head>,
    /// `seq` of the last rest that watchers were told.
    pub(crate) told_rest: u64,
    pub(crate) lost: Option<HostError>,
}

impl Drive {
    pub(crate) fn new(state: State, plan_row: Option<PlanRow>, durable_seq: u64) -> Self {
        Self {
            state,
            approved: None,
            refused: None,
            unsent: Vec::new(),
            unsent_calls: Vec::new(),
            shown: Shown::default(),
            plan_row,
            linger_ms: None,
            line_ms: None,
            sent_seq: durable_seq,
            durable_seq,
            held: VecDeque::new(),
            open: BTreeMap::new(),
            questions: Questions::default(),
            wake_ms: None,
            watchers: Vec::new(),
            awaiting: Vec::new(),
            followers: Vec::new(),
            outlooks: Vec::new(),
            callers: Vec::new(),
            reading: 0,
            replies: Vec::new(),
            head: None,
            told_rest: 0,
            lost: None,
        }
    }

    /// Nothing runs and nothing will start by itself now: it has ended, waits or is paused.
    pub(crate) fn at_rest(&self) -> bool {
        let state = &self.state;
        !state.is_running()
            && self.open.values().all(|open| open.task.is_none())
            && self.held.is_empty()
            && (state.phase == Phase::Ended
                || (self.questions.are_over() && state.waiting_for().is_some()))
    }

    /// Whether what is applied must be handed to the journal now. A call that is not a closed-world read waits for the
    /// disk, and so does every fact that leaves the process; closed-world reads alone owe the disk nothing yet.
    pub(crate) fn owes_disk(&self) -> bool {
        !self.unsent.is_empty()
            && ((self.at_rest() && !self.may_linger())
                || self.replies.iter().any(|(seq, _)| *seq > self.sent_seq)
                || self.unsent.len() > UNSENT_EVENTS
                || self.followers_wait()
                || self.questions.wait()
                || self.held.iter().any(|held| !held.permitted.runs_ahead)
                || self.unsent.iter().any(|event| is_owed(&event.body)))
    }

    /// Whether an agent's reads may stay in memory for a moment, so that many of them share a commit.
    fn may_linger(&self) -> bool {
        self.state.awaits_agent() && self.watchers.is_empty() && self.awaiting.is_empty()
    }

    /// When what an agent's reads have left in memory is handed to the journal, at the latest: a moment after the first.
    /// None if nothing is there, or if it is handed over with what follows.
    pub(crate) fn linger(&mut self, now_ms: i64) -> Option<i64> {
        if self.unsent.is_empty() || !self.state.is_agents() {
            return None;
        }
        Some(
            *self
                .linger_ms
                .get_or_insert(now_ms.saturating_add(LINGER_MS)),
        )
    }

    /// Everything that is not with the journal yet, as one batch.
    pub(crate) fn take_batch(&mut self) -> Option<Batch> {
        let first = self.unsent.first()?;
        let stands_on = match &first.body {
            Body::ExecutionCreated(created) => created.approved_before.as_ref(),
            _ => None,
        };
        let stands_on = stands_on.map(|before| before.plan_hash).into_iter();
        let requests = changed_request_rows(&self.state, &self.unsent, &mut self.shown);
        let batch = Batch {
            stream: self.state.execution_id().to_owned(),
            first_seq: first.seq,
            records: self
                .unsent
                .iter()
                .map(|event| NewRecord {
                    at_ms: event.at_ms,
                    kind: event.body.kind(),
                    payload: event.payload(),
                })
                .collect(),
            plan: self.plan_row.take(),
            stands_on: stands_on.collect(),
            execution: Some(execution_row(&self.state)),
            requests,
            calls: std::mem::take(&mut self.unsent_calls),
        };
        self.unsent.clear();
        self.linger_ms = None;
        self.sent_seq = self.state.seq;
        Some(batch)
    }

    /// Whether this host drives it on: one that it lets go of does not rest.
    pub(crate) fn stays(&self) -> bool {
        self.state.driven && !self.state.leaving
    }

    pub(crate) fn tell(&mut self, update: Update) {
        tell_all(&mut self.watchers, update);
    }

    /// Whether it has ended, the disk has it all, and nobody waits for an answer.
    pub(crate) fn is_over(&self) -> bool {
        self.state.phase == Phase::Ended
            && self.durable_seq >= self.state.seq
            && self.replies.is_empty()
    }

    /// Tells watchers that the execution is over. It was the last that is needed of its state, which may be large.
    pub(crate) fn tell_end(mut self) {
        self.tell_outlooks();
        if self.told_rest == self.state.seq || !self.stays() {
            return;
        }
        let mut to = std::mem::take(&mut self.watchers);
        to.append(&mut self.awaiting);
        if to.is_empty() {
            return;
        }
        let rest = Update::Rest(Box::new(Rest {
            waiting_for: None,
            state: self.state,
            head: self.head,
        }));
        tell_all(&mut to, rest);
    }

    /// Tells watchers where the execution rests, once the disk has it all.
    pub(crate) fn tell_rest(&mut self) {
        let rests = self.at_rest() && self.durable_seq >= self.state.seq;
        if !rests || self.told_rest == self.state.seq || !self.stays() {
            return;
        }
        self.told_rest = self.state.seq;
        if !self.watchers.is_empty() {
            let rest = Update::Rest(Box::new(self.rest()));
            self.tell(rest);
        }
        if !self.awaiting.is_empty() {
            let rest = Update::Rest(Box::new(self.rest()));
            tell_all(&mut self.awaiting, rest);
        }
    }

    fn rest(&self) -> Rest {
        Rest {
            waiting_for: self.state.waiting_for(),
            state: self.state.clone(),
            head: self.head,
        }
    }

    /// Gives the answers that waited for the disk.
    pub(crate) fn give_replies(&mut self) {
        if self.replies.is_empty() {
            return;
        }
        let durable = self.durable_seq;
        let (ready, rest) = std::mem::take(&mut self.replies)
            .into_iter()
            .partition(|(seq, _): &(u64, Reply)| *seq <= durable);
        self.replies = rest;
        for (_, reply) in ready {
            reply(Ok(()));
        }
    }

    /// The journal failed: nothing more is done for this execution here.
    pub(crate) fn lose(&mut self, error: HostError) {
        for open in std::mem::take(&mut self.open).into_values() {
            if let Some(task) = open.task {
                task.abort();
            }
        }
        self.held.clear();
        self.questions.give_up();
        self.unsent.clear();
        self.wake_ms = None;
        for (_, reply) in std::mem::take(&mut self.replies) {
            reply(Err(error.clone()));
        }
        // Who waits for a call learns that nobody answers.
        self.callers.clear();
        self.tell(Update::Lost(error.clone()));
        tell_all(&mut self.awaiting, Update::Lost(error.clone()));
        self.lost = Some(error);
        self.tell_followers();
    }

    /// Takes what happened, and gives the calls that began.
    pub(crate) fn note(&mut self, events: Vec<Event>) -> Vec<CallRow> {
        self.tell_callers(&events);
        self.end_outside(&events);
        let calls = events
            .iter()
            .filter_map(|event| call_row(&self.state, event));
        let calls: Vec<CallRow> = calls.collect();
        self.unsent_calls.extend(calls.iter().cloned());
        for event in events {
            let event = Arc::new(event);
            if !self.watchers.is_empty() {
                self.tell(Update::Event(event.clone()));
            }
            self.unsent.push(event);
        }
        calls
    }

    /// The next time at which something is to be done for it, Unix milliseconds.
    pub(crate) fn next_due_ms(&self) -> Option<i64> {
        let calls = self.open.values().filter_map(|open| open.deadline_ms).min();
        { [self.wake_ms, calls, self.linger_ms, self.line_ms].into_iter() }
            .flatten()
            .min()
    }
}

/// Whether an event has the journal written. What an agent asked for has not, by itself: its call does, unless it is a read
/// inside this machine, and so does whatever it is told.
fn is_owed(body: &Body) -> bool {
    body.is_input() && !matches!(body, Body::CallRequested { .. })
}

/// Sends to all of them, and forgets those that are gone.
fn tell_all(to: &mut Vec<Sender<Update>>, update: Update) {
    // A state may be large: it is copied for the second one and those after it.
    let last = to.pop();
    to.retain(|watcher| watcher.send(update.clone()).is_ok());
    to.extend(last.filter(|watcher| watcher.send(update).is_ok()));
}
