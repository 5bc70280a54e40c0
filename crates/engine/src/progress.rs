//! How far the steps have come, kept as events are applied: how many are settled, and where anything can follow. Without
//! it, each event would cost a look at every step, and a step of a long plan more than one of a short plan.

use crate::event::{Body, Timer};
use crate::state::{State, StepData};
use mandate_plan::{CheckedPlan, CheckedStep};
use std::collections::BTreeSet;

/// What was last seen of a step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Seen {
    /// Its state is one that does not change by itself any more.
    settled: bool,
    /// Nothing more comes of it.
    over: bool,
}

/// The steps of an execution as far as they have come. It is derived from the steps and no part of what is compared.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress {
    seen: Vec<Seen>,
    /// Steps of the plan itself whose state is settled.
    settled: usize,
    /// Steps before those under `finally` of which nothing more comes.
    over: usize,
    /// Steps of the plan itself that something may follow for: all that are not over, but those that have not begun and
    /// stand behind one that is not over.
    open: BTreeSet<usize>,
    /// By number, the first of the steps that are looked at again when this one is over.
    first_behind: Vec<Option<usize>>,
    /// By number, the next of those that stand behind the same one.
    next_behind: Vec<Option<usize>>,
    /// Steps were changed that the event does not name.
    stale: bool,
}

/// Which steps an event can have changed.
enum About<'a> {
    None,
    Step(&'a str),
    All,
}

impl Progress {
    /// Counts everything anew.
    pub(crate) fn of(plan: &CheckedPlan, steps: &[StepData]) -> Self {
        let own = plan.steps().len();
        let mut progress = Self {
            seen: vec![Seen::default(); steps.len()],
            first_behind: vec![None; own],
            next_behind: vec![None; own],
            ..Self::default()
        };
        for (number, data) in steps.iter().enumerate() {
            progress.see(plan, number, data);
        }
        for step in plan.steps() {
            let over = progress.is_over(step.index);
            let begun = steps.get(step.index).is_some_and(StepData::has_begun);
            if !over && begun {
                progress.open.insert(step.index);
            } else if !over {
                progress.queue(step, 0);
            }
        }
        progress
    }

    /// Steps are changed that the event does not name: everything is to be counted anew.
    pub(crate) fn lose_count(&mut self) {
        self.stale = true;
    }

    /// Looks at a step that may have changed; `frontier` is the first step that is not over.
    fn update(&mut self, plan: &CheckedPlan, number: usize, data: &StepData, frontier: usize) {
        let was_over = self.is_over(number);
        self.see(plan, number, data);
        let own = number < plan.steps().len();
        if own && !self.is_over(number) {
            self.open.insert(number);
        } else if own && !was_over {
            self.open.remove(&number);
            let mut behind = self.first_behind.get_mut(number).and_then(Option::take);
            while let Some(next) = behind {
                behind = self.next_behind.get_mut(next).and_then(Option::take);
                if let Some(step) = plan.steps().get(next).filter(|_| !self.is_over(next)) {
                    self.queue(step, frontier);
                }
            }
        }
    }

    /// Puts a step behind the last one of its order that is not over, or among those that something may follow for.
    fn queue(&mut self, step: &CheckedStep, frontier: usize) {
        let order = step.order.iter().rev();
        let mut order = order.take_while(|number| **number >= frontier);
        let before = order.find(|number| !self.is_over(**number));
        let slots = before.and_then(|before| {
            let first = self.first_behind.get_mut(*before)?;
            Some((first, self.next_behind.get_mut(step.index)?))
        });
        match slots {
            Some((first, next)) => {
                *next = first.replace(step.index);
            }
            None => {
                self.open.insert(step.index);
            }
        }
    }

    fn see(&mut self, plan: &CheckedPlan, number: usize, data: &StepData) {
        let Some(seen) = self.seen.get_mut(number) else {
            return;
        };
        let now = Seen {
            settled: data.state.settled(),
            over: data.is_settled(),
        };
        let before = std::mem::replace(seen, now);
        if number < plan.steps().len() {
            count(&mut self.settled, before.settled, now.settled);
        }
        if number < plan.first_finally() {
            count(&mut self.over, before.over, now.over);
        }
    }

    fn is_over(&self, number: usize) -> bool {
        self.seen.get(number).is_some_and(|seen| seen.over)
    }
}

fn count(counted: &mut usize, before: bool, now: bool) {
    match (before, now) {
        (false, true) => *counted = counted.saturating_add(1),
        (true, false) => *counted = counted.saturating_sub(1),
        _ => {}
    }
}

impl State {
    /// How many steps of the plan are settled; fallback and finally steps are not counted.
    pub fn settled(&self) -> usize {
        self.progress.settled
    }

    /// How many steps before those under `finally` are over.
    pub(crate) fn steps_over(&self) -> usize {
        self.progress.over
    }

    /// The steps of the plan that something may follow for, by ascending number.
    pub(crate) fn open_steps(&self) -> impl Iterator<Item = (&CheckedStep, &StepData)> {
        let numbers = self.progress.open.iter();
        numbers
            .filter_map(|number| Some((self.plan.steps().get(*number)?, self.steps.get(*number)?)))
    }

    /// Keeps count of what an event that was applied has changed.
    pub(crate) fn keep_count(&mut self, body: &Body) {
        let number = match about(body, self) {
            _ if self.progress.stale => None,
            About::None => return,
            About::Step(step) => self.plan.number_of(step),
            About::All => None,
        };
        match number.and_then(|number| Some((number, self.steps.get(number)?))) {
            Some((number, data)) => self
                .progress
                .update(&self.plan, number, data, self.frontier),
            None => self.progress = Progress::of(&self.plan, &self.steps),
        }
    }

    /// The same state, looking for what follows at every step that is not over: what `decide` says must be the same.
    #[doc(hidden)]
    pub fn looking_everywhere(&self) -> Self {
        let mut state = self.clone();
        state.progress = Progress::of(&state.plan, &state.steps);
        state.progress.open = (0..state.plan.steps().len()).collect();
        state
    }
}

/// Which steps an event can have changed. What is rare may say all.
fn about<'a>(body: &'a Body, state: &'a State) -> About<'a> {
    match body {
        Body::StepStarted { step, .. }
        | Body::AttemptInterrupted { step, .. }
        | Body::StepCompleted { step, .. }
        | Body::StepFailed { step, .. }
        | Body::RetryScheduled { step, .. }
        | Body::ItemsBound { step, .. }
        | Body::StepSkipped { step, .. }
        | Body::FallbackEnded { step, .. }
        | Body::StepBlocked { step, .. }
        | Body::StepHeld { step, .. }
        | Body::StepInDoubt { step, .. }
        | Body::StepResolved { step, .. }
        | Body::ChildWaiting { step, .. }
        | Body::BranchEvaluated { step, .. }
        | Body::CallRequested { step, .. }
        | Body::CompensationStarted { step, .. }
        | Body::CompensationCompleted { step, .. }
        | Body::CompensationFailed { step, .. }
        | Body::OverrideGranted { step, .. }
        | Body::FinishRequested {
            step: Some(step), ..
        }
        | Body::TimerSet {
            timer: Timer::Sleep { step, .. } | Timer::Retry { step, .. } | Timer::Rate { step, .. },
            ..
        }
        | Body::TimerFired {
            timer:
                Timer::Sleep { step, .. }
                | Timer::Retry { step, .. }
                | Timer::Rate { step, .. }
                | Timer::Report { step, .. },
        } => About::Step(step),
        Body::RequestOpened(request) => request.step.as_deref().map_or(About::None, About::Step),
        Body::RequestAnswered(answer) | Body::AnswerCounted(answer) => {
            of_request(&answer.request_id, state)
        }
        Body::RequestExpired { request_id } => of_request(request_id, state),
        Body::ExecutionStarted { .. }
        | Body::ExecutionPaused { .. }
        | Body::ExecutionResumed { .. }
        | Body::HostLeaving { .. }
        | Body::InvariantChecked { .. }
        | Body::RevisionProposed { .. }
        | Body::PolicyChanged { .. }
        | Body::CallRefused { .. }
        | Body::ChoiceRecorded { .. }
        | Body::TokenIssued { .. }
        | Body::UsageRecorded { .. }
        | Body::RefusalsCounted { .. }
        | Body::AgentTold { .. }
        | Body::FindingRecorded { .. } => About::None,
        Body::ExecutionCreated(_)
        | Body::StartHeld { .. }
        | Body::HostStarted { .. }
        | Body::HostStopped { .. }
        | Body::Thawed { .. }
        | Body::FinishRequested { step: None, .. }
        | Body::CancelRequested { .. }
        | Body::ApprovalRevoked { .. }
        | Body::PlanRevised { .. }
        | Body::FinallyStarted { .. }
        | Body::ExecutionFinished { .. }
        | Body::TimerSet { .. }
        | Body::TimerFired { .. } => About::All,
    }
}

fn of_request<'a>(id: &str, state: &'a State) -> About<'a> {
    match state.requests.get(id) {
        Some(open) => open
            .request
            .step
            .as_deref()
            .map_or(About::None, About::Step),
        None => About::All,
    }
}
