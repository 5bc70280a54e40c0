//! What changed between two plans: steps by id, everything else by key.

use crate::model::{Plan, Step};
use serde::Serialize;
use serde_json::Value;
use std::{collections::BTreeMap, fmt};

/// What changed between two plans.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct PlanDiff {
    /// Changes outside of steps, by JSON pointer.
    pub plan: Vec<Change>,
    /// Ids of steps that are new, in the order of the new plan.
    pub added: Vec<String>,
    /// Ids of steps that are gone, in the order of the old plan.
    pub removed: Vec<String>,
    /// Ids of steps that stand before or behind other steps than they did.
    pub moved: Vec<String>,
    /// Steps that are in both plans and differ.
    pub changed: Vec<StepChange>,
}

/// What changed in one step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepChange {
    /// The step.
    pub id: String,
    /// What changed, by JSON pointer in the step.
    pub changes: Vec<Change>,
}

/// One value that changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// Where.
    pub pointer: String,
    /// The old value; absent: there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<Value>,
    /// The new value; absent: there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<Value>,
}

/// Compares two plans. Defaults count as if they were written.
pub fn diff(old: &Plan, new: &Plan) -> PlanDiff {
    let mut result = PlanDiff::default();
    let outside = |plan: &Plan| {
        let mut value = serde_json::to_value(plan).unwrap_or_default();
        if let Value::Object(map) = &mut value {
            map.remove("steps");
            map.remove("finally");
        }
        value
    };
    changes(
        "",
        Some(&outside(old)),
        Some(&outside(new)),
        &mut result.plan,
    );
    for (old, new) in [(&old.steps, &new.steps), (&old.finally, &new.finally)] {
        steps(old, new, &mut result);
    }
    result
}

fn steps(old: &[Step], new: &[Step], result: &mut PlanDiff) {
    let by_id = |steps: &[Step]| -> BTreeMap<String, Value> {
        steps
            .iter()
            .map(|step| {
                (
                    step.id.clone(),
                    serde_json::to_value(step).unwrap_or_default(),
                )
            })
            .collect()
    };
    let (before, after) = (by_id(old), by_id(new));
    let gone = old.iter().filter(|step| !after.contains_key(&step.id));
    result.removed.extend(gone.map(|step| step.id.clone()));
    let fresh = new.iter().filter(|step| !before.contains_key(&step.id));
    result.added.extend(fresh.map(|step| step.id.clone()));
    let kept_old = old.iter().filter(|step| after.contains_key(&step.id));
    let kept_new = new.iter().filter(|step| before.contains_key(&step.id));
    let moved = kept_old
        .zip(kept_new.clone())
        .filter(|(old, new)| old.id != new.id);
    result.moved.extend(moved.map(|(_, new)| new.id.clone()));
    for step in kept_new {
        let mut found = Vec::new();
        changes("", before.get(&step.id), after.get(&step.id), &mut found);
        if !found.is_empty() {
            result.changed.push(StepChange {
                id: step.id.clone(),
                changes: found,
            });
        }
    }
}

/// Objects are compared key by key, everything else as a whole.
fn changes(pointer: &str, old: Option<&Value>, new: Option<&Value>, found: &mut Vec<Change>) {
    if let (Some(Value::Object(before)), Some(Value::Object(after))) = (old, new) {
        let keys: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for key in keys {
            let pointer = crate::document::child(pointer, key);
            changes(&pointer, before.get(key), after.get(key), found);
        }
    } else if old != new {
        found.push(Change {
            pointer: pointer.to_owned(),
            old: old.cloned(),
            new: new.cloned(),
        });
    }
}

impl PlanDiff {
    /// Whether the two plans mean the same.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for PlanDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return writeln!(f, "no difference");
        }
        for change in &self.plan {
            change.write(f, "")?;
        }
        for id in &self.removed {
            writeln!(f, "- step {id}")?;
        }
        for id in &self.added {
            writeln!(f, "+ step {id}")?;
        }
        for id in &self.moved {
            writeln!(f, "~ step {id} moved")?;
        }
        for step in &self.changed {
            writeln!(f, "~ step {}", step.id)?;
            for change in &step.changes {
                change.write(f, "  ")?;
            }
        }
        Ok(())
    }
}

impl Change {
    fn write(&self, f: &mut fmt::Formatter<'_>, indent: &str) -> fmt::Result {
        let Self { pointer, old, new } = self;
        match (old, new) {
            (Some(old), Some(new)) => writeln!(f, "{indent}~ {pointer}: {old} → {new}"),
            (None, Some(new)) => writeln!(f, "{indent}+ {pointer}: {new}"),
            (Some(old), None) => writeln!(f, "{indent}- {pointer}: {old}"),
            (None, None) => Ok(()),
        }
    }
}
