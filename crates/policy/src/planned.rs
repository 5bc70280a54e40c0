//! The calls that a plan holds: of steps, fallbacks, `finally`, compensations, nested plans.

use crate::{Purpose, argument_rules::RuleSet, known_args::KnownArgs, patterns::Stance};
use mandate_plan::{BadPattern, BoundInputs, CheckedPlan, CheckedStep, expr::Template};
use serde_json::{Map, Value};

/// One call that a plan holds.
#[derive(Debug)]
pub(crate) struct Planned<'a> {
    /// The step's id; inside a nested plan, `outer/inner`.
    pub(crate) id: String,
    pub(crate) purpose: Purpose,
    pub(crate) tool: &'a str,
    pub(crate) template: &'a Template,
    /// The arguments as written.
    pub(crate) raw: &'a Map<String, Value>,
    pub(crate) step: &'a CheckedStep,
    /// It belongs to a nested plan, which is admitted and enforced as an execution of its own.
    pub(crate) nested: bool,
}

impl Planned<'_> {
    /// What is known of its arguments before the plan runs.
    pub(crate) fn known_args(&self, plan: &CheckedPlan, inputs: &BoundInputs) -> KnownArgs {
        let known = match self.nested {
            true => KnownArgs::without_inputs(self.template),
            false => KnownArgs::of(self.template, self.raw, inputs),
        };
        // A nested plan has no agent.
        match self.purpose {
            Purpose::Run if !self.nested => {
                known.leaving_open(self.step.step.open_args(plan.plan().mode))
            }
            Purpose::Run | Purpose::Compensate => known,
        }
    }

    /// The step's `allow` and `deny`, ready to be checked.
    ///
    /// # Errors
    /// The first pattern that cannot be read.
    pub(crate) fn rules(&self) -> Result<(Option<RuleSet>, Option<RuleSet>), BadPattern> {
        let step = &self.step.step;
        let compile = |name: &str, stance, rules: &Option<mandate_plan::Rules>| {
            let place = format!("steps.{}.{name}", step.id);
            rules
                .as_ref()
                .map(|rules| RuleSet::of_step(&place, stance, rules))
                .transpose()
        };
        Ok((
            compile("allow", Stance::Allow, &step.allow)?,
            compile("deny", Stance::Deny, &step.deny)?,
        ))
    }
}

/// Every call of the plan: each step followed by its compensation, its nested plan and its fallback steps; then `finally`.
pub(crate) fn every_call(plan: &CheckedPlan) -> Vec<Planned<'_>> {
    let mut calls = Vec::new();
    collect(plan, "", &mut calls);
    calls
}

fn collect<'a>(plan: &'a CheckedPlan, prefix: &str, calls: &mut Vec<Planned<'a>>) {
    for step in plan.steps().iter().chain(plan.finally()) {
        add(step, prefix, calls);
        for fallback in &step.fallback {
            add(fallback, prefix, calls);
        }
    }
}

fn add<'a>(step: &'a CheckedStep, prefix: &str, calls: &mut Vec<Planned<'a>>) {
    let id = format!("{prefix}{}", step.step.id);
    let nested = !prefix.is_empty();
    calls.push(Planned {
        id: id.clone(),
        purpose: Purpose::Run,
        tool: &step.step.tool,
        template: &step.args,
        raw: &step.step.args,
        step,
        nested,
    });
    if let (Some((tool, template)), Some(compensate)) = (&step.compensate, &step.step.compensate) {
        let purpose = Purpose::Compensate;
        calls.push(Planned {
            id: id.clone(),
            purpose,
            tool,
            template,
            raw: &compensate.args,
            step,
            nested,
        });
    }
    if let Some(child) = &step.child {
        collect(child, &format!("{id}/"), calls);
    }
}
