//! Sizes, types, and conversions between types.

use super::{
    access::article,
    argument,
    budget::Budget,
    failure::{Fail, Failure},
    function::Function,
    number::{self, Number},
    temporal,
    value::{Val, whole},
};
use crate::canonical_json;
use std::rc::Rc;

pub(super) fn call<'e>(
    function: Function,
    arguments: &[Val<'e>],
    budget: &Budget,
) -> Result<Val<'e>, Fail> {
    let value = argument::any(function, arguments, 0)?;
    match (function, value) {
        (Function::Size, Val::Text(text)) => {
            budget.bytes(text.as_str().len())?;
            count(text.as_str().chars().count())
        }
        (Function::Size, Val::Bytes(bytes)) => count(bytes.len()),
        (Function::Size, Val::List(list)) => count(list.len()),
        (Function::Size, Val::Map(map)) => count(map.len()),
        (Function::Size, other) => Err(argument::unsupported(
            function,
            "a string, a list or a map",
            other,
        )),
        (Function::Type, value) => Ok(Val::Kind(value.kind())),
        (Function::Int, value) => to_int(value),
        (Function::Uint, value) => match to_int(value)? {
            Val::Int(int) if int < 0 => Err(Failure::invalid("`uint` takes no negative number")),
            int => Ok(int),
        },
        (Function::Double, Val::Int(int)) => Ok(Val::Double(*int as f64)),
        (Function::Double, Val::Double(double)) => Ok(Val::Double(*double)),
        (Function::Double, Val::Text(text)) => number_text(text.as_str())
            .and_then(|text| text.parse().ok())
            .map_or_else(|| Err(no_number("double")), number::double),
        (Function::String, value) => to_text(value, budget),
        (Function::Bool, Val::Bool(flag)) => Ok(Val::Bool(*flag)),
        (Function::Bool, Val::Text(text)) => match text.as_str() {
            "true" | "True" | "TRUE" | "t" | "1" => Ok(Val::Bool(true)),
            "false" | "False" | "FALSE" | "f" | "0" => Ok(Val::Bool(false)),
            _ => Err(Failure::invalid(
                "`bool` reads `true` and `false`, and here is another text",
            )),
        },
        (Function::Bytes, Val::Bytes(bytes)) => Ok(Val::Bytes(Rc::clone(bytes))),
        (Function::Bytes, Val::Text(text)) => {
            budget.text(text.as_str().len())?;
            Ok(Val::Bytes(Rc::from(text.as_str().as_bytes())))
        }
        (Function::Timestamp, value) => temporal::to_time(value),
        (Function::Duration, value) => temporal::to_span(value),
        (Function::Dyn, value) => Ok(value.clone()),
        (_, other) => Err(Failure::invalid(format!(
            "`{}` cannot be made of {}",
            function.name(),
            article(other)
        ))),
    }
}

/// A count as a value.
pub(super) fn count<'e>(count: usize) -> Result<Val<'e>, Fail> {
    number::int(i64::try_from(count).ok())
}

fn no_number(name: &str) -> Fail {
    Failure::invalid(format!("`{name}` reads a number, and here is another text"))
}

/// The text if it looks like a number at all: Rust would also read `inf` and `nan`.
fn number_text(text: &str) -> Option<&str> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte))
        .then_some(text)
}

fn to_int<'e>(value: &Val<'_>) -> Result<Val<'e>, Fail> {
    match value {
        Val::Int(int) => Ok(Val::Int(*int)),
        Val::Double(double) => {
            whole(double.trunc()).map_or_else(|| number::int(None), |int| Ok(Val::Int(int)))
        }
        Val::Text(text) => match text.as_str().parse() {
            Ok(int) => number::int(Some(int)),
            Err(_) => Err(no_number("int")),
        },
        Val::Time(time) => Ok(Val::Int(time.timestamp())),
        other => Err(Failure::invalid(format!(
            "`int` cannot be made of {}",
            article(other)
        ))),
    }
}

/// A number as JSON writes it.
pub(super) fn number_as_text(number: Number) -> String {
    match number {
        Number::Int(int) => int.to_string(),
        Number::Double(double) => match whole(double) {
            Some(int) => int.to_string(),
            None => String::from_utf8(canonical_json(&double.into())).unwrap_or_default(),
        },
    }
}

/// `string(value)`.
pub(super) fn to_text<'e>(value: &Val<'e>, budget: &Budget) -> Result<Val<'e>, Fail> {
    match value {
        Val::Text(_) => Ok(value.clone()),
        Val::Bool(flag) => Ok(Val::text(if *flag { "true" } else { "false" })),
        Val::Int(int) => Ok(Val::text(number_as_text(Number::Int(*int)))),
        Val::Double(double) => Ok(Val::text(number_as_text(Number::Double(*double)))),
        Val::Bytes(bytes) => {
            budget.text(bytes.len())?;
            let text = std::str::from_utf8(bytes)
                .map_err(|_| Failure::invalid("the bytes are no UTF-8 text"))?;
            Ok(Val::text(text))
        }
        Val::Time(time) => Ok(Val::text(temporal::time_text(time))),
        Val::Span(span) => Ok(Val::text(temporal::span_text(span))),
        Val::Kind(name) => Ok(Val::text(*name)),
        Val::Null | Val::List(_) | Val::Map(_) => Err(Failure::invalid(format!(
            "`string` cannot be made of {}: `json.format(value)` writes any value",
            article(value)
        ))),
    }
}
