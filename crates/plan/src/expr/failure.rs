//! Why an evaluation stopped, before it is told to the outside.

use std::borrow::Cow;

/// What went wrong during an evaluation. Boxed: errors are rare, results are moved all the time.
pub(super) type Fail = Box<Failure>;

/// Which of the three ways an evaluation can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FailureKind {
    /// A key or an index that is not there; `coalesce` reads it as null.
    Missing,
    /// An operation that the values do not allow.
    Invalid,
    /// Too much work or too large a value. Nothing absorbs it: not `||`, `&&`, `all`, `exists`, `coalesce`.
    Exhausted,
}

/// One failure. The message never holds a value of the data, only types, names from the source, and limits.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) kind: FailureKind,
    pub(super) message: Cow<'static, str>,
    /// Byte offset in the source, filled in by the innermost node that knows it.
    pub(super) offset: Option<usize>,
}

impl Failure {
    fn new(kind: FailureKind, message: impl Into<Cow<'static, str>>) -> Fail {
        Box::new(Self {
            kind,
            message: message.into(),
            offset: None,
        })
    }

    pub(super) fn missing(message: impl Into<Cow<'static, str>>) -> Fail {
        Self::new(FailureKind::Missing, message)
    }

    pub(super) fn invalid(message: impl Into<Cow<'static, str>>) -> Fail {
        Self::new(FailureKind::Invalid, message)
    }

    pub(super) fn exhausted(message: impl Into<Cow<'static, str>>) -> Fail {
        Self::new(FailureKind::Exhausted, message)
    }

    /// Whether no operator may absorb the failure.
    pub(super) fn is_final(&self) -> bool {
        self.kind == FailureKind::Exhausted
    }
}
