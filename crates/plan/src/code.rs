//! The error codes that executions, calls and refusals end with, their severity, and what to do about each.

use serde::{Deserialize, Serialize};
use std::fmt;

/// How grave an error is. Severity never decides a status: the status rules do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Reported, and the plan went on.
    Warn,
    /// Stopped a step or an execution; another try may succeed.
    Error,
    /// Stopped an execution for good.
    Fatal,
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal, $severity:ident, $remedy:literal;)*) => {
        /// A stable error code. The page `docs/errors/CODE.md` of each is generated from this table.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum ErrorCode {
            $($(#[doc = $doc])* #[serde(rename = $name)] $variant,)*
        }

        impl ErrorCode {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [ErrorCode] = &[$(ErrorCode::$variant,)*];

            /// The code as it is written everywhere outside.
            pub fn as_str(self) -> &'static str {
                match self { $(ErrorCode::$variant => $name,)* }
            }

            /// The severity that goes with the code.
            pub fn severity(self) -> Severity {
                match self { $(ErrorCode::$variant => Severity::$severity,)* }
            }

            /// When the code is given.
            pub fn meaning(self) -> &'static str {
                match self { $(ErrorCode::$variant => concat!($($doc,)*).trim_ascii(),)* }
            }

            /// What the reader of the error can do.
            pub fn remedy(self) -> &'static str {
                match self { $(ErrorCode::$variant => $remedy,)* }
            }
        }

        impl std::str::FromStr for ErrorCode {
            type Err = UnknownCode;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text { $($name => Ok(ErrorCode::$variant),)* _ => Err(UnknownCode(text.to_owned())) }
            }
        }
    };
}

codes! {
    /// A value that the step needs is not there: a secret, a context key, or a sensitive output gone with a restart.
    ContextMissing = "CONTEXT_MISSING", Fatal, "supply the missing value (`mandate doctor` lists secrets that do not resolve), then run again";
    /// The plan, an input, an argument or an expression's result does not fit what is asked for.
    InvalidPayload = "INVALID_PAYLOAD", Fatal, "correct the value that the message names; `mandate plan validate` shows every violation with its place";
    /// A step passed its own `timeout_ms`.
    StepTimeout = "STEP_TIMEOUT", Error, "raise the step's `timeout_ms`, or make the call smaller; a tool that is neither read-only nor idempotent ends in doubt instead";
    /// The plan passed `constraints.timeout_ms` of active time.
    PlanTimeout = "PLAN_TIMEOUT", Fatal, "raise `constraints.timeout_ms`, or split the plan";
    /// The absolute deadline of the execution passed.
    DeadlineExceeded = "DEADLINE_EXCEEDED", Fatal, "start earlier, or give a later `--deadline`";
    /// A step that this one needs does not exist, comes later, or failed.
    DependencyUnresolved = "DEPENDENCY_UNRESOLVED", Fatal, "let `after`, `depends_on` and expressions name only steps above this one";
    /// No tool of that name is registered.
    ActionNotFound = "ACTION_NOT_FOUND", Fatal, "`mandate tools list` shows the tools there are, and which are disabled; add the server or tool to `mandate.toml`";
    /// A limit on size, count, or evaluation effort was passed.
    ResourceExhausted = "RESOURCE_EXHAUSTED", Fatal, "make the value or the expression smaller, or raise the limit that the message names";
    /// The execution was ended on purpose before its plan was through, and not by a step's failure or a cancel.
    ExecutionHalted = "EXECUTION_HALTED", Error, "`mandate executions show` says who ended it, and at which step";
    /// The plan ran to its end, but at least one step failed and was passed over.
    StepSkipped = "STEP_SKIPPED", Warn, "look at the first failure, which is the error's cause";
    /// The process that drives the executions cannot be reached, or ended while it was asked: what was asked for may have been done.
    HostGone = "HOST_GONE", Error, "see what came of it before you ask again: `mandate executions show`, or `status` at the gateway; a call that was under way is done, still to be made, or in doubt";
    /// Something that has no code of its own.
    UnknownError = "UNKNOWN_ERROR", Fatal, "run again with `MANDATE_LOG=debug` and report what the log says";
    /// Policy forbids the plan or the call.
    PolicyDenied = "POLICY_DENIED", Fatal, "`mandate evaluate` names the rule; change the plan, or ask who owns the policy";
    /// The plan or the call needs a human's approval that is not there yet.
    ApprovalRequired = "APPROVAL_REQUIRED", Error, "`mandate inbox list` shows what waits; approve it, then `mandate executions continue`";
    /// A human said no.
    ApprovalRejected = "APPROVAL_REJECTED", Fatal, "read the reason; change the plan and submit it again, or give the step an `on_failure`";
    /// Nobody answered before the approval expired.
    ApprovalExpired = "APPROVAL_EXPIRED", Fatal, "run the plan again and answer in time; a question may declare a `default`";
    /// The one who answered may not answer this request.
    ApproverMismatch = "APPROVER_MISMATCH", Error, "`mandate approvals show` says who may answer";
    /// A rate limit was met.
    RateLimited = "RATE_LIMITED", Error, "wait for the time that the message names";
    /// The call matches no step of the approved plan.
    UnplannedAction = "UNPLANNED_ACTION", Error, "call what the plan holds, or propose a revision";
    /// The call matches a step whose turn it is not.
    SequenceViolation = "SEQUENCE_VIOLATION", Error, "call the step that the message names first";
    /// The arguments break the step's `allow`, `deny` or a plan constraint.
    ArgumentViolation = "ARGUMENT_VIOLATION", Error, "the message names the argument and the rule; change either in the plan and have it approved";
    /// The tool may not be used in this phase.
    PhaseViolation = "PHASE_VIOLATION", Error, "only read-only tools run while strategizing";
    /// The token is not valid for this execution.
    TokenInvalid = "TOKEN_INVALID", Error, "ask for the execution's status to get a new token";
    /// The token is too old, or the execution has ended.
    TokenExpired = "TOKEN_EXPIRED", Error, "renew the token, or start a new execution";
    /// The tool is no longer the one that was approved.
    ToolChanged = "TOOL_CHANGED", Fatal, "`mandate tools diff` shows the change, `mandate tools accept` accepts it; then have the plan approved again";
    /// The tool answered with an error.
    ToolFailed = "TOOL_FAILED", Error, "read the tool's own message; a `retry` policy tries again where that is safe";
    /// The tool's output breaks its output schema.
    OutputInvalid = "OUTPUT_INVALID", Error, "the effect happened; check it, and mend the tool or its schema";
    /// A condition that must hold after every step did not.
    InvariantViolated = "INVARIANT_VIOLATED", Fatal, "the message names the invariant; check what the last step did";
    /// The step's `expect` was false.
    ExpectationFailed = "EXPECTATION_FAILED", Error, "a `retry` policy polls a read-only tool until it holds";
    /// The tool was called and nobody knows whether the effect happened.
    InDoubt = "IN_DOUBT", Error, "find out, then `mandate executions resolve ID STEP --done | --not-done | --fail --reason R`";
    /// Somebody cancelled the execution.
    Cancelled = "CANCELLED", Fatal, "run the plan again if it was not meant";
    /// A budget is used up.
    BudgetExceeded = "BUDGET_EXCEEDED", Error, "grant more calls when the inbox asks, or raise the budget in the plan and have it approved";
    /// New permits are stopped everywhere.
    Frozen = "FROZEN", Error, "`mandate thaw` when it is safe";
    /// The disk that holds the journal has no room left.
    DiskFull = "DISK_FULL", Error, "make room on the disk of the data directory, then `mandate executions continue`; nothing that was on the disk is lost";
    /// The disk or the directory that holds the journal cannot be written.
    StoreReadOnly = "STORE_READ_ONLY", Error, "make the data directory and its files writable for you (`mount`, `ls -l`, `dmesg` say why they are not), then `mandate executions continue`";
    /// Another process has the journal, or a lock on it.
    StoreBusy = "STORE_BUSY", Error, "`mandate doctor` says who drives executions; close any other program that has `journal.db` open, then try again";
    /// The data directory was removed, moved, or taken over by another process while this one used it.
    StoreLost = "STORE_LOST", Fatal, "put the data directory back if it was moved or removed; `mandate executions list` says how far everything came, `mandate executions continue` carries on";
    /// The journal, or a file that belongs to it, is not what was written.
    StoreDamaged = "STORE_DAMAGED", Fatal, "`mandate audit verify` says what is damaged; `docs/operations.md`, \"When the journal is damaged\", says what to do about it";
    /// Reading or writing the journal failed otherwise.
    StoreFailed = "STORE_FAILED", Error, "mend what the message names (`dmesg` knows of failing disks, `ulimit -n` of too few open files), then `mandate executions continue`";
    /// The plan uses something that this version cannot run yet.
    NotSupported = "NOT_SUPPORTED", Fatal, "leave the named feature out; the changelog says when it comes";
}

impl ErrorCode {
    /// Whether a caller may try again: everything that is not fatal.
    pub fn recoverable(self) -> bool {
        self.severity() != Severity::Fatal
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no error code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an error code")]
pub struct UnknownCode(pub String);
