//! `data.transform`: a CEL expression over given data. Work and sizes are bounded as in plans.

use crate::{Fault, builtin::stop::Stop};
use mandate_plan::{
    ErrorCode,
    expr::{Expr, Scope, StepField},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::borrow::Cow;

/// The one name that an expression may use.
const DATA: &str = "data";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    expression: String,
    #[serde(default)]
    data: Value,
}

pub(super) fn input_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "expression": {
                "type": "string",
                "minLength": 1,
                "description": "A CEL expression, with the functions that plans have; `data` is the only name in it."
            },
            "data": {"description": "What the expression sees as `data` (null)."}
        },
        "required": ["expression"],
        "additionalProperties": false
    })
}

pub(super) fn transform(args: Args) -> Result<Value, Stop> {
    let compiled = Expr::compile(&args.expression, "args.expression").map_err(|problems| {
        let all: Vec<Value> = problems
            .iter()
            .map(|problem| json!({"code": problem.code, "message": problem.message, "offset": problem.offset}))
            .collect();
        let first = problems.first().map(|problem| problem.message.as_str()).unwrap_or_default();
        let message = format!("`expression` is not an expression: {first}");
        Stop::Refused(Fault::new(ErrorCode::InvalidPayload, message).with_details(Value::Array(all)))
    })?;
    let references = compiled.references();
    let steps = references.needs.keys().chain(references.order.keys());
    if let Some(name) = references
        .variables
        .keys()
        .filter(|name| *name != DATA)
        .chain(steps)
        .next()
    {
        let message = format!("`expression` uses `{name}`; the only name in it is `data`");
        return Err(Stop::refused(ErrorCode::InvalidPayload, message));
    }
    compiled
        .eval(&Data(&args.data))
        .map_err(|error| Stop::Failed(Fault::new(error.code, error.message)))
}

struct Data<'a>(&'a Value);

impl Scope for Data<'_> {
    fn variable(&self, name: &str) -> Option<Cow<'_, Value>> {
        (name == DATA).then_some(Cow::Borrowed(self.0))
    }

    fn step(&self, _: &str, _: StepField) -> Option<Cow<'_, Value>> {
        None
    }
}
