//! What kind of failure each refusal of the host is, and what to do about it: the same for every surface.

use crate::ask::HostError;
use crate::kind::Kind;
use mandate_engine::{CannotCarry, NotAnAnswer};
use mandate_plan::ErrorCode;
use mandate_policy::Outcome;
use mandate_store::StoreError;

impl HostError {
    /// What kind of failure it is.
    pub fn kind(&self) -> Kind {
        match self {
            HostError::Plan(_) | HostError::NoSuchTool { .. } => Kind::InvalidPlan,
            HostError::Inputs(_) => Kind::InvalidInputs,
            HostError::ToolServer(_) => Kind::Config,
            HostError::NotTheApprover { .. }
            | HostError::Again { .. }
            | HostError::NoSuchKey(_)
            | HostError::KeyRevoked(_)
            | HostError::MayNot { .. }
            | HostError::FromATool { .. } => Kind::Denied,
            HostError::Answer(error) => match error {
                NotAnAnswer::NoSuchRequest(_) => Kind::NotFound,
                NotAnAnswer::Closed { .. }
                | NotAnAnswer::TooLate(_)
                | NotAnAnswer::OtherSubject(_) => Kind::NotNow,
                NotAnAnswer::NoSuchChoice { .. } | NotAnAnswer::Data { .. } => Kind::Usage,
            },
            HostError::OtherVersion { .. } | HostError::Unreachable(_) | HostError::Leaving => {
                Kind::Locked
            }
            HostError::Protocol(_) | HostError::Stopped => Kind::Internal,
            HostError::Gone => Kind::Gone,
            HostError::Denied(decision) => match decision.outcome {
                Outcome::RateLimited => Kind::RateLimited,
                _ => Kind::Denied,
            },
            HostError::Unplanned(_) => Kind::Refused,
            HostError::Refused(refusal) => match refusal.code {
                ErrorCode::ApprovalRequired => Kind::Waiting,
                ErrorCode::RateLimited | ErrorCode::BudgetExceeded => Kind::RateLimited,
                _ => Kind::Refused,
            },
            HostError::Tool(fault) => kind_of_tool(fault.code),
            HostError::NotSupported { .. } | HostError::Newer { .. } => Kind::NotSupported,
            HostError::DeadlinePassed => Kind::Usage,
            HostError::NoSuchExecution(_) | HostError::NoSuchCall(_) => Kind::NotFound,
            HostError::CannotCarry(CannotCarry::NoSuchStep(_) | CannotCarry::OtherPlan(_)) => {
                Kind::Usage
            }
            HostError::NotARevision(_)
            | HostError::CannotCarry(_)
            | HostError::NotNow(_)
            | HostError::Taken(_) => Kind::NotNow,
            HostError::Unreadable { .. } => Kind::Store,
            HostError::Store(error) => kind_of_store(error),
        }
    }

    /// What to do about it; none where the message says so.
    pub fn remedy(&self) -> Option<String> {
        let text = match self {
            HostError::Plan(_) => {
                "mend what is marked; `docs/violations.md` says more about each code"
            }
            HostError::ToolServer(_) => {
                "mend its entry in `mcpServers`; `mandate doctor` starts every server and tells"
            }
            HostError::NoSuchKey(_) | HostError::KeyRevoked(_) => {
                "`mandate keys list --all` shows the keys; unset MANDATE_API_KEY to speak as yourself"
            }
            HostError::MayNot { .. } => {
                "use a key with that role in MANDATE_API_KEY; `mandate keys list` shows who has which"
            }
            HostError::Answer(_) => {
                "`mandate inbox show` says what is asked, and what can be answered"
            }
            HostError::FromATool { .. } => "answer from a terminal of your own",
            HostError::OtherVersion { pid, .. } => {
                return Some(format!(
                    "use the same `mandate`, or have process {pid} end first"
                ));
            }
            HostError::Unreachable(_) | HostError::Leaving => {
                "try again; `mandate doctor` says who it is"
            }
            HostError::Gone => "`mandate executions list` says how far everything came",
            HostError::Inputs(_) => {
                "`mandate plan show PLAN` lists the inputs; give them with `--input NAME=VALUE`"
            }
            HostError::Newer { .. } => "use the `mandate` that created it, or a newer one",
            HostError::NoSuchExecution(_) => "`mandate executions list` shows what there is",
            HostError::NoSuchCall(_) => {
                "`mandate executions status` lists the calls that were taken and not reported on"
            }
            HostError::NotARevision(_) => {
                "`mandate executions show` says what has begun; that must stay as it is"
            }
            HostError::CannotCarry(CannotCarry::NoSuchStep(_)) => {
                "`mandate executions show` shows the steps"
            }
            HostError::CannotCarry(CannotCarry::InDoubt(step)) => {
                return Some(format!(
                    "find out what became of it; `--from {step}` says that it is to be done again"
                ));
            }
            HostError::CannotCarry(CannotCarry::NotEnded(_)) => {
                "`mandate executions continue` carries it on, `cancel` ends it"
            }
            HostError::CannotCarry(CannotCarry::OtherPlan(_)) => {
                "only what the same plan did with the same inputs is taken over"
            }
            HostError::NotNow(_) => "`mandate executions show` says where the execution is",
            HostError::Taken(_) => "leave the id out, and a new one is given",
            HostError::Unreadable { .. } => "`mandate audit verify` says what is damaged",
            HostError::Tool(_) => return None,
            HostError::Store(error) => return Some(remedy_of_store(error).to_owned()),
            HostError::NotTheApprover { .. }
            | HostError::Again { .. }
            | HostError::Protocol(_)
            | HostError::Denied(_)
            | HostError::Unplanned(_)
            | HostError::Refused(_)
            | HostError::NotSupported { .. }
            | HostError::NoSuchTool { .. }
            | HostError::DeadlinePassed
            | HostError::Stopped => self.code().remedy(),
        };
        Some(text.to_owned())
    }
}

/// What kind of failure it is that a tool may not be used. The message says what to do.
fn kind_of_tool(code: ErrorCode) -> Kind {
    match code {
        ErrorCode::ToolChanged => Kind::Denied,
        ErrorCode::ActionNotFound => Kind::InvalidPlan,
        ErrorCode::InvalidPayload => Kind::Usage,
        _ => Kind::Io,
    }
}

/// What kind of failure the store's is.
fn kind_of_store(error: &StoreError) -> Kind {
    match error {
        StoreError::Locked { .. } => Kind::Locked,
        _ => Kind::Store,
    }
}

/// What to do about a failure of the store.
fn remedy_of_store(error: &StoreError) -> &'static str {
    match error {
        StoreError::Locked { .. } => {
            "one process at a time drives executions; `mandate executions watch @last` looks on meanwhile"
        }
        StoreError::TooNew { .. } => "use the `mandate` that wrote it, or a newer one",
        _ => error.code().remedy(),
    }
}
