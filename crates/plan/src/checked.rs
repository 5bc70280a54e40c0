//! A plan that has passed every check, with its expressions compiled and its edges resolved.

use crate::{
    Digest, ErrorCode,
    expr::{Expr, Template},
    model::{FailureAction, OnViolation, Plan, Retry, Step},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// A plan that has passed every check. Only [`crate::check()`] and [`crate::reload`] make one.
#[derive(Debug)]
pub struct CheckedPlan {
    pub(crate) plan: Plan,
    pub(crate) canonical: Vec<u8>,
    pub(crate) hash: Digest,
    pub(crate) steps: Vec<CheckedStep>,
    pub(crate) finally: Vec<CheckedStep>,
    pub(crate) outputs: Option<BTreeMap<String, Expr>>,
    pub(crate) invariants: Vec<CheckedInvariant>,
    pub(crate) max_tool_calls: u64,
    pub(crate) positions: BTreeMap<String, usize>,
}

/// A step whose expressions are compiled and whose edges are resolved.
#[derive(Debug)]
pub struct CheckedStep {
    /// The step's number, unique over the plan: the steps first, by their place; then fallback steps, then finally.
    pub index: usize,
    /// The step as written. Under `finally`, `on_failure` is `skip` even where it is not said.
    pub step: Arc<Step>,
    /// The steps that must be settled first, by number, ascending; those of `needs` are among them.
    pub order: Vec<usize>,
    /// Of each group, one step must be completed or recovered. What `if` relaxes is left out.
    pub needs: Vec<Vec<usize>>,
    /// `if`.
    pub condition: Option<Expr>,
    /// `for_each.in`.
    pub for_each: Option<Expr>,
    /// `expect`.
    pub expect: Option<Expr>,
    /// `args`; a literal plan in those of `plan.run` stays as it stands.
    pub args: Template,
    /// The retry policy that applies.
    pub retry: Retry,
    /// The fallback steps of all actions under `on_failure`, in document order; see [`CheckedStep::fallback_for`].
    pub fallback: Vec<CheckedStep>,
    /// The tool and arguments that undo the step.
    pub compensate: Option<(String, Template)>,
    /// The plan that a `plan.run` step holds literally.
    pub child: Option<Arc<CheckedPlan>>,
}

/// An invariant whose condition is compiled.
#[derive(Debug)]
pub struct CheckedInvariant {
    /// Its name.
    pub id: String,
    /// The condition.
    pub check: Expr,
    /// What happens when it is false.
    pub on_violation: OnViolation,
}

impl CheckedPlan {
    /// The plan as written.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The plan's identity: SHA-256 over its canonical bytes.
    pub fn hash(&self) -> &Digest {
        &self.hash
    }

    /// The RFC 8785 canonical bytes of the document.
    pub fn canonical(&self) -> &[u8] {
        &self.canonical
    }

    /// The steps, in document order.
    pub fn steps(&self) -> &[CheckedStep] {
        &self.steps
    }

    /// The steps that run when the execution is about to end.
    pub fn finally(&self) -> &[CheckedStep] {
        &self.finally
    }

    /// The number of the first step under `finally`, or what it would be: all below are steps and fallback steps.
    pub fn first_finally(&self) -> usize {
        self.positions.len().saturating_sub(self.finally.len())
    }

    /// The place of a step in [`CheckedPlan::steps`], which is its number as well.
    pub fn index_of(&self, id: &str) -> Option<usize> {
        self.number_of(id)
            .filter(|number| *number < self.steps.len())
    }

    /// The number of any step, fallback and finally steps included.
    pub fn number_of(&self, id: &str) -> Option<usize> {
        self.positions.get(id).copied()
    }

    /// Every step of this plan, fallback and finally steps included, by ascending number. Nested plans are not entered.
    pub fn every_step(&self) -> impl Iterator<Item = &CheckedStep> {
        self.steps
            .iter()
            .chain(self.steps.iter().flat_map(|step| &step.fallback))
            .chain(&self.finally)
    }

    /// The step of that number.
    pub fn numbered(&self, index: usize) -> Option<&CheckedStep> {
        if index < self.steps.len() {
            return self.steps.get(index);
        }
        let rest = self.every_step().skip(self.steps.len());
        rest.into_iter().find(|step| step.index == index)
    }

    /// The steps of these numbers, ascending.
    pub fn numbers(
        &self,
        numbers: std::ops::Range<usize>,
    ) -> impl DoubleEndedIterator<Item = &CheckedStep> {
        numbers.filter_map(|number| self.numbered(number))
    }

    /// What the result holds; `None`: every completed step's output by id.
    pub fn outputs(&self) -> Option<&BTreeMap<String, Expr>> {
        self.outputs.as_ref()
    }

    /// The conditions that are checked after every step.
    pub fn invariants(&self) -> &[CheckedInvariant] {
        &self.invariants
    }

    /// How many attempts may reach a tool: what the plan declares, else its worst case, at most 10,000.
    pub fn max_tool_calls(&self) -> u64 {
        self.max_tool_calls
    }

    /// How many attempts of one step may reach a tool, whatever the plan declares for all: with that many items, or with
    /// as many as it may have where they are not known yet.
    pub fn most_calls_of(&self, step: &CheckedStep, items: Option<usize>) -> u64 {
        crate::check::worst_case(&self.plan, step, items)
    }

    /// Every tool that the plan names, in fallback and finally steps, undo calls and nested plans as well.
    pub fn tools(&self) -> BTreeSet<&str> {
        let mut tools = BTreeSet::new();
        for step in self.every_step() {
            tools.insert(step.step.tool.as_str());
            tools.extend(step.compensate.iter().map(|(tool, _)| tool.as_str()));
            tools.extend(step.child.iter().flat_map(|child| child.tools()));
        }
        tools
    }
}

impl CheckedStep {
    /// The fallback steps that run after an error of this code; none where another action is taken.
    pub fn fallback_for(&self, code: ErrorCode) -> &[CheckedStep] {
        let chosen = self.step.on_failure.action(code);
        let mut start = 0;
        for action in self.step.on_failure.actions() {
            if let FailureAction::Fallback(steps) = action {
                let end = start + steps.len();
                if std::ptr::eq(action, chosen) {
                    return self.fallback.get(start..end).unwrap_or_default();
                }
                start = end;
            }
        }
        &[]
    }
}

/// What an execution is approved for: the plan, its inputs and the definitions of its tools.
pub fn execution_digest(
    plan_hash: &Digest,
    inputs_digest: &Digest,
    tools: &BTreeMap<String, Digest>,
) -> Digest {
    let mut parts: Vec<&[u8]> = vec![plan_hash.as_bytes(), inputs_digest.as_bytes()];
    for (name, digest) in tools {
        parts.push(name.as_bytes());
        parts.push(digest.as_bytes());
    }
    Digest::framed("mandate/execution/1", parts)
}
