//! Keys that a data directory made for itself, on record: whoever reads the journal sees since when a signature or a token
//! can have been made with which one. A key that is there and not on record, since a command that only reads made it or the
//! process that did died too early, is put there by the next host.

use crate::ask::HostError;
use crate::host::Host;
use crate::system_rows::{batch, row};
use crate::tokens::TokenSource;
use mandate_store::{Journal, NewRecord, PublicKey};
use serde_json::{Value, json};

/// A key that signs heads and exports was made.
pub const SIGNING_KEY_CREATED: &str = "signing_key_created";
/// A key for tokens was made.
pub const TOKEN_KEY_CREATED: &str = "token_key_created";

/// The rows that are missing about the keys that are there.
///
/// # Errors
/// The journal or the keys cannot be read.
pub(crate) fn missing(
    journal: &dyn Journal,
    signing: Option<&PublicKey>,
    tokens: &dyn TokenSource,
    now_ms: i64,
) -> Result<Vec<NewRecord>, HostError> {
    let mut rows = Vec::new();
    if let Some(key) = signing {
        let last = journal.last_of_system(&[SIGNING_KEY_CREATED])?;
        let on_record = last.and_then(|last| named(&last.payload, "public_key"));
        if on_record.as_deref() != Some(key.to_string().as_str()) {
            let payload = json!({ "public_key": key, "before": on_record });
            rows.push(row(now_ms, SIGNING_KEY_CREATED, &payload));
        }
    }
    let made = tokens.made()?;
    if !made.is_empty() {
        let known = journal.system_rows(TOKEN_KEY_CREATED)?;
        let known = { known.iter() }.filter_map(|row| named(&row.payload, "key"));
        let known: Vec<String> = known.collect();
        let unknown = { made.iter() }.filter(|key| !known.contains(key));
        rows.extend(unknown.map(|key| {
            let payload = json!({ "key": key, "found": true });
            row(now_ms, TOKEN_KEY_CREATED, &payload)
        }));
    }
    Ok(rows)
}

fn named(payload: &[u8], name: &str) -> Option<String> {
    let payload: Value = serde_json::from_slice(payload).ok()?;
    Some(payload.get(name)?.as_str()?.to_owned())
}

impl Host {
    /// Puts it on record that the first key for tokens was made for `by`. What is appended later is durable later, so that
    /// no token is out before.
    pub(crate) fn note_token_key(&mut self, before: &[String], by: &str) {
        let made = self.parts.tokens.made().unwrap_or_default();
        for key in made.iter().filter(|key| !before.contains(key)) {
            let payload = json!({ "key": key, "by": by });
            let row = batch(self.parts.clock.now_ms(), TOKEN_KEY_CREATED, &payload);
            self.parts.journal.append(row, Box::new(|_| {}));
        }
    }
}
