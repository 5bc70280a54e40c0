//! What an expression may read: variables and the fields of steps.

use serde_json::Value;
use std::borrow::Cow;

/// What an expression may read. A name that is absent is not in scope there.
pub trait Scope {
    /// The value of a root variable: `inputs`, `item`, `index`, `execution`, `output`, `args`, …
    fn variable(&self, name: &str) -> Option<Cow<'_, Value>>;
    /// A field of the step with this id; null when the step has none, `None` when there is no such step.
    fn step(&self, id: &str, field: StepField) -> Option<Cow<'_, Value>>;
}

/// What may be read of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StepField {
    /// What the tool answered; null unless the step is completed or recovered.
    Output,
    /// The resolved arguments.
    Args,
    /// The state, as a text.
    State,
    /// `{code, message, attempt}` of the failure.
    Error,
    /// What went wrong with items of a `for_each` step.
    Errors,
}

impl StepField {
    /// Every field, in the order in which a whole step shows them.
    pub const ALL: [StepField; 5] = [
        Self::Output,
        Self::Args,
        Self::State,
        Self::Error,
        Self::Errors,
    ];

    /// The name in expressions.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Output => "output",
            Self::Args => "args",
            Self::State => "state",
            Self::Error => "error",
            Self::Errors => "errors",
        }
    }

    /// The field of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.as_str() == name)
    }

    /// Whether reading the field needs the step to have succeeded. The others only wait for it.
    pub fn is_need(self) -> bool {
        !matches!(self, Self::State | Self::Error)
    }
}
