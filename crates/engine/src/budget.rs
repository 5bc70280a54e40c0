//! How many calls an execution may still make at most, and what its session has set aside for them.
//!
//! Both are folds of the journal: each step's worst case less what it made; nothing of a step that is settled. What the
//! session has left is no part of an execution's state: the host says in `execution_started` how much it set aside, and
//! in `start_held` that there is too little.

use crate::ask::Asked;
use crate::decide::Command;
use crate::event::{Body, CONTINUE, NoRoom, REJECT, RequestKind};
use crate::life::{Illegal, Phase};
use crate::state::{State, StepData};
use mandate_plan::{CheckedStep, ErrorCode};
use mandate_policy::Refusal;
use serde::Serialize;
use serde_json::json;

/// The calls of one step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct StepCalls {
    /// Those that it made.
    made: u64,
    /// Those that it may still make.
    open: u64,
}

/// A start that was held because the session has too few calls left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Start {
    /// What was missing.
    pub room: NoRoom,
    /// Somebody said that it may start all the same.
    pub short: bool,
}

/// What follows when nothing but the admission is missing: somebody is asked first where the session has too little left.
pub(crate) fn before_start(state: &State) -> Vec<Command> {
    match &state.start {
        Some(start) if !start.short => match state.is_out_of_calls() {
            true => Vec::new(),
            false => vec![Command::Record(request(state, start.room))],
        },
        _ => vec![Command::Admit],
    }
}

fn request(state: &State, room: NoRoom) -> Body {
    let NoRoom {
        needs,
        limit,
        counted,
        reserved,
        ..
    } = room;
    let left = room.left();
    let session = &state.created.session;
    let question = format!(
        "The plan may make {needs} tool calls, and the session `{session}` has {left} of {limit} left. Start it all the \
         same? It waits when nothing is left."
    );
    let message = format!(
        "the plan may make {needs} tool calls, and the session `{session}` has {left} of {limit} left: {counted} were \
         made, {reserved} are set aside for other executions"
    );
    let expected = json!({ "calls_per_session": limit, "left": left });
    let mut asked =
        Asked::new(RequestKind::Budget, question, &[CONTINUE, REJECT]).defaulting_to(REJECT);
    asked.detail = json!({
        "needs": needs,
        "left": left,
        "calls_per_session": limit,
        "counted": counted,
        "reserved": reserved,
    });
    asked.expires_ms = state.expiry();
    asked.refusal = Some(
        Refusal::new(ErrorCode::BudgetExceeded, message)
            .expecting(expected)
            .by_rule("limits.calls_per_session"),
    );
    asked.open(state)
}

impl State {
    /// How many tool calls it may still make at most, those of its nested plans included.
    pub fn worst_case(&self) -> u64 {
        let most = self.most_calls().saturating_add(self.granted_calls);
        most.saturating_sub(self.calls_made()).min(self.open_calls)
    }

    /// The tool calls that it made, without those of nested plans that have not ended.
    pub fn calls_made(&self) -> u64 {
        self.calls.saturating_sub(self.lent)
    }

    /// How many calls of its session are set aside for it now.
    pub fn set_aside(&self) -> u64 {
        match (self.phase, self.reserved) {
            (Phase::Created | Phase::Ended, _) | (_, None) => 0,
            (_, Some(reserved)) => {
                let left = reserved.saturating_sub(self.calls_made());
                left.min(self.worst_case())
            }
        }
    }

    /// The session has too few calls left, and nobody has said that it may start all the same.
    pub(crate) fn hold_start(&mut self, room: NoRoom) -> Result<(), Illegal> {
        if !self.awaits_admission() || self.start.is_some() {
            return Err(Illegal);
        }
        self.start = Some(Start { room, short: false });
        Ok(())
    }

    pub(crate) fn opens_start(&self) -> Result<(), Illegal> {
        match &self.start {
            Some(start) if !start.short && !self.is_out_of_calls() => Ok(()),
            _ => Err(Illegal),
        }
    }

    /// It may start with what is left.
    pub(crate) fn start_short(&mut self) -> Result<(), Illegal> {
        self.start.as_mut().ok_or(Illegal)?.short = true;
        Ok(())
    }

    /// It starts, with so many calls of its session set aside for it.
    pub(crate) fn start_with(&mut self, reserved: Option<u64>) {
        self.reserved = reserved;
        self.start = None;
        self.withdraw(|request| request.kind == RequestKind::Budget);
    }

    /// The session may have more left than it had.
    pub(crate) fn try_start_again(&mut self) {
        self.start = self.start.take().filter(|start| start.short);
    }

    /// When the session counts anew, and the input that this is.
    pub(crate) fn start_due(&self) -> Option<(i64, Body)> {
        let start = self.start.as_ref().filter(|start| !start.short)?;
        let timer = crate::event::Timer::Start;
        Some((start.room.resets_ms?, Body::TimerFired { timer }))
    }

    pub(crate) fn fire_start(&mut self) -> Result<(), Illegal> {
        let (due_ms, _) = self.start_due().ok_or(Illegal)?;
        if due_ms > self.at_ms {
            return Err(Illegal);
        }
        self.start = None;
        Ok(())
    }

    /// A step made calls.
    pub(crate) fn made_calls(&mut self, step: usize, calls: u64) {
        if let Some(data) = self.steps.get_mut(step) {
            data.calls.made = data.calls.made.saturating_add(calls);
        }
    }

    /// A call of a step turned out not to have been made.
    pub(crate) fn unmade_call(&mut self, step: usize) {
        if let Some(data) = self.steps.get_mut(step) {
            data.calls.made = data.calls.made.saturating_sub(1);
        }
    }

    /// Keeps what the steps may still call, after an event.
    pub(crate) fn note_calls(&mut self, body: &Body, before: Phase) {
        match body {
            _ if self.phase != before => self.count_open_calls(),
            Body::StepStarted { step, .. }
            | Body::StepCompleted { step, .. }
            | Body::StepFailed { step, .. }
            | Body::StepSkipped { step, .. }
            | Body::StepBlocked { step, .. }
            | Body::StepResolved { step, .. }
            | Body::AttemptInterrupted { step, .. }
            | Body::FallbackEnded { step, .. }
            | Body::ItemsBound { step, .. } => self.count_open_calls_of(step),
            Body::RequestAnswered(_)
            | Body::RequestExpired { .. }
            | Body::FinishRequested { .. } => self.count_open_calls(),
            _ => {}
        }
    }

    /// Adds up anew what every step may still call.
    pub(crate) fn count_open_calls(&mut self) {
        let plan = self.plan.clone();
        self.open_calls = 0;
        for data in &mut self.steps {
            data.calls.open = 0;
        }
        for step in plan.steps().iter().chain(plan.finally()) {
            self.count_open_calls_at(step);
        }
    }

    fn count_open_calls_of(&mut self, id: &str) {
        let plan = self.plan.clone();
        let step = plan.number_of(id).and_then(|number| plan.numbered(number));
        if let Some(step) = step {
            self.count_open_calls_at(step);
        }
    }

    /// The same of one step, and of those that may run in its place.
    fn count_open_calls_at(&mut self, step: &CheckedStep) {
        self.set_open_calls(step, true);
        for fallback in &step.fallback {
            let needed = self.steps.get(step.index).is_some_and(|owner| {
                let runs = { owner.fallback }.is_some_and(|steps| steps.holds(fallback.index));
                runs || !owner.state.settled()
            });
            self.set_open_calls(fallback, needed);
        }
    }

    fn set_open_calls(&mut self, step: &CheckedStep, needed: bool) {
        let comes_up = match self.phase {
            Phase::Created | Phase::Active => true,
            Phase::Stopping | Phase::Compensating | Phase::Closing => {
                step.index >= self.plan.first_finally()
            }
            Phase::Ended => false,
        };
        let plan = self.plan.clone();
        let Some(data) = self.steps.get_mut(step.index) else {
            return;
        };
        let open = match needed && comes_up && !StepData::is_settled(data) {
            true => {
                let items = data.items.as_ref().map(Vec::len);
                let most = plan.most_calls_of(step, items);
                most.saturating_sub(data.calls.made)
            }
            false => 0,
        };
        let before = std::mem::replace(&mut data.calls.open, open);
        self.open_calls = self.open_calls.saturating_sub(before).saturating_add(open);
    }
}
