//! Retry policies.

use crate::ErrorCode;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// When and how often a failed attempt is repeated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// All attempts together: 1 is no retry.
    #[schemars(range(min = 1, max = 10_000))]
    pub max_attempts: u32,
    /// The wait before the second attempt, in milliseconds.
    #[serde(default = "Retry::default_backoff_ms")]
    #[schemars(range(min = 0, max = 86_400_000))]
    pub backoff_ms: u64,
    /// Each further wait is the last one times this.
    #[serde(default = "Retry::default_multiplier")]
    #[schemars(range(min = 1, max = 100))]
    pub multiplier: f64,
    /// No wait is longer than this, in milliseconds.
    #[serde(default = "Retry::default_max_backoff_ms")]
    #[schemars(range(min = 0, max = 86_400_000))]
    pub max_backoff_ms: u64,
    /// The share of each wait that is left to chance: 0 is none of it, 1 is all.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1))]
    pub jitter: f64,
    /// The error codes that are retried; none given: all that may be retried.
    #[serde(default)]
    #[schemars(schema_with = "error_codes")]
    pub retry_on: Vec<ErrorCode>,
}

impl Retry {
    /// One attempt.
    pub const ONCE: Retry = Retry {
        max_attempts: 1,
        backoff_ms: 1_000,
        multiplier: 2.0,
        max_backoff_ms: 60_000,
        jitter: 0.0,
        retry_on: Vec::new(),
    };

    /// What `on_failure: retry` brings where no policy applies.
    pub const THREE_TIMES: Retry = Retry {
        max_attempts: 3,
        backoff_ms: 1_000,
        multiplier: 2.0,
        max_backoff_ms: 60_000,
        jitter: 0.0,
        retry_on: Vec::new(),
    };

    fn default_backoff_ms() -> u64 {
        Retry::ONCE.backoff_ms
    }

    fn default_multiplier() -> f64 {
        Retry::ONCE.multiplier
    }

    fn default_max_backoff_ms() -> u64 {
        Retry::ONCE.max_backoff_ms
    }
}

/// The schema of a list of error codes.
pub(super) fn error_codes(_: &mut SchemaGenerator) -> Schema {
    let codes: Vec<&str> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
    json_schema!({ "type": "array", "items": { "type": "string", "enum": codes } })
}
