//! The data tools: `data.value`, `data.transform`, `data.template`. They compute, and touch nothing.

mod apart;
mod template;
mod transform;

pub(crate) use apart::helper;

use super::{
    stop::Stop,
    typed::{arguments, blocking, define},
};
use crate::{Authorized, CallContext, Definition, Outcome, Provider};
use futures_util::{FutureExt as _, future::BoxFuture};
use mandate_plan::{Effect, ErrorCode, Facts};
use serde_json::{Value, json};

/// The data tools as a provider.
#[derive(Default)]
pub struct DataTools;

impl DataTools {
    /// The data tools.
    pub fn new() -> Self {
        Self
    }
}

impl Provider for DataTools {
    fn name(&self) -> &str {
        "data"
    }

    fn definitions(&self) -> Vec<Definition> {
        let value = json!({
            "type": "object",
            "properties": {"value": {"description": "Any value; what is embedded in it has been filled in."}},
            "required": ["value"],
            "additionalProperties": false
        });
        vec![
            Definition::new(
                "data.value",
                "Gives its value: the place for one that several steps use.",
                value,
                None,
            ),
            Definition::new(
                "data.transform",
                "Computes a value from data by a CEL expression.",
                transform::input_schema(),
                None,
            ),
            define::<template::Args, template::Text>("data.template", "Fills in a Jinja template."),
        ]
    }

    fn facts(&self, _: &str, _: Option<&Value>) -> Facts {
        Facts {
            effect: Effect::Read,
            idempotent: true,
            open_world: false,
        }
    }

    fn answers_at_once(&self, tool: &str) -> bool {
        tool == "data.value"
    }

    fn call(&self, _: Authorized, call: CallContext) -> BoxFuture<'static, Outcome> {
        match call.tool.as_str() {
            "data.value" => async move { value(call.args) }.boxed(),
            "data.transform" => {
                blocking(
                    move || match arguments(call.args).and_then(transform::transform) {
                        Ok(output) => Outcome::Completed { output },
                        Err(stop) => stop.into(),
                    },
                )
                .boxed()
            }
            "data.template" => async move { apart::render(call.args).await }.boxed(),
            other => {
                let stop = Stop::refused(
                    ErrorCode::ActionNotFound,
                    format!("there is no data tool `{other}`"),
                );
                async move { stop.into() }.boxed()
            }
        }
    }
}

fn value(mut args: Value) -> Outcome {
    Outcome::Completed {
        output: args.get_mut("value").map(Value::take).unwrap_or_default(),
    }
}
