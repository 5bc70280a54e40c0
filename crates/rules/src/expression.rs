//! A rule's condition as Cedar's JSON form has it: which attributes it names, and which texts it compares them with.

use serde_json::Value;
use std::collections::BTreeSet;

/// `context.a.b`, `resource.a`, `principal.a`, if the expression is nothing but that.
pub(crate) fn path(expression: &Value) -> Option<String> {
    if let Some(name) = expression.get("Var").and_then(Value::as_str) {
        return Some(name.to_owned());
    }
    let access = expression.get(".")?;
    let left = path(access.get("left")?)?;
    Some(format!("{left}.{}", access.get("attr")?.as_str()?))
}

/// The attributes that are named, down to the second part: `context.risk`. A variable that stands alone is named as it is.
pub(crate) fn reads(expression: &Value, found: &mut BTreeSet<String>) {
    if let Some(path) = path(expression) {
        let parts: Vec<&str> = path.splitn(3, '.').take(2).collect();
        found.insert(parts.join("."));
        return;
    }
    each(expression, &mut |inner| reads(inner, found));
}

/// Each attribute that is compared with a text or asked for one, with the text.
pub(crate) fn compared(expression: &Value, found: &mut Vec<(String, String)>) {
    for operator in ["==", "!=", "contains", "containsAny", "containsAll"] {
        let Some(sides) = expression.get(operator) else {
            continue;
        };
        let (left, right) = (sides.get("left"), sides.get("right"));
        for (one, other) in [(left, right), (right, left)] {
            if let (Some(path), Some(other)) = (one.and_then(path), other) {
                found.extend(texts(other).into_iter().map(|text| (path.clone(), text)));
            }
        }
    }
    each(expression, &mut |inner| compared(inner, found));
}

/// The texts of a literal, or of a set of literals.
fn texts(literal: &Value) -> Vec<String> {
    let one = |value: &Value| value.get("Value")?.as_str().map(str::to_owned);
    match literal.get("Set").and_then(Value::as_array) {
        Some(items) => items.iter().filter_map(one).collect(),
        None => one(literal).into_iter().collect(),
    }
}

fn each(value: &Value, visit: &mut dyn FnMut(&Value)) {
    match value {
        Value::Array(items) => items.iter().for_each(visit),
        Value::Object(map) => map.values().for_each(visit),
        _ => {}
    }
}
