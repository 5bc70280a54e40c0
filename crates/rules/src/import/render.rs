//! The texts of the policy set.

use super::condition::{Compiled, Sequence, Tag};
use super::priority::Beaten;
use super::rule::{Condition, Effect};
use super::{ImportError, ImportOptions, Imported, Unmatched};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The rule for what no other rule matches.
const UNMATCHED: &str = "imported-unmatched";

pub(super) fn render(
    rules: &[Compiled],
    beaten: &Beaten,
    options: ImportOptions,
    notes: Vec<String>,
) -> Result<Imported, Vec<ImportError>> {
    names_differ(rules)?;
    let mut cedar = "\
// Made from JSON rules by `mandate policy import`; from here on this text is the policy.
//
// The strictest rule that matches counts. What a milder rule of higher priority let pass stands under `unless`.
"
    .to_owned();
    for (place, one) in rules.iter().enumerate() {
        if one.is_limit() {
            continue;
        }
        let winners = beaten.get(&place).map(Vec::as_slice).unwrap_or_default();
        let winners = winners.iter().filter_map(|place| rules.get(*place));
        let unless: Vec<String> = winners.map(|winner| winner.surely.clone()).collect();
        rule(&mut cedar, one, &unless);
    }
    if let Some(unmatched) = options.unmatched {
        if rules.iter().any(|one| one.rule.id == UNMATCHED) {
            let message = "this id is taken by the rule for what no other rule matches";
            return Err(vec![ImportError::rule(UNMATCHED, message)]);
        }
        rest(&mut cedar, rules, unmatched);
    }
    Ok(Imported {
        cedar,
        policy_toml: definitions(rules),
        notes,
        rules: rules.len(),
    })
}

/// Two ids can become one name; then a rule would ask for the other's tag.
fn names_differ(rules: &[Compiled]) -> Result<(), Vec<ImportError>> {
    let mut tags: BTreeMap<&str, &str> = BTreeMap::new();
    let mut sequences: BTreeMap<&str, &str> = BTreeMap::new();
    let mut errors = Vec::new();
    for one in rules {
        let id = one.rule.id.as_str();
        let of_tags = one.tags.iter().map(|tag| tag.name.as_str());
        let of_sequences = one.sequence.iter().map(|of| of.name.as_str());
        for (names, name) in of_tags
            .map(|name| (true, name))
            .chain(of_sequences.map(|name| (false, name)))
        {
            let taken = if names { &mut tags } else { &mut sequences };
            if let Some(other) = taken.insert(name, id) {
                let message = format!(
                    "its definition would be called `{name}` like that of rule `{other}`; give it another id"
                );
                errors.push(ImportError::rule(id, message));
            }
        }
    }
    if errors.is_empty() {
        Ok(())
    } else {
        Err(errors)
    }
}

fn rule(out: &mut String, one: &Compiled, unless: &[String]) {
    let rule = &one.rule;
    let (severity, head, condition) = match rule.effect {
        Effect::Deny => ("high", "forbid", &one.maybe),
        Effect::RequireApproval => ("medium", "permit", &one.maybe),
        Effect::Allow => ("info", "permit", &one.surely),
    };
    let message = match rule.name.trim() {
        "" => format!("{} ({})", rule.id, rule.effect.as_str()),
        name => name.to_owned(),
    };
    // Braces stand for what a call is.
    let message: String = message
        .chars()
        .map(|c| match c {
            '{' => '(',
            '}' => ')',
            c if c.is_control() => ' ',
            c => c,
        })
        .collect();
    let _ = write!(out, "\n@id({})\n", quoted(&rule.id));
    if rule.effect == Effect::RequireApproval {
        let _ = writeln!(out, "@decision(\"require_approval\")");
    }
    let _ = writeln!(out, "@severity(\"{severity}\")");
    let _ = writeln!(out, "@message({})", quoted(&message));
    let _ = writeln!(out, "{head} (principal, action, resource)");
    let _ = write!(out, "when {{ {condition} }}");
    for one in unless {
        let _ = write!(out, "\nunless {{ {one} }}");
    }
    out.push_str(";\n");
}

fn rest(out: &mut String, rules: &[Compiled], unmatched: Unmatched) {
    let _ = write!(out, "\n@id({})\n", quoted(UNMATCHED));
    if unmatched == Unmatched::RequireApproval {
        let _ = writeln!(out, "@decision(\"require_approval\")");
    }
    let _ = writeln!(out, "@message(\"no imported rule is about it\")");
    let _ = write!(out, "permit (principal, action, resource)");
    if unmatched == Unmatched::RequireApproval {
        let allows = rules.iter().filter(|one| one.rule.effect == Effect::Allow);
        for one in allows {
            let _ = write!(out, "\nunless {{ {} }}", one.surely);
        }
    }
    out.push_str(";\n");
}

fn definitions(rules: &[Compiled]) -> String {
    let mut out = "# The definitions that `imported.cedar` names.\n".to_owned();
    let (mut session, mut minute): (Option<u64>, Option<u64>) = (None, None);
    let least = |have: Option<u64>, new: Option<u64>| match (have, new) {
        (Some(have), Some(new)) => Some(have.min(new)),
        (have, new) => have.or(new),
    };
    for one in rules.iter().filter(|one| one.is_limit()) {
        if let Condition::Rate {
            per_session,
            per_minute,
        } = one.rule.condition
        {
            session = least(session, per_session);
            minute = least(minute, per_minute);
        }
    }
    if session.is_some() || minute.is_some() {
        out.push_str("\n[limits]\n");
        for (name, most) in [("calls_per_session", session), ("calls_per_minute", minute)] {
            if let Some(most) = most {
                let _ = writeln!(out, "{name} = {most}");
            }
        }
    }
    for one in rules {
        for tag in &one.tags {
            of_tag(&mut out, &one.rule.id, tag);
        }
        if let Some(sequence) = &one.sequence {
            of_sequence(&mut out, &one.rule.id, sequence);
        }
    }
    out
}

fn of_tag(out: &mut String, id: &str, tag: &Tag) {
    let _ = writeln!(out, "\n# {id}\n[tags.{}]", tag.name);
    let _ = writeln!(out, "applies_to = [\"{}\"]", tag.touched.as_str());
    let _ = writeln!(out, "pattern = {}", in_toml(&tag.part.pattern));
    if let Some(except) = &tag.part.except {
        let _ = writeln!(out, "except = {}", in_toml(except));
    }
}

fn of_sequence(out: &mut String, id: &str, sequence: &Sequence) {
    let _ = writeln!(out, "\n# {id}\n[sequences.{}]", sequence.name);
    let names: Vec<String> = sequence
        .pattern
        .iter()
        .map(|category| format!("\"{category}\""))
        .collect();
    let _ = writeln!(out, "pattern = [{}]", names.join(", "));
    let _ = writeln!(out, "window = {}", sequence.window);
}

fn in_toml(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// A text as Cedar writes it.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() || !c.is_ascii() && !c.is_alphanumeric() => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
