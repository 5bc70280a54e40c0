//! Nested plans: the execution that a `plan.run` step stands for begins, is found again, is stopped with its parent, and
//! tells its parent how it ended.

use crate::ask::{HostError, Submission};
use crate::drive::{Drive, OpenCall, Place};
use crate::gate::{HostGate, grant};
use crate::host::{Host, Input};
use crate::recovery::load_with;
use crate::reserving::root_of;
use crate::submit::{Nested, created_event};
use mandate_engine::{Body, CallOutcome, Fault, OpenChild, Parent, Phase, State, Status, begin};
use mandate_plan::{BoundInputs, ErrorCode};
use mandate_policy::{Purpose, Refusal};
use mandate_store::PlanRow;
use serde_json::{Map, Value, json};

impl Host {
    /// Takes up the children that were under way when the host before this one went.
    pub(crate) fn find_children(&mut self, parent: &str) {
        let Some(drive) = self.drives.get_mut(parent) else {
            return;
        };
        let now_ms = drive.state.at_ms;
        let open = drive.state.open_children();
        for child in &open {
            let limit_ms = drive
                .state
                .step(&child.step)
                .and_then(|(step, _)| step.step.timeout_ms);
            let limit_ms = limit_ms.map(|limit| i64::try_from(limit).unwrap_or(i64::MAX));
            drive.open.insert(
                place(child),
                OpenCall {
                    // Time without a host does not count.
                    deadline_ms: limit_ms.map(|limit| now_ms.saturating_add(limit)),
                    ..OpenCall::under_way(child.attempt)
                },
            );
        }
        for child in open {
            self.begin_child(parent, &child.step, child.item);
        }
    }

    /// The execution that a step stands for begins, or is found again.
    pub(crate) fn begin_child(&mut self, parent: &str, step: &str, item: Option<u32>) {
        let Some(drive) = self.drives.get(parent) else {
            return;
        };
        let open = drive.state.open_children();
        let wanted = |child: &OpenChild| child.step == step && child.item == item;
        let Some(child) = open.into_iter().find(wanted) else {
            return;
        };
        if let Some(drive) = self.drives.get(&child.execution_id) {
            if !drive.state.driven {
                self.drive_child(&child.execution_id);
            }
            return;
        }
        let known = load_with(
            self.parts.journal.as_ref(),
            &child.execution_id,
            &mut self.plans,
        );
        let begun = match known {
            Ok(state) if state.phase == Phase::Ended => {
                self.child_ended(parent, &child, &state);
                return;
            }
            Ok(state) => {
                self.find_child(state);
                Ok(())
            }
            Err(HostError::NoSuchExecution(_)) => self.create_child(parent, &child),
            Err(error) => Err(Fault::from(&error)),
        };
        if let Err(fault) = begun {
            self.end_child(parent, &child, CallOutcome::Failed(fault));
        }
        self.pass_on_stop(parent, &child);
    }

    /// Its parent may have begun to stop before it was there.
    fn pass_on_stop(&mut self, parent: &str, child: &OpenChild) {
        let stops = self.drives.get(parent).is_some_and(|drive| {
            drive.state.phase == Phase::Stopping || drive.state.phase == Phase::Ended
        });
        if stops {
            self.stop_child(
                parent,
                &place(child),
                "the execution that runs it stops",
                None,
            );
        }
    }

    fn find_child(&mut self, state: State) {
        let id = state.execution_id().to_owned();
        let durable_seq = state.seq;
        self.drives
            .insert(id.clone(), Box::new(Drive::new(state, None, durable_seq)));
        self.drive_child(&id);
    }

    fn drive_child(&mut self, id: &str) {
        self.admit_child(id);
        let host = self.id.clone();
        self.take_turn(id, Body::HostStarted { host });
        self.find_children(id);
        self.reschedule(id);
    }

    fn create_child(&mut self, parent: &str, child: &OpenChild) -> Result<(), Fault> {
        self.admit_again(parent)
            .map_err(|refusal| Fault::from(&refusal))?;
        let now_ms = self.parts.clock.now_ms();
        let Some(drive) = self.drives.get(parent) else {
            return Ok(());
        };
        let of = &drive.state;
        let invalid = |message: &str| Fault::new(ErrorCode::InvalidPayload, message);
        let (step, data) = of
            .step(&child.step)
            .ok_or_else(|| invalid("the step is gone"))?;
        let Some(plan) = step.child.clone() else {
            let message = "`plan.run` runs a plan that stands literally in `args.plan`; submit a computed one on its own";
            return Err(invalid(message));
        };
        let unit = data.units.get(child.item.map_or(0, |item| item as usize));
        let args = unit.and_then(|unit| unit.args.as_ref());
        let inputs = match args.and_then(|args| args.get("inputs")) {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(inputs)) => inputs.clone(),
            Some(_) => return Err(invalid("`args.inputs` is not an object")),
        };
        let submission = Submission {
            plan: plan.clone(),
            inputs,
            principal: of.created.principal.clone(),
            roles: of.created.roles.clone(),
            session: of.created.session.clone(),
            deadline_ms: of.created.deadline_ms,
            rerun: None,
            revises: None,
            execution_id: None,
            asked: None,
        };
        let approval = drive.approved.as_ref().and_then(|plan| plan.approval());
        let nested = Nested {
            execution_id: child.execution_id.clone(),
            parent: Parent {
                execution_id: parent.to_owned(),
                step: child.step.clone(),
                item: child.item,
                attempt: child.attempt,
                approval: approval.map(|approval| {
                    let (id, by) = (&approval.request_id, approval.given_by());
                    format!("{id} by {by}, with the plan that holds it")
                }),
                most_calls: child.most_calls,
                input_labels: of.labels_passed_on(&child.step),
                files_untrusted: of.files_untrusted,
            },
        };
        let root = root_of(&self.drives, parent).unwrap_or(parent).to_owned();
        let bench = self.bench_of(&submission, Some(&root), now_ms);
        let event = created_event(
            &submission,
            Some(nested),
            None,
            &bench,
            &mut self.examinations,
            self.parts.ids.as_ref(),
            self.parts.gateway,
        )
        .map_err(|error| Fault::from(&error))?;
        let mut approved = None;
        let mut gate = HostGate::new(&mut approved, bench, &mut self.calls);
        let begun = begin(plan.clone(), event, &mut gate);
        let (state, turned) =
            begun.map_err(|error| Fault::new(ErrorCode::UnknownError, error.to_string()))?;
        let row = PlanRow {
            hash: *plan.hash(),
            canonical: plan.canonical().to_vec(),
            name: plan.plan().name.clone(),
            at_ms: now_ms,
        };
        let id = child.execution_id.clone();
        self.drives
            .insert(id.clone(), Box::new(Drive::new(state, Some(row), 0)));
        self.carry_out(&id, turned, Vec::new());
        self.reschedule(&id);
        Ok(())
    }

    /// A child is admitted with the plan that holds it. What keeps it from that is what its calls will be refused with.
    pub(crate) fn admit_child(&mut self, execution_id: &str) {
        let Some(drive) = self.drives.get(execution_id) else {
            return;
        };
        let Some(parent) = drive.state.created.parent.clone() else {
            return;
        };
        if drive.approved.is_some() {
            return;
        }
        if let Err(refusal) = self.admit_again(&parent.execution_id) {
            if let Some(drive) = self.drives.get_mut(execution_id) {
                drive.refused = Some(refusal);
            }
            return;
        }
        let lookup = self.parts.tools.lookup();
        let Some(drive) = self.drives.get(execution_id) else {
            return;
        };
        let created = &drive.state.created;
        let inputs = BoundInputs {
            values: created.inputs.clone(),
            secrets: created.secrets.clone(),
        };
        let own = grant(&drive.state);
        let of = self.drives.get(&parent.execution_id);
        let admitted = of.and_then(|of| of.approved.as_ref()).map(|approved| {
            approved.admit_nested(
                &parent.step,
                &inputs,
                lookup,
                execution_id,
                created.decision.clone(),
                own,
            )
        });
        let Some(drive) = self.drives.get_mut(execution_id) else {
            return;
        };
        match admitted {
            Some(Ok(approved)) => drive.approved = Some(approved),
            Some(Err(refusal)) => drive.refused = Some(refusal),
            None => {}
        }
    }

    /// A plan whose execution was taken up is admitted again before its first call; a child needs it before.
    fn admit_again(&mut self, execution_id: &str) -> Result<(), Refusal> {
        let now_ms = self.parts.clock.now_ms();
        self.admit_child(execution_id);
        let Some((drive, means)) = self.judged(execution_id, now_ms) else {
            return Ok(());
        };
        let refused = drive.refused.clone();
        let mut gate = HostGate::of(&mut drive.approved, means).refused(refused);
        gate.admit(&drive.state).map(|_| ())
    }

    /// Stops the child that a step stands for; says whether the step stands for one. The step ends when the child has.
    pub(crate) fn stop_child(
        &mut self,
        parent: &str,
        place: &Place,
        why: &str,
        over: Option<&Fault>,
    ) -> bool {
        let Some(drive) = self.drives.get_mut(parent) else {
            return false;
        };
        let force = drive.state.gives_up();
        let Some(open) = drive.open.get_mut(place).filter(|open| open.task.is_none()) else {
            return false;
        };
        open.deadline_ms = None;
        open.over = open.over.take().or_else(|| over.cloned());
        let Some(child) = drive.state.child_of(&place.step, place.item) else {
            return false;
        };
        let body = Body::CancelRequested {
            by: format!("execution {parent}"),
            reason: Some(why.to_owned()),
            force,
        };
        self.take_turn(&child, body);
        self.reschedule(&child);
        true
    }

    /// Pausing or resuming an execution does the same to its children.
    pub(crate) fn pass_down(&mut self, parent: &str, body: &Body) {
        let Some(drive) = self.drives.get(parent) else {
            return;
        };
        for child in drive.state.open_children() {
            self.take_turn(&child.execution_id, body.clone());
            self.reschedule(&child.execution_id);
            self.pass_down(&child.execution_id, body);
        }
    }

    /// A child has ended; if it was stopped because its step's time was over, that is what the step fails with.
    pub(crate) fn settle_child(
        &mut self,
        parent: &str,
        place: &Place,
        attempt: u32,
        outcome: CallOutcome,
    ) {
        let open = self
            .drives
            .get(parent)
            .and_then(|drive| drive.open.get(place));
        let over = open.and_then(|open| open.over.clone());
        let outcome = match (outcome, over) {
            (CallOutcome::Failed(fault), Some(over)) => CallOutcome::Failed(Fault {
                details: fault.details.clone(),
                cause: fault.cause,
                ..over
            }),
            (outcome, _) => outcome,
        };
        self.finish_call(parent, place, attempt, outcome);
    }

    /// Once the disk has it: a child that ended settles its step; one that waits for a human has its parent say so.
    pub(crate) fn tell_parent(&mut self, execution_id: &str) {
        let Some(drive) = self.drives.get(execution_id) else {
            return;
        };
        let Some(parent) = drive.state.created.parent.clone() else {
            return;
        };
        if drive.durable_seq < drive.state.seq {
            return;
        }
        let child = OpenChild {
            step: parent.step.clone(),
            item: parent.item,
            attempt: parent.attempt,
            execution_id: execution_id.to_owned(),
            most_calls: parent.most_calls,
        };
        if drive.state.phase == Phase::Ended {
            let outcome = outcome_of(&drive.state);
            self.end_child(&parent.execution_id, &child, outcome);
            return;
        }
        let waits = drive.at_rest() && !drive.state.goes_on();
        let waiting = drive.state.waiting_for().filter(|_| waits);
        let body = Body::ChildWaiting {
            step: parent.step,
            item: parent.item,
            waiting,
        };
        self.take_turn(&parent.execution_id, body);
        self.reschedule(&parent.execution_id);
    }

    fn child_ended(&mut self, parent: &str, child: &OpenChild, state: &State) {
        self.end_child(parent, child, outcome_of(state));
    }

    fn end_child(&mut self, parent: &str, child: &OpenChild, outcome: CallOutcome) {
        (self.post)(Input::ChildEnded {
            execution_id: parent.to_owned(),
            place: place(child),
            attempt: child.attempt,
            outcome: Box::new(outcome),
        });
    }
}

fn place(child: &OpenChild) -> Place {
    Place {
        step: child.step.clone(),
        item: child.item,
        purpose: Purpose::Run,
    }
}

/// What the step gives: of a child that ended well, or in part, its outputs; of another one, its error.
fn outcome_of(state: &State) -> CallOutcome {
    let (id, made) = (state.execution_id(), state.calls);
    let Some(ending) = &state.ending else {
        return CallOutcome::Unknown(Fault::new(ErrorCode::UnknownError, "it has not ended"));
    };
    if ending.status != Status::Failure {
        return CallOutcome::Completed(json!({
            "execution_id": id,
            "status": ending.status.as_str(),
            "outputs": ending.outputs,
            "error": ending.error,
            "tool_calls": made,
        }));
    }
    let cause = ending.error.clone();
    let code = cause
        .as_ref()
        .map_or(ErrorCode::UnknownError, |cause| cause.code);
    let message = format!("the nested plan failed: execution `{id}`");
    CallOutcome::Failed(Fault {
        details: Some(json!({ "execution_id": id, "tool_calls": made })),
        cause: cause.map(Box::new),
        ..Fault::new(code, message)
    })
}
