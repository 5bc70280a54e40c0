//! One instance of a step: what its attempts were, and what the next one waits for.

use super::{Confirmed, Hold, is_zero, is_zero_u32};
use crate::event::{FailureKind, Fault, WaitingFor};
use crate::life::StepState;
use mandate_plan::Facts;
use serde::Serialize;
use serde_json::Value;

/// One instance of a step: the step itself, or one item of its `for_each`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Unit {
    /// Where it is.
    pub state: StepState,
    /// Attempts begun.
    pub attempt: u32,
    /// Attempts that the end of a host cut short; they do not count against the retry policy.
    pub interrupted: u32,
    /// The arguments of the last attempt, placeholders in place of secrets.
    pub args: Option<Value>,
    /// The facts of the last attempt's call.
    pub facts: Option<Facts>,
    /// The tool's output.
    pub output: Option<Value>,
    /// How the last failed attempt ended.
    pub failure: Option<FailureKind>,
    /// The last failed attempt's error.
    pub error: Option<Fault>,
    /// When the next attempt, or the end of the sleep, is due, Unix milliseconds.
    pub due_ms: Option<i64>,
    /// It waits because its host is gone, not for a timer.
    pub orphaned: bool,
    /// The last attempt's hard stop, in milliseconds.
    pub timeout_ms: Option<u64>,
    /// When the last attempt began, Unix milliseconds.
    pub started_ms: Option<i64>,
    /// When the last attempt ended, Unix milliseconds.
    pub ended_ms: Option<i64>,
    /// What its next attempt waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// Since when it waits for that, Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_ms: Option<i64>,
    /// The yes to its arguments, where one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<Confirmed>,
    /// It stands for an execution of its own.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub nested: bool,
    /// Tool calls that were set aside for that execution.
    #[serde(skip_serializing_if = "is_zero")]
    pub reserved: u64,
    /// What that execution waits for, where it is a human.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub child_waits: Option<WaitingFor>,
    /// Its call is made outside.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub outside: bool,
    /// When its effect happened: the event's `seq`. What is undone is undone in the reverse order of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub done_seq: Option<u64>,
    /// In agent mode: how often its tool was called and completed, where it may be called more often.
    #[serde(skip_serializing_if = "is_zero_u32")]
    pub invocations: u32,
    /// Attempts that these took.
    #[serde(skip_serializing_if = "is_zero_u32")]
    pub earlier: u32,
    /// The call that undoes it, once that began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undo: Option<Box<Unit>>,
}

impl Unit {
    pub(crate) fn new() -> Self {
        Self {
            state: StepState::Pending,
            attempt: 0,
            interrupted: 0,
            args: None,
            facts: None,
            output: None,
            failure: None,
            error: None,
            due_ms: None,
            orphaned: false,
            timeout_ms: None,
            started_ms: None,
            ended_ms: None,
            hold: None,
            held_ms: None,
            confirmed: None,
            nested: false,
            reserved: 0,
            child_waits: None,
            outside: false,
            done_seq: None,
            invocations: 0,
            earlier: 0,
            undo: None,
        }
    }

    /// Attempts that count against the retry policy.
    pub(crate) fn used(&self) -> u32 {
        self.attempt
            .saturating_sub(self.interrupted)
            .saturating_sub(self.earlier)
    }

    /// What is known of its call; the worst where nothing is.
    pub fn facts(&self) -> Facts {
        self.facts.unwrap_or(Facts::WORST)
    }
}
