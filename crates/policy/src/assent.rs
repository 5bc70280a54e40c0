//! The yes of one person, and whether several of them are what the rules ask for.
//!
//! An answer over the connection that asked, or by any process of the same user, counts as the requester's. Somebody
//! else is told apart by an API key, and by nothing else.

use crate::{
    approver::Approver,
    principal::{ADMIN, AGENT, APPROVER, Principal},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// One person's yes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assent {
    /// Who.
    pub by: String,
    /// Over which channel.
    pub channel: String,
    /// The API key that showed who it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The roles of that key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
}

impl Assent {
    /// The yes of somebody.
    pub fn of(principal: &Principal, channel: &str, at_ms: i64) -> Self {
        Self {
            by: principal.name.clone(),
            channel: channel.to_owned(),
            key: principal.key.clone(),
            roles: principal.roles.iter().cloned().collect(),
            at_ms,
        }
    }

    fn has(&self, role: &str) -> bool {
        self.roles.iter().any(|own| own == role)
    }

    /// Whether it counts for this approver: alone, or as one of several.
    pub fn counts_as(&self, approver: &Approver, requester: &str) -> bool {
        if self.has(AGENT) {
            return false;
        }
        // The requester is never somebody else, whatever key they show.
        let somebody_else = self.key.is_some() && self.by != requester;
        match approver {
            Approver::Requester => self.by == requester,
            Approver::Other => somebody_else && (self.has(APPROVER) || self.has(ADMIN)),
            Approver::Role(role) => somebody_else && self.has(role),
            Approver::AtLeast(_, of) => self.counts_as(of, requester),
            Approver::OneOf(ways) => ways.iter().any(|way| self.counts_as(way, requester)),
        }
    }
}

/// Whether these yeses are what the approver asks for. Nobody counts twice for it.
pub fn satisfies(assents: &[Assent], approver: &Approver, requester: &str) -> bool {
    if let Approver::OneOf(ways) = approver {
        return ways.iter().any(|way| satisfies(assents, way, requester));
    }
    let who: BTreeSet<&str> = assents
        .iter()
        .filter(|assent| assent.counts_as(approver, requester))
        .map(|assent| assent.by.as_str())
        .collect();
    let wanted = match approver {
        Approver::AtLeast(count, _) => usize::try_from(*count).unwrap_or(usize::MAX),
        Approver::Requester | Approver::Other | Approver::Role(_) | Approver::OneOf(_) => 1,
    };
    who.len() >= wanted.max(1)
}

/// The approvers that these yeses do not satisfy.
pub fn unmet<'a>(
    approvers: &'a [Approver],
    assents: &[Assent],
    requester: &str,
) -> Vec<&'a Approver> {
    approvers
        .iter()
        .filter(|approver| !satisfies(assents, approver, requester))
        .collect()
}
