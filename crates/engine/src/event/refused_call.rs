//! A call from outside that was refused, as the journal keeps it.

use mandate_plan::Digest;
use serde::{Deserialize, Serialize};

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedCall {
    /// The tool, as the caller named it.
    pub tool: String,
    /// The step that it would have been.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// The item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<u32>,
    /// Digest over the arguments.
    pub args_digest: Digest,
    /// Who asked.
    pub by: String,
}
