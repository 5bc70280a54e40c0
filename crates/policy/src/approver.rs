//! Who may approve, and the approvals themselves.

use crate::{
    assent::Assent,
    principal::{AGENT, is_role},
};
use mandate_plan::Digest;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::{fmt, str::FromStr};

/// The most people that one rule may ask for.
const MOST: u32 = 16;
/// The most approvers of which one is enough.
const MOST_WAYS: usize = 16;
/// Between approvers of which one is enough.
const OR: &str = " or ";

/// Who may answer a request; written `requester`, `other`, `role:NAME`, `2 of other`, `2 of role:NAME`, and `requester or
/// other` where one of them is enough.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Approver {
    /// Whoever asked for the execution.
    Requester,
    /// A separately authenticated human who is not the requester, and whose key has the role `approver` or `admin`.
    Other,
    /// A separately authenticated human who is not the requester, and whose key has this role.
    Role(String),
    /// So many different ones of `Other` or `Role`.
    AtLeast(u32, Box<Approver>),
    /// One of these is enough. None of them is one of this kind.
    OneOf(Vec<Approver>),
}

/// The text names no approver.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not an approver: `requester`, `other`, `role:NAME`, `2 of other` or `2 of role:NAME` is expected, or several of them with `or` between them"
)]
pub struct NotAnApprover(pub String);

impl Approver {
    /// Several, separated by commas: all of them must be satisfied.
    ///
    /// # Errors
    /// The first that is none.
    pub fn list(text: &str) -> Result<Vec<Self>, NotAnApprover> {
        text.split(',').map(|one| one.trim().parse()).collect()
    }

    /// The same of what somebody with these roles asked for. An agent never approves, so that nobody could answer for it as
    /// the requester: there whoever counts as `other` may, too.
    #[must_use]
    pub fn where_asked_with(self, roles: &[String]) -> Self {
        match self {
            Approver::Requester if roles.iter().any(|role| role == AGENT) => {
                Approver::OneOf(vec![Approver::Requester, Approver::Other])
            }
            other => other,
        }
    }
}

impl fmt::Display for Approver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Approver::Requester => f.write_str("requester"),
            Approver::Other => f.write_str("other"),
            Approver::Role(name) => write!(f, "role:{name}"),
            Approver::AtLeast(count, of) => write!(f, "{count} of {of}"),
            Approver::OneOf(ways) => {
                for (at, way) in ways.iter().enumerate() {
                    let between = if at == 0 { "" } else { OR };
                    write!(f, "{between}{way}")?;
                }
                Ok(())
            }
        }
    }
}

impl FromStr for Approver {
    type Err = NotAnApprover;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let none = || NotAnApprover(text.to_owned());
        if text.contains(OR) {
            let ways = text.split(OR).map(|way| way.trim().parse());
            let ways: Vec<Approver> = ways.collect::<Result<_, _>>().map_err(|_| none())?;
            return match ways.len() {
                ..=MOST_WAYS => Ok(Approver::OneOf(ways)),
                _ => Err(none()),
            };
        }
        if let Some((count, of)) = text.split_once(" of ") {
            let count: u32 = count.trim().parse().map_err(|_| none())?;
            let of: Approver = of.trim().parse().map_err(|_| none())?;
            let several = matches!(of, Approver::Other | Approver::Role(_));
            return match count {
                1 if several => Ok(of),
                2..=MOST if several => Ok(Approver::AtLeast(count, Box::new(of))),
                _ => Err(none()),
            };
        }
        match (text, text.strip_prefix("role:")) {
            ("requester", _) => Ok(Approver::Requester),
            ("other", _) => Ok(Approver::Other),
            (_, Some(name)) if is_role(name) => Ok(Approver::Role(name.to_owned())),
            _ => Err(none()),
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
    /// Everybody who said yes, the one named above included; empty: that one alone, without a key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assents: Vec<Assent>,
}

impl Approval {
    /// Everybody who said yes.
    pub fn everybody(&self) -> Vec<Assent> {
        if !self.assents.is_empty() {
            return self.assents.clone();
        }
        vec![Assent {
            by: self.by.clone(),
            channel: self.channel.clone(),
            key: None,
            roles: Vec::new(),
            at_ms: self.at_ms,
        }]
    }

    /// Who, over which channel, shown by which key: in words.
    pub fn given_by(&self) -> String {
        let one = |assent: Assent| match &assent.key {
            Some(key) => format!("{} ({key}) over {}", assent.by, assent.channel),
            None => format!("{} over {}", assent.by, assent.channel),
        };
        let all: Vec<String> = self.everybody().into_iter().map(one).collect();
        all.join(" and ")
    }
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
