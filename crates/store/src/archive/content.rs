//! Which plans and large values the rows of a stream stand on.

use crate::{StoreError, blob};
use mandate_plan::Digest;
use std::collections::BTreeSet;

/// Every plan that a payload names, wherever in it. What only looks like one has no plan of that hash.
pub(crate) fn plan_hashes(payload: &str) -> impl Iterator<Item = Digest> {
    let behind = payload.split(r#""plan_hash":""#).skip(1);
    behind.filter_map(|text| text.get(..64)?.parse().ok())
}

/// Adds the hashes of everything that a stored payload stands on.
pub(super) fn add(payload: &str, hashes: &mut BTreeSet<Digest>) -> Result<(), StoreError> {
    hashes.extend(plan_hashes(payload));
    let blobs = blob::references(payload).map_err(StoreError::Damaged)?;
    hashes.extend(blobs.into_iter().map(|blob| blob.sha256));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_payload_stands_on_is_found_at_any_depth() {
        let (plan, blob) = (Digest::of(b"plan"), Digest::of(b"blob"));
        let payload = format!(
            r#"{{"row":{{"plan_hash":"{plan}"}},"plan_hash":"short","out$blob":{{"bytes":7,"sha256":"{blob}"}}}}"#
        );
        let mut found = BTreeSet::new();
        add(&payload, &mut found).unwrap();
        assert_eq!(found, [plan, blob].into());
    }
}
