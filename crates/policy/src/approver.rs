//! Who may approve, and the approvals themselves.

use mandate_plan::Digest;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::{fmt, str::FromStr};

/// Who may answer a request; written `requester`, `other`, `role:NAME`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Approver {
    /// Whoever asked for the execution.
    Requester,
    /// A separately authenticated human who is not the requester.
    Other,
    /// A separately authenticated human with this role.
    Role(String),
}

/// The text names no approver.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an approver: `requester`, `other` or `role:NAME` is expected")]
pub struct NotAnApprover(pub String);

impl fmt::Display for Approver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Approver::Requester => f.write_str("requester"),
            Approver::Other => f.write_str("other"),
            Approver::Role(name) => write!(f, "role:{name}"),
        }
    }
}

impl FromStr for Approver {
    type Err = NotAnApprover;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match (text, text.strip_prefix("role:")) {
            ("requester", _) => Ok(Approver::Requester),
            ("other", _) => Ok(Approver::Other),
            (_, Some(name)) if !name.is_empty() => Ok(Approver::Role(name.to_owned())),
            _ => Err(NotAnApprover(text.to_owned())),
        }
    }
}

impl Serialize for Approver {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Approver {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

/// A human's yes to one request of kind plan. It authorises one execution of exactly what it was given for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// The request that it answers.
    pub request_id: String,
    /// The execution that it is for.
    pub execution_id: String,
    /// The execution digest that was shown: plan, inputs, tools.
    pub subject: Digest,
    /// Who answered.
    pub by: String,
    /// How the answer came: a terminal prompt, `--yes`, the socket, …
    pub channel: String,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
}

/// On what ground an execution may start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grant {
    /// The decision's outcome is allow.
    Allowed,
    /// A human approved it.
    Approved(Approval),
}
