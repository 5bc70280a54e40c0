//! The same request again: `Idempotency-Key` makes the execution's id, so that the journal knows the request after a
//! restart, too. Of a request that is under way still, only this process knows.

use crate::problem::Problem;
use axum::http::{HeaderMap, HeaderName};
use mandate_plan::Digest;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The header.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// That an answer is that of an earlier request.
pub(crate) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// The longest key.
const MOST: usize = 255;

/// The key that a request carries.
///
/// # Errors
/// It is none that can be kept.
pub(crate) fn key_of(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut all = headers.get_all(IDEMPOTENCY_KEY).iter();
    let (Some(first), second) = (all.next(), all.next()) else {
        return Ok(None);
    };
    let text = first.to_str().ok().filter(|_| second.is_none());
    let visible = |text: &&str| {
        (1..=MOST).contains(&text.len()) && text.chars().all(|c| c.is_ascii_graphic())
    };
    match text.filter(visible) {
        Some(text) => Ok(Some(text.to_owned())),
        None => Err(Problem::usage(format!(
            "`Idempotency-Key` is 1 to {MOST} visible ASCII characters, and there once"
        ))),
    }
}

/// The id of the execution that a principal asks for with a key: the same each time, and nobody else's.
pub(crate) fn execution_id(principal: &str, key: &str) -> String {
    let parts = [principal.as_bytes(), key.as_bytes()];
    let digest = Digest::framed("mandate/idempotency-key/v1", parts);
    let mut bytes = [0_u8; 16];
    for (byte, of_digest) in bytes.iter_mut().zip(digest.as_bytes()) {
        *byte = *of_digest;
    }
    // A UUID of version 8, whose bits are the program's own.
    let id = uuid::Builder::from_bytes(bytes)
        .with_version(uuid::Version::Custom)
        .with_variant(uuid::Variant::RFC4122);
    id.into_uuid().to_string()
}

/// The executions that are being asked for.
#[derive(Default, Clone)]
pub(crate) struct Creating(Arc<Mutex<HashSet<String>>>);

/// One execution is being asked for, for as long as this is kept.
pub(crate) struct Entered {
    creating: Creating,
    execution_id: String,
}

impl Creating {
    fn lock(&self) -> MutexGuard<'_, HashSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to ask for one; none if somebody does already.
    pub(crate) fn enter(&self, execution_id: &str) -> Option<Entered> {
        let fresh = self.lock().insert(execution_id.to_owned());
        fresh.then(|| Entered {
            creating: self.clone(),
            execution_id: execution_id.to_owned(),
        })
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.creating.lock().remove(&self.execution_id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_means_one_execution_of_one_principal() {
        let id = execution_id("ann", "k");
        assert_eq!(id, execution_id("ann", "k"));
        assert_ne!(id, execution_id("bob", "k"));
        assert_ne!(id, execution_id("ann", "k2"));
        assert_ne!(execution_id("a", "bc"), execution_id("ab", "c"));
        let parsed: uuid::Uuid = id.parse().unwrap();
        assert_eq!(parsed.get_version_num(), 8);
    }

    #[test]
    fn only_one_asks_at_a_time() {
        let creating = Creating::default();
        let first = creating.enter("a").unwrap();
        assert!(creating.enter("a").is_none() && creating.enter("b").is_some());
        drop(first);
        assert!(creating.enter("a").is_some());
    }
}
