//! What evaluate answers: an outcome and everything that it rests on. Computed once and journaled; replay reads it.

use crate::{
    Purpose,
    approver::Approver,
    classify::{Category, Tag},
    flow::FlowPath,
    resources::Resource,
    risk::{Level, Risk},
};
use mandate_plan::{Digest, Effect, Facts};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, fmt};

/// What may happen, from the mildest to the strictest: of several, the greatest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It may happen.
    Allow,
    /// It may happen once it is approved.
    RequireApproval,
    /// It may not happen now.
    RateLimited,
    /// It may not happen.
    Deny,
}

impl Outcome {
    /// The outcome as it is written in journal and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Allow => "allow",
            Outcome::RequireApproval => "require_approval",
            Outcome::RateLimited => "rate_limited",
            Outcome::Deny => "deny",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A rule that matched, and what it said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// The rule's id.
    pub rule: String,
    /// What it asks for.
    pub outcome: Outcome,
    /// For people.
    pub message: String,
    /// The step that it matched; `None`: the whole plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// How grave the rule's author finds it.
    pub severity: Level,
    /// What the rule looked at, by name.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub inputs: Map<String, Value>,
}

/// What one call of the plan would do, in the worst case over everything that is not known yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepAssessment {
    /// The step's id; of a fallback or `finally` step, its own.
    pub step: String,
    /// Run the step, or undo it.
    pub purpose: Purpose,
    /// `server.tool`.
    pub tool: String,
    /// What the call does to the world, at worst.
    pub effect: Effect,
    /// Doing it twice is the same as doing it once.
    pub idempotent: bool,
    /// It reaches things that other parties control.
    pub open_world: bool,
    /// What kind of action it is.
    pub category: Category,
    /// What it touches, as far as its arguments are known.
    pub resources: Vec<Resource>,
    /// What the resources are known for.
    pub tags: Vec<Tag>,
    /// JSON pointers of arguments that are known only when the step starts.
    pub unknown_args: Vec<String>,
    /// How risky it is.
    pub risk: Risk,
    /// What the rules say about it.
    pub outcome: Outcome,
}

impl StepAssessment {
    /// Effect, idempotence and world in one.
    pub fn facts(&self) -> Facts {
        Facts {
            effect: self.effect,
            idempotent: self.idempotent,
            open_world: self.open_world,
        }
    }
}

/// The answer to: may this plan run, with these inputs and tools, for this principal, now?
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// The strictest of all that the rules say.
    pub outcome: Outcome,
    /// The rules that matched.
    pub reasons: Vec<Reason>,
    /// The digest of the policy that decided.
    pub policy_version: String,
    /// What was decided about: the execution digest over plan, inputs and tools.
    pub subject: Digest,
    /// The digests of the plan's tools that were there.
    pub tools: BTreeMap<String, Digest>,
    /// Who asked.
    pub principal: String,
    /// The session in which it was asked.
    pub session_id: String,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// The inputs that the rules saw; a secret input holds its placeholder.
    pub inputs: Map<String, Value>,
    /// Every call of the plan: steps, fallbacks, `finally`, compensations, in the order of the document.
    pub steps: Vec<StepAssessment>,
    /// The risk of the whole.
    pub risk: Risk,
    /// Who may approve; all must be satisfied. Empty unless the outcome is `require_approval`.
    pub approvers: Vec<Approver>,
    /// The ways by which untrusted values may reach sensitive arguments and decisions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flows: Vec<FlowPath>,
    /// How many calls it may make, and what the session has left; none where that was not said yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<CallForecast>,
}

/// The calls that a plan may make, beside what its session may still make. A forecast: what binds is taken when the plan
/// starts, and at each call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallForecast {
    /// How many calls the plan may make at most, or declares.
    pub most: u64,
    /// How many the session may make; none is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// How many it has made.
    pub counted: u64,
    /// How many are set aside for others.
    pub reserved: u64,
}

impl CallForecast {
    /// How many calls are left for it; none is no limit.
    pub fn left(&self) -> Option<u64> {
        let taken = self.counted.saturating_add(self.reserved);
        self.limit.map(|limit| limit.saturating_sub(taken))
    }
}

impl Decision {
    /// What was decided about one call of the plan.
    pub fn assessment(&self, step: &str, purpose: Purpose) -> Option<&StepAssessment> {
        self.steps
            .iter()
            .find(|assessed| assessed.step == step && assessed.purpose == purpose)
    }
}
