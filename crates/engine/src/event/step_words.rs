//! The words of events about steps: why one was skipped, what a timer is for, how a doubt was resolved; and the status.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Why a step was skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// Its `if` was false.
    If,
    /// A step that it needs can no longer complete.
    Need,
    /// The agent finished before it came up.
    Finished,
}

/// What a timer is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "for")]
pub enum Timer {
    /// A step of the tool `time.sleep`.
    Sleep {
        /// The step.
        step: String,
        /// Its item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
    },
    /// The back-off before the next attempt.
    Retry {
        /// The step.
        step: String,
        /// Its item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
    },
    /// A rate that was used up: when the call is tried again.
    Rate {
        /// The step.
        step: String,
        /// Its item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
    },
    /// The time for which a call that is made outside may stay unreported.
    Report {
        /// The step.
        step: String,
        /// Its item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
    },
    /// The time that running calls get to end by themselves once the execution stops.
    Grace,
    /// `constraints.timeout_ms` of active time.
    PlanTimeout,
    /// The absolute deadline.
    Deadline,
    /// The time for which an agent may leave the execution alone.
    Idle,
    /// When a session that has too few calls left counts anew.
    Start,
}

/// What a person found out about a step in doubt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "how")]
pub enum Resolution {
    /// The effect happened; the step completes with this output.
    Done {
        /// The output.
        output: Value,
    },
    /// The effect did not happen; the step may be tried again.
    NotDone,
    /// The step counts as failed.
    Fail {
        /// Why.
        reason: String,
    },
}

/// `success`, `partial` or `failure`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Everything that the plan asked for happened.
    Success,
    /// The plan ran to its end, but not all of it happened.
    Partial,
    /// The plan did not do what it was for.
    Failure,
}

impl Status {
    /// The status as it is written outside.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Success => "success",
            Status::Partial => "partial",
            Status::Failure => "failure",
        }
    }
}
