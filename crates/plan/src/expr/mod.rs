//! Expressions: CEL with one kind of number, our functions, a counted budget, and templates that embed it.
//!
//! The grammar is CEL's, read by the `cel` crate's parser; the evaluator is ours (`docs/decisions/0002`). It holds
//! no clock: what an expression gives depends on its source and its scope alone.

mod access;
mod argument;
mod budget;
mod call;
mod compile;
mod conversion;
mod encoding;
mod eval;
mod failure;
mod format;
mod function;
mod growing;
mod hidden;
pub mod limits;
mod list;
mod math;
mod named;
mod node;
mod number;
mod order;
mod output;
mod pattern;
mod placeholder;
mod plain;
mod references;
mod rooted;
mod scope;
mod source;
mod template;
mod temporal;
mod text;
mod value;

pub use hidden::{Hidden, SENSITIVE_MARK};
pub use references::References;
pub use scope::{Scope, StepField};
pub use template::{Hole, Resolved, SecretSlot, Template};

use crate::{ErrorCode, ViolationCode};
use failure::{Fail, FailureKind};
use node::Tree;
use serde_json::Value;
use std::{fmt, sync::Arc};

/// An expression, compiled once. Cloning it is cheap.
#[derive(Clone)]
pub struct Expr {
    inner: Arc<Inner>,
}

struct Inner {
    source: String,
    place: String,
    tree: Tree,
    references: References,
}

/// What is wrong with an expression before it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExprProblem {
    /// Which kind of problem.
    pub code: ViolationCode,
    /// What is wrong; it may name parts of the source.
    pub message: String,
    /// Where in the source, in bytes.
    pub offset: usize,
    /// What to write instead, where that is known.
    pub suggestion: Option<String>,
}

impl ExprProblem {
    fn new(code: ViolationCode, message: String, offset: usize) -> Self {
        Self {
            code,
            message,
            offset,
            suggestion: None,
        }
    }
}

/// Why an expression gave no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct EvalError {
    /// `INVALID_PAYLOAD` when the values do not allow it, `RESOURCE_EXHAUSTED` when it takes too much.
    pub code: ErrorCode,
    /// Names the place in the plan and the kind of problem, never a value.
    pub message: String,
}

impl EvalError {
    fn new(fail: &Fail, place: &str, source: &str) -> Self {
        let code = match fail.kind {
            FailureKind::Missing | FailureKind::Invalid => ErrorCode::InvalidPayload,
            FailureKind::Exhausted => ErrorCode::ResourceExhausted,
        };
        let before = fail.offset.and_then(|offset| source.get(..offset));
        let column = before.map_or(1, |before| before.chars().count() + 1);
        Self {
            code,
            message: format!(
                "`{place}`, character {column} of the expression: {}",
                fail.message
            ),
        }
    }
}

impl Expr {
    /// Compiles `source`. `place` says where it stands in the plan, as in `steps.fetch.if`; run-time messages name it.
    ///
    /// # Errors
    /// Everything that is wrong with the source: syntax, names, arities, bounds.
    pub fn compile(source: &str, place: &str) -> Result<Expr, Vec<ExprProblem>> {
        compile::compile(source).map(|compiled| Self::of(source, place, compiled))
    }

    /// The same, always through the CEL parser and the evaluator; tests compare the two.
    #[doc(hidden)]
    pub fn compile_slowly(source: &str, place: &str) -> Result<Expr, Vec<ExprProblem>> {
        compile::compile_cel(source).map(|compiled| Self::of(source, place, compiled))
    }

    fn of(source: &str, place: &str, (tree, references): compile::Compiled) -> Expr {
        let inner = Inner {
            source: source.to_owned(),
            place: place.to_owned(),
            tree,
            references,
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// The source as it was written.
    pub fn source(&self) -> &str {
        &self.inner.source
    }

    /// What the expression refers to.
    pub fn references(&self) -> &References {
        &self.inner.references
    }

    /// The value in `scope`. Timestamps, durations and bytes come out as strings.
    ///
    /// # Errors
    /// When the values do not allow an operation, or when it takes too much work or makes too large a value.
    pub fn eval(&self, scope: &dyn Scope) -> Result<Value, EvalError> {
        match plain::resolve(&self.inner.tree, scope) {
            Some(result) => result.map_err(|fail| self.error(&fail)),
            None => self.eval_slowly(scope),
        }
    }

    /// The same without the short cut for plain paths; tests compare the two.
    #[doc(hidden)]
    pub fn eval_slowly(&self, scope: &dyn Scope) -> Result<Value, EvalError> {
        eval::evaluate(&self.inner.tree, scope).map_err(|fail| self.error(&fail))
    }

    /// The value of a condition.
    ///
    /// # Errors
    /// As [`Expr::eval`], and `INVALID_PAYLOAD` when the value is neither true nor false.
    pub fn eval_bool(&self, scope: &dyn Scope) -> Result<bool, EvalError> {
        match self.eval(scope)? {
            Value::Bool(flag) => Ok(flag),
            _ => Err(self.error(&failure::Failure::invalid(
                "the condition is neither true nor false",
            ))),
        }
    }

    fn error(&self, fail: &Fail) -> EvalError {
        EvalError::new(fail, &self.inner.place, &self.inner.source)
    }
}

impl fmt::Debug for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Expr")
            .field("source", &self.inner.source)
            .field("place", &self.inner.place)
            .finish_non_exhaustive()
    }
}

/// Every function with how it is called, for the reference page.
pub fn functions() -> Vec<(&'static str, &'static str)> {
    let known = function::Function::ALL
        .iter()
        .map(|function| (function.name(), function.usage()));
    known.chain(function::SPECIAL).collect()
}
