//! Why a built-in stops short of an answer.

use crate::{Fault, Outcome};
use mandate_plan::ErrorCode;

/// An outcome other than an answer, for use with `?`.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Nothing was done.
    Refused(Fault),
    /// The answer is an error.
    Failed(Fault),
    /// Nobody knows.
    Unknown(Fault),
}

impl Stop {
    pub(crate) fn refused(code: ErrorCode, message: impl Into<String>) -> Self {
        Stop::Refused(Fault::new(code, message))
    }

    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Stop::Failed(Fault::new(ErrorCode::ToolFailed, message))
    }

    pub(crate) fn too_large(message: impl Into<String>) -> Self {
        Stop::Failed(Fault::new(ErrorCode::ResourceExhausted, message))
    }
}

impl From<Stop> for Outcome {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Refused(fault) => Outcome::Refused(fault),
            Stop::Failed(fault) => Outcome::Failed(fault),
            Stop::Unknown(fault) => Outcome::Unknown(fault),
        }
    }
}
