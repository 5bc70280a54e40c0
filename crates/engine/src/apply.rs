//! `apply`: the only way that state changes. Total: what does not fit changes nothing.

use crate::event::{Body, Event, FailureKind, Fault, RequestKind, Resolution};
use crate::life::{
    Illegal, Phase, PhaseChange, StepChange, StepState, next_phase, next_step_state,
};
use crate::retry::{After, after_failure};
use crate::state::{Ending, GRACE_MS, OpenRequest, State, Stop, Unit};
use mandate_plan::{ErrorCode, model::FailureAction, model::OnItemFailure};
use mandate_policy::Outcome;
use serde_json::Value;

/// What `apply` made of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// The state changed.
    Changed,
    /// Stale, unknown or repeated: nothing changed, and the event is not to be appended.
    Ignored,
}

/// The tools whose calls do not count against `max_tool_calls`: they reach nothing outside.
pub fn is_counted(tool: &str) -> bool {
    !(tool == "human.ask" || tool.starts_with("time.") || tool.starts_with("data."))
}

/// The tool that the engine itself carries out, as a durable timer.
pub const SLEEP: &str = "time.sleep";

impl State {
    /// Applies one event. Anything but the next `seq`, or a change that is not legal here, changes nothing.
    pub fn apply(&mut self, event: &Event) -> Applied {
        if event.seq != self.seq.saturating_add(1) || event.at_ms < self.at_ms {
            return Applied::Ignored;
        }
        let counts = self.is_active() && !matches!(event.body, Body::HostStarted { .. });
        let elapsed_ms = event.at_ms.saturating_sub(self.at_ms);
        let before_ms = self.at_ms;
        self.at_ms = event.at_ms;
        match self.apply_body(event) {
            Ok(()) => {
                self.seq = event.seq;
                self.advance_frontier();
                if counts {
                    self.active_ms = self.active_ms.saturating_add(elapsed_ms);
                }
                Applied::Changed
            }
            Err(Illegal) => {
                self.at_ms = before_ms;
                Applied::Ignored
            }
        }
    }

    /// Whether time counts against `constraints.timeout_ms` now: something runs, or a timer of its own is awaited, and
    /// not only a human.
    pub(crate) fn is_active(&self) -> bool {
        self.driven
            && matches!(self.phase, Phase::Active | Phase::Stopping)
            && (self.running > 0
                || (self.paused.is_none() && (self.doubtful == 0 || self.waiting > 0)))
    }

    fn apply_body(&mut self, event: &Event) -> Result<(), Illegal> {
        if self.phase == Phase::Ended {
            return Err(Illegal);
        }
        match &event.body {
            Body::ExecutionCreated(_) => Err(Illegal),
            Body::HostStarted { .. } => {
                self.orphan_open_attempts();
                self.driven = true;
                Ok(())
            }
            Body::HostStopped { .. } => {
                if !self.driven {
                    return Err(Illegal);
                }
                self.orphan_open_attempts();
                self.driven = false;
                Ok(())
            }
            Body::ExecutionStarted { .. } => {
                if self.created.decision.outcome == Outcome::RequireApproval
                    && !self.plan_approved()
                {
                    return Err(Illegal);
                }
                self.phase = next_phase(self.phase, PhaseChange::Start)?;
                Ok(())
            }
            Body::RequestOpened(request) => {
                if self.requests.contains_key(&request.request_id) {
                    return Err(Illegal);
                }
                let open = OpenRequest {
                    request: request.clone(),
                    opened_ms: event.at_ms,
                    closed: None,
                    by: None,
                    closed_ms: None,
                };
                self.requests.insert(request.request_id.clone(), open);
                Ok(())
            }
            Body::RequestAnswered(answer) => {
                let open = self.requests.get_mut(&answer.request_id).ok_or(Illegal)?;
                if open.closed.is_some() || !open.request.choices.contains(&answer.choice) {
                    return Err(Illegal);
                }
                open.closed = Some(answer.choice.clone());
                open.by = Some((answer.by.clone(), answer.channel.clone()));
                open.closed_ms = Some(event.at_ms);
                if open.request.kind == RequestKind::Plan && answer.choice == "reject" {
                    let reason = answer.reason.as_deref().unwrap_or("no reason was given");
                    let message = format!("`{}` rejected the plan: {reason}", answer.by);
                    self.stop(
                        Fault::new(ErrorCode::ApprovalRejected, message),
                        false,
                        true,
                    )?;
                }
                Ok(())
            }
            Body::RequestExpired { request_id } => {
                let open = self.requests.get_mut(request_id).ok_or(Illegal)?;
                let due = open.request.expires_ms.ok_or(Illegal)?;
                if open.closed.is_some() || due > event.at_ms {
                    return Err(Illegal);
                }
                open.closed = Some("expired".to_owned());
                open.closed_ms = Some(event.at_ms);
                let message = "nobody answered the request for approval in time";
                self.stop(Fault::new(ErrorCode::ApprovalExpired, message), false, true)
            }
            Body::ExecutionPaused { by } => {
                if self.paused.is_some() || self.phase == Phase::Stopping {
                    return Err(Illegal);
                }
                self.paused = Some((by.clone(), event.at_ms));
                Ok(())
            }
            Body::ExecutionResumed { .. } => self.paused.take().map(|_| ()).ok_or(Illegal),
            Body::CancelRequested { by, reason, force } => {
                self.cancel(by, reason.as_deref(), *force)
            }
            Body::CallRefused { refusal, admission } => {
                if *admission {
                    self.stop(Fault::from(refusal), false, true)
                } else {
                    Ok(())
                }
            }
            Body::ApprovalRevoked { by } => {
                let message = format!("`{by}` revoked the approval");
                self.stop(
                    Fault::new(ErrorCode::ApprovalRequired, message),
                    false,
                    false,
                )?;
                self.revoked = true;
                Ok(())
            }
            Body::TimerSet { .. } | Body::TimerFired { .. } => self.apply_timer(event),
            Body::ExecutionFinished {
                status,
                error,
                outputs,
                warnings,
            } => {
                self.phase = next_phase(self.phase, PhaseChange::Finish)?;
                self.cancel_open_steps();
                for open in self
                    .requests
                    .values_mut()
                    .filter(|open| open.closed.is_none())
                {
                    open.closed = Some("withdrawn".to_owned());
                    open.closed_ms = Some(event.at_ms);
                }
                self.ending = Some(Ending {
                    status: *status,
                    error: error.clone(),
                    outputs: outputs.clone(),
                    warnings: warnings.clone(),
                });
                self.finished_ms = Some(event.at_ms);
                Ok(())
            }
            Body::ChoiceRecorded { .. }
            | Body::TokenIssued { .. }
            | Body::UsageRecorded { .. }
            | Body::OverrideGranted { .. }
            | Body::FindingRecorded { .. } => Ok(()),
            // Their place; nothing in this version leads to them.
            Body::InvariantChecked { .. }
            | Body::PlanRevised { .. }
            | Body::CompensationStarted { .. }
            | Body::CompensationCompleted { .. }
            | Body::CompensationFailed { .. } => Err(Illegal),
            Body::StepStarted { .. }
            | Body::AttemptInterrupted { .. }
            | Body::StepCompleted { .. }
            | Body::StepFailed { .. }
            | Body::RetryScheduled { .. }
            | Body::ItemsBound { .. }
            | Body::StepSkipped { .. }
            | Body::StepBlocked { .. }
            | Body::StepInDoubt { .. }
            | Body::StepResolved { .. }
            | Body::BranchEvaluated { .. } => self.apply_step(event),
        }
    }

    fn plan_approved(&self) -> bool {
        self.requests.values().any(|open| {
            open.request.kind == RequestKind::Plan && open.closed.as_deref() == Some("approve")
        })
    }

    pub(crate) fn stop(
        &mut self,
        fault: Fault,
        cancelled: bool,
        at_once: bool,
    ) -> Result<(), Illegal> {
        self.phase = next_phase(self.phase, PhaseChange::Stop)?;
        self.paused = None;
        self.stop = Some(Stop {
            fault: fault.stopping(),
            cancelled,
            at_once,
            force: false,
            since_ms: self.at_ms,
            grace_due_ms: None,
        });
        Ok(())
    }

    fn cancel(&mut self, by: &str, reason: Option<&str>, force: bool) -> Result<(), Illegal> {
        if self.phase == Phase::Stopping {
            let stop = self.stop.as_mut().ok_or(Illegal)?;
            if !force || stop.force {
                return Err(Illegal);
            }
            stop.force = true;
            stop.at_once = true;
            return Ok(());
        }
        let message = match reason {
            Some(reason) => format!("cancelled by `{by}`: {reason}"),
            None => format!("cancelled by `{by}`"),
        };
        self.stop(Fault::new(ErrorCode::Cancelled, message), true, force)?;
        if let Some(stop) = self.stop.as_mut() {
            stop.force = force;
        }
        Ok(())
    }

    fn orphan_open_attempts(&mut self) {
        for unit in self.steps.iter_mut().flat_map(|step| step.units.iter_mut()) {
            if unit.state == StepState::Running {
                unit.orphaned = true;
            }
        }
    }

    fn cancel_open_steps(&mut self) {
        for index in 0..self.steps.len() {
            let Some(data) = self.steps.get(index) else {
                continue;
            };
            if data.units.is_empty() && data.items.is_none() {
                if let Some(data) = self.steps.get_mut(index)
                    && let Ok(next) = next_step_state(data.state, StepChange::Cancel)
                {
                    data.state = next;
                }
                continue;
            }
            for unit in 0..data.units.len() {
                let _ = self.change(index, unit, StepChange::Cancel, |_| {});
            }
        }
    }

    /// Changes one unit, keeps the counters, and works out what the step has become.
    pub(crate) fn change(
        &mut self,
        step: usize,
        unit: usize,
        change: StepChange,
        with: impl FnOnce(&mut Unit),
    ) -> Result<(), Illegal> {
        let at_ms = self.at_ms;
        let data = self.steps.get_mut(step).ok_or(Illegal)?;
        let slot = data.units.get_mut(unit).ok_or(Illegal)?;
        let next = next_step_state(slot.state, change)?;
        for (state, counter) in [
            (StepState::Running, &mut self.running),
            (StepState::Waiting, &mut self.waiting),
            (StepState::InDoubt, &mut self.doubtful),
        ] {
            if slot.state == state {
                *counter = counter.saturating_sub(1);
            }
            if next == state {
                *counter = counter.saturating_add(1);
            }
        }
        slot.state = next;
        if next.settled() || next == StepState::InDoubt {
            slot.ended_ms = Some(at_ms);
        }
        with(slot);
        self.roll_up(step);
        Ok(())
    }

    /// The step's own state from its units', and what follows from a failure.
    pub(crate) fn roll_up(&mut self, index: usize) {
        let plan = self.plan.clone();
        let Some(step) = plan.steps().get(index) else {
            return;
        };
        let Some(data) = self.steps.get_mut(index) else {
            return;
        };
        let before = data.state;
        match (&step.step.for_each, &data.items) {
            (Some(each), Some(_)) => {
                let keep_going = each.on_item_failure == OnItemFailure::Continue;
                crate::items::roll_up(data, keep_going);
            }
            (Some(_), None) => {}
            (None, _) => {
                if let Some(unit) = data.units.first_mut() {
                    data.state = unit.state;
                    if unit.state.usable() {
                        data.output = unit.output.take();
                    }
                    data.error.clone_from(&unit.error);
                }
            }
        }
        if data.state != before && data.state == StepState::Failed {
            self.note_failure(index);
        }
    }

    /// A step has just failed for good: remembers the order, and stops the execution unless the plan goes on.
    pub(crate) fn note_failure(&mut self, index: usize) {
        let seq = self.seq.saturating_add(1);
        let plan = self.plan.clone();
        let (Some(step), Some(data)) = (plan.steps().get(index), self.steps.get_mut(index)) else {
            return;
        };
        data.failed_seq = Some(seq);
        let fault = data.error.clone().unwrap_or_else(|| {
            Fault::new(
                ErrorCode::UnknownError,
                "the step failed without saying why",
            )
        });
        let halts = !matches!(step.step.on_failure.action(fault.code), FailureAction::Skip);
        if halts && self.phase == Phase::Active {
            let _ = self.stop(fault.at_step(&step.step.id), false, false);
        }
    }

    fn advance_frontier(&mut self) {
        while let Some(data) = self.steps.get(self.frontier) {
            if !data.state.settled() || data.units.iter().any(|unit| !unit.state.settled()) {
                return;
            }
            self.frontier = self.frontier.saturating_add(1);
        }
    }

    pub(crate) fn grace_due(&self) -> i64 {
        self.at_ms.saturating_add(GRACE_MS)
    }
}

/// Applies the outcome of a failed attempt to its unit.
pub(crate) fn fail_attempt(
    state: &mut State,
    (step, unit): (usize, usize),
    outcome: FailureKind,
    error: &Fault,
    output: Option<&Value>,
) -> Result<(), Illegal> {
    let plan = state.plan.clone();
    let rules = plan.steps().get(step).ok_or(Illegal)?;
    let slot = state
        .steps
        .get(step)
        .and_then(|data| data.units.get(unit))
        .ok_or(Illegal)?;
    let change = if state.phase == Phase::Stopping {
        // A read that was dropped with its execution did not fail: it was cancelled.
        if outcome == FailureKind::Unknown {
            StepChange::Cancel
        } else {
            StepChange::Fail
        }
    } else {
        match after_failure(&rules.retry, slot, outcome, error.code) {
            After::Again => StepChange::Retry,
            After::Never => StepChange::Fail,
        }
    };
    state.change(step, unit, change, |unit| {
        unit.failure = Some(outcome);
        unit.error = Some(error.clone());
        unit.output = output.cloned();
        unit.due_ms = None;
    })
}

/// Applies what a person said of a unit in doubt.
pub(crate) fn resolve(
    state: &mut State,
    (step, unit): (usize, usize),
    by: &str,
    resolution: &Resolution,
) -> Result<(), Illegal> {
    let slot = state
        .steps
        .get(step)
        .and_then(|data| data.units.get(unit))
        .ok_or(Illegal)?;
    if slot.state != StepState::InDoubt {
        return Err(Illegal);
    }
    let now_ms = state.at_ms;
    match resolution {
        Resolution::Done { output } => state.change(step, unit, StepChange::Complete, |unit| {
            unit.output = Some(output.clone());
            unit.error = None;
        }),
        Resolution::NotDone => state.change(step, unit, StepChange::Retry, |unit| {
            // Nothing happened, so the attempt does not count.
            unit.interrupted = unit.interrupted.saturating_add(1);
            unit.due_ms = Some(now_ms);
            unit.orphaned = false;
        }),
        Resolution::Fail { reason } => state.change(step, unit, StepChange::Fail, |unit| {
            unit.failure = Some(FailureKind::Failed);
            let message = format!("`{by}` resolved the doubt as failed: {reason}");
            unit.error = Some(Fault::new(ErrorCode::ToolFailed, message));
        }),
    }
}
