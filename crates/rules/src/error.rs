//! What is wrong with a policy's text, and where.

use miette::Diagnostic;
use std::{fmt, ops::Range, sync::Arc};

/// A text of a policy with the name that messages give it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// A path, or what else it is called.
    pub name: Arc<str>,
    /// The text.
    pub text: Arc<str>,
}

impl Source {
    /// A text with its name.
    pub fn new(name: &str, text: &str) -> Self {
        Self {
            name: name.into(),
            text: text.into(),
        }
    }

    /// Line and column of a byte, both from 1.
    pub fn line_column(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let last = before.rsplit_once('\n').map_or(before, |(_, last)| last);
        (before.matches('\n').count() + 1, last.chars().count() + 1)
    }
}

/// Something wrong with a policy, or, as a warning, something that its author hardly meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyError {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// The text that it is in.
    pub source: Source,
    /// Where in the text, in bytes.
    pub span: Option<Range<usize>>,
    /// The rule that it is about, where it is about one.
    pub rule: Option<String>,
}

impl PolicyError {
    pub(crate) fn new(source: &Source, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: None,
            source: source.clone(),
            span: None,
            rule: None,
        }
    }

    pub(crate) fn at(mut self, span: Option<Range<usize>>) -> Self {
        self.span = span;
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn rule(mut self, rule: &str) -> Self {
        self.rule = Some(rule.to_owned());
        self
    }

    /// What Cedar says, and beneath it what it says is related.
    pub(crate) fn of_cedar(source: &Source, diagnostic: &dyn Diagnostic) -> Vec<Self> {
        let mut found = vec![Self::one(source, diagnostic)];
        for related in diagnostic.related().into_iter().flatten() {
            found.push(Self::one(source, related));
        }
        found.dedup();
        found
    }

    fn one(source: &Source, diagnostic: &dyn Diagnostic) -> Self {
        let label = diagnostic
            .labels()
            .and_then(|mut labels| labels.next())
            .map(|label| label.offset()..label.offset().saturating_add(label.len()));
        Self {
            message: diagnostic.to_string(),
            help: diagnostic.help().map(|help| help.to_string()),
            source: source.clone(),
            span: label,
            rule: None,
        }
    }

    /// `file:line:column`, or as much of it as is known.
    pub fn place(&self) -> String {
        match &self.span {
            Some(span) => {
                let (line, column) = self.source.line_column(span.start);
                format!("{}:{line}:{column}", self.source.name)
            }
            None => self.source.name.to_string(),
        }
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place(), self.message)
    }
}

impl std::error::Error for PolicyError {}
