//! What a plan's expressions see of an execution.

use crate::event::Fault;
use crate::items;
use crate::state::{State, StepData};
use mandate_plan::expr::{Scope, StepField};
use serde_json::{Value, json};
use std::borrow::Cow;

/// The view of one expression: the state, and what is in scope only there.
pub(crate) struct View<'a> {
    state: &'a State,
    item: Option<(&'a Value, usize)>,
    answer: Option<(&'a Value, &'a Value)>,
}

impl<'a> View<'a> {
    /// `inputs`, `steps`, `execution`.
    pub(crate) fn of(state: &'a State) -> Self {
        Self {
            state,
            item: None,
            answer: None,
        }
    }

    /// The same with `item` and `index`.
    #[must_use]
    pub(crate) fn with_item(mut self, item: Option<(&'a Value, usize)>) -> Self {
        self.item = item;
        self
    }

    /// The same with `output` and `args`.
    #[must_use]
    pub(crate) fn with_answer(mut self, output: &'a Value, args: &'a Value) -> Self {
        self.answer = Some((output, args));
        self
    }
}

impl Scope for View<'_> {
    fn variable(&self, name: &str) -> Option<Cow<'_, Value>> {
        match name {
            "inputs" => Some(Cow::Borrowed(&self.state.inputs)),
            "execution" => Some(Cow::Borrowed(&self.state.about)),
            "item" => self.item.map(|(item, _)| Cow::Borrowed(item)),
            "index" => self.item.map(|(_, index)| Cow::Owned(json!(index))),
            "output" => self.answer.map(|(output, _)| Cow::Borrowed(output)),
            "args" => self.answer.map(|(_, args)| Cow::Borrowed(args)),
            _ => None,
        }
    }

    fn step(&self, id: &str, field: StepField) -> Option<Cow<'_, Value>> {
        let (_, data) = self.state.step(id)?;
        Some(match field {
            StepField::Output if data.state.usable() => data
                .output
                .as_ref()
                .map_or(Cow::Owned(Value::Null), Cow::Borrowed),
            StepField::Output => Cow::Owned(Value::Null),
            StepField::Args => args_of(data),
            StepField::State => Cow::Owned(Value::from(data.state.as_str())),
            StepField::Error => Cow::Owned(error(data)),
            StepField::Errors => Cow::Owned(items::errors(data)),
        })
    }
}

/// The arguments of a step's last attempt; of a `for_each` step, of each item.
pub(crate) fn args_of(data: &StepData) -> Cow<'_, Value> {
    if data.items.is_some() {
        let each = data
            .units
            .iter()
            .map(|unit| unit.args.clone().unwrap_or(Value::Null));
        return Cow::Owned(each.collect());
    }
    let args = data.units.first().and_then(|unit| unit.args.as_ref());
    args.map_or(Cow::Owned(Value::Null), Cow::Borrowed)
}

fn error(data: &StepData) -> Value {
    let Some(Fault { code, message, .. }) = &data.error else {
        return Value::Null;
    };
    let attempt = data
        .units
        .iter()
        .map(|unit| unit.attempt)
        .max()
        .unwrap_or(0);
    json!({ "code": code, "message": message, "attempt": attempt })
}
