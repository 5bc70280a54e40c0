//! What people see of an execution: its state, what it waits for, when it is next due.

use crate::apply::SLEEP;
use crate::event::{Body, RequestKind, Timer, WaitingFor};
use crate::life::{Phase, StepState};
use crate::state::{Hold, State, Unit, item_of};

impl State {
    /// The state as it is shown: `pending`, `waiting`, `running`, `paused`, `compensating`, `completed`, `failed`,
    /// `cancelled`.
    pub fn shown_state(&self) -> &'static str {
        use crate::event::Status;
        match self.phase {
            Phase::Created | Phase::Active
                if self.paused.is_some() && (self.busy() == 0 || !self.driven) =>
            {
                "paused"
            }
            Phase::Compensating => "compensating",
            Phase::Created | Phase::Active | Phase::Stopping | Phase::Closing
                if self.awaits_host() =>
            {
                "waiting"
            }
            Phase::Created if self.open_request().is_some() => "waiting",
            Phase::Created => "pending",
            Phase::Active | Phase::Stopping | Phase::Closing if self.busy() > 0 => "running",
            Phase::Active if self.is_replanning() => "replanning",
            Phase::Active if self.awaits_agent() => "waiting",
            Phase::Active | Phase::Closing
                if self.waiting > 0
                    || self.doubtful > 0
                    || self.resting > 0
                    || !self.open.is_empty() =>
            {
                "waiting"
            }
            Phase::Stopping if self.doubtful > 0 || self.resting > 0 => "waiting",
            Phase::Active | Phase::Stopping | Phase::Closing => "running",
            Phase::Ended => match (&self.stop, &self.ending) {
                (Some(stop), _) if stop.cancelled => "cancelled",
                (_, Some(ending)) if ending.status != Status::Failure => "completed",
                _ => "failed",
            },
        }
    }

    /// What the execution waits for; none unless it is `waiting` or `paused`.
    pub fn waiting_for(&self) -> Option<WaitingFor> {
        let id = &self.created.execution_id;
        if self.phase == Phase::Ended || (self.busy() > 0 && self.driven) {
            return None;
        }
        if let Some((by, since_ms)) = &self.paused {
            return Some(WaitingFor {
                kind: "paused".to_owned(),
                step: None,
                since_ms: *since_ms,
                due_ms: None,
                who: vec![by.clone()],
                next_command: format!("mandate executions resume {id}"),
            });
        }
        if let Some(open) = self.open_request() {
            let request = &open.request;
            let asked = &request.request_id;
            let next_command = match (request.kind, &request.step) {
                (RequestKind::Plan | RequestKind::Revision, _) => {
                    format!("mandate approvals approve {asked}")
                }
                // It names the step and what is said of it.
                (RequestKind::InDoubt, Some(step)) => {
                    let item = request.item.map(|item| format!("[{item}]"));
                    let place = format!("{step}{}", item.unwrap_or_default());
                    format!("mandate executions resolve {id} {place} --done")
                }
                _ => format!("mandate inbox answer {asked}"),
            };
            return Some(WaitingFor {
                kind: request.kind.as_str().to_owned(),
                step: request.step.clone(),
                since_ms: open.opened_ms,
                due_ms: request.expires_ms,
                who: request.approvers.clone(),
                next_command,
            });
        }
        let undo = self
            .current_undo()
            .filter(|_| self.phase == Phase::Compensating);
        let undo = undo.map(|(step, item, unit)| (step.step.id.clone(), item, unit));
        let in_doubt = |unit: &Unit| unit.state == StepState::InDoubt;
        let doubt = undo.clone().filter(|(.., unit)| in_doubt(unit));
        if let Some((step, item, unit)) = doubt.or_else(|| self.first_unit(in_doubt)) {
            let place = item.map_or_else(|| step.clone(), |item| format!("{step}[{item}]"));
            return Some(WaitingFor {
                kind: "in_doubt".to_owned(),
                next_command: format!("mandate executions resolve {id} {place} --done"),
                step: Some(step),
                since_ms: unit.ended_ms.unwrap_or(self.at_ms),
                due_ms: None,
                who: vec!["requester".to_owned()],
            });
        }
        if let Some(step) = self.step_awaiting_revision() {
            let id_of = &step.step.id;
            let ended = self.step(id_of).and_then(|(_, data)| {
                let units = data.units.iter();
                units.filter_map(|unit| unit.ended_ms).max()
            });
            return Some(WaitingFor {
                kind: "replan".to_owned(),
                step: Some(id_of.clone()),
                since_ms: ended.unwrap_or(self.at_ms),
                due_ms: None,
                who: vec!["requester".to_owned()],
                next_command: format!("mandate executions replan {id} --plan FILE"),
            });
        }
        if let Some(waiting) = self.child_waiting_for() {
            return Some(waiting);
        }
        if self.awaits_host() {
            return Some(WaitingFor {
                kind: "host".to_owned(),
                step: None,
                since_ms: self.at_ms,
                due_ms: None,
                who: Vec::new(),
                next_command: format!("mandate executions continue {id}"),
            });
        }
        if self.awaits_agent() {
            return Some(self.waiting_for_agent());
        }
        let waits = |unit: &Unit| unit.state == StepState::Waiting;
        let of_undo = undo.filter(|(.., unit)| waits(unit));
        let undoes = of_undo.is_some();
        let (step, _, unit) = of_undo.or_else(|| self.first_unit(waits))?;
        let sleeps = self
            .plan
            .number_of(&step)
            .is_some_and(|index| self.is_sleep(index));
        let kind = match unit.hold {
            Some(Hold::Rate) => "rate_limit",
            Some(Hold::Frozen) => "frozen",
            _ if sleeps && !undoes => "timer",
            _ => "retry",
        };
        Some(WaitingFor {
            kind: kind.to_owned(),
            step: Some(step),
            since_ms: { unit.held_ms.filter(|_| unit.hold.is_some()) }
                .or(unit.ended_ms)
                .or(unit.started_ms)
                .unwrap_or(self.at_ms),
            due_ms: unit.due_ms,
            who: Vec::new(),
            next_command: match unit.hold {
                Some(Hold::Frozen) => "mandate thaw".to_owned(),
                _ => format!("mandate executions continue {id}"),
            },
        })
    }

    fn waiting_for_agent(&self) -> WaitingFor {
        let id = &self.created.execution_id;
        let next = self.callable().first().copied();
        let tool = next.map_or("TOOL", |(_, tool)| tool);
        let verb = match self.is_external(tool) {
            true => "enforce",
            false => "call",
        };
        WaitingFor {
            kind: "agent".to_owned(),
            step: next.map(|(step, _)| step.to_owned()),
            since_ms: self
                .agent
                .as_ref()
                .map_or(self.at_ms, |agent| agent.touched_ms),
            due_ms: self.idle_due_ms(),
            who: vec![self.created.principal.clone()],
            next_command: format!("mandate executions {verb} {id} {tool} --token-file FILE"),
        }
    }

    /// Nothing happens any more until a host takes it up.
    fn awaits_host(&self) -> bool {
        !self.driven || (self.leaving && self.busy() == 0)
    }

    /// Whether an execution at which nothing runs goes on by itself: a timer or a back-off of it runs out.
    pub fn goes_on(&self) -> bool {
        let retries = |undo: &Unit| undo.state == StepState::Waiting && undo.due_ms.is_some();
        match self.phase {
            Phase::Active => self.paused.is_none() && self.awaits_time(),
            Phase::Compensating => self.current_undo().is_some_and(|(.., undo)| retries(undo)),
            Phase::Closing => self.awaits_time(),
            Phase::Created | Phase::Stopping | Phase::Ended => false,
        }
    }

    fn first_unit(&self, wanted: impl Fn(&Unit) -> bool) -> Option<(String, Option<u32>, &Unit)> {
        self.every_step().find_map(|(step, data)| {
            let found = data.units.iter().enumerate().find(|(_, unit)| wanted(unit));
            found.map(|(number, unit)| (step.step.id.clone(), item_of(step, number), unit))
        })
    }

    /// The next time at which something happens by itself, Unix milliseconds, and the input that it is.
    pub fn next_due(&self) -> Option<(i64, Body)> {
        if !self.driven {
            return None;
        }
        let mut due: Vec<(i64, Body)> = Vec::new();
        if matches!(self.phase, Phase::Created | Phase::Active)
            && let Some(deadline_ms) = self.created.deadline_ms
        {
            let timer = Timer::Deadline;
            due.push((deadline_ms, Body::TimerFired { timer }));
        }
        if self.phase == Phase::Created
            && let Some(expires_ms) = self.approval_due_ms()
            && let Some(open) = self.plan_request()
        {
            let request_id = open.request.request_id.clone();
            due.push((expires_ms, Body::RequestExpired { request_id }));
        }
        if self.phase == Phase::Created {
            due.extend(self.start_due());
        }
        if matches!(self.phase, Phase::Created | Phase::Active | Phase::Closing) {
            due.extend(self.next_expiry());
        }
        if matches!(self.phase, Phase::Active | Phase::Stopping) {
            due.extend(self.next_outside_due());
        }
        if self.phase == Phase::Active {
            if self.is_active() {
                let left_ms = self.timeout_ms().saturating_sub(self.active_ms);
                let at_ms = self.at_ms.saturating_add(left_ms.max(0));
                let timer = Timer::PlanTimeout;
                due.push((at_ms, Body::TimerFired { timer }));
            }
            if let Some(idle_ms) = self.idle_due_ms() {
                let timer = Timer::Idle;
                due.push((idle_ms, Body::TimerFired { timer }));
            }
            if self.paused.is_none() && self.waiting > 0 {
                due.extend(self.next_unit_due());
            }
        }
        if self.phase == Phase::Compensating
            && let Some((step, item, undo)) = self.current_undo()
            && undo.state == StepState::Waiting
            && let Some(due_ms) = undo.due_ms.filter(|due| *due > self.at_ms)
        {
            let step = step.step.id.clone();
            let timer = match undo.hold {
                Some(Hold::Rate) => Timer::Rate { step, item },
                _ => Timer::Retry { step, item },
            };
            due.push((due_ms, Body::TimerFired { timer }));
        }
        if self.phase == Phase::Closing && self.waiting > 0 {
            due.extend(self.next_unit_due());
        }
        if let Some(stop) = self
            .stop
            .as_ref()
            .filter(|stop| !stop.at_once && self.running > 0)
            && self.phase == Phase::Stopping
            && let Some(grace_ms) = stop.grace_due_ms
        {
            let timer = Timer::Grace;
            due.push((grace_ms, Body::TimerFired { timer }));
        }
        due.into_iter().min_by_key(|(at_ms, _)| *at_ms)
    }

    fn next_unit_due(&self) -> Option<(i64, Body)> {
        let steps = self.every_step().skip(self.frontier);
        let units = steps.flat_map(|(step, data)| {
            data.units
                .iter()
                .enumerate()
                .map(move |(number, unit)| (step, number, unit))
        });
        let waiting = units.filter(|(_, _, unit)| unit.state == StepState::Waiting);
        let due = waiting.filter_map(|(step, number, unit)| {
            let due_ms = unit.due_ms.filter(|due| *due > self.at_ms)?;
            Some((due_ms, step, number))
        });
        let (due_ms, step, number) = due.min_by_key(|(due_ms, ..)| *due_ms)?;
        let (id, item) = (step.step.id.clone(), item_of(step, number));
        let held = step_hold(self, &id, item) == Some(&Hold::Rate);
        let timer = match step.step.tool.as_str() {
            _ if held => Timer::Rate { step: id, item },
            SLEEP => Timer::Sleep { step: id, item },
            _ => Timer::Retry { step: id, item },
        };
        Some((due_ms, Body::TimerFired { timer }))
    }
}

fn step_hold<'a>(state: &'a State, step: &str, item: Option<u32>) -> Option<&'a Hold> {
    state.unit(step, item)?.hold.as_ref()
}
