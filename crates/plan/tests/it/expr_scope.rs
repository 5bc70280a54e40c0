//! A scope to evaluate in, and short ways to do it.

use mandate_plan::expr::{EvalError, Expr, Scope, StepField};
use serde_json::{Value, json};
use std::{borrow::Cow, collections::BTreeMap};

/// Variables and steps as documents. `owned` hands out copies, as a scope that computes its values does.
#[derive(Default)]
pub(crate) struct Documents {
    pub(crate) variables: BTreeMap<String, Value>,
    pub(crate) steps: BTreeMap<String, Value>,
    pub(crate) owned: bool,
}

impl Documents {
    pub(crate) fn inputs(inputs: Value) -> Self {
        Self {
            variables: BTreeMap::from([("inputs".to_owned(), inputs)]),
            ..Self::default()
        }
    }

    fn give<'s>(&self, value: &'s Value) -> Cow<'s, Value> {
        if self.owned {
            Cow::Owned(value.clone())
        } else {
            Cow::Borrowed(value)
        }
    }
}

impl Scope for Documents {
    fn variable(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.variables.get(name).map(|value| self.give(value))
    }

    fn step(&self, id: &str, field: StepField) -> Option<Cow<'_, Value>> {
        let step = self.steps.get(id)?;
        Some(
            step.get(field.as_str())
                .map_or(Cow::Owned(Value::Null), |value| self.give(value)),
        )
    }
}

pub(crate) fn sample() -> Documents {
    let mut documents = Documents::inputs(json!({
        "n": 7, "half": 0.5, "whole": 4.0, "text": "Hello, Wörld", "empty": "", "flag": true, "nothing": null,
        "list": [3, 1, 2], "words": ["b", "a", "c"], "map": {"b": 2, "a": 1, "c": 3}, "odd key": 5,
        "records": [
            {"name": "ann", "age": 30, "tags": ["x"]},
            {"name": "bob", "age": 25, "tags": []},
            {"name": "cid", "age": 30, "tags": ["x", "y"]}
        ]
    }));
    documents
        .variables
        .insert("item".to_owned(), json!({"id": 1}));
    documents.variables.insert("index".to_owned(), json!(2));
    documents
}

pub(crate) fn try_eval(source: &str, scope: &dyn Scope) -> Result<Value, EvalError> {
    let expr = Expr::compile(source, "steps.a.if")
        .unwrap_or_else(|problems| panic!("{source}: {problems:?}"));
    expr.eval(scope)
}

/// The value of `source` over [`sample`].
pub(crate) fn eval(source: &str) -> Value {
    try_eval(source, &sample()).unwrap_or_else(|error| panic!("{source}: {error}"))
}

/// The message of the error of `source` over [`sample`].
pub(crate) fn eval_error(source: &str) -> String {
    match try_eval(source, &sample()) {
        Ok(value) => panic!("{source} gave {value}"),
        Err(error) => error.message,
    }
}

/// Each source gives the JSON beside it.
pub(crate) fn table(rows: &[(&str, &str)]) {
    for (source, expected) in rows {
        let expected: Value =
            serde_json::from_str(expected).unwrap_or_else(|_| panic!("{expected} is no JSON"));
        assert_eq!(eval(source), expected, "{source}");
    }
}

/// Each source fails with a message that holds the text beside it.
pub(crate) fn error_table(rows: &[(&str, &str)]) {
    for (source, expected) in rows {
        let message = eval_error(source);
        assert!(message.contains(expected), "{source}: {message}");
    }
}
