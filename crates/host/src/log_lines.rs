//! What the log says of executions. Every line names the event, the execution, who asked for it and what they call the
//! request; arguments, inputs, outputs and messages of tools are in none.

use mandate_engine::event::RequestKind;
use mandate_engine::{Body, Event, State};
use mandate_policy::{Decision, Refusal};
use tracing::{Level, debug, enabled, info};

/// Somebody wants a plan run, or wants it in the place of another.
pub(crate) fn asked_for(submission: &crate::ask::Submission) {
    let asked = submission.asked.as_deref();
    let request_id = asked.and_then(|asked| asked.request_id.as_deref());
    let (principal, session) = (submission.principal.as_str(), submission.session.as_str());
    let plan_hash = submission.plan.hash();
    match &submission.revises {
        None => info!(event = "plan.requested", %plan_hash, principal, session, request_id),
        Some(revises) => {
            let execution_id = revises.execution_id.as_str();
            info!(event = "replan.requested", execution_id, %plan_hash, principal, session, request_id);
        }
    }
}

/// Policy does not let it run.
pub(crate) fn denied(submission: &crate::ask::Submission, decision: &Decision) {
    let asked = submission.asked.as_deref();
    let request_id = asked.and_then(|asked| asked.request_id.as_deref());
    let principal = submission.principal.as_str();
    let outcome = decision.outcome.as_str();
    let plan_hash = submission.plan.hash();
    info!(event = "plan.refused", %plan_hash, principal, request_id, outcome);
}

/// What happened to an execution.
pub(crate) fn happened(state: &State, events: &[Event]) {
    if !enabled!(Level::INFO) {
        return;
    }
    for event in events {
        line(state, event);
    }
}

fn line(state: &State, event: &Event) {
    let created = &state.created;
    let execution_id = created.execution_id.as_str();
    let principal = created.principal.as_str();
    let asked = created.asked.as_deref();
    let request_id = asked.and_then(|asked| asked.request_id.as_deref());
    match &event.body {
        Body::ExecutionCreated(created) => info!(
            event = "plan.created",
            execution_id,
            principal,
            request_id,
            session = created.session.as_str(),
            plan_hash = %created.plan_hash,
            steps = state.plan().steps().len(),
            outcome = created.decision.outcome.as_str(),
        ),
        Body::ExecutionStarted { .. } => {
            let plan_hash = &created.plan_hash;
            info!(event = "plan.used", execution_id, principal, request_id, %plan_hash);
            info!(
                event = "execution.started",
                execution_id, principal, request_id
            );
        }
        Body::RevisionProposed { revision, by, .. } => info!(
            event = "plan.revision_proposed",
            execution_id,
            principal,
            request_id,
            revision,
            by = by.as_str(),
        ),
        Body::PlanRevised {
            revision,
            plan_hash,
            ..
        } => {
            info!(event = "plan.revised", execution_id, principal, request_id, revision, %plan_hash)
        }
        Body::RequestOpened(request) => info!(
            event = "request.opened",
            execution_id,
            principal,
            request_id,
            request = request.request_id.as_str(),
            kind = request.kind.as_str(),
            step = request.step.as_deref(),
        ),
        Body::RequestAnswered(answer) | Body::AnswerCounted(answer) => {
            let request = answer.request_id.as_str();
            let kind = state.requests.get(request).map(|open| open.request.kind);
            // What is answered to a question is the step's output.
            let said = kind.filter(|kind| *kind != RequestKind::Question);
            info!(
                event = "request.answered",
                execution_id,
                principal,
                request_id,
                request,
                kind = kind.map(RequestKind::as_str),
                choice = said.map(|_| answer.choice.as_str()),
                by = answer.by.as_str(),
                channel = answer.channel.as_str(),
            );
        }
        Body::RequestExpired {
            request_id: request,
        } => {
            let request = request.as_str();
            info!(
                event = "request.expired",
                execution_id, principal, request_id, request
            );
        }
        Body::CallRefused { refusal, call, .. } => {
            let step = call.as_ref().and_then(|call| call.step.as_deref());
            refused(state, step, refusal);
        }
        Body::StepBlocked { step, refusal, .. } | Body::StepHeld { step, refusal, .. } => {
            refused(state, Some(step), refusal);
        }
        Body::StepInDoubt {
            step,
            attempt,
            error,
            ..
        } => {
            let code = error.code.as_str();
            info!(
                event = "step.in_doubt",
                execution_id, principal, request_id, step, attempt, code
            );
        }
        Body::ExecutionFinished { status, error, .. } => info!(
            event = "execution.finished",
            execution_id,
            principal,
            request_id,
            status = status.as_str(),
            code = error.as_ref().map(|error| error.code.as_str()),
            took_ms = event.at_ms.saturating_sub(state.created_ms),
        ),
        body => {
            let seq = event.seq;
            debug!(
                event = "journal",
                execution_id,
                principal,
                request_id,
                seq,
                kind = body.kind()
            );
        }
    }
}

fn refused(state: &State, step: Option<&str>, refusal: &Refusal) {
    let created = &state.created;
    let asked = created.asked.as_deref();
    info!(
        event = "call.refused",
        execution_id = created.execution_id.as_str(),
        principal = created.principal.as_str(),
        request_id = asked.and_then(|asked| asked.request_id.as_deref()),
        step,
        code = refusal.code.as_str(),
        rule = refusal.rule.as_deref(),
    );
}
