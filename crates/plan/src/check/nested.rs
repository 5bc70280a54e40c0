//! `plan.run` with a literal plan: the child is checked like any plan, at its place in the parent's document.

use super::{assemble::Facts, plan_at, reader::Reader};
use crate::{
    CheckedPlan, ToolLookup, Violation, ViolationCode,
    document::child,
    model::{MAX_DEPTH, Step},
    violation::{nearest, quoted},
};
use serde_json::Value;
use std::sync::Arc;

/// The tool that runs a plan.
pub(super) const RUN: &str = "plan.run";

/// Whether the step holds its child literally, so that `args.plan` is no template.
pub(super) fn holds_child(step: &Step) -> bool {
    step.tool == RUN && step.args.get("plan").is_some_and(Value::is_object)
}

impl<'a> Reader<'a> {
    /// The child that a step holds, if it holds one.
    pub(super) fn nested_plan(
        &mut self,
        step: &Step,
        pointer: &str,
        facts: &Facts<'_>,
        tools: Option<&dyn ToolLookup>,
    ) -> Option<Arc<CheckedPlan>> {
        if !holds_child(step) {
            return None;
        }
        let place = format!("{pointer}/args/plan");
        if facts.depth >= MAX_DEPTH {
            let message = format!("plans nest at most {MAX_DEPTH} deep");
            self.error(ViolationCode::NestingTooDeep, &place, message);
            return None;
        }
        let value = self.value_at(&place)?;
        let plan = plan_at(self, value, &place, tools, facts.depth + 1)?;
        self.nested_inputs(step, pointer, &plan);
        Some(plan)
    }

    /// The names under `args.inputs` against what the child declares.
    fn nested_inputs(&mut self, step: &Step, pointer: &str, plan: &CheckedPlan) {
        let declared = &plan.plan().inputs;
        let place = format!("{pointer}/args/inputs");
        let given = match step.args.get("inputs") {
            None => None,
            Some(Value::Object(given)) => Some(given),
            // An expression: known at run time.
            Some(_) => return,
        };
        let is_given = |name: &str| given.is_some_and(|given| given.contains_key(name));
        for name in given.into_iter().flat_map(|given| given.keys()) {
            if !declared.contains_key(name) {
                let message = format!("the nested plan has no input `{}`", quoted(name));
                let near = nearest(name, declared.keys().map(String::as_str));
                self.note_key(
                    Violation::new(ViolationCode::InputUnknown, child(&place, name), message)
                        .suggest(near),
                );
            }
        }
        for (name, _) in declared
            .iter()
            .filter(|(name, input)| input.is_required() && !is_given(name))
        {
            let message = format!("the nested plan's input `{name}` is missing");
            let place = if given.is_some() {
                place.clone()
            } else {
                format!("{pointer}/args")
            };
            self.error(ViolationCode::InputMissing, &place, message);
        }
    }
}
