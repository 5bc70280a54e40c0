//! The standing approvals there are, and how often each was used: a fold over the `system` stream.

use super::InputRule;
use crate::ask::HostError;
use crate::keys::KEY_REVOKED;
use crate::system_rows::ReadSoFar;
use mandate_engine::Created;
use mandate_plan::Digest;
use mandate_policy::Assent;
use mandate_store::{Journal, Record, SYSTEM};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// One was given.
pub(super) const GIVEN: &str = "standing_given";
/// One answered the request of an execution.
pub(super) const USED: &str = "standing_used";
/// One holds no longer.
pub(super) const REVOKED: &str = "standing_revoked";

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Given {
    pub(super) standing_id: String,
    pub(super) plan: String,
    pub(super) plan_hash: Digest,
    pub(super) tools: BTreeMap<String, Digest>,
    pub(super) inputs: BTreeMap<String, InputRule>,
    #[serde(default)]
    pub(super) secrets: BTreeMap<String, String>,
    pub(super) runs: u64,
    pub(super) until_ms: i64,
    pub(super) execution_id: String,
    pub(super) request_id: String,
    pub(super) assent: Assent,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Used {
    pub(super) standing_id: String,
    pub(super) execution_id: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Revoked {
    pub(super) standing_id: String,
    pub(super) by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
}

#[derive(Deserialize)]
struct Key {
    key_id: String,
}

/// A standing approval.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StandingApproval {
    /// Its id.
    pub standing_id: String,
    /// The plan's name.
    pub plan: String,
    /// The plan's hash.
    pub plan_hash: Digest,
    /// The digests of the plan's tools.
    pub tools: BTreeMap<String, Digest>,
    /// What each input must be.
    pub inputs: BTreeMap<String, InputRule>,
    /// The secrets that were given as inputs.
    pub secrets: BTreeMap<String, String>,
    /// For how many executions.
    pub runs: u64,
    /// Until when, Unix milliseconds.
    pub until_ms: i64,
    /// The request that was answered when it was given.
    pub request_id: String,
    /// Who gave it, and how that is known.
    pub assent: Assent,
    /// Why.
    pub reason: Option<String>,
    /// The executions that it was used for.
    pub used: BTreeSet<String>,
    /// Why it holds no longer, where somebody saw to that.
    pub ended: Option<String>,
}

impl StandingApproval {
    /// Why it holds no longer.
    pub fn over(&self, now_ms: i64) -> Option<String> {
        if let Some(ended) = &self.ended {
            return Some(ended.clone());
        }
        let used = u64::try_from(self.used.len()).unwrap_or(u64::MAX);
        if used >= self.runs {
            return Some("it is used up".to_owned());
        }
        (self.until_ms <= now_ms).then(|| "its time is over".to_owned())
    }

    fn is_about(&self, created: &Created) -> bool {
        let inputs = created.inputs.len() == self.inputs.len()
            && created
                .inputs
                .iter()
                .all(|(name, value)| self.inputs.get(name).is_some_and(|rule| rule.allows(value)));
        created.plan_hash == self.plan_hash
            && created.tools == self.tools
            && created.secrets == self.secrets
            && inputs
    }
}

/// Every standing approval of a data directory.
#[derive(Debug, Default)]
pub struct Ledger {
    all: BTreeMap<String, StandingApproval>,
    read: ReadSoFar,
}

impl Ledger {
    /// As the journal has them now.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn of(journal: &dyn Journal) -> Result<Self, HostError> {
        let mut ledger = Self::default();
        ledger.catch_up(journal)?;
        Ok(ledger)
    }

    /// Reads what is new.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub(crate) fn catch_up(&mut self, journal: &dyn Journal) -> Result<(), HostError> {
        let kinds = [GIVEN, USED, REVOKED, KEY_REVOKED];
        let mut read = std::mem::take(&mut self.read);
        let done = read.go_on(journal, &kinds, |row| {
            self.note(row).map_err(|error| HostError::Unreadable {
                execution_id: SYSTEM.to_owned(),
                reason: format!("the row at seq {} is no `{}`: {error}", row.seq, row.kind),
            })
        });
        self.read = read;
        done
    }

    fn note(&mut self, row: &Record) -> Result<(), serde_json::Error> {
        match row.kind.as_str() {
            GIVEN => {
                let given: Given = serde_json::from_slice(&row.payload)?;
                let id = given.standing_id.clone();
                self.all.entry(id).or_insert_with(|| given.into());
            }
            USED => {
                let used: Used = serde_json::from_slice(&row.payload)?;
                self.note_use(&used.standing_id, &used.execution_id);
            }
            REVOKED => {
                let gone: Revoked = serde_json::from_slice(&row.payload)?;
                let why = match gone.reason {
                    Some(why) => format!("{} revoked it: {why}", gone.by),
                    None => format!("{} revoked it", gone.by),
                };
                if let Some(found) = self.all.get_mut(&gone.standing_id) {
                    found.ended.get_or_insert(why);
                }
            }
            // What was said with a key that holds no longer does not go on being said.
            KEY_REVOKED => {
                let key: Key = serde_json::from_slice(&row.payload)?;
                for found in self.all.values_mut() {
                    if found.assent.key.as_ref() == Some(&key.key_id) {
                        let why = format!(
                            "the key `{}` that it was given with was revoked",
                            key.key_id
                        );
                        found.ended.get_or_insert(why);
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Counts a use, once for each execution.
    pub(crate) fn note_use(&mut self, standing_id: &str, execution_id: &str) {
        if let Some(found) = self.all.get_mut(standing_id) {
            found.used.insert(execution_id.to_owned());
        }
    }

    /// The one of that id.
    pub fn get(&self, standing_id: &str) -> Option<&StandingApproval> {
        self.all.get(standing_id)
    }

    /// Every one.
    pub fn all(&self) -> impl Iterator<Item = &StandingApproval> {
        self.all.values()
    }

    /// Those that hold for an execution that begins now.
    pub(crate) fn matching(&self, created: &Created, now_ms: i64) -> Vec<StandingApproval> {
        let holds =
            |found: &&StandingApproval| found.over(now_ms).is_none() && found.is_about(created);
        self.all.values().filter(holds).cloned().collect()
    }
}

impl From<Given> for StandingApproval {
    fn from(given: Given) -> Self {
        Self {
            standing_id: given.standing_id,
            plan: given.plan,
            plan_hash: given.plan_hash,
            tools: given.tools,
            inputs: given.inputs,
            secrets: given.secrets,
            runs: given.runs,
            until_ms: given.until_ms,
            request_id: given.request_id,
            assent: given.assent,
            reason: given.reason,
            used: BTreeSet::new(),
            ended: None,
        }
    }
}
