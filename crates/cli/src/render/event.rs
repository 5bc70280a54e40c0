//! Events as people and programs see them.

use crate::output::Look;
use mandate_server::view;
pub(crate) use mandate_server::view::summary;
use mandate_store::Record;
use serde_json::{Value, json};

/// A journal row for programs.
pub(crate) fn to_json(record: &Record) -> Value {
    json!(view::event(record))
}

/// How an event looks.
pub(crate) fn look(kind: &str) -> Look {
    match kind {
        "step_completed" | "execution_started" => Look::Good,
        "step_failed" | "step_blocked" | "call_refused" => Look::Bad,
        "step_in_doubt"
        | "retry_scheduled"
        | "request_opened"
        | "request_expired"
        | "attempt_interrupted"
        | "cancel_requested"
        | "execution_paused" => Look::Warn,
        "execution_created" | "execution_finished" => Look::Bold,
        _ => Look::Plain,
    }
}
