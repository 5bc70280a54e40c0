//! `time.sleep`: a durable timer that the engine itself keeps.

use crate::event::Fault;
use mandate_plan::{ErrorCode, expr::Expr, expr::Scope, expr::StepField};
use serde_json::{Value, json};
use std::borrow::Cow;

/// The longest sleep, in milliseconds: 366 days.
const LONGEST_MS: i64 = 366 * 24 * 3_600_000;

/// When a sleep with these arguments, begun at `now_ms`, is over.
pub(crate) fn due_ms(args: Option<&Value>, now_ms: i64) -> Result<i64, Fault> {
    let get = |key: &str| {
        args.and_then(|args| args.get(key))
            .filter(|value| !value.is_null())
    };
    let due = match (get("duration_ms"), get("until")) {
        (Some(duration), None) => duration.as_i64().map(|ms| now_ms.saturating_add(ms.max(0))),
        (None, Some(Value::String(until))) => timestamp_ms(until),
        _ => None,
    };
    let due = due.ok_or_else(|| {
        let message =
            "`time.sleep` takes either `duration_ms` (an integer) or `until` (an RFC 3339 time)";
        Fault::new(ErrorCode::InvalidPayload, message)
    })?;
    if due.saturating_sub(now_ms) > LONGEST_MS {
        let message = "`time.sleep` sleeps for 366 days at most";
        return Err(Fault::new(ErrorCode::InvalidPayload, message));
    }
    Ok(due)
}

/// What a sleep gives.
pub(crate) fn output(started_ms: Option<i64>, now_ms: i64) -> Value {
    let slept = started_ms.map_or(0, |started| now_ms.saturating_sub(started));
    json!({ "slept_ms": slept })
}

fn timestamp_ms(text: &str) -> Option<i64> {
    struct Text(Value);
    impl Scope for Text {
        fn variable(&self, name: &str) -> Option<Cow<'_, Value>> {
            (name == "output").then_some(Cow::Borrowed(&self.0))
        }
        fn step(&self, _: &str, _: StepField) -> Option<Cow<'_, Value>> {
            None
        }
    }
    let source = "int(timestamp(output)) * 1000 + timestamp(output).getMilliseconds()";
    let expr = Expr::compile(source, "time.sleep").ok()?;
    expr.eval(&Text(Value::from(text))).ok()?.as_i64()
}
