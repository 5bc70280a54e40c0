//! The policies that are measured: the starter policy, and made ones of any size.

use crate::failure::Failure;
use mandate_rules::{
    PolicySet, Source, load,
    starter::{self, DEFINITIONS},
};

/// What a line is measured with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Policy {
    /// The one that ships with the program.
    Starter,
    /// So many rules: what reads and effects need, and many that look at a call and find nothing.
    Made(usize),
    /// The same; one rule, which matches every call, reckons, so that Cedar is asked at each.
    Asking(usize),
}

impl Policy {
    /// As the report names it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Policy::Starter => "starter",
            Policy::Made(_) => "made",
            Policy::Asking(_) => "asking",
        }
    }

    /// A set of its own, with nothing prepared.
    pub(super) fn set(self) -> Result<PolicySet, Failure> {
        loaded(&self.text())
    }

    pub(super) fn text(self) -> String {
        match self {
            Policy::Starter => starter::RULES.to_owned(),
            Policy::Made(rules) => made(rules).join("\n"),
            Policy::Asking(rules) => {
                let mut all = made(rules.saturating_sub(1));
                all.push("@id(\"count\") permit (principal, action, resource) when { context.session.calls + 1 < 1000000000 };".to_owned());
                all.join("\n")
            }
        }
    }
}

pub(super) fn loaded(text: &str) -> Result<PolicySet, Failure> {
    load(
        &[Source::new("bench.cedar", text)],
        &[Source::new("policy.toml", DEFINITIONS)],
    )
    .map_err(|wrong_ones| {
        let first = wrong_ones.first().map(ToString::to_string);
        Failure::Wrong(first.unwrap_or_default())
    })
}

fn made(rules: usize) -> Vec<String> {
    let mut all = vec![
        "@id(\"reads\") permit (principal, action, resource) when { resource.effect == \"read\" && !resource.open_world };".to_owned(),
        "@id(\"effects\") @decision(\"require_approval\") permit (principal, action, resource) when { resource.effect != \"read\" || resource.open_world };".to_owned(),
        "@id(\"secrets\") forbid (principal, action, resource) when { context.tags.contains(\"system_secret\") };".to_owned(),
    ];
    for number in all.len()..rules {
        let (scope, condition) = match number % 6 {
            0 => (
                "resource in Server::\"mail\"",
                "context.risk.score > 50".to_owned(),
            ),
            1 => (
                "resource == Tool::\"crm.delete\"",
                "context.session.calls > 50".to_owned(),
            ),
            2 => (
                "resource",
                "context.category == \"file_delete\" && context.tags.contains(\"sensitive_path\")"
                    .to_owned(),
            ),
            3 => (
                "resource",
                "context.category == \"code_execution\" && context.session.risk > 50".to_owned(),
            ),
            4 => (
                "resource",
                format!("context.hosts.contains(\"h{number}.example.com\")"),
            ),
            _ => (
                "resource",
                format!(
                    "context.session.calls > {} && context.untrusted_sinks.contains(\"url\")",
                    1_000_000_000 + number
                ),
            ),
        };
        all.push(format!(
            "@id(\"r{number}\") forbid (principal, action, {scope}) when {{ {condition} }};"
        ));
    }
    all
}
