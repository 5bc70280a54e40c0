//! What kind of failure it is, for programs: the one place where a kind becomes an exit code and an HTTP status.

use mandate_engine::{Ending, Status};
use mandate_plan::ErrorCode;
use mandate_policy::Outcome;

/// What a process ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
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
    pub fn code(self) -> u8 {
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
    pub fn of_ending(ending: &Ending) -> Self {
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
    pub fn of_outcome(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Allow | Outcome::RequireApproval => Exit::Success,
            Outcome::Deny => Exit::Denied,
            Outcome::RateLimited => Exit::Limited,
        }
    }
}

/// What kind of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// It was asked for in a wrong way.
    Usage,
    /// The configuration, or a tool server that it names, does not work.
    Config,
    /// The plan is not valid.
    InvalidPlan,
    /// The inputs do not fit the plan.
    InvalidInputs,
    /// This version cannot do it.
    NotSupported,
    /// Policy, or somebody's rights, forbid it.
    Denied,
    /// A call of an agent was refused.
    Refused,
    /// The same, and a human is awaited.
    Waiting,
    /// A rate is used up.
    RateLimited,
    /// There is no such thing.
    NotFound,
    /// It does not fit where things stand.
    NotNow,
    /// Another process has the journal.
    Locked,
    /// The process that drove is gone.
    Gone,
    /// The journal cannot be read or written.
    Store,
    /// The operating system refuses.
    Io,
    /// Mandate broke.
    Internal,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 16] = [
        Kind::Usage,
        Kind::Config,
        Kind::InvalidPlan,
        Kind::InvalidInputs,
        Kind::NotSupported,
        Kind::Denied,
        Kind::Refused,
        Kind::Waiting,
        Kind::RateLimited,
        Kind::NotFound,
        Kind::NotNow,
        Kind::Locked,
        Kind::Gone,
        Kind::Store,
        Kind::Io,
        Kind::Internal,
    ];

    /// The kind as it is written outside.
    pub fn as_str(self) -> &'static str {
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

    /// What a command ends with that failed so.
    pub fn exit(self) -> Exit {
        self.numbers().0
    }

    /// What a request is answered with that failed so.
    pub fn http_status(self) -> u16 {
        self.numbers().1
    }

    fn numbers(self) -> (Exit, u16) {
        match self {
            Kind::Usage => (Exit::Invalid, 400),
            Kind::Config => (Exit::Invalid, 502),
            Kind::InvalidPlan | Kind::InvalidInputs | Kind::NotSupported => (Exit::Invalid, 422),
            Kind::NotFound => (Exit::Invalid, 404),
            Kind::Denied | Kind::Refused => (Exit::Denied, 403),
            Kind::Waiting => (Exit::Waiting, 202),
            Kind::RateLimited => (Exit::Limited, 429),
            Kind::NotNow => (Exit::Failure, 409),
            Kind::Locked | Kind::Gone | Kind::Store => (Exit::Failure, 503),
            Kind::Io | Kind::Internal => (Exit::Failure, 500),
        }
    }

    /// The code of a failure that has no other.
    pub fn code(self) -> ErrorCode {
        match self {
            Kind::NotSupported => ErrorCode::NotSupported,
            Kind::Denied => ErrorCode::PolicyDenied,
            Kind::RateLimited => ErrorCode::RateLimited,
            Kind::Gone => ErrorCode::HostGone,
            Kind::Locked | Kind::Store | Kind::Io | Kind::Internal => ErrorCode::UnknownError,
            _ => ErrorCode::InvalidPayload,
        }
    }
}
