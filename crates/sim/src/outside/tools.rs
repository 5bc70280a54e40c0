//! The tools `sim.*`: every mixture of effect, idempotence, openness and look-up that the engine tells apart.

use super::{Effect, Outside};
use crate::hold::hold;
use crate::scenario::How;
use futures_util::future::BoxFuture;
use mandate_plan::{Effect as Kind, ErrorCode, Facts};
use mandate_tools::{
    Authorized, CallContext, DataTools, Definition, EngineTools, Fault, Outcome, Provider,
    Registry, SecretError, SecretSource, SecretUse, SecretValue,
};
use serde_json::{Map, Value, json};
use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

/// The one secret that plans may name.
pub(crate) const SECRET_NAME: &str = "SIM_KEY";
/// Larger than what the journal keeps in a row.
const LARGE_BYTES: usize = 66_000;

/// Name, effect, idempotent, open world.
const TOOLS: [(&str, Kind, bool, bool); 12] = [
    ("sim.look", Kind::Read, true, false),
    ("sim.fetch", Kind::Read, true, true),
    ("sim.put", Kind::Write, true, false),
    ("sim.send", Kind::Network, false, true),
    ("sim.charge", Kind::Network, false, true),
    ("sim.count", Kind::Write, true, false),
    ("sim.token", Kind::Read, true, true),
    ("sim.undo", Kind::Network, false, true),
    ("sim.unput", Kind::Write, true, false),
    ("out.look", Kind::Read, true, true),
    ("out.put", Kind::Write, true, false),
    ("out.send", Kind::Network, false, true),
];

/// The tool whose look-up knows what became of a call.
const KNOWS: &str = "sim.charge";
/// The tool whose output has a schema.
const TYPED: &str = "sim.count";
/// The tool that gives something sensitive.
const TOKEN: &str = "sim.token";

/// The provider of `sim.*`, for whatever world is there: a registry takes long to make, and is made once for each thread.
#[derive(Default)]
struct SimTools {
    world: Mutex<(Arc<Outside>, String)>,
}

/// Gives the one secret to whoever asks.
pub(crate) struct SimSecrets(pub(crate) String);

impl SecretSource for SimSecrets {
    fn resolve<'a>(
        &'a self,
        name: &'a str,
        _: SecretUse<'a>,
    ) -> BoxFuture<'a, Result<SecretValue, SecretError>> {
        Box::pin(async move { SecretValue::new(name, &self.0) })
    }
}

/// The tools of the simulation, the engine's own, and `data.*`; what they do is done to this world.
///
/// # Errors
/// They cannot be put together.
pub(crate) fn registry(outside: Arc<Outside>, sensitive: String) -> Result<Arc<Registry>, String> {
    type Kept = (Arc<Registry>, Arc<SimTools>);
    thread_local! {
        static KEPT: Result<Kept, String> = {
            let tools: Arc<SimTools> = Arc::default();
            let registry = Registry::new();
            let added = registry
                .add(Arc::new(EngineTools))
                .and_then(|()| registry.add(Arc::new(DataTools::new())))
                .and_then(|()| registry.add(tools.clone()));
            added.map(|()| (Arc::new(registry), tools)).map_err(|error| error.to_string())
        };
    }
    KEPT.with(|kept| {
        let (registry, tools) = kept.as_ref().map_err(Clone::clone)?;
        *hold(&tools.world) = (outside, sensitive);
        Ok(Arc::clone(registry))
    })
}

fn facts_of(tool: &str) -> Facts {
    let known = TOOLS.into_iter().find(|(name, ..)| *name == tool);
    known.map_or(Facts::WORST, |(_, effect, idempotent, open_world)| Facts {
        effect,
        idempotent,
        open_world,
    })
}

impl Provider for SimTools {
    fn name(&self) -> &str {
        "sim"
    }

    fn definitions(&self) -> Vec<Definition> {
        let takes = json!({ "type": "object" });
        let gives = json!({
            "type": "object",
            "properties": { "n": { "type": "integer" } },
            "required": ["n"],
        });
        TOOLS
            .into_iter()
            .map(|(name, ..)| {
                let output = (name == TYPED).then(|| gives.clone());
                let about = "a tool of the simulation";
                let mut definition = Definition::new(name, about, takes.clone(), output);
                definition.spec.external = name.starts_with("out.");
                definition
            })
            .collect()
    }

    fn facts(&self, tool: &str, _: Option<&Value>) -> Facts {
        facts_of(tool)
    }

    fn look_up_limit(&self, tool: &str) -> Option<Duration> {
        (tool == KNOWS).then_some(Duration::from_secs(5))
    }

    fn look_up(&self, _: Authorized, call: CallContext) -> BoxFuture<'static, Outcome> {
        let done = hold(&self.world).0.times(&call.idempotency_key) > 0;
        let output = match done {
            true => json!({ "state": "done", "output": { "n": 1 } }),
            false => json!({ "state": "not_done" }),
        };
        Box::pin(async move { Outcome::Completed { output } })
    }

    fn call(&self, _: Authorized, call: CallContext) -> BoxFuture<'static, Outcome> {
        let undoes = matches!(call.tool.as_str(), "sim.undo" | "sim.unput");
        let script = match undoes {
            true => format!("undo:{}", call.step),
            false => call.step.clone(),
        };
        let (outside, sensitive) = hold(&self.world).clone();
        let how = outside.next(&script);
        Box::pin(async move { carry_out(&outside, call, how, &sensitive).await })
    }
}

/// Lets the others have a turn, so many times.
async fn wait(times: u8) {
    let mut left = times;
    poll_fn(|_| match left.checked_sub(1) {
        None => Poll::Ready(()),
        Some(less) => {
            left = less;
            Poll::Pending
        }
    })
    .await;
}

async fn carry_out(outside: &Outside, call: CallContext, how: How, sensitive: &str) -> Outcome {
    let facts = facts_of(&call.tool);
    let happens = || {
        if facts.read_only() {
            return;
        }
        let effect = Effect {
            execution_id: call.execution_id.clone(),
            step: call.step.clone(),
            item: call.item,
            idempotent: facts.idempotent,
            times: 0,
        };
        outside.happen(&call.idempotency_key, call.attempt, effect);
    };
    let broken = || Outcome::Unknown(Fault::new(ErrorCode::ToolFailed, "the connection broke"));
    match how {
        How::Well { before, after } => {
            wait(before).await;
            happens();
            wait(after).await;
            Outcome::Completed {
                output: answer(&call, sensitive),
            }
        }
        How::Twice => {
            happens();
            let place = (
                call.execution_id.clone(),
                call.step.clone(),
                call.item,
                call.attempt,
            );
            hold(&outside.seen).twice.insert(place);
            Outcome::Completed {
                output: answer(&call, sensitive),
            }
        }
        How::Large => {
            happens();
            let mut output = answer(&call, sensitive);
            if let Some(output) = output.as_object_mut() {
                output.insert("text".to_owned(), json!("x".repeat(LARGE_BYTES)));
            }
            Outcome::Completed { output }
        }
        How::Error => {
            wait(1).await;
            Outcome::Failed(Fault::new(ErrorCode::ToolFailed, "the tool says no"))
        }
        How::Refused => Outcome::Refused(Fault::new(ErrorCode::ToolFailed, "nobody listens")),
        How::Broken { done } => {
            wait(1).await;
            if done {
                happens();
            }
            broken()
        }
        How::Hangs { done } => {
            if done {
                happens();
            }
            std::future::pending().await
        }
        How::Swallowed => {
            wait(1).await;
            happens();
            std::future::pending().await
        }
        How::Panics { done } => {
            if done {
                happens();
            }
            // Without the hook, which would print it.
            std::panic::resume_unwind(Box::new("the tool falls over"))
        }
        How::Misfit => {
            happens();
            Outcome::Completed {
                output: json!({ "n": "none" }),
            }
        }
    }
}

/// The arguments, secrets and all: the runner has to take those out.
fn answer(call: &CallContext, sensitive: &str) -> Value {
    let mut output = Map::new();
    output.insert(
        "n".to_owned(),
        call.args.get("n").cloned().unwrap_or(json!(0)),
    );
    output.insert("args".to_owned(), call.args.clone());
    if call.tool == TOKEN {
        output.insert("token".to_owned(), json!(sensitive));
    }
    Value::Object(output)
}
