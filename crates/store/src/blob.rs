//! Large values: a top-level field over 64 KiB leaves its row and is stored once, under the hash of its bytes.
//!
//! In the row, field `x` becomes `x$blob` with size and hash, so that the row's hash still covers the value; on reading
//! the very bytes are put back.

use crate::{
    StoreError,
    json_fields::{Field, top_level_fields},
};
use mandate_plan::Digest;
use rusqlite::{Connection, OptionalExtension as _};
use serde::Deserialize;

/// A field whose value is longer than this leaves its row.
pub const INLINE_LIMIT_BYTES: usize = 64 * 1024;
/// One value may be this long.
pub const VALUE_LIMIT_BYTES: usize = 16 * 1024 * 1024;
/// How a key that stands for a blob ends.
const MARK: &str = "$blob";

/// A value that left its row.
#[derive(Debug)]
pub(crate) struct Blob {
    pub(crate) hash: Digest,
    pub(crate) content: Vec<u8>,
}

/// What stands in a row in place of a blob.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BlobRef {
    pub(crate) bytes: u64,
    pub(crate) sha256: Digest,
}

/// The payload as it is stored, and the blobs that left it. `whose` names the record in errors.
pub(crate) fn split(
    payload: Vec<u8>,
    whose: impl Fn() -> String,
) -> Result<(String, Vec<Blob>), StoreError> {
    split_over(INLINE_LIMIT_BYTES, payload, whose)
}

fn split_over(
    inline_limit_bytes: usize,
    payload: Vec<u8>,
    whose: impl Fn() -> String,
) -> Result<(String, Vec<Blob>), StoreError> {
    let text = String::from_utf8(payload)
        .map_err(|_| StoreError::Failed(format!("the payload of {} is not UTF-8", whose())))?;
    if text.len() <= inline_limit_bytes && !text.contains("$blob\"") {
        return Ok((text, Vec::new()));
    }
    let bytes = text.as_bytes();
    let fields = top_level_fields(&text).ok_or_else(|| {
        StoreError::Failed(format!("the payload of {} is not a JSON object", whose()))
    })?;
    let mut stored = Vec::new();
    let mut copied = 0;
    let mut blobs = Vec::new();
    for field in fields {
        let key = bytes.get(field.key.clone()).unwrap_or_default();
        let value = bytes.get(field.value.clone()).unwrap_or_default();
        if key.ends_with(MARK.as_bytes()) {
            return Err(StoreError::Failed(format!(
                "the payload of {} has a field whose name ends in `{MARK}`, which is reserved",
                whose()
            )));
        }
        if value.len() > VALUE_LIMIT_BYTES {
            return Err(StoreError::TooLarge {
                what: format!("field `{}` of {}", String::from_utf8_lossy(key), whose()),
                limit_bytes: VALUE_LIMIT_BYTES as u64,
            });
        }
        if value.len() > inline_limit_bytes {
            let hash = Digest::of(value);
            let between = field.key.end..field.value.start;
            stored.extend_from_slice(bytes.get(copied..field.key.end).unwrap_or_default());
            stored.extend_from_slice(MARK.as_bytes());
            stored.extend_from_slice(bytes.get(between).unwrap_or_default());
            let reference = format!(r#"{{"bytes":{},"sha256":"{hash}"}}"#, value.len());
            stored.extend_from_slice(reference.as_bytes());
            copied = field.value.end;
            let content = value.to_vec();
            blobs.push(Blob { hash, content });
        }
    }
    stored.extend_from_slice(bytes.get(copied..).unwrap_or_default());
    if stored.len() > VALUE_LIMIT_BYTES {
        return Err(StoreError::TooLarge {
            what: format!("the payload of {}", whose()),
            limit_bytes: VALUE_LIMIT_BYTES as u64,
        });
    }
    // Cut at quotes only, so this is UTF-8 as before.
    let stored = String::from_utf8(stored)
        .map_err(|_| StoreError::Failed(format!("the payload of {} is not UTF-8", whose())))?;
    Ok((stored, blobs))
}

/// The blobs that a stored payload stands on.
pub(crate) fn references(stored: &str) -> Result<Vec<BlobRef>, String> {
    let mut found = Vec::new();
    each_reference(stored, |_, reference| {
        found.push(reference);
        Ok(())
    })?;
    Ok(found)
}

/// The payload with its blobs put back, the very bytes that were given to [`split`].
pub(crate) fn restore(db: &Connection, stored: String) -> Result<Vec<u8>, StoreError> {
    if !stored.contains("$blob\"") {
        return Ok(stored.into_bytes());
    }
    let mut whole = Vec::new();
    let mut copied = 0;
    let bytes = stored.as_bytes();
    each_reference(&stored, |field, reference| {
        let content = load(db, &reference).map_err(|error| error.to_string())??;
        let key_end = field.key.end - MARK.len();
        let between = field.key.end..field.value.start;
        whole.extend_from_slice(bytes.get(copied..key_end).unwrap_or_default());
        whole.extend_from_slice(bytes.get(between).unwrap_or_default());
        whole.extend_from_slice(&content);
        copied = field.value.end;
        Ok(())
    })
    .map_err(StoreError::Damaged)?;
    whole.extend_from_slice(bytes.get(copied..).unwrap_or_default());
    Ok(whole)
}

/// A blob's content, checked; the inner error says what is wrong with it.
pub(crate) fn load(
    db: &Connection,
    reference: &BlobRef,
) -> Result<Result<Vec<u8>, String>, StoreError> {
    let hash = &reference.sha256;
    let content: Option<Vec<u8>> = db
        .prepare_cached("SELECT content FROM blobs WHERE hash = ?1")?
        .query_row([hash.as_bytes().as_slice()], |row| row.get(0))
        .optional()?;
    Ok(match content {
        None => Err(format!("blob {hash} is missing")),
        Some(content) if Digest::of(&content) != *hash => Err(format!("blob {hash} was changed")),
        Some(content) if content.len() as u64 != reference.bytes => {
            Err(format!("blob {hash} has another size than its row says"))
        }
        Some(content) => Ok(content),
    })
}

/// True if there is a blob of that hash, whatever it holds.
pub(crate) fn is_there(db: &Connection, reference: &BlobRef) -> Result<bool, StoreError> {
    Ok(db
        .prepare_cached("SELECT 1 FROM blobs WHERE hash = ?1")?
        .exists([reference.sha256.as_bytes()])?)
}

fn each_reference(
    stored: &str,
    mut visit: impl FnMut(&Field, BlobRef) -> Result<(), String>,
) -> Result<(), String> {
    if !stored.contains("$blob\"") {
        return Ok(());
    }
    let bytes = stored.as_bytes();
    let fields = top_level_fields(stored).ok_or("a stored payload is not a JSON object")?;
    for field in fields {
        let key = bytes.get(field.key.clone()).unwrap_or_default();
        if !key.ends_with(MARK.as_bytes()) {
            continue;
        }
        let value = bytes.get(field.value.clone()).unwrap_or_default();
        let reference: BlobRef = serde_json::from_slice(value).map_err(|_| {
            format!(
                "`{}` is no reference to a blob",
                String::from_utf8_lossy(key)
            )
        })?;
        visit(&field, reference)?;
    }
    Ok(())
}

/// The bytes that a stored payload stands for, blobs counted.
pub(crate) fn full_size(stored: &str) -> u64 {
    let blobs = references(stored).unwrap_or_default();
    stored.len() as u64 + blobs.iter().map(|blob| blob.bytes).sum::<u64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            "[\"\\\\{}\\[\\]:, \n]{0,20}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 30, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..5)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_leaves_a_row_comes_back_byte_for_byte(
            fields in prop::collection::btree_map("[^$]{0,8}", json(), 0..6),
            pretty in any::<bool>(),
            limit in 0_usize..40,
        ) {
            let object = Value::Object(fields.into_iter().collect());
            let payload = match pretty {
                true => serde_json::to_vec_pretty(&object).unwrap(),
                false => serde_json::to_vec(&object).unwrap(),
            };
            let (stored, blobs) = split_over(limit, payload.clone(), String::new).unwrap();
            for blob in &blobs {
                prop_assert!(blob.content.len() > limit);
            }
            let mut db = Connection::open_in_memory().unwrap();
            crate::schema::migrate(&mut db).unwrap();
            for blob in &blobs {
                db.execute(
                    "INSERT OR IGNORE INTO blobs VALUES (?1, 0, 0, x'', ?2)",
                    rusqlite::params![blob.hash.as_bytes(), blob.content],
                ).unwrap();
            }
            prop_assert_eq!(references(&stored).unwrap().len(), blobs.len());
            prop_assert_eq!(restore(&db, stored).unwrap(), payload);
        }
    }

    #[test]
    fn keys_that_would_be_taken_for_references_are_refused() {
        for payload in [
            r#"{"x$blob":1}"#,
            r#"{"a":1,"x$blob":{"bytes":1,"sha256":""}}"#,
        ] {
            let error = split(payload.as_bytes().to_vec(), || "`x`".to_owned()).unwrap_err();
            assert!(error.to_string().contains("reserved"), "{error}");
        }
        // Deeper down and in values it is nothing special.
        for payload in [r#"{"x":{"y$blob":1}}"#, r#"{"x":"$blob"}"#] {
            let (stored, blobs) = split(payload.as_bytes().to_vec(), String::new).unwrap();
            assert_eq!((stored.as_str(), blobs.len()), (payload, 0));
        }
    }
}
