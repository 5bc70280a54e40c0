//! Putting values in the places of the plan's own placeholders, and nowhere else.

use super::SecretValue;
use crate::Fault;
use mandate_plan::ErrorCode;
use mandate_policy::SecretSlot;
use serde_json::Value;
use std::collections::BTreeMap;

/// Arguments with secrets in them.
pub(crate) struct Inserted {
    /// The arguments.
    pub(crate) args: Value,
    /// JSON pointers of the strings that hold a secret.
    pub(crate) places: Vec<String>,
}

/// Replaces each placeholder by position. Text that looks like a placeholder but stands in no slot is data, also
/// where a secret's own value holds such text.
pub(crate) fn insert(
    mut args: Value,
    slots: &[SecretSlot],
    values: &BTreeMap<String, SecretValue>,
) -> Result<Inserted, Fault> {
    let mut by_pointer: BTreeMap<&str, Vec<&SecretSlot>> = BTreeMap::new();
    for slot in slots {
        by_pointer.entry(&slot.pointer).or_default().push(slot);
    }
    let mut places = Vec::new();
    for (pointer, mut slots) in by_pointer {
        let text = match args.pointer_mut(pointer) {
            Some(Value::String(text)) => text,
            _ => return Err(misplaced(pointer)),
        };
        // From the end, so that the offsets of the others stay right.
        slots.sort_by_key(|slot| std::cmp::Reverse(slot.offset));
        for slot in slots {
            let end = slot
                .offset
                .checked_add(slot.len)
                .ok_or_else(|| misplaced(pointer))?;
            let placeholder = format!("${{secrets.{}}}", slot.name);
            if text.get(slot.offset..end) != Some(placeholder.as_str()) {
                return Err(misplaced(pointer));
            }
            let value = values.get(&slot.name).ok_or_else(|| misplaced(pointer))?;
            text.replace_range(slot.offset..end, value.expose());
        }
        places.push(pointer.to_owned());
    }
    Ok(Inserted { args, places })
}

fn misplaced(pointer: &str) -> Fault {
    Fault::new(
        ErrorCode::InvalidPayload,
        format!(
            "at `{pointer}` of the arguments there is no secret's placeholder where one should be"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::{SecretSlot, SecretValue, insert};
    use serde_json::json;
    use std::collections::BTreeMap;

    fn slot(pointer: &str, offset: usize, name: &str) -> SecretSlot {
        SecretSlot {
            pointer: pointer.into(),
            offset,
            len: name.len() + "${secrets.}".len(),
            name: name.into(),
        }
    }

    fn values() -> BTreeMap<String, SecretValue> {
        [("A", "first-${secrets.B}"), ("B", "second-value")]
            .map(|(name, value)| (name.to_owned(), SecretValue::new(name, value).unwrap()))
            .into()
    }

    #[test]
    fn only_slots_are_replaced() {
        let args = json!({"x": "é ${secrets.A}/${secrets.B}/${secrets.B}", "y": ["${secrets.A}"]});
        // The last placeholder of `x`, and `y`, came from data.
        let slots = [slot("/x", 3, "A"), slot("/x", 15, "B")];
        let inserted = insert(args, &slots, &values()).unwrap();
        assert_eq!(
            inserted.args,
            json!({"x": "é first-${secrets.B}/second-value/${secrets.B}", "y": ["${secrets.A}"]})
        );
        assert_eq!(inserted.places, ["/x"]);
    }

    #[test]
    fn a_slot_without_its_placeholder_is_an_error() {
        for (args, slot) in [
            (json!({"x": "${secrets.B}"}), slot("/x", 0, "A")),
            (json!({"x": "${secrets.A}"}), slot("/x", 1, "A")),
            (json!({"x": "é"}), slot("/x", 1, "A")),
            (json!({"x": 1}), slot("/x", 0, "A")),
            (json!({}), slot("/x", 0, "A")),
            (json!({"x": "${secrets.C}"}), slot("/x", 0, "C")),
            (
                json!({"x": "${secrets.A}"}),
                SecretSlot {
                    offset: usize::MAX,
                    ..slot("/x", 0, "A")
                },
            ),
        ] {
            assert!(insert(args.clone(), &[slot], &values()).is_err(), "{args}");
        }
    }
}
