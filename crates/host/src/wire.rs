//! What processes say to each other over the host's socket: a line of JSON for each message.
//!
//! A conversation begins with a [`Hello`] from each side. Then every [`Request`] has an id, and whatever the host says
//! about it carries that id. [`PROTOCOL`] is raised when an old program would misunderstand a new one.

use crate::agent::{AgentAnswer, AgentWish, Claims};
use crate::ask::{HostError, Submitted};
use crate::intake::Proposal;
use crate::keys::{ApiKey, KeyAct, KeyActed};
use crate::outlook::Outlook;
use crate::standing::StandingAct;
use crate::switch::Switch;
use crate::tokens::{Issued, TokenText};
use crate::tool_acts::{ToolAct, ToolActed};
use mandate_engine::event::{Answer, Resolution};
use mandate_engine::{Event, WaitingFor};
use mandate_plan::Digest;
use mandate_policy::Principal;
use mandate_store::{Head, Removal};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::io;

/// The protocol that this program speaks.
pub const PROTOCOL: u32 = 2;
/// The longest line that a host takes. Documents and inputs of 4 MiB each fit, with every character escaped.
pub(crate) const MAX_REQUEST_BYTES: usize = 32 * 1024 * 1024;
/// The longest line that a client takes. The largest output fits, with every character escaped.
pub(crate) const MAX_ANSWER_BYTES: usize = 128 * 1024 * 1024;

/// The first line from each side.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Hello {
    /// `host` or `client`.
    pub(crate) mandate: String,
    /// See [`PROTOCOL`].
    pub(crate) protocol: u32,
    /// The program's version, for people.
    pub(crate) version: String,
    /// The process.
    pub(crate) pid: u32,
    /// Device and inode of the host's data directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) directory: Option<(u64, u64)>,
}

impl Hello {
    pub(crate) fn new(side: &str, directory: Option<(u64, u64)>) -> Self {
        Self {
            mandate: side.to_owned(),
            protocol: PROTOCOL,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            directory,
        }
    }
}

/// What a client asks.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Request {
    /// Chosen by the client, and used once.
    pub(crate) id: u64,
    /// What.
    pub(crate) ask: Wish,
}

/// What can be asked. Who asks is no part of it: the host sees that for itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Wish {
    /// Run a plan.
    Submit(Box<Proposal>),
    /// Take an unfinished execution up.
    Continue { execution_id: String },
    /// Tell everything that happened and happens in an execution.
    Watch { execution_id: String },
    /// Tell what an agent could call in an execution, now and whenever that changes.
    Outlook { execution_id: String },
    /// Answer a request.
    Answer {
        execution_id: String,
        answer: Answered,
    },
    /// End an execution.
    Cancel {
        execution_id: String,
        reason: Option<String>,
        force: bool,
    },
    /// Start no more steps.
    Pause { execution_id: String },
    /// Start steps again.
    Resume { execution_id: String },
    /// Do what somebody with a token wants.
    Agent {
        execution_id: String,
        token: TokenText,
        #[serde(default)]
        claims: Claims,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        beneath: Option<String>,
        wish: AgentWish,
    },
    /// Give a token out.
    Token {
        execution_id: String,
        steps: Option<BTreeSet<String>>,
    },
    /// Make a new key for tokens.
    RotateTokens { at_once: bool },
    /// Freeze calls everywhere, or thaw them.
    Switch(Switch),
    /// Take the approval back that an execution runs on.
    Revoke {
        execution_id: String,
        reason: Option<String>,
    },
    /// Let one call of a step pass a policy deny.
    Override {
        execution_id: String,
        step: String,
        item: Option<u32>,
        reason: String,
    },
    /// Do something to tools.
    Tools(ToolAct),
    /// From here on, speak as whoever has this key.
    Authenticate(ApiKey),
    /// Do something to keys.
    Keys(KeyAct),
    /// Do something to standing approvals.
    Standing(StandingAct),
    /// Remove executions that were archived.
    Remove(Removal),
    /// Leave, since the one who asks takes over.
    HandOver,
    /// Say what became of a step in doubt.
    Resolve {
        execution_id: String,
        step: String,
        item: Option<u32>,
        resolution: Resolution,
    },
}

/// An answer to a request, without who gives it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Answered {
    /// Which request.
    pub request_id: String,
    /// The choice.
    pub choice: String,
    /// Data that the request asked for.
    #[serde(default)]
    pub data: Option<Value>,
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
    /// The subject that was shown, where the one who answers says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Digest>,
    /// How it was given: `terminal`, `flag` or `cli`.
    pub channel: String,
}

impl Answered {
    /// The answer as somebody gives it.
    pub fn by(self, principal: &Principal) -> Answer {
        let answer = Answer {
            data: self.data,
            reason: self.reason,
            subject: self.subject,
            ..Answer::new(&self.request_id, &self.choice, "", &self.channel)
        };
        answer.given_by(principal)
    }
}

/// What agents and their keepers are told.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AgentSaid {
    /// What came of a wish.
    Answer(Box<AgentAnswer>),
    /// A token.
    Issued(Issued),
    /// The id of a new key.
    Rotated(String),
}

/// What a host says.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Said {
    /// It is done.
    Done {
        id: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        submitted: Option<Box<Submitted>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        acted: Option<Box<ToolActed>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        agent: Option<Box<AgentSaid>>,
        keys: Option<Box<KeyActed>>,
        /// The standing approval that it was done to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        standing: Option<String>,
    },
    /// It is not done.
    Failed { id: u64, error: Refused },
    /// The plan of the execution that is watched; comes before its events.
    Plan { id: u64, canonical: String },
    /// Something happened, and is on the disk.
    Event { id: u64, event: Box<Event> },
    /// Everything that had happened when the watch began was told.
    Now { id: u64 },
    /// The execution rests after the last event that was told.
    Rest {
        id: u64,
        waiting_for: Option<WaitingFor>,
        head: Option<Head>,
    },
    /// What an agent could call; another one takes the place of the one before.
    Outlook { id: u64, outlook: Outlook },
    /// This host cannot drive the execution any further.
    Lost { id: u64, error: Refused },
    /// The host ends the conversation.
    Bye(Farewell),
}

/// An error as it travels: code and message for everybody, and the whole for this program.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Refused {
    code: String,
    message: String,
    detail: Value,
}

impl From<HostError> for Refused {
    fn from(error: HostError) -> Self {
        Self {
            code: error.code().as_str().to_owned(),
            message: error.to_string(),
            detail: serde_json::to_value(&error).unwrap_or(Value::Object(Map::new())),
        }
    }
}

impl From<Refused> for HostError {
    fn from(refused: Refused) -> Self {
        let message = refused.message;
        serde_json::from_value(refused.detail).unwrap_or(HostError::Protocol(message))
    }
}

/// Why a host ends the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Farewell {
    /// It ends, and another process takes over.
    HandOver,
    /// It ends.
    Stop,
}

/// A message as a line.
pub(crate) fn line<T: Serialize>(message: &T) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mandate_plan::{ErrorCode, Violation, ViolationCode};
    use mandate_store::StoreError;

    /// One of each kind that a host can answer with.
    fn errors() -> Vec<HostError> {
        vec![
            HostError::Plan(vec![Violation::new(
                ViolationCode::ALL[0],
                "/steps/0",
                "no",
            )]),
            HostError::Inputs(Vec::new()),
            HostError::ToolServer("it does not start".to_owned()),
            HostError::NotTheApprover {
                by: "local:1".to_owned(),
                asked_by: "local:2".to_owned(),
                approvers: vec!["other".to_owned()],
            },
            HostError::Answer(mandate_engine::NotAnAnswer::TooLate("req-1".to_owned())),
            HostError::FromATool { pid: 7 },
            HostError::NoSuchKey("key-1".to_owned()),
            HostError::KeyRevoked("key-1".to_owned()),
            HostError::MayNot {
                by: "ann".to_owned(),
                what: "steer".to_owned(),
                roles: vec!["operator".to_owned()],
            },
            HostError::Again {
                by: "ann".to_owned(),
                still: vec!["2 of other".to_owned()],
            },
            HostError::NotSupported {
                feature: "x".to_owned(),
                pointer: "/x".to_owned(),
            },
            HostError::NoSuchTool {
                tool: "a.b".to_owned(),
                nearest: Some("a.c".to_owned()),
            },
            HostError::Tool(mandate_tools::Fault::new(ErrorCode::ToolChanged, "no")),
            HostError::NoSuchExecution("e".to_owned()),
            HostError::NotNow("it has ended".to_owned()),
            HostError::NoSuchCall("e.7".to_owned()),
            HostError::DeadlinePassed,
            HostError::Unreadable {
                execution_id: "e".to_owned(),
                reason: "gap".to_owned(),
            },
            HostError::Store(StoreError::TooLarge {
                what: "an output".to_owned(),
                limit_bytes: 16,
            }),
            HostError::Leaving,
            HostError::Stopped,
        ]
    }

    #[test]
    fn an_error_says_the_same_on_the_other_side() {
        for error in errors() {
            let text = line(&Said::Failed {
                id: 1,
                error: error.clone().into(),
            });
            let back: Said = serde_json::from_slice(&text.unwrap()).unwrap();
            let Said::Failed { error: back, .. } = back else {
                panic!("{back:?}")
            };
            let back = HostError::from(back);
            assert_eq!(format!("{back:?}"), format!("{error:?}"));
        }
    }

    #[test]
    fn an_error_of_a_later_version_keeps_its_message() {
        let error = Refused {
            code: ErrorCode::UnknownError.as_str().to_owned(),
            message: "the moon is full".to_owned(),
            detail: serde_json::json!({ "moon": "full" }),
        };
        let error = HostError::from(error).to_string();
        assert!(error.contains("the moon is full"), "{error}");
    }
}
