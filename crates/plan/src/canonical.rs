//! The RFC 8785 (JSON Canonicalization Scheme) form of a value. Several digests are taken over it for each call, so that
//! what nearly all values consist of is written directly; what is left goes through the library.

use serde_json::{Map, Number, Value};

/// Integers up to here are the same as text and as a double.
const EXACT: u64 = 1 << 53;

/// The RFC 8785 form of `value`.
pub fn canonical_json(value: &Value) -> Vec<u8> {
    let mut out = Vec::with_capacity(128);
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => write_number(number, out),
        Value::String(text) => write_text(text, out),
        Value::Array(values) => {
            out.push(b'[');
            for (place, value) in values.iter().enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                write(value, out);
            }
            out.push(b']');
        }
        Value::Object(map) => write_object(map, out),
    }
}

fn write_object(map: &Map<String, Value>, out: &mut Vec<u8>) {
    let mut members: Vec<(&String, &Value)> = map.iter().collect();
    members.sort_unstable_by(|(one, _), (other, _)| {
        if one.is_ascii() && other.is_ascii() {
            one.cmp(other)
        } else {
            one.encode_utf16().cmp(other.encode_utf16())
        }
    });
    out.push(b'{');
    for (place, (key, value)) in members.into_iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        write_text(key, out);
        out.push(b':');
        write(value, out);
    }
    out.push(b'}');
}

/// JSON's own way to write a text is the canonical one: it escapes what must be escaped, in the shortest form.
fn write_text(text: &str, out: &mut Vec<u8>) {
    // Writing into memory cannot fail.
    let _ = serde_json::to_writer(out, text);
}

fn write_number(number: &Number, out: &mut Vec<u8>) {
    if number.as_i64().is_some_and(|n| n.unsigned_abs() <= EXACT) {
        let _ = serde_json::to_writer(out, number);
    } else {
        // A number of a `Value` is finite, so that canonicalisation cannot fail; if it ever did, the text would match no
        // stored hash.
        out.extend(serde_json_canonicalizer::to_vec(number).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            (-3_i64..4).prop_map(|n| Value::from((1_i64 << 53) + n)),
            (-3_i64..4).prop_map(|n| Value::from(-(1_i64 << 53) + n)),
            any::<String>().prop_map(Value::from),
            "[\\x00-\\x20\"\\\\/\u{7f}-\u{a0}\u{2028}]{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            let keys = prop_oneof![
                any::<String>(),
                "[a-zA-Z0-9_.]{0,6}",
                // Above and below the surrogates, where the order by UTF-16 is another one.
                "[a\u{ff01}\u{1f600}\u{e000}\u{10000}]{0,3}",
            ];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::hash_map(keys, inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_is_what_the_library_gives(value in values()) {
            let library = serde_json_canonicalizer::to_vec(&value).unwrap();
            prop_assert_eq!(String::from_utf8(canonical_json(&value)), String::from_utf8(library));
        }
    }

    #[test]
    fn members_are_sorted_by_utf_16() {
        let value =
            json!({ "\u{ff01}": 1, "\u{1f600}": 2, "b": { "y": [], "x": 1.50 }, "a": -0.0 });
        let text = String::from_utf8(canonical_json(&value)).unwrap();
        assert_eq!(
            text,
            "{\"a\":0,\"b\":{\"x\":1.5,\"y\":[]},\"\u{1f600}\":2,\"\u{ff01}\":1}"
        );
    }
}
