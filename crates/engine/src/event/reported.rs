//! What somebody outside reported of a call that they made, beside what came of it.

use super::Body;
use mandate_plan::{Digest, canonical_json};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Who reported what came of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reported {
    /// Who.
    pub by: String,
    /// The key of the token that it came with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Digest over the report, secrets taken out: one that is repeated has the same.
    pub digest: Digest,
}

/// The digest of a report: `{"output": …}` or `{"error": …}`.
pub fn report_digest(report: &Value) -> Digest {
    Digest::framed("mandate/report/v1", [canonical_json(report).as_slice()])
}

impl Body {
    /// The same outcome; somebody outside reported it.
    #[must_use]
    pub fn reported_as(mut self, report: Reported) -> Self {
        if let Body::StepCompleted { reported, .. } | Body::StepFailed { reported, .. } = &mut self
        {
            *reported = Some(Box::new(report));
        }
        self
    }

    /// Who reported it, if somebody did.
    pub fn reported(&self) -> Option<&Reported> {
        match self {
            Body::StepCompleted { reported, .. } | Body::StepFailed { reported, .. } => {
                reported.as_deref()
            }
            _ => None,
        }
    }

    /// The same with what was found in the output of that one.
    pub(crate) fn suspected_as(mut self, other: &Self) -> Self {
        if let (
            Body::StepCompleted { suspicions, .. },
            Body::StepCompleted {
                suspicions: found, ..
            },
        ) = (&mut self, other)
        {
            suspicions.clone_from(found);
        }
        self
    }

    /// Whether the report of an output is one of this output: of all that is reported, that alone follows from the rest.
    pub(crate) fn is_as_reported(&self) -> bool {
        match self {
            Body::StepCompleted {
                output,
                reported: Some(reported),
                ..
            } => report_digest(&json!({ "output": output })) == reported.digest,
            _ => true,
        }
    }
}
