//! What an execution begins with.

use mandate_plan::Digest;
use mandate_policy::{Decision, Labels};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The execution that runs another one as a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Parent {
    /// The parent.
    pub execution_id: String,
    /// Its step.
    pub step: String,
    /// The step's item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<u32>,
    /// The step's attempt.
    pub attempt: u32,
    /// The approval of the parent's plan, which covers the plans that it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<String>,
    /// How many tool calls it may make: what is left of the parent's, at most its own plan's.
    pub most_calls: u64,
    /// Where the inputs come from that the step passes on; what is not named was not passed on.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub input_labels: BTreeMap<String, Labels>,
    /// Something untrusted may have been written to a file before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub files_untrusted: bool,
}

/// What one step of another execution gave, taken over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CarriedStep {
    /// The arguments of its call; of a `for_each` step, those of each item.
    pub args: Value,
    /// The items of a `for_each` step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<Vec<Value>>,
    /// The output.
    pub output: Value,
    /// Where the output comes from; none where the version that took it over did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Labels>,
}

/// Steps that are completed from the start, because another execution of the same plan and inputs did them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Carried {
    /// The execution that did them.
    pub from: String,
    /// Digest over `from` and `steps`.
    pub digest: Digest,
    /// By step.
    pub steps: BTreeMap<String, CarriedStep>,
}

/// What a surface says of the request that asked for an execution. Nothing follows from it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Digest over the request, so that the same one is known again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// What the caller calls the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The execution that the caller makes it for, in whatever system that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_execution_id: Option<String>,
    /// What the caller wants to find again.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub correlation: BTreeMap<String, String>,
}

/// The approval that somebody who is asked about a plan compares it with: the last one of a plan of the same name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovedBefore {
    /// What was approved.
    pub plan_hash: Digest,
    /// The execution that it was for.
    pub execution_id: String,
    /// The request that it answered.
    pub request_id: String,
    /// Who gave it.
    pub by: String,
    /// When, Unix milliseconds.
    pub at_ms: i64,
}

/// What an execution begins with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Created {
    /// The execution's id (UUID v7).
    pub execution_id: String,
    /// The plan's id (UUID v7).
    pub plan_id: String,
    /// The plan's revision, from 1.
    pub revision: u32,
    /// The plan's hash.
    pub plan_hash: Digest,
    /// The inputs, defaults filled in; a secret input holds the secret's name.
    pub inputs: Map<String, Value>,
    /// Secret input → name of the secret that was given.
    pub secrets: BTreeMap<String, String>,
    /// Digest of `inputs`.
    pub inputs_digest: Digest,
    /// Digest of each tool that the plan names, as it was when the plan was evaluated.
    pub tools: BTreeMap<String, Digest>,
    /// Those of them that somebody outside calls.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub external: BTreeSet<String>,
    /// What an approval binds to.
    pub execution_digest: Digest,
    /// Who asked for it.
    pub principal: String,
    /// The roles of the key that they asked with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// The session it belongs to.
    pub session: String,
    /// The execution that runs this one as a step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Parent>,
    /// Absolute deadline, Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<i64>,
    /// When an unanswered approval of the plan expires, Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval_expires_ms: Option<i64>,
    /// Feeds the jitter of back-off.
    pub seed: u64,
    /// Which behaviour the engine keeps for this execution, so that later versions replay it alike.
    pub behaviour: u32,
    /// The policy that decided.
    pub policy_version: String,
    /// What policy said of the plan, with its reasons.
    pub decision: Arc<Decision>,
    /// In agent mode: how long the agent may leave it alone, in milliseconds; none = [`crate::AGENT_IDLE_MS`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_idle_ms: Option<i64>,
    /// Outputs of open-world calls are looked through for words meant for a model.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub scan_outputs: bool,
    /// Of a plan that somebody is asked about: what was approved last under its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_before: Option<Box<ApprovedBefore>>,
    /// What another execution did already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carried: Option<Carried>,
    /// What the surface that took it said of the request that asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Box<Asked>>,
}
