//! Every way in which a command fails, as people and programs are told it.

use crate::{
    output::{Look, Out},
    render::{shown, violations},
};
use mandate_engine::Fault;
use mandate_host::HostError;
use mandate_plan::{ErrorCode, Violation};
use mandate_policy::{Refusal, decision::Decision};
use mandate_store::StoreError;
use serde_json::{Map, Value, json};

pub(crate) use mandate_host::{Exit, Kind};

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
    /// What else a server told of it.
    further: Map<String, Value>,
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
            further: Map::new(),
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
        HostError::Tool(fault).into()
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

    /// The same, with further members for programs.
    #[must_use]
    pub(crate) fn with_further(mut self, further: Map<String, Value>) -> Self {
        self.further = further;
        self
    }

    pub(crate) fn exit(&self) -> Exit {
        self.kind.exit()
    }

    /// Everything that is wrong with a document.
    pub(crate) fn found(&self) -> &[Violation] {
        &self.violations
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
        error.extend(self.further.clone());
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
        let (kind, code, remedy) = (error.kind(), error.code(), error.remedy());
        let mut failure = Self::new(kind, error.to_string()).with_code(code);
        failure.remedy = remedy;
        match error {
            HostError::Plan(found) | HostError::Inputs(found) => {
                let report = violations::without_source(&found);
                failure.with_violations(found, report)
            }
            HostError::Denied(decision) => {
                failure.decision = Some(decision);
                failure
            }
            HostError::Refused(refusal) => {
                failure.refusal = Some(refusal);
                failure
            }
            _ => failure,
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        HostError::Store(error).into()
    }
}

/// What to do about an execution's error: the remedy of the innermost cause that has a better one than "look deeper".
pub(crate) fn remedy_of(fault: &Fault) -> &'static str {
    match (&fault.cause, fault.code) {
        (Some(cause), ErrorCode::ExecutionHalted | ErrorCode::StepSkipped) => remedy_of(cause),
        _ => fault.code.remedy(),
    }
}
