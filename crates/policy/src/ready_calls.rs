//! The calls of a plan, made ready to be compared with the calls that are made: once for all executions for which they are the same.

use crate::{
    Purpose, Refusal, argument_rules::RuleSet, decision::Decision, lately::Lately,
    planned::every_call, planned_call::PlannedCall, tool_table::ToolTable,
};
use mandate_plan::{BadPattern, BoundInputs, CheckedPlan, Digest, ErrorCode};
use std::{collections::BTreeMap, sync::Arc};

/// The calls of a step. Boxed, since a map has room for eleven of them however few there are.
#[derive(Debug, Default)]
struct StepCalls {
    run: Option<Box<PlannedCall>>,
    compensate: Option<Box<PlannedCall>>,
}

impl StepCalls {
    fn of(&mut self, purpose: Purpose) -> &mut Option<Box<PlannedCall>> {
        match purpose {
            Purpose::Run => &mut self.run,
            Purpose::Compensate => &mut self.compensate,
        }
    }
}

/// The calls of one plan with these inputs and tools, as they were decided about.
#[derive(Debug)]
pub(crate) struct ReadyCalls {
    /// The execution digest: plan, inputs, tools.
    digest: Digest,
    decision: Arc<Decision>,
    tools: ToolTable,
    calls: BTreeMap<String, StepCalls>,
}

impl ReadyCalls {
    fn of(
        plan: &CheckedPlan,
        inputs: &BoundInputs,
        tools: &ToolTable,
        digest: Digest,
        decision: &Arc<Decision>,
    ) -> Result<Self, Refusal> {
        let broken = |error: BadPattern| Refusal::new(ErrorCode::PolicyDenied, error.to_string());
        let forbidden = Arc::new(RuleSet::of_plan(&plan.plan().constraints).map_err(broken)?);
        let mut calls: BTreeMap<String, StepCalls> = BTreeMap::new();
        let decided: BTreeMap<(&str, Purpose), _> = decision
            .steps
            .iter()
            .map(|call| ((call.step.as_str(), call.purpose), call))
            .collect();
        for planned in every_call(plan) {
            let Some(&assessed) = decided.get(&(planned.id.as_str(), planned.purpose)) else {
                let message = format!("the decision says nothing about step `{}`", planned.id);
                return Err(Refusal::new(ErrorCode::PolicyDenied, message));
            };
            if assessed.tool != planned.tool || assessed.outcome > decision.outcome {
                let message = format!(
                    "the decision contradicts itself about step `{}`",
                    planned.id
                );
                return Err(Refusal::new(ErrorCode::PolicyDenied, message));
            }
            if !planned.nested {
                let call = PlannedCall::new(
                    &planned,
                    inputs,
                    assessed.clone(),
                    &forbidden,
                    tools.lookup(),
                )
                .map_err(broken)?;
                *calls.entry(planned.id).or_default().of(planned.purpose) = Some(Box::new(call));
            }
        }
        Ok(Self {
            digest,
            decision: Arc::clone(decision),
            tools: tools.clone(),
            calls,
        })
    }

    /// Whether they are what would be made ready anew: from the same plan, inputs and tools, of which the same was decided.
    fn serve(&self, tools: &ToolTable, digest: &Digest, decision: &Decision) -> bool {
        self.digest == *digest
            && self.tools.is_of(tools)
            && self.decision.outcome == decision.outcome
            && self.decision.steps == decision.steps
    }

    pub(crate) fn get(&self, step: &str, purpose: Purpose) -> Option<&PlannedCall> {
        let calls = self.calls.get(step)?;
        match purpose {
            Purpose::Run => calls.run.as_deref(),
            Purpose::Compensate => calls.compensate.as_deref(),
        }
    }
}

/// The calls of plans that were admitted lately: an execution of the same plan, with the same inputs and tools and the same decision,
/// shares them instead of having them made ready anew. Nothing that anybody was permitted is kept.
#[derive(Debug, Default)]
pub struct KnownCalls(Lately<Arc<ReadyCalls>>);

impl KnownCalls {
    /// The calls of a plan, made ready unless they are known.
    pub(crate) fn ready(
        &mut self,
        plan: &CheckedPlan,
        inputs: &BoundInputs,
        tools: &ToolTable,
        digest: Digest,
        decision: &Arc<Decision>,
    ) -> Result<Arc<ReadyCalls>, Refusal> {
        let serves = |known: &Arc<ReadyCalls>| known.serve(tools, &digest, decision);
        let make = || ReadyCalls::of(plan, inputs, tools, digest, decision).map(Arc::new);
        self.0.find_or(serves, make).cloned()
    }
}
