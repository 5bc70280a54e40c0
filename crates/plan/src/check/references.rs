//! What expressions refer to: variables in scope, inputs that exist, steps that may be named from there.

use super::{
    ids::{Asks, Place},
    reader::Reader,
};
use crate::{
    Violation, ViolationCode,
    check::{assemble::Facts, ids::Unresolved},
    expr::References,
    violation::{nearest, quoted},
};
use std::collections::{BTreeMap, BTreeSet};

/// Which variables stand beside `inputs`, `steps` and `execution`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Variables {
    /// `item` and `index`.
    pub(super) item: bool,
    /// Why they are not there.
    pub(super) no_item: &'static str,
    /// `output` and `args`.
    pub(super) answer: bool,
    /// `execution.status` and `execution.error`.
    pub(super) end: bool,
}

/// The edges that a step's expressions and lists make, by the number of the other step.
#[derive(Debug, Default)]
pub(super) struct Edges {
    pub(super) order: BTreeSet<usize>,
    pub(super) needs: BTreeSet<usize>,
    pub(super) groups: BTreeSet<Vec<usize>>,
}

impl Edges {
    /// What is left once `if` has relaxed what it names, with all targets of needs in the order.
    pub(super) fn relaxed(
        mut self,
        condition: Option<&References>,
        ids: &BTreeMap<String, usize>,
    ) -> (BTreeSet<usize>, Vec<Vec<usize>>) {
        self.order.extend(self.needs.iter().copied());
        self.order.extend(self.groups.iter().flatten().copied());
        let mut needs: BTreeSet<Vec<usize>> =
            self.needs.into_iter().map(|need| vec![need]).collect();
        needs.append(&mut self.groups);
        if let Some(condition) = condition {
            let relaxed: BTreeSet<usize> = condition
                .status
                .iter()
                .filter_map(|id| ids.get(id).copied())
                .collect();
            // A group stays while any of its steps may still be needed.
            needs.retain(|group| {
                !condition.settled && !group.iter().all(|step| relaxed.contains(step))
            });
        }
        (self.order, needs.into_iter().collect())
    }
}

impl Reader<'_> {
    /// Checks what an expression at `pointer` refers to and adds its edges.
    pub(super) fn references(
        &mut self,
        references: &References,
        pointer: &str,
        facts: &Facts<'_>,
        from: Place,
        variables: Variables,
        edges: &mut Edges,
    ) {
        self.variables(references, pointer, variables);
        self.inputs_read(references, pointer, facts);
        for (id, asks) in references
            .needs
            .keys()
            .map(|id| (id, Asks::Success))
            .chain(references.order.keys().map(|id| (id, Asks::Settled)))
        {
            match facts.ids.resolve(id, from, asks) {
                Ok(step) if asks == Asks::Success => {
                    edges.needs.insert(step);
                }
                Ok(step) => {
                    edges.order.insert(step);
                }
                Err(unresolved) => self.unresolved(pointer, unresolved),
            }
        }
        for (group, _) in &references.either {
            let mut steps = BTreeSet::new();
            for id in group {
                match facts.ids.resolve(id, from, Asks::Success) {
                    Ok(step) => {
                        steps.insert(step);
                    }
                    Err(unresolved) => self.unresolved(pointer, unresolved),
                }
            }
            if !steps.is_empty() {
                edges.groups.insert(steps.into_iter().collect());
            }
        }
    }

    pub(super) fn unresolved(&mut self, pointer: &str, (message, suggestion): Unresolved) {
        let violation = Violation::new(ViolationCode::DependencyUnresolved, pointer, message);
        self.note(violation.suggest(suggestion));
    }

    fn variables(&mut self, references: &References, pointer: &str, scope: Variables) {
        for name in references.variables.keys() {
            let reason = match name.as_str() {
                "inputs" | "execution" => continue,
                "item" | "index" if scope.item => continue,
                "output" | "args" if scope.answer => continue,
                "item" | "index" => format!("`{name}` is not in scope here: {}", scope.no_item),
                "output" | "args" => format!(
                    "`{name}` is not in scope here: it is the step's own answer, for `expect` and `compensate`"
                ),
                other => format!("`{}` is not in scope here", quoted(other)),
            };
            let mut known = vec!["inputs", "steps", "execution"];
            known.extend(
                scope
                    .item
                    .then_some(["item", "index"])
                    .into_iter()
                    .flatten(),
            );
            known.extend(
                scope
                    .answer
                    .then_some(["output", "args"])
                    .into_iter()
                    .flatten(),
            );
            let violation = Violation::new(ViolationCode::VariableUnknown, pointer, reason);
            self.note(violation.suggest(nearest(name, known)));
        }
        for path in &references.paths {
            let [root, field, ..] = path.as_slice() else {
                continue;
            };
            if root != "execution" {
                continue;
            }
            let known: &[&str] = if scope.end {
                &["id", "status", "error"]
            } else {
                &["id"]
            };
            if !known.contains(&field.as_str()) {
                let message = match field.as_str() {
                    "status" | "error" => {
                        format!("`execution.{field}` is known under `finally` only")
                    }
                    other => format!("an execution has no `{}`", quoted(other)),
                };
                self.error(ViolationCode::VariableUnknown, pointer, message);
            }
        }
    }

    fn inputs_read(&mut self, references: &References, pointer: &str, facts: &Facts<'_>) {
        for name in references.inputs.keys() {
            match facts.plan.inputs.get(name) {
                None => {
                    let message = format!("the plan declares no input `{}`", quoted(name));
                    let declared = facts.plan.inputs.keys().map(String::as_str);
                    let violation = Violation::new(ViolationCode::InputUnknown, pointer, message);
                    self.note(violation.suggest(nearest(name, declared)));
                }
                Some(input) if input.secret => {
                    let message = format!(
                        "`inputs.{name}` is a secret: it may only stand as `${{inputs.{name}}}` inside a string of `args`"
                    );
                    self.error(ViolationCode::SecretMisplaced, pointer, message);
                }
                Some(_) => {}
            }
        }
    }
}
