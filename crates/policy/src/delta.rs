//! What of a revision somebody has to look at: the steps that are new or changed, what they do, and what rules say of them.

use crate::decision::{Decision, Reason, StepAssessment};
use mandate_plan::{CheckedPlan, Widening, diff::diff};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// In what a plan asks for more than the one that was approved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Delta {
    /// What is wider, or not provably narrower.
    pub widenings: Vec<Widening>,
    /// The calls of steps that are new or changed.
    pub calls: Vec<ChangedCall>,
    /// What rules say of these steps, and of the plan as a whole.
    pub reasons: Vec<Reason>,
    /// Steps that are as they were approved, by how many.
    pub unchanged: usize,
}

/// A call that was not approved as it is now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangedCall {
    /// What it would do.
    pub assessment: StepAssessment,
    /// Its arguments, as the plan writes them.
    pub args: Map<String, Value>,
}

/// What `new`, of which policy decided this, asks for beside what was approved with `old`.
pub fn delta(
    old: &CheckedPlan,
    new: &CheckedPlan,
    decision: &Decision,
    widenings: Vec<Widening>,
) -> Delta {
    let changes = diff(old.plan(), new.plan());
    let changed: BTreeSet<String> = changes
        .added
        .into_iter()
        .chain(changes.moved)
        .chain(changes.changed.into_iter().map(|step| step.id))
        // Edges and retry policies can be others though nothing is in the step's own text.
        .chain(
            widenings
                .iter()
                .filter_map(|widening| widening.step.clone()),
        )
        .collect();
    // A step of a nested plan, or of a fallback, belongs to the step that holds it.
    let owner = |id: &str| -> String {
        let outer = id.split('/').next().unwrap_or(id);
        let mut steps = new.steps().iter();
        let holder = steps.find(|step| step.fallback.iter().any(|f| f.step.id == outer));
        holder.map_or_else(|| outer.to_owned(), |step| step.step.id.clone())
    };
    let is_new = |id: &str| changed.contains(&owner(id)) || changed.contains(id);
    let calls: Vec<ChangedCall> = decision
        .steps
        .iter()
        .filter(|assessed| is_new(&assessed.step))
        .map(|assessed| ChangedCall {
            assessment: assessed.clone(),
            args: args_of(new, assessed),
        })
        .collect();
    let reasons = decision.reasons.iter().filter(|reason| {
        let step = reason.step.as_deref();
        step.is_none_or(is_new)
    });
    let steps = new.steps().iter().chain(new.finally());
    Delta {
        widenings,
        calls,
        reasons: reasons.cloned().collect(),
        unchanged: steps.filter(|step| !is_new(&step.step.id)).count(),
    }
}

fn args_of(plan: &CheckedPlan, assessed: &StepAssessment) -> Map<String, Value> {
    let planned = crate::planned::every_call(plan);
    let mut planned = planned.into_iter();
    planned
        .find(|call| call.id == assessed.step && call.purpose == assessed.purpose)
        .map(|call| call.raw.clone())
        .unwrap_or_default()
}
