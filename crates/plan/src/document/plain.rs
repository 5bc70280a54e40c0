//! A quick look at JSON: whether the strict reader would take a text, for those who do not need what it holds. It builds nothing.
//! Where it is not sure it says no, and the strict reader decides.

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

use crate::model::MAX_INTEGER;

/// The longest text that is looked at, in bytes: what it holds takes less memory than the strict reader allows.
const MOST_BYTES: usize = 128 * 1024;
/// How deep lists and objects may be nested; the strict reader takes more.
const DEPTH: usize = 32;
/// The most keys that one object may have: each is compared with those before it.
const KEYS: usize = 32;
/// Numbers with a fraction may not be larger, so that no rounding makes a difference.
const FRACTIONAL: f64 = 1e9;

/// Whether a JSON text is taken by [`parse_value`](crate::parse_value) for certain. No, where it is not or is not known to be.
pub fn is_plain_json(bytes: &[u8]) -> bool {
    if bytes.len() > MOST_BYTES {
        return false;
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let mut keys = Vec::new();
    let value = Look {
        keys: &mut keys,
        depth: 0,
    };
    value.deserialize(&mut reader).is_ok() && reader.end().is_ok()
}

/// Looks at one value.
struct Look<'a, 'de> {
    /// The keys of the objects that are open, the outermost first.
    keys: &'a mut Vec<Cow<'de, str>>,
    depth: usize,
}

impl<'de> Look<'_, 'de> {
    fn within(&mut self) -> Look<'_, 'de> {
        Look {
            keys: self.keys,
            depth: self.depth.saturating_add(1),
        }
    }

    fn enter<E: Error>(&self) -> Result<(), E> {
        match self.depth < DEPTH {
            true => Ok(()),
            false => Err(E::custom("deep")),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Look<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Look<'_, 'de> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        match i64::try_from(number) {
            Ok(number) => self.visit_i64(number),
            Err(_) => Err(E::custom("large")),
        }
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        match number.unsigned_abs() <= MAX_INTEGER.unsigned_abs() {
            true => Ok(()),
            false => Err(E::custom("large")),
        }
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        match number.fract() != 0.0 && number.abs() < FRACTIONAL {
            true => Ok(()),
            false => Err(E::custom("whole or large")),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        self.enter()?;
        while items.next_element_seed(self.within())?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<(), A::Error> {
        self.enter()?;
        let first = self.keys.len();
        while let Some(Key(key)) = entries.next_key()? {
            let own = self.keys.get(first..).unwrap_or_default();
            if own.len() >= KEYS || own.contains(&key) {
                return Err(A::Error::custom("many, or twice"));
            }
            self.keys.push(key);
            entries.next_value_seed(self.within())?;
        }
        self.keys.truncate(first);
        Ok(())
    }
}

/// A key as it stands in the text, where it has no escapes.
struct Key<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Key<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a key")
            }

            fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(key)))
            }

            fn visit_str<E>(self, key: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(key.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Format, parse_value};
    use proptest::prelude::*;

    #[test]
    fn messages_as_clients_write_them_are_plain() {
        for text in [
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"x":[1,-2,0.5,true,null,"é\n"]}}}"#,
            "  []\n",
            "\"a\"",
            "9007199254740991",
        ] {
            assert!(is_plain_json(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn what_the_strict_reader_refuses_is_not_plain() {
        for text in [
            r#"{"a":1,"a":2}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"[{"b":{"a":1,"c":{},"a":2}}]"#,
            "9007199254740992",
            "-9007199254740992",
            "1e999",
            "12345678901234567890123",
            "\"\\ud800\"",
            "[1] 2",
            "",
            "\u{feff}\u{feff}1",
        ] {
            assert!(!is_plain_json(text.as_bytes()), "{text}");
            assert!(
                parse_value(text.as_bytes(), Format::Json).is_err(),
                "{text}"
            );
        }
        let deep = format!("{}{}", "[".repeat(70), "]".repeat(70));
        assert!(!is_plain_json(deep.as_bytes()));
        // Equal keys of different objects are no two of one.
        assert!(is_plain_json(br#"{"a":{"a":{"a":1}},"b":{"a":2}}"#));
    }

    /// Text that is nearly JSON, with few keys, so that some are there twice.
    fn nearly_json() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("null".to_owned()),
            Just("\"\\u0061\"".to_owned()),
            "-?[0-9]{1,18}",
            "-?[0-9]{1,3}\\.[0-9]{1,3}(e[0-9]{1,3})?",
            r#""[ab\\"/ é\n]{0,4}""#,
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            let key = prop_oneof![Just("a"), Just("b"), Just("\\u0061"), Just("A")];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5)
                    .prop_map(|items| format!("[{}]", items.join(","))),
                prop::collection::vec((key, inner), 0..4).prop_map(|entries| {
                    let entries: Vec<String> = { entries.iter() }
                        .map(|(key, value)| format!("\"{key}\": {value}"))
                        .collect();
                    format!("{{{}}}", entries.join(","))
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_plain_is_taken_by_the_strict_reader(text in nearly_json()) {
            if is_plain_json(text.as_bytes()) {
                prop_assert!(parse_value(text.as_bytes(), Format::Json).is_ok(), "{}", text);
            }
        }

        #[test]
        fn any_text_that_is_plain_is_taken(text in "[\\[\\]{}\",:0-9ab. \\\\]{0,24}") {
            if is_plain_json(text.as_bytes()) {
                prop_assert!(parse_value(text.as_bytes(), Format::Json).is_ok(), "{}", text);
            }
        }
    }
}
