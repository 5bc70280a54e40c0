//! The policy that is in force, and those that were: each is an event of the system stream when it comes into force, with
//! its texts, so that an execution can be judged by the one that it began with.

use crate::ask::HostError;
use crate::host::{Host, Parts};
use crate::system_rows::{append_all, row};
use mandate_engine::{Body, Phase};
use mandate_plan::{BoundInputs, CheckedPlan};
use mandate_policy::rules::{Case, RuleError, Ruling};
use mandate_policy::{EvaluateRequest, Rules, SessionView, evaluate_with};
use mandate_store::{Journal, NewRecord};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The kind of the row that a policy comes into force with.
pub const POLICY_ACTIVATED: &str = "policy_activated";

/// What becomes of executions that began under another policy than the one that is in force.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnChange {
    /// Open requests and further calls are judged by the one that is in force.
    #[default]
    ReEvaluate,
    /// They go on under the one that they began with.
    Pin,
}

/// Makes a policy of what was kept of it.
pub type Restore = Arc<dyn Fn(&Value) -> Result<Arc<dyn Rules>, String> + Send + Sync>;

/// How policies that are not in force any more are dealt with.
#[derive(Clone)]
pub struct PolicyTerms {
    /// What becomes of executions that began under one.
    pub on_change: OnChange,
    /// How it is made of what was kept of it.
    pub restore: Restore,
}

impl Default for PolicyTerms {
    fn default() -> Self {
        Self {
            on_change: OnChange::default(),
            restore: Arc::new(|_| Err("it is not kept".to_owned())),
        }
    }
}

/// A policy that is to hold and cannot be had: everything is denied.
#[derive(Debug)]
struct Missing {
    version: String,
    why: String,
}

impl Rules for Missing {
    fn version(&self) -> String {
        self.version.clone()
    }

    fn judge(&self, _: &Case<'_>) -> Result<Vec<Ruling>, RuleError> {
        Err(RuleError {
            rule: "pinned-policy".to_owned(),
            message: format!(
                "the policy {} that the execution began with cannot be restored: {}",
                self.version, self.why
            ),
        })
    }
}

/// The row that puts it on record that this policy is in force; none = it is on record already.
///
/// # Errors
/// The journal cannot be read.
pub(crate) fn activation(
    journal: &dyn Journal,
    rules: &dyn Rules,
    now_ms: i64,
) -> Result<Option<NewRecord>, HostError> {
    let version = rules.version();
    let last = journal.last_of_system(&[POLICY_ACTIVATED])?;
    let before = last.as_ref().and_then(|last| version_of(&last.payload));
    if before.as_deref() == Some(version.as_str()) {
        return Ok(None);
    }
    let payload = json!({ "version": version, "before": before, "policy": rules.texts() });
    Ok(Some(row(now_ms, POLICY_ACTIVATED, &payload)))
}

/// Puts it on record that this policy is in force, unless it is already. Returns when the disk has it.
///
/// # Errors
/// The store's failure.
pub fn activate(journal: &dyn Journal, rules: &dyn Rules, now_ms: i64) -> Result<bool, HostError> {
    let row = activation(journal, rules, now_ms)?;
    let is_new = row.is_some();
    append_all(journal, row.into_iter().collect())?;
    Ok(is_new)
}

fn version_of(payload: &[u8]) -> Option<String> {
    let payload: Value = serde_json::from_slice(payload).ok()?;
    Some(payload.get("version")?.as_str()?.to_owned())
}

/// Policies that were restored, by version.
pub(crate) type Pinned = BTreeMap<String, Arc<dyn Rules>>;

/// The policy that an execution is judged by which began under `version`.
pub(crate) fn rules_for(parts: &Parts, pinned: &mut Pinned, version: &str) -> Arc<dyn Rules> {
    let current = &parts.rules;
    if parts.policies.on_change == OnChange::ReEvaluate || current.version() == version {
        return current.clone();
    }
    if let Some(rules) = pinned.get(version) {
        return rules.clone();
    }
    let rules = restored(parts, version).unwrap_or_else(|why| {
        Arc::new(Missing {
            version: version.to_owned(),
            why,
        })
    });
    pinned.insert(version.to_owned(), rules.clone());
    rules
}

fn restored(parts: &Parts, version: &str) -> Result<Arc<dyn Rules>, String> {
    let kept = parts.journal.system_rows(POLICY_ACTIVATED);
    let kept = kept.map_err(|error| error.to_string())?;
    let kept = kept
        .iter()
        .find(|row| version_of(&row.payload).as_deref() == Some(version))
        .ok_or("the journal does not hold it")?;
    let kept: Value = serde_json::from_slice(&kept.payload).map_err(|error| error.to_string())?;
    let rules = (parts.policies.restore)(kept.get("policy").unwrap_or(&Value::Null))?;
    if rules.version() != version {
        return Err("what is kept is another one".to_owned());
    }
    Ok(rules)
}

impl Host {
    /// The same, of this host.
    pub(crate) fn rules_for(&mut self, version: &str) -> Arc<dyn Rules> {
        rules_for(&self.parts, &mut self.pinned, version)
    }

    /// Whether an execution that began under `version` is to be judged anew.
    pub(crate) fn outdates(&self, version: &str) -> bool {
        self.parts.policies.on_change == OnChange::ReEvaluate
            && self.parts.rules.version() != version
    }

    /// Has the policy that is in force take the place of the one that an execution began with.
    pub(crate) fn renew_policy(&mut self, execution_id: &str) {
        let Some(drive) = self.drives.get(execution_id) else {
            return;
        };
        let state = &drive.state;
        // What is nested is judged with the plan that holds it, and call by call.
        let (nested, driven) = (state.created.parent.is_some(), state.driven);
        if nested || state.phase == Phase::Ended || !self.outdates(state.policy_version()) {
            return;
        }
        let created = &state.created;
        let lookup = self.parts.tools.lookup();
        // Of a tool that is not there yet nothing can be said; its calls are judged as they come.
        if created.tools.keys().any(|tool| lookup.spec(tool).is_none()) {
            return;
        }
        let inputs = BoundInputs {
            values: created.inputs.clone(),
            secrets: created.secrets.clone(),
        };
        let request = EvaluateRequest {
            principal: created.principal.clone(),
            session: SessionView {
                session_id: created.session.clone(),
                principal: created.principal.clone(),
                roles: created.roles.clone(),
                ..SessionView::default()
            },
            now_ms: self.parts.clock.now_ms(),
        };
        let rules = self.parts.rules.clone();
        let plan = state.plan().clone();
        let anew = |plan: &CheckedPlan| {
            let said = evaluate_with(rules.as_ref(), plan, &inputs, lookup.as_ref(), &request);
            Box::new(said)
        };
        let decision = anew(&plan);
        // A tool that only the revision names may be gone: that is a deny, as it is when a revision is proposed.
        let revision = state.proposed.as_ref().map(|proposed| {
            let mut said = anew(proposed.plan());
            // It stays about the tools that were shown; one that changed is refused when it is called.
            said.subject = proposed.execution_digest;
            said
        });
        let body = Body::PolicyChanged {
            policy_version: rules.version(),
            decision,
            revision,
        };
        // As the journal has it the last host drives it still: nothing may follow before this one does.
        if driven {
            let reason = "the host that drove it is gone".to_owned();
            self.take_turn(execution_id, Body::HostStopped { reason });
        }
        self.take_turn(execution_id, body);
    }
}
