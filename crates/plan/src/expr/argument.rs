//! The arguments of a call, by the type that the function asks for.

use super::{
    access::article,
    failure::{Fail, Failure},
    function::Function,
    number::Number,
    value::{List, Val},
};

fn wrong(function: Function, expected: &str, found: Option<&Val<'_>>) -> Fail {
    Failure::invalid(format!(
        "`{}` takes {expected}, and here is {}: `{}`",
        function.name(),
        found.map_or("nothing", article),
        function.usage()
    ))
}

/// The argument at `index`.
pub(super) fn any<'v, 'e>(
    function: Function,
    arguments: &'v [Val<'e>],
    index: usize,
) -> Result<&'v Val<'e>, Fail> {
    arguments
        .get(index)
        .ok_or_else(|| wrong(function, "a value", None))
}

pub(super) fn text<'v>(
    function: Function,
    arguments: &'v [Val<'_>],
    index: usize,
) -> Result<&'v str, Fail> {
    match arguments.get(index) {
        Some(Val::Text(text)) => Ok(text.as_str()),
        other => Err(wrong(function, "a string", other)),
    }
}

pub(super) fn optional_text<'v>(
    function: Function,
    arguments: &'v [Val<'_>],
    index: usize,
) -> Result<Option<&'v str>, Fail> {
    if arguments.len() > index {
        text(function, arguments, index).map(Some)
    } else {
        Ok(None)
    }
}

pub(super) fn list<'v, 'e>(
    function: Function,
    arguments: &'v [Val<'e>],
    index: usize,
) -> Result<&'v List<'e>, Fail> {
    match arguments.get(index) {
        Some(Val::List(list)) => Ok(list),
        other => Err(wrong(function, "a list", other)),
    }
}

pub(super) fn number(
    function: Function,
    arguments: &[Val<'_>],
    index: usize,
) -> Result<Number, Fail> {
    let found = arguments.get(index);
    found
        .and_then(Number::of)
        .ok_or_else(|| wrong(function, "a number", found))
}

pub(super) fn int(function: Function, arguments: &[Val<'_>], index: usize) -> Result<i64, Fail> {
    let found = arguments.get(index);
    found
        .and_then(Val::as_int)
        .ok_or_else(|| wrong(function, "a whole number", found))
}

pub(super) fn optional_int(
    function: Function,
    arguments: &[Val<'_>],
    index: usize,
) -> Result<Option<i64>, Fail> {
    if arguments.len() > index {
        int(function, arguments, index).map(Some)
    } else {
        Ok(None)
    }
}

/// What to say when the receiver is of a type that the function does not know.
pub(super) fn unsupported(function: Function, expected: &str, found: &Val<'_>) -> Fail {
    wrong(function, expected, Some(found))
}
