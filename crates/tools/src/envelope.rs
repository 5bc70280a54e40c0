//! The one shape in which a failed call is shown outside.

use crate::Fault;
use mandate_plan::ErrorCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `{"error": {…}}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ErrorEnvelope {
    /// The error.
    pub error: ErrorBody,
}

/// What the envelope holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// The family of the code.
    pub category: Category,
    /// The stable code.
    pub code: ErrorCode,
    /// What, where, and what to do.
    pub message: String,
    /// More for programs; null when there is none.
    pub details: Option<Value>,
    /// The tool that was called.
    pub tool: String,
    /// The step that called it.
    pub step_id: String,
    /// The execution of that step.
    pub execution_id: String,
    /// When the call ended, RFC 3339 in UTC with milliseconds.
    pub timestamp: String,
}

/// The family of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Category {
    /// The call's arguments, or a value it needs, are not right.
    ValidationError,
    /// The tool answered with an error, or with something that breaks its schema.
    ToolError,
    /// The call did not come to its end.
    ExecutionError,
    /// The call is not allowed.
    PolicyError,
    /// Mandate or the tool broke.
    InternalError,
}

impl Category {
    /// The family that a code belongs to.
    pub fn of(code: ErrorCode) -> Self {
        match code {
            ErrorCode::ContextMissing
            | ErrorCode::InvalidPayload
            | ErrorCode::DependencyUnresolved
            | ErrorCode::ActionNotFound
            | ErrorCode::NotSupported => Category::ValidationError,
            ErrorCode::ToolFailed | ErrorCode::OutputInvalid | ErrorCode::ExpectationFailed => {
                Category::ToolError
            }
            ErrorCode::StepTimeout
            | ErrorCode::PlanTimeout
            | ErrorCode::DeadlineExceeded
            | ErrorCode::ResourceExhausted
            | ErrorCode::ExecutionHalted
            | ErrorCode::StepSkipped
            | ErrorCode::InvariantViolated
            | ErrorCode::InDoubt
            | ErrorCode::Cancelled => Category::ExecutionError,
            ErrorCode::PolicyDenied
            | ErrorCode::ApprovalRequired
            | ErrorCode::ApprovalRejected
            | ErrorCode::ApprovalExpired
            | ErrorCode::ApproverMismatch
            | ErrorCode::RateLimited
            | ErrorCode::UnplannedAction
            | ErrorCode::SequenceViolation
            | ErrorCode::ArgumentViolation
            | ErrorCode::PhaseViolation
            | ErrorCode::TokenInvalid
            | ErrorCode::TokenExpired
            | ErrorCode::ToolChanged
            | ErrorCode::BudgetExceeded
            | ErrorCode::Frozen => Category::PolicyError,
            ErrorCode::UnknownError
            | ErrorCode::HostGone
            | ErrorCode::DiskFull
            | ErrorCode::StoreReadOnly
            | ErrorCode::StoreBusy
            | ErrorCode::StoreLost
            | ErrorCode::StoreDamaged
            | ErrorCode::StoreFailed => Category::InternalError,
        }
    }
}

impl ErrorEnvelope {
    /// The envelope of a fault; `at_ms` is the time at which the call ended, in milliseconds since 1970 (UTC).
    pub fn new(fault: &Fault, tool: &str, step_id: &str, execution_id: &str, at_ms: i64) -> Self {
        Self {
            error: ErrorBody {
                category: Category::of(fault.code),
                code: fault.code,
                message: fault.message.clone(),
                details: fault.details.clone(),
                tool: tool.to_owned(),
                step_id: step_id.to_owned(),
                execution_id: execution_id.to_owned(),
                timestamp: crate::rfc3339::format_ms(at_ms),
            },
        }
    }
}
