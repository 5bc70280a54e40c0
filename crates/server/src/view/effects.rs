//! What a plan would do, call by call: what whoever approves it must see.

use super::schemas;
use mandate_plan::{CheckedPlan, Effect};
use mandate_policy::decision::{Decision, Outcome, StepAssessment};
use mandate_policy::{Purpose, risk::Risk};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// One effect that a plan would have, with its arguments as the plan writes them.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Effect)]
pub struct EffectView {
    /// The step.
    pub step: String,
    /// Whether it runs the step or undoes it.
    #[schema(value_type = String)]
    pub purpose: Purpose,
    /// `server.tool`.
    pub tool: String,
    /// What it does to the world, at worst.
    #[schema(value_type = String)]
    pub effect: Effect,
    /// Doing it twice is the same as doing it once.
    pub idempotent: bool,
    /// It reaches what other parties control.
    pub open_world: bool,
    /// How risky it is.
    #[schema(value_type = schemas::Risk)]
    pub risk: Risk,
    /// What its resources are known for.
    pub tags: Vec<String>,
    /// What the rules say of it.
    #[schema(value_type = String)]
    pub outcome: Outcome,
    /// Its arguments, as the plan writes them.
    #[schema(value_type = Object)]
    pub args: Map<String, Value>,
    /// Arguments that are left to the agent.
    pub open_args: Vec<String>,
}

/// The effects that the plan would have, and the names of the steps that only read on this machine.
pub fn effects(plan: &CheckedPlan, decision: &Decision) -> (Vec<EffectView>, Vec<String>) {
    let (effects, reads): (Vec<_>, Vec<_>) = { decision.steps.iter() }
        .partition(|step| step.outcome != Outcome::Allow || step.effect != Effect::Read);
    let effects = effects.into_iter().map(|step| effect(plan, step));
    let reads = reads.into_iter().map(|step| step.step.clone());
    (effects.collect(), reads.collect())
}

fn effect(plan: &CheckedPlan, assessed: &StepAssessment) -> EffectView {
    let mut steps = plan.every_step();
    let step = steps.find(|step| step.step.id == assessed.step);
    let step = step.map(|step| &step.step);
    let args = step.and_then(|step| match assessed.purpose {
        Purpose::Run => Some(&step.args),
        Purpose::Compensate => step.compensate.as_ref().map(|undo| &undo.args),
    });
    let runs = step.filter(|_| assessed.purpose == Purpose::Run);
    let open = runs.map(|step| step.open_args(plan.plan().mode).map(str::to_owned));
    EffectView {
        step: assessed.step.clone(),
        purpose: assessed.purpose,
        tool: assessed.tool.clone(),
        effect: assessed.effect,
        idempotent: assessed.idempotent,
        open_world: assessed.open_world,
        risk: assessed.risk.clone(),
        tags: assessed.tags.iter().map(ToString::to_string).collect(),
        outcome: assessed.outcome,
        args: args.cloned().unwrap_or_default(),
        open_args: open.map(Iterator::collect).unwrap_or_default(),
    }
}
