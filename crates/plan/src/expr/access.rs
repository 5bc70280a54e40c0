//! Reaching into values by key and by index, and how messages name types.

use super::{
    failure::{Fail, Failure},
    value::Val,
};

/// A key that is not there. Only names from the source may be told.
pub(super) fn missing_key(name: Option<&str>) -> Fail {
    match name {
        Some(name) => Failure::missing(format!("no such key `{name}`")),
        None => Failure::missing("no such key"),
    }
}

/// An index that is not there.
pub(super) fn missing_index() -> Fail {
    Failure::missing("the index is outside of the list")
}

/// The type of a value with its article, for messages.
pub(super) fn article(value: &Val<'_>) -> &'static str {
    match value.kind() {
        "null_type" => "null",
        "bool" => "a bool",
        "int" => "an int",
        "double" => "a double",
        "string" => "a string",
        "bytes" => "bytes",
        "list" => "a list",
        "map" => "a map",
        "timestamp" => "a timestamp",
        "duration" => "a duration",
        _ => "a type",
    }
}

/// The value under `key`. The key is told in messages only when it is the source's own.
pub(super) fn select<'e>(value: &Val<'e>, key: &str, from_source: bool) -> Result<Val<'e>, Fail> {
    let name = from_source.then_some(key);
    match value {
        Val::Map(map) => map.get(key).ok_or_else(|| missing_key(name)),
        // A key of null is as absent as a key that is not there: `coalesce` may pass over it.
        Val::Null => Err(match name {
            Some(name) => Failure::missing(format!("null has no key `{name}`")),
            None => Failure::missing("null has no keys"),
        }),
        other => Err(match name {
            Some(name) => Failure::invalid(format!("{} has no key `{name}`", article(other))),
            None => Failure::invalid(format!("{} has no keys", article(other))),
        }),
    }
}

/// `value[index]`.
pub(super) fn index_by<'e>(value: &Val<'e>, index: &Val<'_>) -> Result<Val<'e>, Fail> {
    match (value, index) {
        (Val::Map(_) | Val::Null, Val::Text(key)) => select(value, key.as_str(), false),
        (Val::List(list), index) => {
            let Some(index) = index.as_int() else {
                return Err(Failure::invalid(format!(
                    "a list is indexed by whole numbers, and here is {}",
                    article(index)
                )));
            };
            usize::try_from(index)
                .ok()
                .and_then(|index| list.get(index))
                .ok_or_else(missing_index)
        }
        (Val::Map(_), other) => Err(Failure::invalid(format!(
            "a map is indexed by strings, and here is {}",
            article(other)
        ))),
        (Val::Null, _) => Err(Failure::missing("null has no items")),
        (other, _) => Err(Failure::invalid(format!("{} has no items", article(other)))),
    }
}
