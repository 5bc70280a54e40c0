//! Two tools that do nothing: what is left is the cost of everything around a call.

use crate::beside::Beside;
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

/// One call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    /// When it came.
    pub(crate) begun: Instant,
    /// When it was answered.
    pub(crate) ended: Instant,
    /// How long SQLite alone took to commit the rows of the last commit once more, if it did.
    pub(crate) beside_ms: Option<f64>,
}

/// The provider of both, which keeps when each call came.
#[derive(Default)]
pub(crate) struct BenchTools {
    calls: Mutex<Vec<Call>>,
    beside: Mutex<Option<Beside>>,
}

impl BenchTools {
    /// Takes out the calls, in the order in which they came.
    pub(crate) fn take_calls(&self) -> Vec<Call> {
        std::mem::take(&mut *self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// From here on, each call has the rows of the last commit written once more.
    pub(crate) fn write_beside(&self, beside: Beside) {
        *self.beside.lock().unwrap_or_else(PoisonError::into_inner) = Some(beside);
    }

    fn note_call(&self) {
        let begun = Instant::now();
        let mut beside = self.beside.lock().unwrap_or_else(PoisonError::into_inner);
        let beside_ms = beside.as_mut().and_then(Beside::commit_again);
        drop(beside);
        let call = Call {
            begun,
            ended: Instant::now(),
            beside_ms,
        };
        self.calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(call);
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

    fn answers_at_once(&self, _: &str) -> bool {
        true
    }

    fn call(&self, _: Authorized, _: CallContext) -> BoxFuture<'static, Outcome> {
        self.note_call();
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
