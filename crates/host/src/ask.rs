//! What surfaces ask of the host, and what it answers: the one interface behind every command.

use crate::agent::{AgentAsk, AgentReply};
use crate::following::Follower;
use crate::leaving::Doings;
use crate::outlook::Outlook;
use crate::overriding::Overriding;
use crate::switch::Switch;
use crate::tokens::Issued;
use crate::unplanned::UnplannedCall;
use mandate_engine::event::{Answer, Asked, Resolution};
use mandate_engine::{CannotCarry, Event, Fault, NotAnAnswer, State, WaitingFor};
use mandate_plan::{CheckedPlan, ErrorCode, Violation};
use mandate_policy::{Decision, Refusal};
use mandate_store::{Head, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::Sender;

/// A plan to run.
#[derive(Debug, Clone)]
pub struct Submission {
    /// The plan.
    pub plan: Arc<CheckedPlan>,
    /// The inputs as the caller gave them.
    pub inputs: Map<String, Value>,
    /// Who asks.
    pub principal: String,
    /// The roles of the key that they asked with.
    pub roles: Vec<String>,
    /// The session it belongs to.
    pub session: String,
    /// Absolute deadline, Unix milliseconds.
    pub deadline_ms: Option<i64>,
    /// It is run once more: what another execution did already is taken over.
    pub rerun: Option<Rerun>,
    /// It takes the place of the plan of an execution that runs.
    pub revises: Option<Revises>,
    /// The id that it is to have; none = a new one.
    pub execution_id: Option<String>,
    /// What the surface that took it says of the request.
    pub asked: Option<Box<Asked>>,
}

/// Which execution's plan is revised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revises {
    /// An agent asked for it, by a call that the plan does not hold. Nobody else can say so.
    #[serde(skip)]
    pub asked_for: bool,
    /// The execution.
    pub execution_id: String,
    /// Why.
    pub reason: Option<String>,
}

/// Which execution is run once more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rerun {
    /// The execution, which has ended.
    pub execution_id: String,
    /// This step and those behind it are done again in any case.
    pub from: Option<String>,
}

/// A plan that was taken.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Submitted {
    /// The execution.
    pub execution_id: String,
    /// What policy said.
    pub decision: Arc<Decision>,
    /// The request that waits for approval, if one does.
    pub request_id: Option<String>,
}

/// What is asked. Each goes to one execution's owner.
#[derive(Debug)]
pub enum Ask {
    /// Create an execution and, as far as policy allows, run it.
    Submit(Box<Submission>, Sender<Result<Submitted, HostError>>),
    /// Take up an unfinished execution from the journal.
    Continue(String, Sender<Result<(), HostError>>),
    /// Tell the state now and everything that happens from here on.
    Watch(String, Sender<Update>, Sender<Result<(), HostError>>),
    /// Tell where the execution rests, whenever it does from here on, and nothing else.
    AwaitRest(String, Sender<Update>, Sender<Result<(), HostError>>),
    /// Tell how far the disk is with the execution, from here on. Answered when the disk has everything up to here.
    Follow(String, Follower, Sender<Result<(), HostError>>),
    /// Some of those who followed the execution have gone.
    Unfollow(String),
    /// Tell what an agent could call in the execution, now and whenever that changes.
    Outlook(
        String,
        Sender<Result<tokio::sync::watch::Receiver<Outlook>, HostError>>,
    ),
    /// What goes on, these executions left out.
    Doings(Vec<String>, Sender<Doings>),
    /// Executions were removed from the journal: what is remembered of it may be gone.
    Removed(Sender<Result<(), HostError>>),
    /// Take up everything that is unfinished, in the background.
    Recover(Sender<Result<(), HostError>>),
    /// Start no more steps, let calls under way end, and let go of everything; only if nothing goes on, if that is said.
    Leave(bool, Sender<Result<(), HostError>>),
    /// An answer to a request of the execution.
    Answer(String, Box<Answer>, Sender<Result<(), HostError>>),
    /// Somebody with a token wants something.
    Agent(Box<AgentAsk>, AgentReply),
    /// Give out a token.
    Token {
        /// For which execution.
        execution_id: String,
        /// To whom.
        by: String,
        /// For these steps only.
        steps: Option<BTreeSet<String>>,
        /// The answer.
        reply: Sender<Result<Issued, HostError>>,
    },
    /// Make a new key for tokens; those before it may go at once.
    RotateTokens(String, bool, Sender<Result<String, HostError>>),
    /// End the execution.
    Cancel {
        /// Which.
        execution_id: String,
        /// Who asks.
        by: String,
        /// Why.
        reason: Option<String>,
        /// Give up on doubts.
        force: bool,
        /// The answer.
        reply: Sender<Result<(), HostError>>,
    },
    /// Start no more steps.
    Pause(String, String, Sender<Result<(), HostError>>),
    /// Start steps again.
    Resume(String, String, Sender<Result<(), HostError>>),
    /// Freeze calls everywhere, or thaw them.
    Switch(Switch, String, Sender<Result<(), HostError>>),
    /// Take the approval back that the execution runs on.
    Revoke {
        /// Which.
        execution_id: String,
        /// Who asks.
        by: String,
        /// Why.
        reason: Option<String>,
        /// The answer.
        reply: Sender<Result<(), HostError>>,
    },
    /// Let one call of a step pass a policy deny.
    Override(String, Overriding, Sender<Result<(), HostError>>),
    /// Say what became of a step in doubt.
    Resolve {
        /// Which execution.
        execution_id: String,
        /// Which step.
        step: String,
        /// Which item.
        item: Option<u32>,
        /// Who says so.
        by: String,
        /// Over which channel.
        channel: String,
        /// What became of it.
        resolution: Resolution,
        /// The answer.
        reply: Sender<Result<(), HostError>>,
    },
}

impl Ask {
    /// The execution that it is about; none for a submission, which has none yet.
    pub(crate) fn execution_id(&self) -> Option<&str> {
        match self {
            Ask::Submit(..)
            | Ask::Doings(..)
            | Ask::Recover(_)
            | Ask::Removed(_)
            | Ask::Leave(..)
            | Ask::RotateTokens(..)
            | Ask::Switch(..) => None,
            Ask::Agent(ask, _) => Some(&ask.execution_id),
            Ask::Continue(execution_id, ..)
            | Ask::Follow(execution_id, ..)
            | Ask::Unfollow(execution_id)
            | Ask::Outlook(execution_id, _)
            | Ask::Watch(execution_id, ..)
            | Ask::AwaitRest(execution_id, ..)
            | Ask::Answer(execution_id, ..)
            | Ask::Cancel { execution_id, .. }
            | Ask::Token { execution_id, .. }
            | Ask::Pause(execution_id, ..)
            | Ask::Resume(execution_id, ..)
            | Ask::Revoke { execution_id, .. }
            | Ask::Override(execution_id, ..)
            | Ask::Resolve { execution_id, .. } => Some(execution_id),
        }
    }
}

/// What a watcher is told.
#[derive(Debug, Clone)]
pub enum Update {
    /// Where the execution is as the watch begins. May run ahead of the disk: for progress only.
    Now(Box<State>),
    /// Something happened. May run ahead of the disk: for progress only.
    Event(Arc<Event>),
    /// The execution ended or waits, and everything up to here is on the disk.
    Rest(Box<Rest>),
    /// The execution cannot be driven any further by this host.
    Lost(HostError),
}

/// Where an execution rests.
#[derive(Debug, Clone)]
pub struct Rest {
    /// Its state.
    pub state: State,
    /// What it waits for; none when it has ended.
    pub waiting_for: Option<WaitingFor>,
    /// The journal's head.
    pub head: Option<Head>,
}

/// Why the host did not do what was asked. It travels between processes as it is.
#[derive(Debug, Clone, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostError {
    /// What was submitted is not a valid plan.
    #[error("the plan is not valid")]
    Plan(Vec<Violation>),
    /// A tool server that the plan names does not work.
    #[error("{0}")]
    ToolServer(String),
    /// The API key is not one of this data directory.
    #[error("there is no key `{0}` here")]
    NoSuchKey(String),
    /// The API key holds no longer.
    #[error("the key `{0}` was revoked")]
    KeyRevoked(String),
    /// The key's roles do not allow it.
    #[error("{by} may not {what}: that needs a key with the role {}", roles.join(" or "))]
    MayNot {
        /// Who.
        by: String,
        /// What.
        what: String,
        /// The roles that may.
        roles: Vec<String>,
    },
    /// Somebody answers once more.
    #[error("{by} has given this answer already, and {} must still give it", still.join(" and "))]
    Again {
        /// Who.
        by: String,
        /// Who is still wanted.
        still: Vec<String>,
    },
    /// Somebody answers who may not.
    #[error("{by} may not answer this request: it was asked for by {asked_by}, and {} may answer{}", approvers.join(" and "), needed(approvers))]
    NotTheApprover {
        /// Who answered.
        by: String,
        /// Who asked for the execution.
        asked_by: String,
        /// Who may answer.
        approvers: Vec<String>,
    },
    /// The answer does not fit the request.
    #[error(transparent)]
    Answer(#[from] NotAnAnswer),
    /// The one who asks was started by one of the host's tools.
    #[error(
        "process {pid} was started by a tool of a plan, and such a process can neither answer nor grant anything"
    )]
    FromATool {
        /// The process that asked.
        pid: u32,
    },
    /// The two processes are of versions that do not understand each other.
    #[error(
        "process {pid} drives the executions here with mandate {theirs}, and this is mandate {ours}: they speak different protocols"
    )]
    OtherVersion {
        /// The version of the one that asks.
        ours: String,
        /// The version of the host.
        theirs: String,
        /// The host's process, as far as known ("unknown" otherwise).
        pid: String,
    },
    /// The two processes do not understand each other.
    #[error(
        "the process that drives the executions here and this one do not understand each other: {0}"
    )]
    Protocol(String),
    /// There is no host to be reached.
    #[error("the process that drives the executions here cannot be reached: {0}")]
    Unreachable(String),
    /// The call is not planned, and may be asked for: between the host and who brought the call, and nowhere else.
    #[error("the call is not one of the plan")]
    #[serde(skip)]
    Unplanned(Box<UnplannedCall>),
    /// The host is about to leave and takes nothing up.
    #[error("the process that drives the executions here is about to leave")]
    Leaving,
    /// The connection to the host has ended.
    #[error("the process that drove the executions here is gone")]
    Gone,
    /// The plan uses what this version cannot run.
    #[error("the plan uses {feature} (at `{pointer}`), which this version cannot run yet")]
    NotSupported {
        /// What.
        feature: String,
        /// Where.
        pointer: String,
    },
    /// The inputs do not fit the plan.
    #[error("the inputs do not fit the plan")]
    Inputs(Vec<Violation>),
    /// The plan names a tool that is not there.
    #[error("the plan calls `{tool}`, but there is no such tool{}", nearest.as_ref().map_or_else(String::new, |name| format!("; did you mean `{name}`?")))]
    NoSuchTool {
        /// The name.
        tool: String,
        /// The nearest name there is.
        nearest: Option<String>,
    },
    /// A tool may not be used, or not be changed.
    #[error("{}", .0.message)]
    Tool(mandate_tools::Fault),
    /// Policy forbids it.
    #[error("policy denies the plan: {}", reasons(.0))]
    Denied(Box<Decision>),
    /// There is no such execution, or it is not driven here.
    #[error("there is no unfinished execution `{0}`")]
    NoSuchExecution(String),
    /// Nobody took such a call.
    #[error("there is no call `{0}` that somebody makes outside")]
    NoSuchCall(String),
    /// A call, or what comes with it, is refused.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// An execution was asked for under an id that another one has.
    #[error("there is an execution `{0}` already")]
    Taken(String),
    /// The request does not fit the execution's state.
    #[error("{0}")]
    NotNow(String),
    /// The plan cannot take the place of the one that runs.
    #[error("the plan is no revision of the one that runs: {}", .0.join("; "))]
    NotARevision(Vec<String>),
    /// The execution cannot be run once more.
    #[error(transparent)]
    CannotCarry(#[from] CannotCarry),
    /// The deadline is not in the future.
    #[error("the deadline has passed already")]
    DeadlinePassed,
    /// The journal of the execution does not fold.
    #[error("the journal of execution `{execution_id}` cannot be read: {reason}")]
    Unreadable {
        /// Which.
        execution_id: String,
        /// Why.
        reason: String,
    },
    /// A newer version created the execution, and decides otherwise.
    #[error("execution `{execution_id}` cannot be driven or shown: {reason}")]
    Newer {
        /// Which.
        execution_id: String,
        /// Why.
        reason: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The host has stopped.
    #[error("the host has stopped")]
    Stopped,
}

impl HostError {
    /// The stable code.
    pub fn code(&self) -> ErrorCode {
        match self {
            HostError::Plan(_) | HostError::ToolServer(_) => ErrorCode::InvalidPayload,
            HostError::NotTheApprover { .. } | HostError::Again { .. } => {
                ErrorCode::ApproverMismatch
            }
            HostError::NoSuchKey(_) | HostError::KeyRevoked(_) => ErrorCode::TokenInvalid,
            HostError::FromATool { .. } | HostError::MayNot { .. } => ErrorCode::PolicyDenied,
            HostError::NotSupported { .. } | HostError::Newer { .. } => ErrorCode::NotSupported,
            HostError::Answer(NotAnAnswer::TooLate(_)) => ErrorCode::ApprovalExpired,
            HostError::Answer(NotAnAnswer::Closed { how, .. }) if how == "expired" => {
                ErrorCode::ApprovalExpired
            }
            HostError::Inputs(_) | HostError::Answer(_) => ErrorCode::InvalidPayload,
            HostError::NoSuchTool { .. } => ErrorCode::ActionNotFound,
            HostError::Denied(_) => ErrorCode::PolicyDenied,
            HostError::Tool(fault) => fault.code,
            HostError::Refused(refusal) => refusal.code,
            HostError::Unplanned(_) => ErrorCode::UnplannedAction,
            HostError::DeadlinePassed => ErrorCode::DeadlineExceeded,
            HostError::NoSuchExecution(_)
            | HostError::NoSuchCall(_)
            | HostError::NotNow(_)
            | HostError::Taken(_)
            | HostError::CannotCarry(_)
            | HostError::NotARevision(_) => ErrorCode::InvalidPayload,
            HostError::Store(error) => error.code(),
            HostError::Unreadable { .. } => ErrorCode::StoreDamaged,
            HostError::Unreachable(_)
            | HostError::Leaving
            | HostError::Gone
            | HostError::Stopped => ErrorCode::HostGone,
            HostError::OtherVersion { .. } | HostError::Protocol(_) => ErrorCode::UnknownError,
        }
    }
}

impl From<&HostError> for Fault {
    fn from(error: &HostError) -> Self {
        Fault::new(error.code(), error.to_string())
    }
}

/// What others than the requester need.
fn needed(approvers: &[String]) -> &'static str {
    if approvers.iter().any(|approver| approver != "requester") {
        "; `other` and `role:` are people with an API key (`MANDATE_API_KEY`) who did not ask for it, `other` with the role `approver` or `admin`"
    } else {
        ""
    }
}

fn reasons(decision: &Decision) -> String {
    let all: Vec<&str> = decision
        .reasons
        .iter()
        .filter(|reason| reason.outcome == decision.outcome)
        .map(|reason| reason.message.as_str())
        .collect();
    all.join("; ")
}
