//! Principals with API keys: who somebody is beyond being a process of this machine's user.
//!
//! Keys are made by who owns the data directory until there is an admin, and by admins from then on. The journal keeps
//! a digest of each; the key itself is shown once.

mod api_key;
mod rights;
mod ring;

pub use api_key::{ApiKey, NotAKey};
pub use rights::{may_operate, may_override, may_remove, may_revoke, may_steer};
pub(crate) use ring::REVOKED as KEY_REVOKED;
pub use ring::{KeyRing, KnownKey};

use crate::ask::HostError;
use crate::clock::{Clock as _, SystemClock};
use crate::refused::note_key;
use crate::server::waiting;
use crate::system_rows::append;
use mandate_plan::ErrorCode;
use mandate_policy::principal::{ROLES, is_principal, is_role};
use mandate_policy::{Principal, Right};
use mandate_store::Journal;
use mandate_tools::Fault;
use ring::{CREATED, Created, REVOKED, Revoked};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// Somebody logged in to the console.
const LOGGED_IN: &str = "logged_in";

/// What is to be done to keys.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyAct {
    /// Make one.
    Create {
        /// Whose it is.
        name: String,
        /// What it may do.
        roles: BTreeSet<String>,
    },
    /// Let one, or all of a name, hold no longer.
    Revoke {
        /// The key's id, or the name.
        which: String,
    },
}

/// What was done.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct KeyActed {
    /// The keys that it was done to.
    pub key_ids: Vec<String>,
    /// The key that was made; it is not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<ApiKey>,
}

/// The keys of a data directory, as the process that writes it sees them.
pub struct Keys {
    journal: Arc<dyn Journal>,
    ring: Mutex<KeyRing>,
}

impl Keys {
    /// The keys in this journal.
    pub fn new(journal: Arc<dyn Journal>) -> Self {
        Self {
            journal,
            ring: Mutex::default(),
        }
    }

    fn with<T>(
        &self,
        look: impl FnOnce(&mut KeyRing) -> Result<T, HostError>,
    ) -> Result<T, HostError> {
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        ring.catch_up(self.journal.as_ref())?;
        look(&mut ring)
    }

    /// Whose key it is.
    ///
    /// # Errors
    /// There is no such key, or it was revoked.
    pub fn principal(&self, key: &ApiKey) -> Result<Principal, HostError> {
        self.with(|ring| ring.principal(key))
    }

    /// Whether somebody still is who they showed to be: their key may have been revoked since.
    ///
    /// # Errors
    /// It was.
    pub fn still(&self, principal: &Principal) -> Result<(), HostError> {
        let Some(key) = &principal.key else {
            return Ok(());
        };
        self.with(|ring| match ring.holds(key) {
            true => Ok(()),
            false => Err(HostError::KeyRevoked(key.clone())),
        })
    }

    /// Whether they are known up to now, so that to look at them waits for nothing.
    pub fn are_current(&self) -> bool {
        let ring = self.ring.try_lock();
        ring.is_ok_and(|ring| ring.is_current(self.journal.as_ref()))
    }

    /// The same as [`Keys::still`], awaited by a task.
    pub(crate) async fn still_soon(
        keys: &Arc<Self>,
        principal: Principal,
    ) -> Result<(), HostError> {
        if keys.are_current() {
            return keys.still(&principal);
        }
        let keys = keys.clone();
        waiting(move || keys.still(&principal)).await
    }

    /// The journal that they are in.
    pub(crate) fn journal(&self) -> &Arc<dyn Journal> {
        &self.journal
    }

    /// Every key, those that were revoked too, the oldest first.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn all(&self) -> Result<Vec<KnownKey>, HostError> {
        self.with(|ring| Ok(ring.all().into_iter().cloned().collect()))
    }

    /// Whether anybody has a key that holds.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn any_holds(&self) -> Result<bool, HostError> {
        self.with(|ring| Ok(ring.holding().next().is_some()))
    }

    /// Puts it on record that somebody logged in. Returns when the disk has it.
    ///
    /// # Errors
    /// The store's.
    pub fn logged_in(&self, who: &Principal, channel: &str, from: &str) -> Result<(), HostError> {
        let row = json!({ "by": who.name, "key": who.key, "channel": channel, "from": from });
        append(self.journal.as_ref(), SystemClock.now_ms(), LOGGED_IN, &row)
    }

    /// Puts it on record that somebody showed what does not hold: `key` is the id of a key, or how it was shown.
    pub fn note_refused(&self, key: &str, by: &str, error: &HostError) {
        note_key(self.journal.as_ref(), SystemClock.now_ms(), key, by, error);
    }

    /// Does something to keys.
    ///
    /// # Errors
    /// Whoever asks may not, or it does not fit.
    pub fn act(&self, act: KeyAct, by: &Principal) -> Result<KeyActed, HostError> {
        self.still(by)?;
        // Under the lock, so that nobody makes a key as the owner once there is an admin.
        self.with(|ring| {
            let owner = by.key.is_none() && !ring.has_admin();
            if !owner && (by.key.is_none() || !by.may(Right::Administer)) {
                return Err(HostError::MayNot {
                    by: by.name.clone(),
                    what: "make or revoke keys".to_owned(),
                    roles: roles_of(Right::Administer),
                });
            }
            match act {
                KeyAct::Create { name, roles } => self.create(name, roles, by),
                KeyAct::Revoke { which } => self.revoke(ring, &which, by),
            }
        })
    }

    fn create(
        &self,
        name: String,
        roles: BTreeSet<String>,
        by: &Principal,
    ) -> Result<KeyActed, HostError> {
        let wrong = |why: String| HostError::Tool(Fault::new(ErrorCode::InvalidPayload, why));
        if !is_principal(&name) {
            return Err(wrong(format!(
                "`{name}` is no name for a principal: small letters, digits, `-`, `_` and `.`, at most 64"
            )));
        }
        if roles.is_empty() {
            return Err(wrong(format!(
                "a key needs a role: {}, or one of your own",
                ROLES.join(", ")
            )));
        }
        if let Some(bad) = roles.iter().find(|role| !is_role(role)) {
            return Err(wrong(format!(
                "`{bad}` is no name for a role: small letters, digits, `-` and `_`, at most 64"
            )));
        }
        let key = ApiKey::generate().map_err(|error| wrong(error.to_string()))?;
        let row = Created {
            key_id: key.id(),
            name,
            roles,
            digest: key.digest(),
            by: by.name.clone(),
            by_key: by.key.clone(),
        };
        let now_ms = SystemClock.now_ms();
        append(self.journal.as_ref(), now_ms, CREATED, &json!(row))?;
        Ok(KeyActed {
            key_ids: vec![row.key_id],
            key: Some(key),
        })
    }

    fn revoke(&self, ring: &KeyRing, which: &str, by: &Principal) -> Result<KeyActed, HostError> {
        let named = |key: &&KnownKey| key.key_id == which || key.name == which;
        let found: Vec<KnownKey> = ring.holding().filter(named).cloned().collect();
        if found.is_empty() {
            return Err(HostError::NoSuchKey(which.to_owned()));
        }
        let now_ms = SystemClock.now_ms();
        let mut acted = KeyActed::default();
        for key in found {
            let row = Revoked {
                key_id: key.key_id.clone(),
                name: key.name,
                by: by.name.clone(),
                by_key: by.key.clone(),
            };
            append(self.journal.as_ref(), now_ms, REVOKED, &json!(row))?;
            acted.key_ids.push(key.key_id);
        }
        Ok(acted)
    }
}

/// The roles that have a right, for a message.
pub(crate) fn roles_of(right: Right) -> Vec<String> {
    right
        .roles()
        .iter()
        .map(|role| (*role).to_owned())
        .collect()
}
