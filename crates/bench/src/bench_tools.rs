//! Two tools that do nothing: what is left is the cost of everything around a call.

use futures_util::{FutureExt as _, future::BoxFuture};
use mandate_plan::{Effect, Facts};
use mandate_tools::{Authorized, CallContext, Definition, Outcome, Provider};
use serde_json::{Value, json};
use std::{
    sync::{Mutex, PoisonError},
    time::Instant,
};

/// A tool that counts as a non-idempotent write within this machine.
pub(crate) const EFFECT: &str = "bench.effect";
/// A tool that counts as a closed-world read.
pub(crate) const READ: &str = "bench.read";
/// Bytes of one output, as JSON.
pub(crate) const OUTPUT_BYTES: usize = 200;

/// The provider of both, which keeps when each call came.
#[derive(Default)]
pub(crate) struct BenchTools {
    calls: Mutex<Vec<Instant>>,
}

impl BenchTools {
    /// Takes out when each call came, in that order.
    pub(crate) fn take_calls(&self) -> Vec<Instant> {
        std::mem::take(&mut *self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What every call answers.
pub(crate) fn output() -> Value {
    let around = json!({ "data": "" }).to_string().len();
    json!({ "data": "x".repeat(OUTPUT_BYTES.saturating_sub(around)) })
}

impl Provider for BenchTools {
    fn name(&self) -> &str {
        "bench"
    }

    fn definitions(&self) -> Vec<Definition> {
        let input = json!({
            "type": "object",
            "properties": {"number": {"type": "integer", "minimum": 0}},
            "required": ["number"],
            "additionalProperties": false
        });
        let answer = json!({
            "type": "object",
            "properties": {"data": {"type": "string", "maxLength": OUTPUT_BYTES}},
            "required": ["data"],
            "additionalProperties": false
        });
        [(EFFECT, "Does nothing."), (READ, "Reads nothing.")]
            .map(|(name, about)| Definition::new(name, about, input.clone(), Some(answer.clone())))
            .to_vec()
    }

    fn facts(&self, tool: &str, _: Option<&Value>) -> Facts {
        let reads = tool == READ;
        Facts {
            effect: if reads { Effect::Read } else { Effect::Write },
            idempotent: reads,
            open_world: false,
        }
    }

    fn call(&self, _: Authorized, _: CallContext) -> BoxFuture<'static, Outcome> {
        let now = Instant::now();
        self.calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(now);
        async { Outcome::Completed { output: output() } }.boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_has_the_bytes_that_are_claimed() {
        assert_eq!(output().to_string().len(), OUTPUT_BYTES);
    }
}
