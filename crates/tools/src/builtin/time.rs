//! `time.now`, and the tools that the engine carries out itself: `time.sleep`, `human.ask`, `plan.run`.

use super::{
    stop::Stop,
    typed::{answer, define},
};
use crate::{Authorized, CallContext, Definition, Outcome, Provider, rfc3339};
use futures_util::{FutureExt as _, future::BoxFuture};
use mandate_plan::{Effect, ErrorCode, Facts};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

const LOOKS_ONLY: Facts = Facts {
    effect: Effect::Read,
    idempotent: true,
    open_world: false,
};

/// `time.now` as a provider.
pub struct TimeTools;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NowArgs {}

#[derive(Serialize, JsonSchema)]
struct Now {
    /// Milliseconds since 1970 (UTC).
    unix_ms: i64,
    /// The same as RFC 3339 in UTC, with milliseconds.
    rfc3339: String,
    /// The day in UTC, `YYYY-MM-DD`.
    date: String,
}

impl Provider for TimeTools {
    fn name(&self) -> &str {
        "time"
    }

    fn definitions(&self) -> Vec<Definition> {
        vec![define::<NowArgs, Now>("time.now", "Says what time it is.")]
    }

    fn facts(&self, _: &str, _: Option<&Value>) -> Facts {
        LOOKS_ONLY
    }

    fn answers_at_once(&self, _: &str) -> bool {
        true
    }

    fn call(&self, _: Authorized, _: CallContext) -> BoxFuture<'static, Outcome> {
        async move {
            let since = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default();
            let unix_ms = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
            let rfc3339 = rfc3339::format_ms(unix_ms);
            let date = rfc3339.split('T').next().unwrap_or_default().to_owned();
            answer(Ok(Now {
                unix_ms,
                rfc3339,
                date,
            }))
        }
        .boxed()
    }
}

/// The tools that the engine carries out itself: here are their definitions only.
pub struct EngineTools;

impl Provider for EngineTools {
    fn name(&self) -> &str {
        "engine"
    }

    fn definitions(&self) -> Vec<Definition> {
        let sleep = json!({
            "type": "object",
            "properties": {
                "duration_ms": {"type": "integer", "minimum": 0, "description": "How long, in milliseconds."},
                "until": {
                    "type": ["integer", "string"],
                    "description": "Until when: milliseconds since 1970 (UTC), or RFC 3339."
                }
            },
            "additionalProperties": false,
            "oneOf": [{"required": ["duration_ms"]}, {"required": ["until"]}]
        });
        let ask = json!({
            "type": "object",
            "properties": {
                "question": {"type": "string", "minLength": 1, "description": "What the human reads."},
                "choices": {"type": "array", "items": {"type": "string"}, "minItems": 1, "description": "The answers to choose from."},
                "schema": {"type": "object", "description": "JSON Schema of the answer, where there are no choices. Without either, the answer is a text."},
                "context": {"description": "Values shown beside the question."},
                "default": {"description": "The answer that holds when nobody answers in time: one of the choices, or data."},
                "expires_ms": {"type": "integer", "minimum": 1, "maximum": 31_622_400_000_i64, "description": "How long somebody may take, in milliseconds; without it, as long as they like."},
                "approvers": {
                    "type": "array", "items": {"type": "string"}, "minItems": 1,
                    "description": "Who may answer: `requester` (the default), `other`, `role:NAME`. All must be satisfied."
                }
            },
            "required": ["question"],
            "additionalProperties": false,
            "not": {"required": ["choices", "schema"]}
        });
        let run = json!({
            "type": "object",
            "properties": {
                "plan": {"type": "object", "description": "The nested plan, literally."},
                "inputs": {"type": "object", "description": "Its inputs."}
            },
            "required": ["plan"],
            "additionalProperties": false
        });
        [
            ("time.sleep", "Waits; the wait outlives a restart.", sleep),
            ("human.ask", "Asks a human and waits for the answer.", ask),
            ("plan.run", "Runs a nested plan.", run),
        ]
        .map(|(name, description, schema)| {
            Definition::new(name, description, schema, None).engine_handled()
        })
        .to_vec()
    }

    /// Of `plan.run` the worst: what its steps do is found by whoever can read the nested plan.
    fn facts(&self, tool: &str, _: Option<&Value>) -> Facts {
        match tool {
            "time.sleep" | "human.ask" => LOOKS_ONLY,
            _ => Facts::WORST,
        }
    }

    fn call(&self, _: Authorized, call: CallContext) -> BoxFuture<'static, Outcome> {
        let message = format!(
            "`{}` is carried out by the engine, not by a provider",
            call.tool
        );
        async move { Stop::refused(ErrorCode::NotSupported, message).into() }.boxed()
    }
}
