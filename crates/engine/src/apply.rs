//! `apply`: the only way that state changes. Total: what does not fit changes nothing.

use crate::event::{Answer, Body, Event, Fault, Request, RequestKind};
use crate::life::{
    Illegal, Phase, PhaseChange, StepChange, StepState, next_phase, next_step_state,
};
use crate::nested::RUN;
use crate::state::{Ending, OpenRequest, State, StepData, Stop};
use mandate_plan::ErrorCode;
use mandate_policy::{Outcome, Purpose};

/// What `apply` made of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// The state changed.
    Changed,
    /// Stale, unknown or repeated: nothing changed, and the event is not to be appended.
    Ignored,
}

/// The tools whose calls do not count against `max_tool_calls`: they reach nothing outside. Of a nested plan, the calls
/// that it makes count.
pub fn is_counted(tool: &str) -> bool {
    !(tool == "human.ask" || tool == RUN || tool.starts_with("time.") || tool.starts_with("data."))
}

/// The tool that the engine itself carries out, as a durable timer.
pub const SLEEP: &str = "time.sleep";

impl State {
    /// Applies one event. Anything but the next `seq`, or a change that is not legal here, changes nothing.
    pub fn apply(&mut self, event: &Event) -> Applied {
        if event.seq != self.seq.saturating_add(1) || event.at_ms < self.at_ms {
            return Applied::Ignored;
        }
        let (before_ms, active_before_ms) = (self.at_ms, self.active_ms);
        if self.is_active() && !matches!(event.body, Body::HostStarted { .. }) {
            let elapsed_ms = event.at_ms.saturating_sub(before_ms);
            self.active_ms = self.active_ms.saturating_add(elapsed_ms);
        }
        self.at_ms = event.at_ms;
        match self.apply_body(event, before_ms) {
            Ok(()) => {
                self.seq = event.seq;
                self.advance_frontier();
                Applied::Changed
            }
            Err(Illegal) => {
                self.at_ms = before_ms;
                self.active_ms = active_before_ms;
                Applied::Ignored
            }
        }
    }

    /// Whether time counts against `constraints.timeout_ms` now: something runs, or a timer of its own is awaited, and
    /// not only a human.
    pub(crate) fn is_active(&self) -> bool {
        self.driven
            && matches!(self.phase, Phase::Active | Phase::Stopping)
            && self.paused.is_none()
            && (self.busy() > 0 || self.waiting > 0 || (self.doubtful == 0 && self.resting == 0))
    }

    /// Each arm checks everything before it changes anything, so that what is not legal leaves no trace.
    fn apply_body(&mut self, event: &Event, before_ms: i64) -> Result<(), Illegal> {
        if self.phase == Phase::Ended || (!self.driven && !event.body.needs_no_host()) {
            return Err(Illegal);
        }
        match &event.body {
            Body::ExecutionCreated(_) => Err(Illegal),
            Body::HostStarted { .. } => {
                self.orphan_open_attempts();
                self.ask_children_anew();
                self.driven = true;
                self.leaving = false;
                Ok(())
            }
            Body::HostLeaving { .. } => {
                if self.leaving {
                    return Err(Illegal);
                }
                self.leaving = true;
                Ok(())
            }
            Body::HostStopped { .. } => {
                self.orphan_open_attempts();
                self.driven = false;
                self.leaving = false;
                Ok(())
            }
            Body::ExecutionStarted { .. } => {
                if !self.awaits_admission() || self.approval_overdue() {
                    return Err(Illegal);
                }
                self.phase = next_phase(self.phase, PhaseChange::Start)?;
                self.began = true;
                Ok(())
            }
            Body::CallRefused {
                refusal,
                admission: true,
            } => {
                if !self.awaits_admission() {
                    return Err(Illegal);
                }
                self.stop(Fault::from(refusal), false, true)
            }
            Body::RequestOpened(request) => self.open_plan_request(request),
            Body::RequestAnswered(answer) => self.answer(answer),
            Body::RequestExpired { request_id } => {
                let due = self
                    .plan_request()
                    .filter(|open| open.request.request_id == *request_id);
                if due.is_none() || self.phase != Phase::Created || !self.approval_overdue() {
                    return Err(Illegal);
                }
                self.close_request(request_id, "expired", None);
                let message = "the plan was not approved and started in time";
                self.stop(Fault::new(ErrorCode::ApprovalExpired, message), false, true)
            }
            Body::ExecutionPaused { by } => {
                if self.paused.is_some() || !matches!(self.phase, Phase::Created | Phase::Active) {
                    return Err(Illegal);
                }
                self.paused = Some((by.clone(), event.at_ms));
                Ok(())
            }
            Body::ExecutionResumed { .. } => self.paused.take().map(|_| ()).ok_or(Illegal),
            Body::CancelRequested { by, reason, force } => {
                self.cancel(by, reason.as_deref(), *force)
            }
            Body::ApprovalRevoked { by } => {
                if !self.plan_approved() {
                    return Err(Illegal);
                }
                let message = format!("`{by}` revoked the approval");
                let fault = Fault::new(ErrorCode::ApprovalRequired, message);
                self.stop(fault, false, false)?;
                self.revoked = true;
                Ok(())
            }
            Body::TimerSet { .. } => self.set_timer(event),
            Body::TimerFired { timer } => self.fire_timer(timer, before_ms),
            Body::FinallyStarted { status, error } => self.close(*status, error.as_ref()),
            Body::ExecutionFinished {
                status,
                error,
                outputs,
                warnings,
            } => {
                if !self.may_finish() || self.owes_undo() {
                    return Err(Illegal);
                }
                self.phase = next_phase(self.phase, PhaseChange::Finish)?;
                self.cancel_open_steps(self.steps.len());
                self.cancel_open_undos();
                for open in self.requests.values_mut() {
                    if open.closed.is_none() {
                        open.closed = Some("withdrawn".to_owned());
                        open.closed_ms = Some(event.at_ms);
                    }
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
            Body::CallRefused { .. }
            | Body::ChoiceRecorded { .. }
            | Body::TokenIssued { .. }
            | Body::UsageRecorded { .. }
            | Body::OverrideGranted { .. }
            | Body::FindingRecorded { .. } => Ok(()),
            // Their place; nothing in this version leads to them.
            Body::InvariantChecked { .. } | Body::PlanRevised { .. } => Err(Illegal),
            Body::CompensationStarted { .. }
            | Body::CompensationCompleted { .. }
            | Body::CompensationFailed { .. } => self.apply_undo(&event.body),
            Body::AttemptInterrupted {
                purpose: Purpose::Compensate,
                ..
            }
            | Body::RetryScheduled {
                purpose: Purpose::Compensate,
                ..
            }
            | Body::StepInDoubt {
                purpose: Purpose::Compensate,
                ..
            } => self.apply_undo(&event.body),
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
            | Body::FallbackEnded { .. }
            | Body::ChildWaiting { .. }
            | Body::BranchEvaluated { .. } => self.apply_step(event),
        }
    }

    fn open_plan_request(&mut self, request: &Request) -> Result<(), Illegal> {
        let wanted = self.phase == Phase::Created
            && request.kind == RequestKind::Plan
            && self.created.decision.outcome == Outcome::RequireApproval
            && self.plan_request().is_none();
        if !wanted {
            return Err(Illegal);
        }
        let open = OpenRequest {
            request: request.clone(),
            opened_ms: self.at_ms,
            closed: None,
            by: None,
            closed_ms: None,
        };
        self.requests.insert(request.request_id.clone(), open);
        Ok(())
    }

    fn answer(&mut self, answer: &Answer) -> Result<(), Illegal> {
        let open = self.requests.get(&answer.request_id).ok_or(Illegal)?;
        let answerable = self.phase == Phase::Created
            && open.closed.is_none()
            && open.request.choices.contains(&answer.choice)
            && !self.approval_overdue();
        if !answerable {
            return Err(Illegal);
        }
        if answer.choice == "reject" {
            let reason = answer.reason.as_deref().unwrap_or("no reason was given");
            let message = format!("`{}` rejected the plan: {reason}", answer.by);
            let fault = Fault::new(ErrorCode::ApprovalRejected, message);
            self.stop(fault, false, true)?;
        }
        let by = (answer.by.clone(), answer.channel.clone());
        self.close_request(&answer.request_id, &answer.choice, Some(by));
        Ok(())
    }

    fn close_request(&mut self, id: &str, choice: &str, by: Option<(String, String)>) {
        let at_ms = self.at_ms;
        if let Some(open) = self.requests.get_mut(id) {
            open.closed = Some(choice.to_owned());
            open.by = by;
            open.closed_ms = Some(at_ms);
        }
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
        if self.phase == Phase::Compensating {
            return self.force_undo(force);
        }
        if self.phase == Phase::Closing {
            return self.force_end(force);
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
        if self.running == 0 {
            return;
        }
        for unit in self.steps.iter_mut().flat_map(|step| step.units.iter_mut()) {
            if unit.state == StepState::Running && !unit.nested {
                unit.orphaned = true;
            }

            if let Some(undo) = unit
                .undo
                .as_mut()
                .filter(|undo| undo.state == StepState::Running)
            {
                undo.orphaned = true;
            }
        }
    }

    /// Cancels what is open of the steps with a number below `end`.
    pub(crate) fn cancel_open_steps(&mut self, end: usize) {
        for index in 0..end {
            if self.is_idle_fallback(index) {
                continue; // nothing failed that it would have stood in for
            }
            let Some(data) = self.steps.get_mut(index) else {
                continue;
            };
            if data.is_unbound() {
                if let Ok(next) = next_step_state(data.state, StepChange::Cancel) {
                    data.state = next;
                }
                continue;
            }
            for unit in 0..data.units.len() {
                let _ = self.change(index, unit, StepChange::Cancel, |_| {});
            }
        }
    }

    fn advance_frontier(&mut self) {
        while self.frontier < self.plan.steps().len()
            && self
                .steps
                .get(self.frontier)
                .is_some_and(StepData::is_settled)
        {
            self.frontier = self.frontier.saturating_add(1);
        }
    }
}

impl Body {
    /// What people, and the next host, may record while nobody drives the execution.
    fn needs_no_host(&self) -> bool {
        matches!(
            self,
            Body::HostStarted { .. }
                | Body::RequestAnswered(_)
                | Body::StepResolved { .. }
                | Body::ExecutionPaused { .. }
                | Body::ExecutionResumed { .. }
                | Body::CancelRequested { .. }
                | Body::ApprovalRevoked { .. }
                | Body::ChoiceRecorded { .. }
                | Body::TokenIssued { .. }
                | Body::UsageRecorded { .. }
                | Body::OverrideGranted { .. }
                | Body::FindingRecorded { .. }
        )
    }
}
