//! Rules that are valid and still hardly what their author meant.

use crate::{
    error::PolicyError,
    literals::nearest,
    rule::{Rule, Scope, server_of},
    set::PolicySet,
};
use mandate_policy::Outcome;

/// Rules that can never match, and rules that another one makes pointless. `tools` are the names of all tools, where
/// they are known.
pub fn lint(set: &PolicySet, tools: Option<&[&str]>) -> Vec<PolicyError> {
    let mut found = Vec::new();
    for rule in set.rules() {
        if rule.principal == Scope::None || rule.resource == Scope::None {
            found.push(about(
                rule,
                "can never match: its head names no principal or no tool",
            ));
        }
        found.extend(tools.and_then(|tools| no_such_tool(rule, tools)));
        let other = set.rules().iter().find(|other| subsumes(other, rule, set));
        if let Some(other) = other {
            let message = format!(
                "changes nothing: `{}` matches whatever it matches, and is at least as strict",
                other.id
            );
            found.push(about(rule, &message).help("remove one of them, or narrow the wider one"));
        }
    }
    if !set.rules().is_empty() && set.rules().iter().all(|it| it.outcome == Outcome::Deny) {
        let first = set.rules().iter().take(1);
        found.extend(first.map(|rule| {
            about(
                rule,
                "stands in a policy that only forbids, so that everything is denied",
            )
            .help("add a `permit`: what no rule matches is denied")
        }));
    }
    found
}

fn about(rule: &Rule, message: &str) -> PolicyError {
    PolicyError::new(&rule.source, format!("the rule `{}` {message}", rule.id))
        .at(Some(rule.span.clone()))
        .rule(&rule.id)
}

fn no_such_tool(rule: &Rule, tools: &[&str]) -> Option<PolicyError> {
    let (kind, name, there): (_, &String, Vec<&str>) = match &rule.resource {
        Scope::Is(name) => ("tool", name, tools.to_vec()),
        Scope::In(name) => (
            "server",
            name,
            tools.iter().map(|it| server_of(it)).collect(),
        ),
        Scope::Any | Scope::None => return None,
    };
    if there.contains(&name.as_str()) {
        return None;
    }
    let error = about(
        rule,
        &format!("can never match: there is no {kind} `{name}`"),
    );
    Some(match nearest(name, there) {
        Some(near) => error.help(format!("did you mean `{near}`?")),
        None => error.help("`mandate tools list` shows what there is"),
    })
}

/// Whether `wide` matches whatever `narrow` does, without asking for anything more, and is at least as strict.
fn subsumes(wide: &Rule, narrow: &Rule, set: &PolicySet) -> bool {
    let position = |rule: &Rule| set.rules().iter().position(|it| it.id == rule.id);
    // Of two that say the same only the second is pointless.
    let same = wide.outcome == narrow.outcome
        && !narrow.conditional
        && wide.principal == narrow.principal
        && wide.resource == narrow.resource;
    let approvers = wide.outcome == Outcome::Deny
        || wide.outcome == narrow.outcome
            && narrow
                .approvers
                .iter()
                .all(|it| wide.approvers.contains(it))
        || narrow.outcome == Outcome::Allow;
    wide.id != narrow.id
        && !wide.conditional
        && wide.outcome >= narrow.outcome
        && (wide.absolute || !narrow.absolute)
        && approvers
        && wide.principal.covers(&narrow.principal, |_| None)
        && wide
            .resource
            .covers(&narrow.resource, |tool| Some(server_of(tool).to_owned()))
        && (!same || position(wide) < position(narrow))
}
