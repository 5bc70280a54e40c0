//! Base64 and JSON.

use super::{
    argument,
    budget::Budget,
    failure::{Fail, Failure},
    function::Function,
    limits::MAX_ITEMS,
    output,
    value::{Map, Val},
};
use crate::canonical_json;
use base64::{
    Engine as _,
    alphabet::STANDARD as ALPHABET,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde_json::Value;
use std::rc::Rc;

// Writes padding, and reads with or without it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

pub(super) fn call<'e>(
    function: Function,
    arguments: &[Val<'e>],
    budget: &Budget,
) -> Result<Val<'e>, Fail> {
    let value = argument::any(function, arguments, 0)?;
    match (function, value) {
        (Function::Base64Encode, Val::Bytes(bytes)) => encode(bytes, budget),
        (Function::Base64Encode, Val::Text(text)) => encode(text.as_str().as_bytes(), budget),
        (Function::Base64Encode, other) => {
            Err(argument::unsupported(function, "bytes or a string", other))
        }
        (Function::Base64Decode, _) => {
            let text = argument::text(function, arguments, 0)?;
            budget.text(text.len())?;
            let bytes = BASE64
                .decode(text)
                .map_err(|_| Failure::invalid("the string is no base64"))?;
            Ok(Val::Bytes(Rc::from(bytes)))
        }
        (Function::JsonParse, _) => parse(argument::text(function, arguments, 0)?, budget),
        (_, value) => {
            let json = output::to_json(value, budget)?;
            let text = String::from_utf8(canonical_json(&json)).unwrap_or_default();
            // Sorting keys and writing takes far more than reading.
            budget.items(text.len())?;
            Ok(Val::text(text))
        }
    }
}

fn encode<'e>(bytes: &[u8], budget: &Budget) -> Result<Val<'e>, Fail> {
    budget.text(bytes.len().div_ceil(3) * 4)?;
    Ok(Val::text(BASE64.encode(bytes)))
}

fn parse<'e>(text: &str, budget: &Budget) -> Result<Val<'e>, Fail> {
    // Parsing makes at most one value for two bytes, each many times as large, and holds all of them at once.
    budget.text(text.len())?;
    let parts = text.bytes().map(|byte| match byte {
        b'{' => 16,
        b',' | b'[' | b':' => 4,
        _ => 0,
    });
    budget.items(parts.sum())?;
    let json: Value =
        serde_json::from_str(text).map_err(|_| Failure::invalid("the string is no JSON"))?;
    own(json, budget)
}

/// Takes a parsed document over, piece by piece.
fn own<'e>(json: Value, budget: &Budget) -> Result<Val<'e>, Fail> {
    budget.items(1)?;
    Ok(match json {
        Value::String(text) => Val::text(text),
        Value::Array(items) => {
            limit(items.len(), budget)?;
            Val::list(
                items
                    .into_iter()
                    .map(|item| own(item, budget))
                    .collect::<Result<_, _>>()?,
            )
        }
        Value::Object(entries) => {
            limit(entries.len(), budget)?;
            let entries = entries.into_iter().map(|(key, value)| {
                own(value, budget).map(|value| (super::value::Text::Made(key.into()), value))
            });
            Val::Map(Map::Made(Rc::new(entries.collect::<Result<_, _>>()?)))
        }
        // Scalars that hold nothing of the document.
        Value::Null => Val::Null,
        Value::Bool(flag) => Val::Bool(flag),
        Value::Number(number) => Val::number(&number),
    })
}

fn limit(items: usize, budget: &Budget) -> Result<(), Fail> {
    if items > MAX_ITEMS {
        budget.list(items)
    } else {
        Ok(())
    }
}
