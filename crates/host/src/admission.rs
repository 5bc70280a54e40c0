//! How executions come to a host: submitted, refused, taken up from the journal, admitted.

use crate::ask::{HostError, Submission, Submitted};
use crate::drive::Drive;
use crate::gate::HostGate;
use crate::host::Host;
use crate::recovery::load_with;
use crate::refusals::Counted;
use crate::submit::created_event;
use mandate_engine::{Body, begin};
use mandate_plan::ErrorCode;
use mandate_policy::Outcome;
use mandate_store::{Batch, NewRecord, PlanRow, SYSTEM};
use std::sync::mpsc::Sender;

impl Host {
    pub(crate) fn submit(
        &mut self,
        submission: Submission,
        reply: &Sender<Result<Submitted, HostError>>,
    ) -> Result<(), HostError> {
        crate::log_lines::asked_for(&submission);
        if let Some(revises) = submission.revises.clone() {
            return self.propose(&submission, &revises, reply);
        }
        if let Some(id) = &submission.execution_id
            && (self.drives.contains_key(id) || self.parts.journal.knows(id)?)
        {
            return Err(HostError::Taken(id.clone()));
        }
        let now_ms = self.parts.clock.now_ms();
        let plan = submission.plan.clone();
        let bench = self.bench_of(&submission, None, now_ms);
        let again = match &submission.rerun {
            Some(rerun) => Some(load_with(
                self.parts.journal.as_ref(),
                &rerun.execution_id,
                &mut self.plans,
            )?),
            None => None,
        };
        let mut event = match created_event(
            &submission,
            None,
            again.as_ref(),
            &bench,
            &mut self.examinations,
            self.parts.ids.as_ref(),
            self.parts.gateway,
        ) {
            Err(HostError::Denied(decision)) => {
                // A refusal leaves the process as a fact, so that it is stored first.
                self.record_refusal(&submission, *decision, reply.clone(), now_ms);
                return Ok(());
            }
            other => other?,
        };
        let execution_id = match &mut event.body {
            Body::ExecutionCreated(created) => {
                let name = &plan.plan().name;
                self.last_approvals
                    .note(created, name, self.parts.journal.as_ref())?;
                created.execution_id.clone()
            }
            _ => String::new(),
        };
        let mut approved = None;
        let mut gate = HostGate::new(&mut approved, bench, &mut self.calls);
        let begun = begin(plan, event, &mut gate);
        let permitted = gate.permitted();
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
        let standing = self.standing_for(&state, now_ms);
        let asked = state.open_request().filter(|_| !standing.approved);
        let submitted = Submitted {
            execution_id: execution_id.clone(),
            decision: state.created.decision.clone(),
            request_id: asked.map(|open| open.request.request_id.clone()),
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
        self.drives.insert(execution_id.clone(), Box::new(drive));
        self.carry_out(&execution_id, turned, permitted);
        self.apply_standing(&execution_id, standing, now_ms);
        self.reschedule(&execution_id);
        Ok(())
    }

    pub(crate) fn record_refusal(
        &mut self,
        submission: &Submission,
        decision: mandate_policy::Decision,
        reply: Sender<Result<Submitted, HostError>>,
        now_ms: i64,
    ) {
        let code = match decision.outcome {
            Outcome::RateLimited => ErrorCode::RateLimited,
            _ => ErrorCode::PolicyDenied,
        };
        if let Counted::Summed(first) =
            self.refusals
                .count_plan(&submission.principal, code, now_ms)
        {
            if let Some(sum) = first {
                self.write_sum(sum);
            }
            let _ = reply.send(Err(HostError::Denied(Box::new(decision))));
            return;
        }
        crate::log_lines::denied(submission, &decision);
        let payload = serde_json::json!({
            "plan_hash": submission.plan.hash(),
            "plan": submission.plan.plan().name,
            "principal": submission.principal,
            "session": submission.session,
            "decision": decision,
        });
        let plan = &submission.plan;
        let batch = Batch {
            stream: SYSTEM.to_owned(),
            records: vec![NewRecord {
                at_ms: now_ms,
                kind: "admission_refused",
                payload: payload.to_string().into_bytes(),
            }],
            // Another policy can be tried on what was refused, too.
            plan: Some(PlanRow {
                hash: *plan.hash(),
                canonical: plan.canonical().to_vec(),
                name: plan.plan().name.clone(),
                at_ms: now_ms,
            }),
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

    /// Has the plan admitted, and gives the answer in.
    pub(crate) fn admit(&mut self, execution_id: &str) {
        self.admit_child(execution_id);
        let now_ms = self.parts.clock.now_ms();
        let Some((drive, means)) = self.judged(execution_id, now_ms) else {
            return;
        };
        let refused = drive.refused.clone();
        let mut gate = HostGate::of(&mut drive.approved, means).refused(refused);
        let body = match gate.admit(&drive.state) {
            Ok(approval) => self.start_of(execution_id, approval),
            Err(refusal) => Some(Body::CallRefused {
                refusal,
                admission: true,
                call: None,
            }),
        };
        if let Some(body) = body {
            self.take_turn(execution_id, body);
        }
    }
}
