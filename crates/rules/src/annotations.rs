//! What stands above a rule: `@id`, `@decision`, `@severity`, `@message`, `@approvers`, `@absolute`.

use crate::rule::PLACEHOLDERS;
use mandate_policy::{Approver, Outcome, risk::Level};
use std::collections::BTreeMap;

const KNOWN: &[&str] = &[
    "id",
    "decision",
    "severity",
    "message",
    "approvers",
    "absolute",
];
/// Longest id of a rule, in characters.
const MAX_ID: usize = 128;

/// The annotations of a rule, read.
#[derive(Debug)]
pub(crate) struct Annotations {
    pub(crate) id: String,
    pub(crate) outcome: Outcome,
    pub(crate) severity: Option<Level>,
    pub(crate) message: Option<String>,
    pub(crate) approvers: Vec<Approver>,
    pub(crate) absolute: bool,
}

/// What is wrong with them, and what to do about it.
pub(crate) type Wrong = (String, String);

/// Reads the annotations of a `permit` or a `forbid`.
pub(crate) fn read(given: &BTreeMap<&str, &str>, forbids: bool) -> Result<Annotations, Vec<Wrong>> {
    let mut wrong: Vec<Wrong> = Vec::new();
    for name in given.keys().filter(|name| !KNOWN.contains(*name)) {
        let near = crate::literals::nearest(name, KNOWN.iter().copied());
        let help = near.map_or_else(
            || format!("there are `@{}`", KNOWN.join("`, `@")),
            |near| format!("did you mean `@{near}`?"),
        );
        wrong.push((format!("there is no annotation `@{name}`"), help));
    }
    let id = given.get("id").copied().unwrap_or_default();
    if id.is_empty() {
        let help = "write `@id(\"name\")` above it: decisions name the rules that matched";
        wrong.push(("the rule has no `@id`".to_owned(), help.to_owned()));
    } else if id.chars().count() > MAX_ID || id.chars().any(char::is_control) {
        let message = "the rule's `@id` is too long, or holds control characters";
        wrong.push((
            message.to_owned(),
            format!("use at most {MAX_ID} plain characters"),
        ));
    }
    let outcome = match (forbids, given.get("decision").copied()) {
        (true, None | Some("deny")) => Outcome::Deny,
        (false, None | Some("allow")) => Outcome::Allow,
        (false, Some("require_approval")) => Outcome::RequireApproval,
        (forbids, Some(other)) => {
            let can = if forbids {
                "a `forbid` can only be `deny`"
            } else {
                "a `permit` can be `allow` or `require_approval`"
            };
            wrong.push((
                format!("`@decision(\"{other}\")` does not fit"),
                can.to_owned(),
            ));
            Outcome::Deny
        }
    };
    let severity = given.get("severity").and_then(|text| {
        let level = level(text);
        if level.is_none() {
            let message = format!("`@severity(\"{text}\")` is no level");
            wrong.push((
                message,
                "use info, low, medium, high or critical".to_owned(),
            ));
        }
        level
    });
    let approvers = approvers(given.get("approvers").copied(), outcome, &mut wrong);
    let message = given.get("message").map(|text| (*text).to_owned());
    for name in message.iter().flat_map(|text| placeholders(text)) {
        if !PLACEHOLDERS.contains(&name) {
            let help = format!("there are {{{}}}", PLACEHOLDERS.join("}, {"));
            wrong.push((format!("`@message` has no `{{{name}}}` to show"), help));
        }
    }
    let absolute = match given.get("absolute").copied() {
        None | Some("false") => false,
        Some("" | "true") => true,
        Some(other) => {
            let message = format!("`@absolute(\"{other}\")` is neither true nor false");
            wrong.push((message, "write `@absolute`".to_owned()));
            true
        }
    };
    if !wrong.is_empty() {
        return Err(wrong);
    }
    Ok(Annotations {
        id: id.to_owned(),
        outcome,
        severity,
        message,
        approvers,
        absolute,
    })
}

fn approvers(given: Option<&str>, outcome: Outcome, wrong: &mut Vec<Wrong>) -> Vec<Approver> {
    let Some(text) = given else {
        return match outcome {
            Outcome::RequireApproval => vec![Approver::Requester],
            _ => Vec::new(),
        };
    };
    if outcome != Outcome::RequireApproval {
        let help = "add `@decision(\"require_approval\")`, or leave `@approvers` out";
        let message = "`@approvers` stands above a rule that asks for no approval";
        wrong.push((message.to_owned(), help.to_owned()));
    }
    let mut approvers = Vec::new();
    for one in text.split(',').map(str::trim) {
        match one.parse() {
            Ok(approver) => approvers.push(approver),
            Err(error) => wrong.push((
                format!("{error}"),
                "write `@approvers(\"role:security, other\")`".to_owned(),
            )),
        }
    }
    approvers.sort_unstable();
    approvers.dedup();
    approvers
}

/// The level of this name.
pub(crate) fn level(text: &str) -> Option<Level> {
    [
        Level::Info,
        Level::Low,
        Level::Medium,
        Level::High,
        Level::Critical,
    ]
    .into_iter()
    .find(|level| level.as_str() == text)
}

/// The names between braces.
pub(crate) fn placeholders(text: &str) -> impl Iterator<Item = &str> {
    text.split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
}
