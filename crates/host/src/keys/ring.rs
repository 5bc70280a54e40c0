//! The keys there are: a fold over the rows of the `system` stream that tell of them.

use super::ApiKey;
use crate::ask::HostError;
use crate::system_rows::ReadSoFar;
use mandate_plan::Digest;
use mandate_policy::Principal;
use mandate_policy::principal::ADMIN;
use mandate_store::{Journal, Record, SYSTEM};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A key was made.
pub(crate) const CREATED: &str = "key_created";
/// A key holds no longer.
pub(crate) const REVOKED: &str = "key_revoked";

/// The row of a key that was made. The key itself is nowhere.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Created {
    pub(crate) key_id: String,
    pub(crate) name: String,
    pub(crate) roles: BTreeSet<String>,
    /// See [`ApiKey::digest`].
    pub(crate) digest: Digest,
    pub(crate) by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) by_key: Option<String>,
}

/// The row of a key that was revoked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Revoked {
    pub(crate) key_id: String,
    pub(crate) name: String,
    pub(crate) by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) by_key: Option<String>,
}

/// A key as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownKey {
    /// Its id.
    pub key_id: String,
    /// Whose it is.
    pub name: String,
    /// What it may do.
    pub roles: BTreeSet<String>,
    /// Who made it.
    pub created_by: String,
    /// When, Unix milliseconds.
    pub created_at_ms: i64,
    /// Who revoked it.
    pub revoked_by: Option<String>,
    /// When, Unix milliseconds.
    pub revoked_at_ms: Option<i64>,
}

/// The keys of a data directory.
#[derive(Debug, Default)]
pub struct KeyRing {
    keys: BTreeMap<String, (KnownKey, Digest)>,
    read: ReadSoFar,
}

impl KeyRing {
    /// The keys as the journal has them now.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn of(journal: &dyn Journal) -> Result<Self, HostError> {
        let mut ring = Self::default();
        ring.catch_up(journal)?;
        Ok(ring)
    }

    /// Whether the journal knows that there is nothing new.
    pub(crate) fn is_current(&self, journal: &dyn Journal) -> bool {
        self.read.is_current(journal)
    }

    /// Reads what is new.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub(crate) fn catch_up(&mut self, journal: &dyn Journal) -> Result<(), HostError> {
        let mut read = std::mem::take(&mut self.read);
        let done = read.go_on(journal, &[CREATED, REVOKED], |row| self.note(row));
        self.read = read;
        done
    }

    fn note(&mut self, row: &Record) -> Result<(), HostError> {
        let damaged = |error: serde_json::Error| HostError::Unreadable {
            execution_id: SYSTEM.to_owned(),
            reason: format!("the row at seq {} is no `{}`: {error}", row.seq, row.kind),
        };
        match row.kind.as_str() {
            CREATED => {
                let made: Created = serde_json::from_slice(&row.payload).map_err(damaged)?;
                let known = KnownKey {
                    key_id: made.key_id.clone(),
                    name: made.name,
                    roles: made.roles,
                    created_by: made.by,
                    created_at_ms: row.at_ms,
                    revoked_by: None,
                    revoked_at_ms: None,
                };
                // An id is given once: a later row does not give an old key new roles.
                self.keys.entry(made.key_id).or_insert((known, made.digest));
            }
            REVOKED => {
                let gone: Revoked = serde_json::from_slice(&row.payload).map_err(damaged)?;
                if let Some((key, _)) = self.keys.get_mut(&gone.key_id)
                    && key.revoked_at_ms.is_none()
                {
                    key.revoked_by = Some(gone.by);
                    key.revoked_at_ms = Some(row.at_ms);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Every key, those that were revoked too, the oldest first.
    pub fn all(&self) -> Vec<&KnownKey> {
        let mut all: Vec<&KnownKey> = self.keys.values().map(|(key, _)| key).collect();
        all.sort_by_key(|key| (key.created_at_ms, &key.key_id));
        all
    }

    /// The keys that hold.
    pub fn holding(&self) -> impl Iterator<Item = &KnownKey> {
        let all = self.keys.values().map(|(key, _)| key);
        all.filter(|key| key.revoked_at_ms.is_none())
    }

    /// Whether somebody has a key that may make others.
    pub fn has_admin(&self) -> bool {
        self.holding().any(|key| key.roles.contains(ADMIN))
    }

    /// Whether the key of that id holds.
    pub fn holds(&self, key_id: &str) -> bool {
        self.holding().any(|key| key.key_id == key_id)
    }

    /// Whose key it is.
    ///
    /// # Errors
    /// There is no such key, or it was revoked.
    pub fn principal(&self, key: &ApiKey) -> Result<Principal, HostError> {
        let id = key.id();
        let unknown = || HostError::NoSuchKey(id.clone());
        let (known, digest) = self.keys.get(&id).ok_or_else(unknown)?;
        if !key.is(digest) {
            return Err(unknown());
        }
        if known.revoked_at_ms.is_some() {
            return Err(HostError::KeyRevoked(id));
        }
        Ok(Principal {
            name: known.name.clone(),
            key: Some(id),
            roles: known.roles.clone(),
        })
    }
}
