//! A provider that misbehaves on request.

use futures_util::{FutureExt as _, future::BoxFuture};
use mandate_plan::{Effect, ErrorCode, Facts};
use mandate_tools::{Authorized, CallContext, Definition, Fault, Outcome, Provider};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

/// `test.run {do, …}`.
#[derive(Default)]
pub(crate) struct TestTools {
    pub(crate) calls: Arc<AtomicU32>,
    /// Part of the definition, so that two of them differ.
    pub(crate) version: u32,
}

impl Provider for TestTools {
    fn name(&self) -> &str {
        "test"
    }

    fn definitions(&self) -> Vec<Definition> {
        let input = json!({
            "type": "object",
            "properties": {"do": {"type": "string"}, "with": {}},
            "required": ["do"],
            "additionalProperties": false
        });
        let output = json!({"type": "object", "required": ["ok"]});
        let description = format!("Does as it is told, version {}.", self.version);
        vec![
            Definition::new("test.run", &description, input, Some(output)),
            Definition::new(
                "test.broken",
                "Has no schema.",
                json!({"type": "objekt"}),
                None,
            ),
            Definition::new(
                "test.remote",
                "Has its schema elsewhere.",
                json!({"$ref": "https://example.com/schema"}),
                None,
            ),
        ]
    }

    fn facts(&self, _: &str, _: Option<&Value>) -> Facts {
        Facts {
            effect: Effect::Write,
            idempotent: false,
            open_world: false,
        }
    }

    fn call(&self, _: Authorized, call: CallContext) -> BoxFuture<'static, Outcome> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let fault = |text: &str| {
            Fault::new(ErrorCode::ToolFailed, text).with_details(json!({"text": text}))
        };
        let with = call.args.get("with").cloned().unwrap_or_default();
        let text = with.as_str().unwrap_or_default().to_owned();
        match call.args["do"].as_str().unwrap() {
            "answer" => async move {
                Outcome::Completed {
                    output: json!({"ok": with}),
                }
            }
            .boxed(),
            "fail" => async move { Outcome::Failed(fault(&text)) }.boxed(),
            "lose" => async move { Outcome::Unknown(fault(&text)) }.boxed(),
            "spoil" => async move {
                Outcome::Invalid {
                    output: Some(json!({"x": text})),
                    fault: fault(&text),
                }
            }
            .boxed(),
            "babble" => async move {
                Outcome::Completed {
                    output: json!({"text": text}),
                }
            }
            .boxed(),
            "flood" => async move {
                Outcome::Completed {
                    output: json!({"ok": "x".repeat(17 * 1024 * 1024)}),
                }
            }
            .boxed(),
            "hang" => async move {
                tokio::time::sleep(Duration::from_secs(60)).await;
                Outcome::Completed {
                    output: json!({"ok": true}),
                }
            }
            .boxed(),
            "panic" => async move { panic!("told to, with {text}") }.boxed(),
            "panic at once" => panic!("told to, with {text}"),
            other => panic!("{other}"),
        }
    }
}
