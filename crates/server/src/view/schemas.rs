//! The shapes of values that come from the engine, the policy and the store as they are: for the API's description alone.
//! The types themselves know nothing of any surface.

use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Why nothing runs, and what would carry the execution on.
#[derive(ToSchema)]
pub struct WaitingFor {
    /// `plan`, `revision`, `step`, `question`, `failure`, `invariant`, `budget`, `in_doubt`, `timer`, `retry`, `paused`,
    /// `frozen`, `rate_limit`, or `host`: nobody drives it.
    pub kind: String,
    /// The step, where it is one.
    pub step: Option<String>,
    /// Since when, Unix milliseconds.
    pub since_ms: i64,
    /// When it ends by itself, Unix milliseconds.
    pub due_ms: Option<i64>,
    /// Who can end it.
    pub who: Vec<String>,
    /// What to type next.
    pub next_command: String,
}

/// A message of a stream of Server-Sent Events.
#[derive(ToSchema)]
pub struct Message {
    /// Where to go on after a break: what `Last-Event-ID` must hold.
    #[schema(required = false)]
    pub id: String,
    /// What it is.
    #[schema(required = false)]
    pub event: String,
    /// JSON.
    pub data: String,
}

/// A plan as bodies hold it.
#[derive(ToSchema)]
#[serde(untagged)]
pub enum PlanDocument {
    /// An object.
    Plan(BTreeMap<String, Value>),
    /// The text of a document in YAML or JSON.
    Text(String),
}

/// An error as it is journaled.
#[derive(ToSchema)]
pub struct Fault {
    /// The stable code.
    pub code: String,
    /// For people.
    pub message: String,
    /// The step that it belongs to.
    #[schema(required = false)]
    pub step: Option<String>,
    /// `warn`, `error` or `fatal`.
    pub severity: String,
    /// More, for programs.
    #[schema(required = false, value_type = Option<Object>)]
    pub details: Option<Value>,
    /// What led to it: another error of this shape.
    #[schema(required = false, value_type = Option<Object>)]
    pub cause: Option<Value>,
}

/// Whether somebody waits for the end of a job.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum JobMode {
    /// The answer is the result.
    Sync,
    /// The answer is the job.
    Async,
}

/// Where a job is.
#[derive(ToSchema)]
#[schema(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum JobState {
    /// Nothing was called yet.
    Pending,
    /// It is under way.
    Running,
    /// It has its result.
    Success,
    /// It has none, and will have none.
    Failed,
}

/// An execution of one step, as those see it who know nothing of steps.
#[derive(ToSchema)]
pub struct Job {
    /// The execution.
    pub job_id: String,
    /// Where it is.
    pub state: JobState,
    /// The tool.
    pub plugin: String,
    /// Who asked for it.
    pub principal: String,
    /// The request that a human has to answer before it goes on.
    #[schema(required = false)]
    pub request_id: Option<String>,
    /// What it waits for.
    #[schema(required = false)]
    pub waiting_for: Option<WaitingFor>,
    /// What the tool gave, whatever it is.
    #[schema(required = false)]
    pub result: Value,
    /// Why it failed.
    #[schema(required = false)]
    pub error: Option<ErrorBody>,
    /// When it was asked for, Unix milliseconds.
    pub created_ms: i64,
    /// When it ended, Unix milliseconds.
    #[schema(required = false)]
    pub finished_ms: Option<i64>,
}

/// Why there is no result, in the shape in which failed calls are shown.
#[derive(ToSchema)]
pub struct ErrorEnvelope {
    /// The error.
    pub error: ErrorBody,
}

/// What the envelope holds.
#[derive(ToSchema)]
pub struct ErrorBody {
    /// The family of the code.
    pub category: String,
    /// The stable code.
    pub code: String,
    /// What, where, and what to do.
    pub message: String,
    /// More, for programs.
    pub details: Value,
    /// The tool.
    pub tool: String,
    /// The step.
    pub step_id: String,
    /// The execution.
    pub execution_id: String,
    /// When, RFC 3339 in UTC.
    pub timestamp: String,
}

/// Number and hash of a commit of the journal.
#[derive(ToSchema)]
pub struct Head {
    /// The commit's number.
    pub number: u64,
    /// Its hash.
    pub hash: String,
}

/// Calls are frozen.
#[derive(ToSchema)]
pub struct Freeze {
    /// Who froze them.
    pub by: String,
    /// Why.
    pub reason: Option<String>,
    /// Since when, Unix milliseconds.
    pub since_ms: i64,
}

/// How risky something is.
#[derive(ToSchema)]
pub struct Risk {
    /// From 0 to 100.
    pub score: u32,
    /// `info`, `low`, `medium`, `high` or `critical`.
    pub level: String,
    /// What the score comes from.
    #[schema(required = false)]
    pub factors: Vec<String>,
    /// What would lower it.
    #[schema(required = false)]
    pub mitigations: Vec<String>,
}

/// A rule that matched, and what it said.
#[derive(ToSchema)]
pub struct Reason {
    /// The rule's id.
    pub rule: String,
    /// `allow`, `require_approval`, `rate_limited` or `deny`.
    pub outcome: String,
    /// For people.
    pub message: String,
    /// The step that it matched; none = the whole plan.
    #[schema(required = false)]
    pub step: Option<String>,
    /// How grave its author finds it.
    pub severity: String,
    /// What it looked at, by name.
    #[schema(required = false, value_type = Object)]
    pub inputs: BTreeMap<String, Value>,
}

/// What one call of a plan would do at worst.
#[derive(ToSchema)]
pub struct StepAssessment {
    /// The step.
    pub step: String,
    /// `run` or `compensate`.
    pub purpose: String,
    /// `server.tool`.
    pub tool: String,
    /// `read`, `write`, `delete`, `network` or `execute`.
    pub effect: String,
    /// Doing it twice is the same as doing it once.
    pub idempotent: bool,
    /// It reaches what other parties control.
    pub open_world: bool,
    /// What kind of action it is.
    pub category: String,
    /// What it touches.
    #[schema(value_type = Vec<Object>)]
    pub resources: Vec<Value>,
    /// What these are known for.
    pub tags: Vec<String>,
    /// JSON pointers of arguments that are known only when the step starts.
    pub unknown_args: Vec<String>,
    /// How risky it is.
    pub risk: Risk,
    /// What the rules say of it.
    pub outcome: String,
}

/// What policy said of a plan.
#[derive(ToSchema)]
pub struct Decision {
    /// `allow`, `require_approval`, `rate_limited` or `deny`.
    pub outcome: String,
    /// The rules that matched.
    pub reasons: Vec<Reason>,
    /// The digest of the policy that decided.
    pub policy_version: String,
    /// The digest of what was decided about.
    pub subject: String,
    /// The digests of the plan's tools.
    pub tools: BTreeMap<String, String>,
    /// Who asked.
    pub principal: String,
    /// In which session.
    pub session_id: String,
    /// When, Unix milliseconds.
    pub at_ms: i64,
    /// The inputs that the rules saw.
    #[schema(value_type = Object)]
    pub inputs: BTreeMap<String, Value>,
    /// Every call of the plan.
    pub steps: Vec<StepAssessment>,
    /// The risk of the whole.
    pub risk: Risk,
    /// Who may approve; all must be satisfied.
    #[schema(value_type = Vec<String>)]
    pub approvers: Vec<Value>,
    /// The ways of untrusted values to sensitive arguments.
    #[schema(required = false, value_type = Vec<Object>)]
    pub flows: Vec<Value>,
    /// How many calls it may make, and what the session has left.
    #[schema(required = false, value_type = Option<Object>)]
    pub calls: Option<Value>,
}
