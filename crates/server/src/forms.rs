//! What bodies of requests hold. What is not known is refused: a misspelt member would be a wish that nobody sees.

use crate::view::schemas;
use mandate_host::JobMode;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;

/// A plan that is to run.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({ "plan": { "version": 1, "name": "Hello", "steps": [{ "id": "a", "tool": "data.value", "args": { "value": 1 } }] } })))]
pub(crate) struct Submit {
    /// The plan: an object, or the text of a document in YAML or JSON.
    #[serde(default)]
    #[schema(value_type = Option<schemas::PlanDocument>)]
    pub(crate) plan: Option<Box<RawValue>>,
    /// Instead: the hash of a plan that is stored.
    #[serde(default)]
    pub(crate) plan_hash: Option<String>,
    /// The plan's inputs.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub(crate) inputs: Option<Box<RawValue>>,
    /// The session whose counters it goes by; none = one of the caller's own.
    #[serde(default)]
    pub(crate) session: Option<String>,
    /// What the caller says of it.
    #[serde(default, deserialize_with = "an_object")]
    pub(crate) context: Option<SubmitContext>,
}

/// What a caller says of what is to run.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SubmitContext {
    /// Absolute deadline, Unix milliseconds.
    #[serde(default)]
    pub(crate) deadline_ms: Option<i64>,
    /// What the caller calls the request.
    #[serde(default)]
    pub(crate) request_id: Option<String>,
    /// What the caller wants to find again.
    #[serde(default)]
    pub(crate) correlation: BTreeMap<String, String>,
    /// The execution that the caller makes it for, in whatever system that is.
    #[serde(default)]
    pub(crate) parent_execution_id: Option<String>,
    /// The id that it is to have: a UUID.
    #[serde(default)]
    pub(crate) execution_id: Option<String>,
}

/// A plan that is looked at.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({ "plan": "version: 1\nname: Hello\nsteps: [{ id: a, tool: data.value, args: { value: 1 } }]\n" })))]
pub(crate) struct Validate {
    /// The plan: an object, or the text of a document in YAML or JSON.
    #[schema(value_type = schemas::PlanDocument)]
    pub(crate) plan: Box<RawValue>,
}

/// A plan that is judged.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({ "plan": { "version": 1, "name": "Note", "steps": [{ "id": "put", "tool": "fs.write", "args": { "path": "note.txt", "content": "hello" } }] } })))]
pub(crate) struct Evaluate {
    /// The plan: an object, or the text of a document in YAML or JSON.
    #[serde(default)]
    #[schema(value_type = Option<schemas::PlanDocument>)]
    pub(crate) plan: Option<Box<RawValue>>,
    /// Instead: the hash of a plan that is stored.
    #[serde(default)]
    pub(crate) plan_hash: Option<String>,
    /// The plan's inputs.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub(crate) inputs: Option<Box<RawValue>>,
    /// The session that it would run in.
    #[serde(default)]
    pub(crate) session: Option<String>,
    /// Rules in Cedar that it is judged by, instead of those in force.
    #[serde(default)]
    pub(crate) policy: Option<String>,
    /// The definitions beside them: a `policy.toml`.
    #[serde(default)]
    pub(crate) definitions: Option<String>,
}

/// Rules that somebody tries out.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TryPolicy {
    /// The rules, in Cedar.
    pub(crate) policy: String,
    /// The definitions beside them: a `policy.toml`.
    #[serde(default)]
    pub(crate) definitions: Option<String>,
}

/// Rules that are held against what happened.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Backtest {
    /// The rules, in Cedar; none = those in force.
    #[serde(default)]
    pub(crate) policy: Option<String>,
    /// The definitions beside them: a `policy.toml`.
    #[serde(default)]
    pub(crate) definitions: Option<String>,
    /// Only executions since then, Unix milliseconds.
    #[serde(default)]
    pub(crate) since_ms: Option<i64>,
}

/// Why something is done.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Why {
    /// Why; kept in the journal.
    #[serde(default)]
    pub(crate) reason: Option<String>,
}

/// Nothing needs to be said.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// How an execution is to end.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cancel {
    /// Why; kept in the journal.
    #[serde(default)]
    pub(crate) reason: Option<String>,
    /// Give up on doubts, on undoing and on `finally`.
    #[serde(default)]
    pub(crate) force: bool,
}

/// A call that may pass a deny.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Override {
    /// The step.
    pub(crate) step: String,
    /// Its item.
    #[serde(default)]
    pub(crate) item: Option<u32>,
    /// Why; kept in the journal.
    pub(crate) reason: String,
}

/// A plan that is to take the place of the one that runs.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Replan {
    /// The plan: an object, or the text of a document in YAML or JSON.
    #[schema(value_type = schemas::PlanDocument)]
    pub(crate) plan: Box<RawValue>,
    /// Why; kept in the journal.
    #[serde(default)]
    pub(crate) reason: Option<String>,
}

/// From where an execution is run once more.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RerunFrom {
    /// This step and those behind it are done again in any case.
    #[serde(default)]
    pub(crate) from: Option<String>,
}

/// What became of a step in doubt.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Resolve {
    /// `done`, `not_done` or `fail`.
    pub(crate) resolution: Became,
    /// Of a step that is done: its output.
    #[serde(default)]
    #[schema(value_type = Value, required = false)]
    pub(crate) output: Option<Box<RawValue>>,
    /// Of a step that counts as failed: why.
    #[serde(default)]
    pub(crate) reason: Option<String>,
    /// The item of a `for_each` step.
    #[serde(default)]
    pub(crate) item: Option<u32>,
}

/// What became of it.
#[derive(Deserialize, ToSchema, PartialEq, Eq, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Became {
    /// The effect happened.
    Done,
    /// It did not.
    NotDone,
    /// The step counts as failed.
    Fail,
}

/// An answer to a request.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({ "choice": "approve", "reason": "looked at it" })))]
pub(crate) struct GiveAnswer {
    /// One of the request's choices; may be left out where there is one only.
    #[serde(default)]
    pub(crate) choice: Option<String>,
    /// Why; kept in the journal.
    #[serde(default)]
    pub(crate) reason: Option<String>,
    /// What the choice takes.
    #[serde(default)]
    #[schema(value_type = Value, required = false)]
    pub(crate) data: Option<Box<RawValue>>,
    /// The subject that was shown: an answer to anything else is refused.
    #[serde(default)]
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub(crate) subject: Option<String>,
}

/// How far a yes is to stand.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stand {
    /// For how many further executions.
    pub(crate) runs: u64,
    /// Until when, Unix milliseconds.
    pub(crate) until_ms: i64,
    /// Inputs that may be others than those that were approved: a pattern for each.
    #[serde(default)]
    pub(crate) inputs: BTreeMap<String, String>,
}

/// A call whose turn somebody takes who makes it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({ "tool": "crm.charge", "args": { "amount": 5 } })))]
pub(crate) struct Enforce {
    /// The tool, which is called outside: `server.tool`.
    pub(crate) tool: String,
    /// Its arguments.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub(crate) args: Option<Box<RawValue>>,
}

/// What came of such a call: one of both.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Complete {
    /// The tool answered: with this, whatever it is.
    #[serde(default, deserialize_with = "there")]
    #[schema(value_type = Value, required = false)]
    pub(crate) output: Option<Box<RawValue>>,
    /// It answered with an error.
    #[serde(default, deserialize_with = "an_object")]
    pub(crate) error: Option<CompleteError>,
}

/// A list is no object, though its members could be taken for those of one.
fn an_object<'de, D, T>(from: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: serde::de::DeserializeOwned,
{
    let object = Option::<serde_json::Map<String, serde_json::Value>>::deserialize(from)?;
    let object = object.map(|object| T::deserialize(serde_json::Value::Object(object)));
    object.transpose().map_err(serde::de::Error::custom)
}

/// `null` is an output, too.
fn there<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(from).map(Some)
}

/// The error that a tool answered with outside.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CompleteError {
    /// For people.
    pub(crate) message: String,
    /// For programs.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub(crate) details: Option<serde_json::Map<String, serde_json::Value>>,
}

/// What a token is to be good for.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GiveToken {
    /// Only these steps; none = all of them.
    #[serde(default)]
    pub(crate) steps: Option<BTreeSet<String>>,
}

/// A tool that is to be called, by somebody who knows nothing of plans.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({ "plugin": "data.value", "payload": { "value": 1 }, "mode": "sync" })))]
pub(crate) struct Analyze {
    /// The tool: `server.tool`.
    pub(crate) plugin: String,
    /// Its arguments.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub(crate) payload: Option<Box<RawValue>>,
    /// `sync`: the answer is the result. `async`: it is the job, whose result is asked for later.
    #[serde(default)]
    #[schema(value_type = schemas::JobMode, required = false)]
    pub(crate) mode: JobMode,
}

/// A definition that is to be accepted.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Accept {
    /// Also in the place of another one that was accepted.
    #[serde(default)]
    pub(crate) changes: bool,
    /// What it does to the world: `read`, `write`, `delete`, `network` or `execute`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub(crate) effect: Option<mandate_plan::Effect>,
}

/// A key that is to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MakeKey {
    /// Whose it is.
    #[schema(pattern = "^[a-z0-9._-]{1,64}$")]
    pub(crate) name: String,
    /// What it may do.
    #[schema(min_items = 1)]
    pub(crate) roles: BTreeSet<String>,
}

/// What somebody logs in with: one of both.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogIn {
    /// An API key.
    #[serde(default)]
    pub(crate) key: Option<String>,
    /// The secret of the link that the server printed.
    #[serde(default)]
    pub(crate) link: Option<String>,
}

/// What the journal is held against.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Verify {
    /// A head that was kept elsewhere: `NUMBER:HASH`.
    #[serde(default)]
    #[schema(pattern = "^[0-9]{1,18}:[0-9a-f]{64}$")]
    pub(crate) head: Option<String>,
}
