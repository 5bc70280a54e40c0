//! `apply`: the only way that state changes. Total: what does not fit changes nothing.

use crate::behaviour::Flag;
use crate::event::{Body, Event, Fault, RequestKind};
use crate::life::{
    Illegal, Phase, PhaseChange, StepChange, StepState, next_phase, next_step_state,
};
use crate::nested::RUN;
use crate::overriding::Override;
use crate::state::{Ending, Hold, State, StepData, Stop, Unit};
use mandate_plan::ErrorCode;
use mandate_policy::Purpose;

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
        let phase = self.phase;
        if self.is_active() && !matches!(event.body, Body::HostStarted { .. }) {
            let elapsed_ms = event.at_ms.saturating_sub(before_ms);
            self.active_ms = self.active_ms.saturating_add(elapsed_ms);
        }
        self.at_ms = event.at_ms;
        match self.apply_body(event, before_ms) {
            Ok(()) => {
                self.seq = event.seq;
                self.advance_frontier();
                self.keep_count(&event.body);
                self.note_calls(&event.body, phase);
                self.touch(&event.body);
                self.check_invariants(&event.body);
                Applied::Changed
            }
            Err(Illegal) => {
                self.at_ms = before_ms;
                self.active_ms = active_before_ms;
                Applied::Ignored
            }
        }
    }

    /// Whether time counts against `constraints.timeout_ms` now: something runs here, or a timer of its own is awaited, and
    /// not only a human, the agent, or calls that others have used up.
    pub(crate) fn is_active(&self) -> bool {
        self.was_active(self.at_ms)
    }

    /// The same, at a time before the event that is being applied.
    pub(crate) fn was_active(&self, at_ms: i64) -> bool {
        self.driven
            && matches!(self.phase, Phase::Active | Phase::Stopping)
            && self.paused.is_none()
            && (self.busy() > self.awaited_reports() || {
                let uncounted = self.created.keeps(Flag::RatesUncounted);
                let is_rate = |unit: &Unit| uncounted && unit.hold == Some(Hold::Rate);
                let rates = self.awaits_time_at(at_ms, is_rate);
                self.awaits_time_at(at_ms, |unit| !is_rate(unit))
                    || !(rates || self.awaits_human() || self.agents_turn())
            })
    }

    /// Whether a sleep, a back-off or a rate is awaited.
    pub fn awaits_time(&self) -> bool {
        self.awaits_time_at(self.at_ms, |_| true)
    }

    fn awaits_time_at(&self, at_ms: i64, wanted: impl Fn(&Unit) -> bool) -> bool {
        let mut units = self.steps.iter().flat_map(|data| &data.units);
        self.waiting > 0
            && units.any(|unit| {
                unit.state == StepState::Waiting
                    && unit.due_ms.is_some_and(|due| due > at_ms)
                    && wanted(unit)
            })
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
                self.await_reports_anew();
                self.driven = true;
                self.leaving = false;
                self.try_start_again();
                let _ = self.thaw(); // what was frozen is tried again, and may be refused again
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
            Body::ExecutionStarted { reserved, .. } => {
                if !self.awaits_admission() || self.approval_overdue() {
                    return Err(Illegal);
                }
                self.phase = next_phase(self.phase, PhaseChange::Start)?;
                self.began = true;
                self.start_with(*reserved);
                Ok(())
            }
            Body::StartHeld { room } => self.hold_start(*room),
            Body::CallRefused {
                refusal,
                admission: true,
                ..
            } => {
                if !self.awaits_admission() {
                    return Err(Illegal);
                }
                self.stop(Fault::from(refusal), false, true)
            }
            Body::RequestOpened(request) => self.open(request),
            Body::RequestAnswered(answer) => self.answer(answer),
            Body::AnswerCounted(answer) => self.count_answer(answer),
            Body::RequestExpired { request_id } => self.expire(request_id),
            Body::InvariantChecked {
                invariant, holds, ..
            } => self.note_invariant(invariant, *holds),
            Body::Thawed { .. } => self.thaw(),
            Body::ExecutionPaused { by } => {
                if self.paused.is_some() || !matches!(self.phase, Phase::Created | Phase::Active) {
                    return Err(Illegal);
                }
                self.paused = Some((by.clone(), event.at_ms));
                Ok(())
            }
            Body::ExecutionResumed { .. } => {
                self.paused.take().ok_or(Illegal)?;
                self.try_start_again();
                Ok(())
            }
            Body::CancelRequested { by, reason, force } => {
                self.cancel(by, reason.as_deref(), *force)
            }
            Body::ApprovalRevoked { by, reason } => {
                if !self.may_be_revoked() {
                    return Err(Illegal);
                }
                let message = match reason {
                    Some(reason) => format!("`{by}` revoked the approval: {reason}"),
                    None => format!("`{by}` revoked the approval"),
                };
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
                self.withdraw(|_| true);
                self.cancel_open_undos();
                self.ending = Some(Ending {
                    status: *status,
                    error: error.clone(),
                    outputs: outputs.clone(),
                    warnings: warnings.clone(),
                });
                self.finished_ms = Some(event.at_ms);
                Ok(())
            }
            Body::AgentTold { what } => self.tell_agent(what),
            body @ Body::CallRequested { .. } => self.ask_for(body),
            Body::FinishRequested { by, step, item } => self.finish_for(by, step.as_deref(), *item),
            Body::CallRefused { .. }
            | Body::RefusalsCounted { .. }
            | Body::ChoiceRecorded { .. }
            | Body::TokenIssued { .. }
            | Body::UsageRecorded { .. }
            | Body::FindingRecorded { .. } => Ok(()),
            Body::OverrideGranted {
                step,
                by,
                reason,
                args_digest,
                item,
            } => self.grant_override(Override {
                step: step.clone(),
                item: *item,
                args_digest: *args_digest,
                by: by.clone(),
                reason: reason.clone(),
                used: false,
            }),
            Body::PolicyChanged {
                policy_version,
                decision,
                revision,
            } => self.change_policy(policy_version, decision, revision.as_deref()),
            Body::PlanRevised {
                revision,
                plan_hash,
                ..
            } => self.revise(*revision, plan_hash),
            body @ Body::RevisionProposed { .. } => self.propose(body),
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
            | Body::StepHeld {
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
            | Body::StepHeld { .. }
            | Body::StepInDoubt { .. }
            | Body::StepResolved { .. }
            | Body::FallbackEnded { .. }
            | Body::ChildWaiting { .. }
            | Body::BranchEvaluated { .. } => self.apply_step(event),
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
        self.proposed = None;
        // What became of a call is still to be said; everything else is not needed any more.
        self.withdraw(|request| request.kind != RequestKind::InDoubt);
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
            // A child is found again, and a call that is made outside goes on there.
            if unit.state == StepState::Running && !unit.nested && !unit.outside {
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
        self.progress.lose_count();
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
                | Body::AnswerCounted(_)
                | Body::StepResolved { .. }
                | Body::ExecutionPaused { .. }
                | Body::ExecutionResumed { .. }
                | Body::CancelRequested { .. }
                | Body::ApprovalRevoked { .. }
                | Body::ChoiceRecorded { .. }
                | Body::TokenIssued { .. }
                | Body::UsageRecorded { .. }
                | Body::OverrideGranted { .. }
                | Body::PolicyChanged { .. }
                | Body::FindingRecorded { .. }
        )
    }
}
