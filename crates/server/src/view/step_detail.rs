//! A step with everything that is known of it: its attempts with arguments, outputs and errors, and what policy said.

use super::schemas;
use super::step::{StepView, step};
use mandate_engine::event::Resolution;
use mandate_engine::{Body, Event, Fault, State};
use mandate_plan::{Digest, Facts};
use mandate_policy::decision::{Reason, StepAssessment};
use mandate_policy::{Purpose, Refusal};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// Attempts that are shown: those of thousands of items would be megabytes.
const MOST_ATTEMPTS: usize = 50;

/// A step with everything that is known of it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = StepDetail)]
pub struct StepDetailView {
    /// The execution.
    pub execution_id: String,
    /// Where the step is.
    pub step: StepView,
    /// The step as the plan writes it.
    #[schema(value_type = Object)]
    pub definition: Value,
    /// Its last attempts, the oldest of them first.
    pub attempts: Vec<AttemptView>,
    /// How many attempts before these are left out; `item` shows those of one item.
    #[schema(value_type = u64)]
    pub attempts_left_out: usize,
    /// Its output.
    #[schema(value_type = Value)]
    pub output: Option<Value>,
    /// What it would do at worst, as it was judged with the plan.
    #[schema(value_type = Option<schemas::StepAssessment>)]
    pub assessment: Option<StepAssessment>,
    /// What the rules said of it, and of the plan as a whole.
    #[schema(value_type = Vec<schemas::Reason>)]
    pub reasons: Vec<Reason>,
    /// Its calls that were refused.
    pub refusals: Vec<RefusalView>,
    /// What somebody said became of it.
    pub resolutions: Vec<ResolutionView>,
}

/// One attempt.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Attempt)]
pub struct AttemptView {
    /// From 1.
    pub attempt: u32,
    /// The item.
    pub item: Option<u32>,
    /// `run` or `compensate`.
    #[schema(value_type = String)]
    pub purpose: Purpose,
    /// `server.tool`.
    pub tool: String,
    /// Unix milliseconds.
    pub start_ms: i64,
    /// Unix milliseconds.
    pub end_ms: Option<i64>,
    /// The event that began it.
    pub start_seq: u64,
    /// The event that ended it.
    pub end_seq: Option<u64>,
    /// What this call does to the world.
    #[schema(value_type = Object)]
    pub facts: Facts,
    /// The arguments, placeholders in place of secrets.
    #[schema(value_type = Object)]
    pub args: Value,
    /// Digest over the arguments; none for an undo call, which has it in its permit.
    #[schema(value_type = Option<String>)]
    pub args_digest: Option<Digest>,
    /// The same for every attempt of this step and item.
    pub idempotency_key: String,
    /// Digest of the permit.
    #[schema(value_type = String)]
    pub permit_digest: Digest,
    /// `completed`, `failed`, `interrupted` or `in_doubt`; none = it goes on.
    pub outcome: Option<&'static str>,
    /// What the tool gave.
    #[schema(value_type = Value)]
    pub output: Option<Value>,
    /// Why it did not complete.
    #[schema(value_type = Option<schemas::Fault>)]
    pub error: Option<Fault>,
}

/// A call that was refused.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = StepRefusal)]
pub struct RefusalView {
    /// The event.
    pub seq: u64,
    /// Unix milliseconds.
    pub at_ms: i64,
    /// The item.
    pub item: Option<u32>,
    /// The refusal, with its code and rule.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub refusal: Refusal,
}

/// What somebody said became of a step in doubt.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = StepResolution)]
pub struct ResolutionView {
    /// The event.
    pub seq: u64,
    /// Unix milliseconds.
    pub at_ms: i64,
    /// The item.
    pub item: Option<u32>,
    /// Who said so.
    pub by: String,
    /// Over which channel.
    pub channel: Option<String>,
    /// What became of it.
    #[schema(value_type = Object)]
    pub resolution: Resolution,
}

/// The step `id` as `state` and the events up to it tell of it; with `item`, the attempts of that item alone.
pub fn step_detail(
    state: &State,
    events: &[Event],
    id: &str,
    item: Option<u32>,
) -> Option<StepDetailView> {
    let (checked, data) = state.step(id)?;
    let is_there = match (item, &data.items) {
        (None, _) => true,
        (Some(item), Some(items)) => usize::try_from(item).is_ok_and(|item| item < items.len()),
        // They may be known later.
        (Some(_), None) => checked.step.for_each.is_some(),
    };
    if !is_there {
        return None;
    }
    let decision = &state.created.decision;
    let mut found = Found {
        id,
        wanted: item,
        attempts: Vec::new(),
        refusals: Vec::new(),
        resolutions: Vec::new(),
    };
    for event in events {
        found.take(event);
    }
    let left_out = found.attempts.len().saturating_sub(MOST_ATTEMPTS);
    found.attempts.drain(..left_out);
    let reasons = decision.reasons.iter();
    let of_it = |reason: &&Reason| reason.step.as_deref().is_none_or(|step| step == id);
    Some(StepDetailView {
        execution_id: state.execution_id().to_owned(),
        step: step(checked, data),
        definition: json!(checked.step.as_ref()),
        attempts: found.attempts,
        attempts_left_out: left_out,
        output: data.output.clone(),
        assessment: decision.assessment(id, Purpose::Run).cloned(),
        reasons: reasons.filter(of_it).cloned().collect(),
        refusals: found.refusals,
        resolutions: found.resolutions,
    })
}

struct Found<'a> {
    id: &'a str,
    wanted: Option<u32>,
    attempts: Vec<AttemptView>,
    refusals: Vec<RefusalView>,
    resolutions: Vec<ResolutionView>,
}

impl Found<'_> {
    fn is_it(&self, step: &str, item: Option<u32>) -> bool {
        step == self.id && (self.wanted.is_none() || self.wanted == item)
    }

    fn end(
        &mut self,
        event: &Event,
        item: Option<u32>,
        outcome: &'static str,
        output: Option<&Value>,
        error: Option<&Fault>,
    ) {
        let open = |attempt: &&mut AttemptView| attempt.item == item && attempt.end_seq.is_none();
        if let Some(attempt) = self.attempts.iter_mut().rev().find(open) {
            attempt.end_ms = Some(event.at_ms);
            attempt.end_seq = Some(event.seq);
            attempt.outcome = Some(outcome);
            attempt.output = output.cloned();
            attempt.error = error.cloned();
        }
    }

    fn refused(&mut self, event: &Event, item: Option<u32>, refusal: &Refusal) {
        self.refusals.push(RefusalView {
            seq: event.seq,
            at_ms: event.at_ms,
            item,
            refusal: refusal.clone(),
        });
    }

    fn take(&mut self, event: &Event) {
        match &event.body {
            Body::StepStarted {
                step,
                item,
                attempt,
                tool,
                facts,
                args,
                args_digest,
                idempotency_key,
                permit,
                ..
            } if self.is_it(step, *item) => self.attempts.push(AttemptView {
                args_digest: Some(*args_digest),
                ..begun(
                    event,
                    *item,
                    *attempt,
                    Purpose::Run,
                    (tool, *facts, args),
                    (idempotency_key, permit),
                )
            }),
            Body::CompensationStarted {
                step,
                item,
                attempt,
                tool,
                facts,
                args,
                idempotency_key,
                permit,
                ..
            } if self.is_it(step, *item) => self.attempts.push(begun(
                event,
                *item,
                *attempt,
                Purpose::Compensate,
                (tool, *facts, args),
                (idempotency_key, permit),
            )),
            Body::StepCompleted {
                step, item, output, ..
            }
            | Body::CompensationCompleted {
                step, item, output, ..
            } if self.is_it(step, *item) => {
                self.end(event, *item, "completed", Some(output), None);
            }
            Body::StepFailed {
                step,
                item,
                error,
                output,
                ..
            } if self.is_it(step, *item) => {
                self.end(event, *item, "failed", output.as_ref(), Some(error));
            }
            Body::CompensationFailed {
                step, item, error, ..
            } if self.is_it(step, *item) => {
                self.end(event, *item, "failed", None, Some(error));
            }
            Body::AttemptInterrupted { step, item, .. } if self.is_it(step, *item) => {
                self.end(event, *item, "interrupted", None, None);
            }
            Body::StepInDoubt {
                step, item, error, ..
            } if self.is_it(step, *item) => {
                self.end(event, *item, "in_doubt", None, Some(error));
            }
            Body::StepBlocked {
                step,
                item,
                refusal,
            }
            | Body::StepHeld {
                step,
                item,
                refusal,
                ..
            } if self.is_it(step, *item) => {
                self.refused(event, *item, refusal);
            }
            Body::StepResolved {
                step,
                item,
                by,
                resolution,
                channel,
                ..
            } if self.is_it(step, *item) => {
                self.resolutions.push(ResolutionView {
                    seq: event.seq,
                    at_ms: event.at_ms,
                    item: *item,
                    by: by.clone(),
                    channel: channel.clone(),
                    resolution: resolution.clone(),
                });
            }
            _ => {}
        }
    }
}

fn begun(
    event: &Event,
    item: Option<u32>,
    attempt: u32,
    purpose: Purpose,
    (tool, facts, args): (&str, Facts, &Value),
    (idempotency_key, permit): (&str, &Digest),
) -> AttemptView {
    AttemptView {
        attempt,
        item,
        purpose,
        tool: tool.to_owned(),
        start_ms: event.at_ms,
        end_ms: None,
        start_seq: event.seq,
        end_seq: None,
        facts,
        args: args.clone(),
        args_digest: None,
        idempotency_key: idempotency_key.to_owned(),
        permit_digest: *permit,
        outcome: None,
        output: None,
        error: None,
    }
}
