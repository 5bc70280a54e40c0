//! Who acts: a name, the API key that showed it, and the roles that the key has.
//!
//! Without a key somebody speaks as the user of this machine, `local:UID`. The owner of a data directory may do what
//! every role may, except to count as somebody else than who they are.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Whoever submits plans and never approves anything.
pub const AGENT: &str = "agent";
/// Looks.
pub const VIEWER: &str = "viewer";
/// Submits plans.
pub const SUBMITTER: &str = "submitter";
/// Approves what others asked for.
pub const APPROVER: &str = "approver";
/// Steers executions and tools.
pub const OPERATOR: &str = "operator";
/// Reads the journal.
pub const AUDITOR: &str = "auditor";
/// Does everything, and makes keys.
pub const ADMIN: &str = "admin";

/// The roles that mean something by themselves. Others may be named too: they are what `role:NAME` asks for.
pub const ROLES: [&str; 7] = [AGENT, VIEWER, SUBMITTER, APPROVER, OPERATOR, AUDITOR, ADMIN];

/// What somebody may want to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Look at what others asked for.
    LookOn,
    /// Verify and export the journal.
    Audit,
    /// Have plans run.
    Submit,
    /// Steer executions, whoever asked for them.
    Operate,
    /// Make and revoke keys.
    Administer,
}

impl Right {
    /// The roles that have it.
    pub fn roles(self) -> &'static [&'static str] {
        match self {
            Right::LookOn => &[VIEWER, APPROVER, OPERATOR, AUDITOR, ADMIN],
            Right::Audit => &[AUDITOR, ADMIN],
            Right::Submit => &[SUBMITTER, AGENT, OPERATOR, ADMIN],
            Right::Operate => &[OPERATOR, ADMIN],
            Right::Administer => &[ADMIN],
        }
    }
}

/// Somebody who acts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// The name, such as `ann` or `local:1000`.
    pub name: String,
    /// The id of the API key that showed it; none: the user of a process of this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The roles of that key.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub roles: BTreeSet<String>,
}

impl Principal {
    /// The user of a process of this machine.
    pub fn local(uid: u32) -> Self {
        Self {
            name: format!("local:{uid}"),
            key: None,
            roles: BTreeSet::new(),
        }
    }

    /// Whether it may do that. Who owns the data directory may do what every role may.
    pub fn may(&self, right: Right) -> bool {
        self.key.is_none() || right.roles().iter().any(|role| self.roles.contains(*role))
    }
}

/// Whether a text names a role: small letters, digits, `-`, `_`, at most 64.
pub fn is_role(text: &str) -> bool {
    is_name(text, false)
}

/// Whether a text names a principal with keys: as roles, and `.` too. No name is one of `local:UID`.
pub fn is_principal(text: &str) -> bool {
    is_name(text, true)
}

fn is_name(text: &str, dots: bool) -> bool {
    let fits = |c: char| {
        c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_') || (dots && c == '.')
    };
    (1..=64).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && text.chars().all(fits)
}
