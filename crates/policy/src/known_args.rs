//! What is known of a call's arguments before the plan runs: literals, and what follows from the inputs alone.

use mandate_plan::{
    BoundInputs,
    expr::{References, Scope, StepField, Template},
};
use serde_json::{Map, Value};
use std::{borrow::Cow, collections::BTreeSet};

/// Arguments with null where they are not known yet.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct KnownArgs {
    pub(crate) args: Value,
    /// JSON pointers of what is not known.
    pub(crate) unknown: Vec<String>,
}

impl KnownArgs {
    /// What is known of `template`, compiled from `raw`, once the inputs are.
    pub(crate) fn of(template: &Template, raw: &Map<String, Value>, inputs: &BoundInputs) -> Self {
        if let Some(args) = resolved(template, inputs) {
            return Self {
                args,
                unknown: Vec::new(),
            };
        }
        // Not all of it; but each argument alone may still follow from the inputs.
        let mut args = template.known();
        let mut unknown = template.holes().to_vec();
        let secret_inputs: BTreeSet<String> = inputs.secrets.keys().cloned().collect();
        for (key, value) in raw {
            let pointer = format!("/{}", key.replace('~', "~0").replace('/', "~1"));
            let below = format!("{pointer}/");
            let inside = |hole: &String| *hole == pointer || hole.starts_with(&below);
            if !unknown.iter().any(inside) {
                continue;
            }
            let one = Value::Object(Map::from_iter([(key.clone(), value.clone())]));
            let Ok(alone) = Template::compile(&one, "args", &secret_inputs) else {
                continue;
            };
            let Some(mut known) = resolved(&alone, inputs) else {
                continue;
            };
            if let (Some(place), Some(value)) = (args.get_mut(key), known.get_mut(key)) {
                *place = value.take();
                unknown.retain(|hole| !inside(hole));
            }
        }
        Self { args, unknown }
    }

    /// Without any inputs: of a nested plan, whose inputs its parent computes.
    pub(crate) fn without_inputs(template: &Template) -> Self {
        Self {
            args: template.known(),
            unknown: template.holes().to_vec(),
        }
    }

    /// The same, with arguments that are known only when an agent makes the call.
    pub(crate) fn leaving_open<'k>(mut self, keys: impl Iterator<Item = &'k str>) -> Self {
        for key in keys {
            if let Some(args) = self.args.as_object_mut() {
                args.insert(key.to_owned(), Value::Null);
            }
            let token = key.replace('~', "~0").replace('/', "~1");
            self.unknown.push(format!("/{token}"));
        }
        self
    }

    pub(crate) fn complete(&self) -> bool {
        self.unknown.is_empty()
    }
}

fn resolved(template: &Template, inputs: &BoundInputs) -> Option<Value> {
    if template.holes().is_empty() {
        return Some(template.known());
    }
    if !only_inputs(template.references()) {
        return None;
    }
    let scope = InputScope(Value::Object(inputs.values.clone()));
    template
        .resolve(&scope, &inputs.secrets)
        .ok()
        .map(|resolved| resolved.value)
}

fn only_inputs(references: &References) -> bool {
    references.variables.keys().all(|name| name == "inputs")
        && references.needs.is_empty()
        && references.order.is_empty()
        && references.either.is_empty()
        && references.status.is_empty()
        && !references.settled
}

/// A scope in which only `inputs` is there.
struct InputScope(Value);

impl Scope for InputScope {
    fn variable(&self, name: &str) -> Option<Cow<'_, Value>> {
        (name == "inputs").then_some(Cow::Borrowed(&self.0))
    }

    fn step(&self, _: &str, _: StepField) -> Option<Cow<'_, Value>> {
        None
    }
}
