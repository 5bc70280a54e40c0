//! `allow` and `deny` of a step, and single arguments.

use super::{
    Findings,
    bounds::{Bound, at_most, note, only_less, only_more},
};
use crate::{
    canonical_json,
    model::{ArgRule, Mode, Pattern, PatternKind, Rules, Step},
};
use serde_json::{Number, Value};

/// What is allowed may shrink; what is not limited may become so.
pub(super) fn allow(old: &Step, new: &Step, mode: Mode, found: &mut Findings) {
    let id = &new.id;
    let none = Rules::default();
    let (was, is) = (
        old.allow.as_ref().unwrap_or(&none),
        new.allow.as_ref().unwrap_or(&none),
    );
    let list = |old: &Option<Vec<Pattern>>, new: &Option<Vec<Pattern>>| match (old, new) {
        (None, None) => Bound::Same,
        (None, Some(_)) => Bound::Tighter,
        (Some(_), None) => Bound::Wider,
        (Some(old), Some(new)) => only_less(old, new),
    };
    for (name, bound) in [
        ("paths", list(&was.paths, &is.paths)),
        ("urls", list(&was.urls, &is.urls)),
        ("commands", list(&was.commands, &is.commands)),
    ] {
        note(found, Some(id), format!("steps.{id}.allow.{name}"), bound);
    }
    for (name, rule) in &was.args {
        let place = format!("steps.{id}.allow.args.{name}");
        match is.args.get(name) {
            Some(now) => note(found, Some(id), place, within(rule, now)),
            // An agent may choose only what is named; what is a literal now is chosen.
            None if mode == Mode::Agent && pinned(new, name) => found.tighter(place),
            None => found.wider(Some(id), place, "the argument is no longer limited"),
        }
    }
    for name in is.args.keys().filter(|name| !was.args.contains_key(*name)) {
        let place = format!("steps.{id}.allow.args.{name}");
        if mode == Mode::Agent {
            found.wider(Some(id), place, "the argument is open to the agent");
        } else {
            found.tighter(place);
        }
    }
}

/// What is denied stays denied.
pub(super) fn deny(old: &Step, new: &Step, found: &mut Findings) {
    let id = &new.id;
    let none = Rules::default();
    let (was, is) = (
        old.deny.as_ref().unwrap_or(&none),
        new.deny.as_ref().unwrap_or(&none),
    );
    let list = |old: &Option<Vec<Pattern>>, new: &Option<Vec<Pattern>>| {
        only_more(
            old.as_deref().unwrap_or_default(),
            new.as_deref().unwrap_or_default(),
        )
    };
    for (name, bound) in [
        ("paths", list(&was.paths, &is.paths)),
        ("urls", list(&was.urls, &is.urls)),
        ("commands", list(&was.commands, &is.commands)),
    ] {
        note(found, Some(id), format!("steps.{id}.deny.{name}"), bound);
    }
    for (name, rule) in &was.args {
        if is.args.get(name) != Some(rule) {
            let place = format!("steps.{id}.deny.args.{name}");
            found.wider(Some(id), place, "what is denied is no longer the same");
        }
    }
    for name in is.args.keys().filter(|name| !was.args.contains_key(*name)) {
        found.tighter(format!("steps.{id}.deny.args.{name}"));
    }
}

/// Arguments are the same, or a literal where something computed, or chosen by an agent, was limited by a rule that takes it.
pub(super) fn args(old: &Step, new: &Step, mode: Mode, found: &mut Findings) {
    let id = &new.id;
    let keys = old.args.keys().chain(new.args.keys());
    let keys: std::collections::BTreeSet<&String> = keys.collect();
    for key in keys {
        let place = format!("steps.{id}.args.{key}");
        let (was, is) = (old.args.get(key), new.args.get(key));
        if was == is {
            continue;
        }
        let was_open = match was {
            Some(was) => !is_literal(was),
            None => mode == Mode::Agent,
        };
        let rule = old.allow.as_ref().and_then(|allow| rule_of(allow, key));
        match (rule, is) {
            (Some(rule), Some(is)) if was_open && is_literal(is) && takes(rule, is, mode) => {
                found.tighter(place);
            }
            (_, None) => found.wider(Some(id), place, "the argument is gone"),
            _ => found.wider(Some(id), place, "the argument is another one"),
        }
    }
}

/// The rule about the whole of a top-level argument, by its name or by its pointer.
fn rule_of<'a>(rules: &'a Rules, key: &str) -> Option<&'a ArgRule> {
    let pointer = format!("/{}", key.replace('~', "~0").replace('/', "~1"));
    let by_name = (!key.starts_with('/'))
        .then(|| rules.args.get(key))
        .flatten();
    by_name.or_else(|| rules.args.get(&pointer))
}

/// The argument of that name, or at that top-level pointer, is a literal.
fn pinned(step: &Step, name: &str) -> bool {
    let key = match name.strip_prefix('/') {
        Some(rest) if rest.contains('/') => return false,
        Some(rest) => rest.replace("~1", "/").replace("~0", "~"),
        None => name.to_owned(),
    };
    step.args.get(&key).is_some_and(is_literal)
}

/// No text in it holds an expression, or looks as if it did.
fn is_literal(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.contains("${"),
        Value::Array(items) => items.iter().all(is_literal),
        Value::Object(map) => map.values().all(is_literal),
        _ => true,
    }
}

fn takes(rule: &ArgRule, value: &Value, mode: Mode) -> bool {
    let matches = |pattern: &str, kind| {
        let pattern = Pattern {
            pattern: pattern.to_owned(),
            kind,
        };
        let text = value.as_str();
        text.is_some_and(|text| {
            pattern
                .matcher()
                .is_ok_and(|matcher| matcher.is_match(text))
        })
    };
    match rule {
        ArgRule::Equals { equals } => same(equals, value),
        ArgRule::OneOf { one_of } => one_of.iter().any(|one| same(one, value)),
        ArgRule::Glob { glob } => matches(glob, PatternKind::Glob),
        ArgRule::Regex { regex } => matches(regex, PatternKind::Regex),
        ArgRule::Range { min, max } => value.as_f64().is_some_and(|number| {
            bound(min).is_none_or(|min| number >= min) && bound(max).is_none_or(|max| number <= max)
        }),
        // An agent could have chosen it. A value that the engine computes was approved as what is computed.
        ArgRule::Any { .. } => mode == Mode::Agent,
    }
}

/// Whether everything that the new rule takes is taken by the old one.
fn within(old: &ArgRule, new: &ArgRule) -> Bound {
    if old == new {
        return Bound::Same;
    }
    let proven = match (old, new) {
        (ArgRule::Any { .. }, _) => true,
        (old, ArgRule::Equals { equals }) => takes(old, equals, Mode::Engine),
        (old, ArgRule::OneOf { one_of }) => one_of.iter().all(|one| takes(old, one, Mode::Engine)),
        (
            ArgRule::Range { min, max },
            ArgRule::Range {
                min: low,
                max: high,
            },
        ) => {
            let negated = |number: &Option<Number>| bound(number).map(|number| -number);
            at_most(negated(min), negated(low)) != Bound::Wider
                && at_most(bound(max), bound(high)) != Bound::Wider
        }
        _ => false,
    };
    if proven { Bound::Tighter } else { Bound::Wider }
}

fn bound(number: &Option<Number>) -> Option<f64> {
    number.as_ref().and_then(Number::as_f64)
}

/// Equal as JSON: numbers by value, however they are written.
fn same(a: &Value, b: &Value) -> bool {
    canonical_json(a) == canonical_json(b)
}
