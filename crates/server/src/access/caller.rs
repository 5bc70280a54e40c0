//! Somebody who asks.

use super::rights::Right;
use crate::problem::Problem;
use mandate_policy::Principal;
use mandate_store::{ExecutionRow, RequestRow};
use serde_json::Value;

/// How it is known who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Via {
    /// By an API key with the request.
    Key,
    /// By a log-in to the console with an API key.
    Console,
    /// By the link that was printed where the server was started.
    Link,
    /// By nothing but being on this machine, where nobody has a key.
    Loopback,
}

impl Via {
    /// As it is written outside.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Via::Key => "key",
            Via::Console => "console",
            Via::Link => "link",
            Via::Loopback => "loopback",
        }
    }
}

/// Somebody who asks.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) principal: Principal,
    pub(crate) via: Via,
    /// Of a log-in: what its changing requests must carry.
    pub(crate) csrf: Option<String>,
    /// Of a log-in: when it ends, Unix milliseconds.
    pub(crate) expires_ms: Option<i64>,
}

impl Caller {
    /// Whether they may do that.
    pub(crate) fn may(&self, right: Right) -> bool {
        match self.via {
            Via::Loopback => right.is_for_anybody_here(),
            Via::Link => true,
            Via::Key | Via::Console => right.is_of(&self.principal),
        }
    }

    /// The same, and what is missing if not.
    ///
    /// # Errors
    /// They may not.
    pub(crate) fn must(&self, right: Right) -> Result<(), Problem> {
        if self.may(right) {
            return Ok(());
        }
        let name = &self.principal.name;
        Err(match self.via {
            Via::Loopback => Problem::denied(format!(
                "nobody is logged in, and then nobody may {} over HTTP",
                right.words()
            ))
            .remedy("open the link that `mandate serve` printed, or make a key with `mandate keys create`"),
            _ => Problem::denied(format!("{name} may not {}", right.words())).remedy(format!(
                "use a key with the role {}",
                right.roles().join(" or ")
            )),
        })
    }

    /// The channel over which an answer of theirs comes.
    pub(crate) fn channel(&self) -> &'static str {
        match self.via {
            Via::Key | Via::Loopback => "http",
            Via::Console => "console",
            Via::Link => "link",
        }
    }

    /// Whether they may know of this execution: their own, or anybody's.
    pub(crate) fn may_see(&self, row: &ExecutionRow) -> bool {
        self.may(Right::ViewAll) || row.principal == self.principal.name
    }

    /// Whether a request names a role of theirs, so that they may know of it and of its execution.
    pub(crate) fn is_asked(&self, request: &RequestRow) -> bool {
        let detail: Value = serde_json::from_str(&request.detail).unwrap_or(Value::Null);
        let approvers = detail.get("approvers").and_then(Value::as_array);
        approvers.into_iter().flatten().any(|approver| {
            let text = approver.as_str().unwrap_or_default();
            let roles = self.principal.roles.iter();
            { roles }.any(|role| {
                text.split_whitespace()
                    .any(|word| word == format!("role:{role}"))
            })
        })
    }
}
