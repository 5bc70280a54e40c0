//! The host: one input after the other; each is applied, decided upon, appended, carried out.
//!
//! At any time one thread has the host, and nothing here blocks, so that a test can drive it with a fake clock, journal, tools
//! and spawner. What may run ahead of the disk is ruled by [`Drive::owes_disk`] and `calls.rs`, and nowhere else.

use crate::agenda::Agenda;
use crate::approved_before::LastApprovals;
use crate::ask::{Ask, HostError};
use crate::clock::Clock;
use crate::drive::{Drive, Held};
use crate::gate::{HostGate, Permitted};
use crate::gateway::Gateway;
pub use crate::input::Input;
use crate::known_plans::KnownPlans;
use crate::look_up::may_bring_doubts;
use crate::notify::{Notify, tell};
use crate::packed::PackedId;
use crate::parking::Away;
use crate::policies::{Pinned, PolicyTerms};
use crate::queue::Queue;
use crate::refusals::Refusals;
use crate::sessions::Sessions;
use crate::spawn::Spawn;
use crate::standing::Ledger;
use crate::switch::Freeze;
use crate::tokens::TokenSource;
use crate::witness::Witness;
use mandate_engine::{Body, Event, Turned, turn};
use mandate_policy::token::KnownChains;
use mandate_policy::{KnownCalls, KnownExaminations, Limits, Purpose, Rules};
use mandate_store::Journal;
use mandate_tools::Tools;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::Sender;

/// How many executions are looked after in one turn when their time has come.
const DUE_AT_ONCE: usize = 64;

/// Where inputs are put for the host to take up, from any thread.
pub type Post = Arc<dyn Fn(Input) + Send + Sync>;

/// Where something is said for people.
pub type Report = Arc<dyn Fn(&str) + Send + Sync>;

/// What the host is made of.
#[derive(Clone)]
pub struct Parts {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// The journal.
    pub journal: Arc<dyn Journal>,
    /// The tools.
    pub tools: Arc<dyn Tools>,
    /// The policy.
    pub rules: Arc<dyn Rules>,
    /// The keys of tokens.
    pub tokens: Arc<dyn TokenSource>,
    /// A policy that is asked beside it, and decides nothing.
    pub shadow: Option<Arc<dyn Rules>>,
    /// How many calls a session may make, whatever the policy says.
    pub limits: Limits,
    /// What becomes of executions that began under another policy.
    pub policies: PolicyTerms,
    /// What agents may do.
    pub gateway: Gateway,
    /// Where calls run.
    pub spawn: Arc<dyn Spawn>,
    /// Makes execution, plan and host ids (UUID v7 outside tests) and seeds.
    pub ids: Arc<dyn Ids>,
    /// Where it is said, for people, what keeps an execution from being driven.
    pub report: Report,
    /// Who tells people that something waits for them, or has ended.
    pub notify: Option<Arc<dyn Notify>>,
    /// Who counts and shows what is done here.
    pub witness: Option<Arc<dyn Witness>>,
    /// How many executions may be active at a time.
    pub max_active: usize,
    /// How many executions that only wait for a human, or for a time far off, stay in memory: the last ones that came to
    /// rest. The others are folded again when there is something to do for them.
    pub kept_at_rest: usize,
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
    pub(crate) parts: Parts,
    pub(crate) post: Post,
    pub(crate) id: String,
    /// Boxed, so that few bytes move as others come and go.
    pub(crate) drives: BTreeMap<String, Box<Drive>>,
    agenda: Agenda,
    pub(crate) plans: KnownPlans,
    /// The calls of plans that were admitted lately.
    pub(crate) calls: KnownCalls,
    /// What was seen of plans that somebody wanted to run lately.
    pub(crate) examinations: KnownExaminations,
    /// The tokens that were shown lately.
    pub(crate) known_chains: KnownChains,
    pub(crate) sessions: Sessions,
    pub(crate) last_approvals: LastApprovals,
    pub(crate) frozen: Option<Freeze>,
    pub(crate) pinned: Pinned,
    /// The standing approvals.
    pub(crate) standing: Ledger,
    /// The refusals of the last minute.
    pub(crate) refusals: Refusals,
    /// Executions that are not over and not in memory.
    pub(crate) away: BTreeMap<PackedId, Away>,
    /// Executions that came to rest and are still in memory, the longest first. Some may have gone on or ended.
    pub(crate) resting: VecDeque<String>,
    pub(crate) queue: Queue,
    /// Sessions in which calls were given back, and others wait for some: by principal and id.
    pub(crate) freed: BTreeSet<(String, String)>,
    /// What the hosts before this one left, and was not looked at yet.
    pub(crate) backlog: VecDeque<PackedId>,
    pub(crate) leaving: bool,
    /// Who waits for the end of leaving.
    pub(crate) left: Vec<Sender<Result<(), HostError>>>,
}

impl Host {
    /// A host that drives nothing yet.
    pub fn new(parts: Parts, post: Post) -> Self {
        let id = parts.ids.id();
        let queue = Queue::new(parts.max_active);
        let sessions = Sessions::new(parts.limits);
        let refusals = Refusals::new(parts.gateway.refusals_per_minute);
        let frozen = Freeze::found(parts.journal.as_ref(), parts.clock.now_ms());
        Self {
            parts,
            post,
            id,
            drives: BTreeMap::new(),
            agenda: Agenda::default(),
            plans: KnownPlans::default(),
            calls: KnownCalls::default(),
            examinations: KnownExaminations::default(),
            known_chains: KnownChains::default(),
            sessions,
            last_approvals: LastApprovals::default(),
            frozen,
            pinned: Pinned::new(),
            standing: Ledger::default(),
            refusals,
            away: BTreeMap::new(),
            resting: VecDeque::new(),
            queue,
            freed: BTreeSet::new(),
            backlog: VecDeque::new(),
            leaving: false,
            left: Vec::new(),
        }
    }

    /// Takes one input up.
    pub fn handle(&mut self, input: Input) {
        let about = input.execution_id().map(str::to_owned);
        match input {
            Input::Ask(ask) => self.answer(ask),
            Input::Outcome {
                execution_id,
                place,
                attempt,
                outcome,
            } => {
                self.finish_call(
                    &execution_id,
                    &place,
                    attempt,
                    crate::calls::call_outcome(outcome),
                );
            }
            Input::Told {
                execution_id,
                answer,
            } => self.told(&execution_id, *answer),
            Input::Reported(reading) => self.reported(*reading),
            Input::ChildEnded {
                execution_id,
                place,
                attempt,
                outcome,
            } => self.settle_child(&execution_id, &place, attempt, *outcome),
            Input::Stored {
                execution_id,
                last_seq,
                result,
            } => {
                self.stored(&execution_id, last_seq, result);
            }
            Input::Thrown {
                switch,
                by,
                result,
                reply,
            } => self.thrown(&switch, &by, result, &reply),
        }
        if let Some(execution_id) = about {
            self.let_go(&execution_id);
            self.reschedule(&execution_id);
        }
        self.start_what_fits();
        self.tell_left();
    }

    /// Notes when an execution is next due. Whatever takes something up for it ends here.
    pub(crate) fn reschedule(&mut self, execution_id: &str) {
        self.note_active(execution_id);
        let due_ms = match self.drives.get(execution_id) {
            Some(drive) => drive.next_due_ms(),
            None => self.is_away(execution_id).and_then(|away| away.due_ms),
        };
        self.agenda.note(execution_id, due_ms);
    }

    /// Does what is due by now: ends of sleeps and back-offs, time limits.
    pub fn tick(&mut self) {
        let now_ms = self.parts.clock.now_ms();
        self.sum_refusals(now_ms, false);
        for execution_id in self.agenda.due(now_ms).into_iter().take(DUE_AT_ONCE) {
            self.wake(&execution_id);
            self.fire_calls(&execution_id, now_ms);
            self.fire_timers(&execution_id, now_ms);
            self.look_at_line(&execution_id, now_ms);
            self.flush(&execution_id);
            self.reschedule(&execution_id);
        }
        self.start_what_fits();
    }

    /// When [`Host::tick`] is next needed, Unix milliseconds.
    pub fn next_due_ms(&self) -> Option<i64> {
        let sums = self.refusals.next_due_ms();
        [self.agenda.next_due_ms(), sums]
            .into_iter()
            .flatten()
            .min()
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

    pub(crate) fn answer(&mut self, ask: Ask) {
        let Some(ask) = self.turned_away(ask) else {
            return;
        };
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
            Ask::AwaitRest(execution_id, awaiting, reply) => {
                let _ = reply.send(self.await_rest(&execution_id, awaiting));
            }
            Ask::Follow(execution_id, follower, reply) => {
                self.follow(&execution_id, follower, reply);
            }
            Ask::Unfollow(execution_id) => self.unfollow(&execution_id),
            Ask::Outlook(execution_id, reply) => {
                let _ = reply.send(self.outlook(&execution_id));
            }
            Ask::Doings(but, reply) => {
                let _ = reply.send(self.doings(&but));
            }
            Ask::Recover(reply) => {
                let _ = reply.send(self.recover());
            }
            Ask::Leave(only_if_idle, reply) => self.leave(only_if_idle, reply),
            Ask::Answer(execution_id, answer, reply) => {
                self.take_answer(&execution_id, *answer, reply);
            }
            Ask::Agent(ask, reply) => self.agent(*ask, reply),
            Ask::Token {
                execution_id,
                by,
                steps,
                reply,
            } => self.mint(&execution_id, &by, steps, reply),
            Ask::RotateTokens(by, at_once, reply) => self.rotate_tokens(&by, at_once, reply),
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
                let body = Body::ExecutionPaused { by };
                let otherwise = "the execution is paused or ending already";
                self.input(&execution_id, body.clone(), reply, otherwise);
                self.pass_down(&execution_id, &body);
            }
            Ask::Resume(execution_id, by, reply) => {
                let body = Body::ExecutionResumed { by };
                let otherwise = "the execution is not paused";
                self.input(&execution_id, body.clone(), reply, otherwise);
                self.pass_down(&execution_id, &body);
            }
            Ask::Switch(switch, by, reply) => self.throw(switch, by, reply),
            Ask::Removed(reply) => {
                self.last_approvals.forget();
                let _ = reply.send(Ok(()));
            }
            Ask::Revoke {
                execution_id,
                by,
                reason,
                reply,
            } => self.revoke(&execution_id, Body::ApprovalRevoked { by, reason }, reply),
            Ask::Override(execution_id, overriding, reply) => {
                self.override_step(&execution_id, overriding, reply);
            }
            Ask::Resolve {
                execution_id,
                step,
                item,
                by,
                channel,
                resolution,
                reply,
            } => {
                let body = Body::StepResolved {
                    step,
                    item,
                    by,
                    resolution,
                    channel: Some(channel),
                    answer_digest: None,
                };
                self.input(&execution_id, body, reply, "the step is not in doubt");
            }
        }
    }

    pub(crate) fn drive(&mut self, execution_id: &str) -> Result<&mut Drive, HostError> {
        self.drives
            .get_mut(execution_id)
            .map(|drive| &mut **drive)
            .ok_or_else(|| HostError::NoSuchExecution(execution_id.to_owned()))
    }

    pub(crate) fn input(
        &mut self,
        execution_id: &str,
        body: Body,
        reply: Sender<Result<(), HostError>>,
        otherwise: &str,
    ) {
        let undriven = match self.unfold(execution_id) {
            Ok(undriven) => undriven,
            Err(error) => {
                let _ = reply.send(Err(error));
                return;
            }
        };
        self.put(execution_id, body, reply, otherwise);
        if undriven {
            self.start_driving(execution_id);
        }
    }

    /// Gives an input in, and the answer when the disk has it.
    pub(crate) fn put(
        &mut self,
        execution_id: &str,
        body: Body,
        reply: Sender<Result<(), HostError>>,
        otherwise: &str,
    ) {
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

    pub(crate) fn take_turn(&mut self, execution_id: &str, body: Body) -> bool {
        self.take_turn_with(execution_id, body, |_| {})
    }

    /// One turn of one execution: what is due first, then the input.
    pub(crate) fn take_turn_with(
        &mut self,
        execution_id: &str,
        body: Body,
        applied: impl FnOnce(&mut Drive),
    ) -> bool {
        let now_ms = self.parts.clock.now_ms();
        if !matches!(
            body,
            Body::TimerFired { .. }
                | Body::RequestExpired { .. }
                | Body::HostStarted { .. }
                | Body::HostLeaving { .. }
                | Body::HostStopped { .. }
        ) {
            self.fire_timers(execution_id, now_ms);
        }
        let Some((drive, means)) = self.judged(execution_id, now_ms) else {
            return false;
        };
        let refused = drive.refused.clone();
        let mut gate = HostGate::of(&mut drive.approved, means).refused(refused);
        let turned = turn(&mut drive.state, now_ms, body, &mut gate);
        let permitted = gate.permitted();
        let Some(turned) = turned else { return false };
        applied(drive);
        self.carry_out(execution_id, turned, permitted);
        true
    }

    pub(crate) fn fire_timers(&mut self, execution_id: &str, now_ms: i64) {
        loop {
            let Some(drive) = self.drives.get_mut(execution_id) else {
                return;
            };
            let due = drive.state.next_due();
            drive.wake_ms = due.as_ref().map(|(due_ms, _)| *due_ms);
            let Some((due_ms, body)) = due else {
                return;
            };
            if due_ms > now_ms || drive.lost.is_some() || !self.take_turn(execution_id, body) {
                return;
            }
        }
    }

    pub(crate) fn carry_out(
        &mut self,
        execution_id: &str,
        turned: Turned,
        permitted: Vec<Permitted>,
    ) {
        let admit = turned.admit;
        let Some(drive) = self.drives.get_mut(execution_id) else {
            return;
        };
        drive.wake_ms = turned.wake_ms;
        let begun = begun(&turned.events, permitted);
        let doubts = turned.events.iter().any(may_bring_doubts);
        if let Some(notify) = &self.parts.notify {
            tell(notify, drive, &turned.events);
        }
        crate::log_lines::happened(&drive.state, &turned.events);
        self.last_approvals.happened(&drive.state, &turned.events);
        if let Some(witness) = &self.parts.witness {
            witness.happened(&drive.state, &turned.events);
        }
        let calls = drive.note(turned.events);
        let principal = (!calls.is_empty()).then(|| drive.state.created.principal.clone());
        drive.held.extend(begun);
        for row in calls {
            self.sessions
                .add(principal.as_deref().unwrap_or_default(), &row);
        }
        self.note_set_aside(execution_id);
        if admit {
            // Before anything goes to the disk, so that both turns share a commit.
            self.admit_in_turn(execution_id);
        }
        if doubts {
            self.note_doubts(execution_id);
        }
        self.dispatch(execution_id);
        self.flush(execution_id);
        for abort in turned.aborts {
            self.abort(execution_id, abort);
        }
    }
}

/// The permitted calls, each to be made when the disk has the event that it begins with.
fn begun(events: &[Event], permitted: Vec<Permitted>) -> Vec<Held> {
    if permitted.is_empty() {
        return Vec::new();
    }
    let starts: BTreeMap<(&str, Option<u32>, Purpose), u64> = events
        .iter()
        .filter_map(|event| match &event.body {
            Body::StepStarted { step, item, .. } => {
                Some(((step.as_str(), *item, Purpose::Run), event.seq))
            }
            Body::CompensationStarted { step, item, .. } => {
                Some(((step.as_str(), *item, Purpose::Compensate), event.seq))
            }
            _ => None,
        })
        .collect();
    let held = permitted.into_iter().filter_map(|permitted| {
        let call = &permitted.call;
        let after_seq = *starts.get(&(call.step.as_str(), call.item, call.purpose))?;
        Some(Held {
            after_seq,
            permitted,
        })
    });
    held.collect()
}
