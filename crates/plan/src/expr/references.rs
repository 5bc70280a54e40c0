//! What an expression refers to, for the checks, the order of steps, and data-flow labels.

use std::collections::{BTreeMap, BTreeSet};

/// What an expression or a template refers to. Offsets are bytes in the source of the expression.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct References {
    /// Root variables other than `steps`, with the offset of their first use.
    pub variables: BTreeMap<String, usize>,
    /// Inputs that are named literally, as in `inputs.path`.
    pub inputs: BTreeMap<String, usize>,
    /// Steps whose `output`, `args` or `errors` is read, or that are read as a whole.
    pub needs: BTreeMap<String, usize>,
    /// Steps whose `state` or `error` is read, or that stand in `succeeded`, `failed`, `skipped`.
    pub order: BTreeMap<String, usize>,
    /// The ids of each `either(…)`.
    pub either: Vec<(Vec<String>, usize)>,
    /// Steps that stand in `succeeded`, `failed`, `skipped`.
    pub status: BTreeSet<String>,
    /// Whether `settled()` is called.
    pub settled: bool,
    /// Every path that is read, as far as it is literal: `["steps", "fetch", "output", "url"]`.
    pub paths: BTreeSet<Vec<String>>,
}

impl References {
    /// Adds what `other` refers to. The first offset of a name wins.
    pub fn merge(&mut self, other: &References) {
        for (into, from) in [
            (&mut self.variables, &other.variables),
            (&mut self.inputs, &other.inputs),
            (&mut self.needs, &other.needs),
            (&mut self.order, &other.order),
        ] {
            for (name, offset) in from {
                into.entry(name.clone()).or_insert(*offset);
            }
        }
        for group in &other.either {
            if !self.either.contains(group) {
                self.either.push(group.clone());
            }
        }
        self.status.extend(other.status.iter().cloned());
        self.settled |= other.settled;
        self.paths.extend(other.paths.iter().cloned());
    }
}
