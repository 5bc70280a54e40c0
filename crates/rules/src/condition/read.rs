//! Reading a condition from Cedar's JSON form.

use super::{Condition, Place, Term, ToolPlace};
use crate::facts::{Fact, has, number_of};
use serde_json::Value;

/// How deep expressions are read; deeper ones are left to Cedar, which knows when to stop.
const MAX_DEPTH: usize = 64;

/// The conditions of a rule, `when` and `unless`, as one.
pub(crate) fn read(conditions: &Value) -> Condition {
    let Some(clauses) = conditions.as_array() else {
        return Condition::Opaque;
    };
    let mut all = clauses.iter().map(|clause| {
        let Some(body) = clause.get("body") else {
            return Condition::Opaque;
        };
        match clause.get("kind").and_then(Value::as_str) {
            Some("when") => expression(body, 0),
            Some("unless") => negated(expression(body, 0)),
            _ => Condition::Opaque,
        }
    });
    let Some(first) = all.next() else {
        return Condition::Always(true);
    };
    all.fold(first, |before, next| {
        Condition::Both(Box::new(before), Box::new(next))
    })
}

fn negated(inner: Condition) -> Condition {
    Condition::Not(Box::new(inner))
}

fn expression(json: &Value, depth: usize) -> Condition {
    let operator = json.as_object().filter(|one| one.len() == 1);
    let Some((name, inside)) = operator.and_then(|one| one.iter().next()) else {
        return Condition::Opaque;
    };
    if depth >= MAX_DEPTH {
        return Condition::Opaque;
    }
    let part = |side: &str| {
        let inner = inside.get(side);
        Box::new(inner.map_or(Condition::Opaque, |inner| expression(inner, depth + 1)))
    };
    let one = |side: &str| inside.get(side).and_then(term);
    let two = || Some((one("left")?, one("right")?));
    let of = |make: fn(Term, Term) -> Condition| two().map(|(left, right)| make(left, right));
    let turned = |make: fn(Term, Term) -> Condition| two().map(|(left, right)| make(right, left));
    let read = match name.as_str() {
        "&&" => Some(Condition::Both(part("left"), part("right"))),
        "||" => Some(Condition::Either(part("left"), part("right"))),
        "!" => Some(Condition::Not(part("arg"))),
        "==" => entity_is(inside).or_else(|| of(Condition::Equal)),
        "!=" => entity_is(inside)
            .or_else(|| of(Condition::Equal))
            .map(negated),
        "in" => entity_in(inside),
        "<" => of(Condition::Less),
        ">" => turned(Condition::Less),
        ">=" => of(Condition::Less).map(negated),
        "<=" => turned(Condition::Less).map(negated),
        "contains" => of(Condition::Contains),
        "containsAll" => of(Condition::ContainsAll),
        "containsAny" => of(Condition::ContainsAny),
        "isEmpty" => one("arg").map(Condition::Empty),
        "Value" => inside.as_bool().map(Condition::Always),
        "." => place(json).map(|place| Condition::Holds(Term::Place(place))),
        _ => None,
    };
    read.unwrap_or(Condition::Opaque)
}

fn term(json: &Value) -> Option<Term> {
    if let Some(place) = place(json) {
        return Some(Term::Place(place));
    }
    let literal = |json: &Value| match json.get("Value")? {
        Value::String(text) => Some(Fact::Text(text.clone())),
        Value::Number(number) => number.as_i64().map(Fact::Number),
        Value::Bool(flag) => Some(Fact::Flag(*flag)),
        _ => None,
    };
    if let Some(items) = json.get("Set").and_then(Value::as_array) {
        let text = |item: &Value| match literal(item)? {
            Fact::Text(text) => Some(text),
            _ => None,
        };
        let texts = items.iter().map(text).collect::<Option<_>>()?;
        return Some(Term::Literal(Fact::Texts(texts)));
    }
    literal(json).map(Term::Literal)
}

/// `context.a`, `context.a.b`, `resource.a`, `principal.roles`.
fn place(json: &Value) -> Option<Place> {
    let path = crate::expression::path(json)?;
    let mut names = path.split('.');
    let (variable, attribute) = (names.next()?, names.next()?);
    let (field, None) = (names.next(), names.next()) else {
        return None;
    };
    match (variable, attribute, field) {
        ("context", "category", None) => Some(Place::Category),
        ("context", attribute, field) if has(attribute, field) => Some(Place::Context(
            number_of(attribute)?,
            field.map(str::to_owned),
        )),
        ("resource", "name", None) => Some(Place::Tool(ToolPlace::Name)),
        ("resource", "server", None) => Some(Place::Tool(ToolPlace::Server)),
        ("resource", "effect", None) => Some(Place::Tool(ToolPlace::Effect)),
        ("resource", "idempotent", None) => Some(Place::Tool(ToolPlace::Idempotent)),
        ("resource", "open_world", None) => Some(Place::Tool(ToolPlace::OpenWorld)),
        ("principal", "roles", None) => Some(Place::Roles),
        _ => None,
    }
}

/// `principal` or `resource`, with the type and the id of the entity that it is compared with.
fn entity(variable: &Value, literal: &Value) -> Option<(String, String, String)> {
    let variable = variable.get("Var")?.as_str()?;
    let entity = literal.get("Value")?.get("__entity")?;
    let text = |key: &str| entity.get(key)?.as_str().map(str::to_owned);
    Some((variable.to_owned(), text("type")?, text("id")?))
}

fn holds(place: Place) -> Condition {
    Condition::Holds(Term::Place(place))
}

fn entity_is(sides: &Value) -> Option<Condition> {
    let (left, right) = (sides.get("left")?, sides.get("right")?);
    let (variable, kind, id) = entity(left, right).or_else(|| entity(right, left))?;
    match (variable.as_str(), kind.as_str()) {
        ("principal", "Principal") => Some(holds(Place::Principal(id))),
        ("resource", "Tool") => Some(holds(Place::ToolIs(id))),
        _ => None,
    }
}

fn entity_in(sides: &Value) -> Option<Condition> {
    let (variable, kind, id) = entity(sides.get("left")?, sides.get("right")?)?;
    match (variable.as_str(), kind.as_str()) {
        // Everything is in itself.
        ("principal", "Principal") => Some(holds(Place::Principal(id))),
        ("principal", "Role") => Some(holds(Place::Role(id))),
        ("resource", "Tool") => Some(holds(Place::ToolIs(id))),
        ("resource", "Server") => Some(holds(Place::Server(id))),
        _ => None,
    }
}
