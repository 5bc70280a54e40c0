//! Every way in which a command fails, and the exit code of each: the one place where a kind becomes a number.

use crate::{
    output::{Look, Out},
    render::{shown, violations},
};
use mandate_engine::{CannotCarry, Ending, Fault, Status};
use mandate_host::HostError;
use mandate_plan::{ErrorCode, Violation};
use mandate_policy::{
    Refusal,
    decision::{Decision, Outcome},
};
use mandate_store::StoreError;
use serde_json::{Map, Value, json};

/// What the process ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// What was asked for happened.
    Success,
    /// It failed; also a verify or a replay that found a difference.
    Failure,
    /// Wrong usage, an invalid plan, or one that this version cannot run.
    Invalid,
    /// Policy forbids it.
    Denied,
    /// A human is awaited, for an approval or a doubt.
    Waiting,
    /// The plan ran to its end, but not all of it happened.
    Partial,
    /// A rate or a budget is used up.
    Limited,
    /// Somebody cancelled it.
    Cancelled,
}

impl Exit {
    /// The number that the shell sees.
    pub(crate) fn code(self) -> u8 {
        match self {
            Exit::Success => 0,
            Exit::Failure => 1,
            Exit::Invalid => 2,
            Exit::Denied => 3,
            Exit::Waiting => 4,
            Exit::Partial => 5,
            Exit::Limited => 6,
            Exit::Cancelled => 130,
        }
    }

    /// Of an execution that has ended.
    pub(crate) fn of_ending(ending: &Ending) -> Self {
        match ending.status {
            Status::Success => Exit::Success,
            Status::Partial => Exit::Partial,
            Status::Failure => match ending.error.as_ref().map(|error| error.code) {
                Some(ErrorCode::Cancelled) => Exit::Cancelled,
                Some(ErrorCode::PolicyDenied) => Exit::Denied,
                Some(ErrorCode::RateLimited | ErrorCode::BudgetExceeded) => Exit::Limited,
                _ => Exit::Failure,
            },
        }
    }

    /// Of what policy says about a plan that was only looked at.
    pub(crate) fn of_outcome(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Allow | Outcome::RequireApproval => Exit::Success,
            Outcome::Deny => Exit::Denied,
            Outcome::RateLimited => Exit::Limited,
        }
    }
}

/// What kind of failure it is, for programs and for the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Usage,
    Config,
    InvalidPlan,
    InvalidInputs,
    NotSupported,
    Denied,
    /// A call of an agent was refused.
    Refused,
    /// The same, and a human is awaited.
    Waiting,
    RateLimited,
    NotFound,
    NotNow,
    Locked,
    Gone,
    Store,
    Io,
    Internal,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Kind::Usage => "usage",
            Kind::Config => "config",
            Kind::InvalidPlan => "invalid_plan",
            Kind::InvalidInputs => "invalid_inputs",
            Kind::NotSupported => "not_supported",
            Kind::Denied => "denied",
            Kind::Refused => "refused",
            Kind::Waiting => "waiting",
            Kind::RateLimited => "rate_limited",
            Kind::NotFound => "not_found",
            Kind::NotNow => "not_now",
            Kind::Locked => "locked",
            Kind::Gone => "gone",
            Kind::Store => "store",
            Kind::Io => "io",
            Kind::Internal => "internal",
        }
    }

    fn exit(self) -> Exit {
        match self {
            Kind::Usage
            | Kind::Config
            | Kind::InvalidPlan
            | Kind::InvalidInputs
            | Kind::NotSupported
            | Kind::NotFound => Exit::Invalid,
            Kind::Denied | Kind::Refused => Exit::Denied,
            Kind::Waiting => Exit::Waiting,
            Kind::RateLimited => Exit::Limited,
            Kind::NotNow | Kind::Locked | Kind::Gone | Kind::Store | Kind::Io | Kind::Internal => {
                Exit::Failure
            }
        }
    }

    fn code(self) -> ErrorCode {
        match self {
            Kind::NotSupported => ErrorCode::NotSupported,
            Kind::Denied => ErrorCode::PolicyDenied,
            Kind::RateLimited => ErrorCode::RateLimited,
            Kind::Locked | Kind::Gone | Kind::Store | Kind::Io | Kind::Internal => {
                ErrorCode::UnknownError
            }
            _ => ErrorCode::InvalidPayload,
        }
    }
}

/// Why a command did not do what was asked: what, where, and what to do.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: Kind,
    code: ErrorCode,
    message: String,
    remedy: Option<String>,
    violations: Vec<Violation>,
    decision: Option<Box<Decision>>,
    refusal: Option<Box<Refusal>>,
    /// For people: the violations with the lines that they are about, where the document is at hand.
    report: Option<String>,
}

impl Failure {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            code: kind.code(),
            message: message.into(),
            remedy: None,
            violations: Vec::new(),
            decision: None,
            refusal: None,
            report: None,
        }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    pub(crate) fn config(message: impl Into<String>) -> Self {
        Self::new(Kind::Config, message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(Kind::NotFound, message)
    }

    /// A tool that may not be used. Its message says what to do.
    pub(crate) fn of_tool(fault: mandate_tools::Fault) -> Self {
        let kind = match fault.code {
            ErrorCode::ToolChanged => Kind::Denied,
            ErrorCode::ActionNotFound => Kind::InvalidPlan,
            ErrorCode::InvalidPayload => Kind::Usage,
            _ => Kind::Io,
        };
        let mut failure = Self::new(kind, fault.message);
        failure.code = fault.code;
        failure
    }

    /// Somebody answers who may not.
    pub(crate) fn mismatch(message: impl Into<String>) -> Self {
        let mut failure = Self::new(Kind::Denied, message);
        failure.code = ErrorCode::ApproverMismatch;
        failure.with_remedy_of_code()
    }

    pub(crate) fn io(what: &str, error: &std::io::Error) -> Self {
        Self::new(Kind::Io, format!("{what}: {error}"))
    }

    /// The same, under another code.
    #[must_use]
    pub(crate) fn with_code(mut self, code: ErrorCode) -> Self {
        self.code = code;
        self
    }

    /// The same, with what to do about it.
    #[must_use]
    pub(crate) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// The same, with everything that is wrong with a document, and how people are shown it.
    #[must_use]
    pub(crate) fn with_violations(mut self, found: Vec<Violation>, report: String) -> Self {
        self.violations = found;
        self.report = Some(report);
        self
    }

    pub(crate) fn exit(&self) -> Exit {
        self.kind.exit()
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it.
    pub(crate) fn advice(&self) -> Option<&str> {
        self.remedy.as_deref()
    }

    fn to_json(&self) -> Value {
        let mut error = Map::new();
        error.insert("code".to_owned(), json!(self.code));
        error.insert("kind".to_owned(), json!(self.kind.as_str()));
        error.insert("message".to_owned(), json!(self.message));
        error.insert("remedy".to_owned(), json!(self.remedy));
        if let Some(decision) = &self.decision {
            error.insert("decision".to_owned(), json!(decision));
        }
        if let Some(refusal) = &self.refusal {
            error.insert("rule".to_owned(), json!(refusal.rule));
            error.insert("expected".to_owned(), json!(refusal.expected));
            error.insert("retry_after_ms".to_owned(), json!(refusal.retry_after_ms));
        }
        let mut whole = Map::new();
        whole.insert("error".to_owned(), Value::Object(error));
        if !self.violations.is_empty() {
            let all: Vec<Value> = self.violations.iter().map(violations::to_json).collect();
            whole.insert("violations".to_owned(), Value::Array(all));
        }
        Value::Object(whole)
    }

    /// Tells it: as JSON on standard output where JSON was asked for, else in words on standard error.
    pub(crate) fn report(&self, out: &Out) {
        if out.is_json() {
            out.value(&self.to_json());
            return;
        }
        let paint = out.paint_notes();
        if let Some(report) = &self.report {
            out.note(report.trim_end());
        }
        out.note(&format!(
            "{} {}",
            paint.look(Look::Bad, "error:"),
            shown::lines(&self.message)
        ));
        if let Some(remedy) = &self.remedy {
            out.note(&format!("{} {remedy}", paint.dim("  try:")));
        }
    }
}

impl From<HostError> for Failure {
    fn from(error: HostError) -> Self {
        let message = error.to_string();
        let code = error.code();
        let mut failure = match error {
            HostError::Store(error) => return error.into(),
            HostError::Plan(found) => {
                let report = violations::without_source(&found);
                Self::new(Kind::InvalidPlan, message)
                    .with_violations(found, report)
                    .remedy("mend what is marked; `docs/violations.md` says more about each code")
            }
            HostError::ToolServer(_) => Self::config(message).remedy(
                "mend its entry in `mcpServers`; `mandate doctor` starts every server and tells",
            ),
            HostError::NotTheApprover { .. } | HostError::Again { .. } => {
                return Self::mismatch(message);
            }
            HostError::NoSuchKey(_) | HostError::KeyRevoked(_) => Self::new(Kind::Denied, message)
                .remedy("`mandate keys list --all` shows the keys; unset MANDATE_API_KEY to speak as yourself"),
            HostError::MayNot { .. } => Self::new(Kind::Denied, message)
                .remedy("use a key with that role in MANDATE_API_KEY; `mandate keys list` shows who has which"),
            HostError::Answer(error) => {
                use mandate_engine::NotAnAnswer as N;
                let kind = match error {
                    N::NoSuchRequest(_) => Kind::NotFound,
                    N::Closed { .. } | N::TooLate(_) | N::OtherSubject(_) => Kind::NotNow,
                    N::NoSuchChoice { .. } | N::Data { .. } => Kind::Usage,
                };
                Self::new(kind, message)
                    .remedy("`mandate inbox show` says what is asked, and what can be answered")
            }
            HostError::FromATool { .. } => {
                Self::new(Kind::Denied, message).remedy("answer from a terminal of your own")
            }
            HostError::OtherVersion { pid, .. } => {
                let remedy = format!("use the same `mandate`, or have process {pid} end first");
                Self::new(Kind::Locked, message).remedy(remedy)
            }
            HostError::Protocol(_) => Self::new(Kind::Internal, message),
            HostError::Unreachable(_) | HostError::Leaving => Self::new(Kind::Locked, message)
                .remedy("try again; `mandate doctor` says who it is"),
            HostError::Gone => Self::new(Kind::Gone, message)
                .remedy("`mandate executions list` says how far everything came"),
            HostError::Inputs(found) => {
                let report = violations::without_source(&found);
                Self::new(Kind::InvalidInputs, message)
                    .with_violations(found, report)
                    .remedy("`mandate plan show PLAN` lists the inputs; give them with `--input NAME=VALUE`")
            }
            HostError::Denied(decision) => {
                let limited = decision.outcome == Outcome::RateLimited;
                let kind = if limited {
                    Kind::RateLimited
                } else {
                    Kind::Denied
                };
                let mut failure = Self::new(kind, message);
                failure.decision = Some(decision);
                return failure.with_remedy_of_code();
            }
            HostError::Unplanned(_) => Self::new(Kind::Refused, message),
            HostError::Refused(refusal) => {
                let kind = match code {
                    ErrorCode::ApprovalRequired => Kind::Waiting,
                    ErrorCode::RateLimited | ErrorCode::BudgetExceeded => Kind::RateLimited,
                    _ => Kind::Refused,
                };
                let mut failure = Self::new(kind, message);
                failure.refusal = Some(refusal);
                failure
            }
            HostError::Tool(fault) => return Self::of_tool(fault),
            HostError::NotSupported { .. } => Self::new(Kind::NotSupported, message),
            HostError::NoSuchTool { .. } => Self::new(Kind::InvalidPlan, message),
            HostError::DeadlinePassed => Self::new(Kind::Usage, message),
            HostError::NoSuchExecution(_) => Self::new(Kind::NotFound, message)
                .remedy("`mandate executions list` shows what there is"),
            HostError::NotARevision(_) => Self::new(Kind::NotNow, message)
                .remedy("`mandate executions show` says what has begun; that must stay as it is"),
            HostError::CannotCarry(CannotCarry::NoSuchStep(_)) => {
                Self::new(Kind::Usage, message).remedy("`mandate executions show` shows the steps")
            }
            HostError::CannotCarry(CannotCarry::InDoubt(step)) => Self::new(Kind::NotNow, message)
                .remedy(format!(
                    "find out what became of it; `--from {step}` says that it is to be done again"
                )),
            HostError::CannotCarry(CannotCarry::NotEnded(_)) => Self::new(Kind::NotNow, message)
                .remedy("`mandate executions continue` carries it on, `cancel` ends it"),
            HostError::CannotCarry(CannotCarry::OtherPlan(_)) => Self::new(Kind::Usage, message)
                .remedy("only what the same plan did with the same inputs is taken over"),
            HostError::NotNow(_) => Self::new(Kind::NotNow, message)
                .remedy("`mandate executions show` says where the execution is"),
            HostError::Unreadable { .. } => Self::new(Kind::Store, message)
                .remedy("`mandate audit verify` says what is damaged"),
            HostError::Stopped => Self::new(Kind::Internal, message),
        };
        failure.code = code;
        failure.with_remedy_of_code()
    }
}

impl Failure {
    fn with_remedy_of_code(mut self) -> Self {
        if self.remedy.is_none() {
            self.remedy = Some(self.code.remedy().to_owned());
        }
        self
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let message = error.to_string();
        match error {
            StoreError::Locked { .. } => Self::new(Kind::Locked, message).remedy(
                "one process at a time drives executions; `mandate executions watch @last` looks on meanwhile",
            ),
            StoreError::TooLarge { .. } => {
                let mut failure = Self::new(Kind::Store, message);
                failure.code = ErrorCode::ResourceExhausted;
                failure.with_remedy_of_code()
            }
            _ => Self::new(Kind::Store, message),
        }
    }
}

/// What to do about an execution's error: the remedy of the innermost cause that has a better one than "look deeper".
pub(crate) fn remedy_of(fault: &Fault) -> &'static str {
    match (&fault.cause, fault.code) {
        (Some(cause), ErrorCode::ExecutionHalted | ErrorCode::StepSkipped) => remedy_of(cause),
        _ => fault.code.remedy(),
    }
}
