//! A request to people: what is asked, of whom, and everything that whoever answers must see.

use super::effects::{EffectView, effects};
use super::schemas;
use mandate_engine::event::{Answer, Request, RequestKind};
use mandate_engine::{OpenRequest, Said, State, Weighed};
use mandate_host::{Compared, compared};
use mandate_plan::{Digest, diff::diff};
use mandate_policy::decision::{Decision, Outcome, Reason};
use mandate_policy::{FlowPath, Principal};
use mandate_store::{Reader, RequestRow, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A request.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Request)]
pub struct RequestView {
    /// Its id.
    pub request_id: String,
    /// The execution that waits.
    pub execution_id: String,
    /// `plan`, `revision`, `step`, `question`, `failure`, `invariant`, `budget` or `in_doubt`.
    pub kind: String,
    /// The step that it is about.
    pub step: Option<String>,
    /// `open`, `answered` or `expired`.
    pub state: String,
    /// Digest of what is asked about.
    #[schema(value_type = String)]
    pub subject: Digest,
    /// What is shown beside the question.
    #[schema(value_type = Object)]
    pub detail: Value,
    /// The answer.
    #[schema(value_type = Option<Object>)]
    pub answer: Option<Value>,
    /// Unix milliseconds.
    pub opened_at_ms: i64,
    /// Unix milliseconds; none = it does not expire.
    pub expires_at_ms: Option<i64>,
    /// Unix milliseconds.
    pub closed_at_ms: Option<i64>,
}

/// A request for programs.
pub fn request(row: &RequestRow) -> RequestView {
    let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap_or(Value::Null);
    RequestView {
        request_id: row.request_id.clone(),
        execution_id: row.execution_id.clone(),
        kind: row.kind.clone(),
        step: row.step.clone(),
        state: row.state.clone(),
        subject: row.subject,
        detail: parsed(&row.detail),
        answer: row.answer.as_deref().map(parsed),
        opened_at_ms: row.opened_at_ms,
        expires_at_ms: row.expires_at_ms,
        closed_at_ms: row.closed_at_ms,
    }
}

/// What a request is about, in one line: the question, or the plan's name.
pub fn what(request: &RequestView) -> String {
    let text = |name: &str| {
        request
            .detail
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or("")
    };
    match text("question") {
        "" => text("plan").to_owned(),
        question => question.to_owned(),
    }
}

/// What one person said to a request.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Said)]
pub struct SaidView {
    /// The choice.
    pub choice: String,
    /// Who.
    pub by: String,
    /// The key that showed who they are.
    pub key: Option<String>,
    /// The roles of that key.
    pub roles: Vec<String>,
    /// Over which channel.
    pub channel: String,
    /// When, Unix milliseconds.
    pub at_ms: i64,
    /// Why.
    pub reason: Option<String>,
}

impl SaidView {
    fn of(said: &Said) -> Self {
        Self {
            choice: said.choice.clone(),
            by: said.assent.by.clone(),
            key: said.assent.key.clone(),
            roles: said.assent.roles.clone(),
            channel: said.assent.channel.clone(),
            at_ms: said.assent.at_ms,
            reason: said.reason.clone(),
        }
    }
}

/// What was approved last under the plan's name, and what is different now; none where nothing was.
///
/// # Errors
/// The journal cannot be read.
pub fn approved_before(
    state: &State,
    plan_of: impl FnOnce(&Digest) -> Result<Option<Vec<u8>>, StoreError>,
) -> Result<Option<Value>, StoreError> {
    let found = compared(state, plan_of)?;
    Ok(found.map(|Compared { before, diff }| {
        let mut value = json!(before);
        if let Some(map) = value.as_object_mut() {
            map.insert("diff".to_owned(), json!(diff));
        }
        value
    }))
}

/// Everything that whoever answers must see.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct About {
    /// The plan's name.
    pub plan_name: String,
    /// What the plan says it is for.
    pub description: Option<String>,
    /// The plan's hash.
    #[schema(value_type = String)]
    pub plan_hash: Digest,
    /// Who asked for the execution.
    pub principal: String,
    /// Its session.
    pub session: String,
    /// Its inputs; a secret one holds the secret's name.
    #[schema(value_type = Object)]
    pub inputs: Map<String, Value>,
    /// What policy said of the plan, or of the revision.
    #[schema(value_type = schemas::Decision)]
    pub decision: Decision,
    /// What it would do.
    pub effects: Vec<EffectView>,
    /// The steps that only read on this machine.
    pub reads: Vec<String>,
    /// The rules that want more than silence.
    #[schema(value_type = Vec<schemas::Reason>)]
    pub violations: Vec<Reason>,
    /// The ways of untrusted values to sensitive arguments.
    #[schema(value_type = Vec<Object>)]
    pub flows: Vec<FlowPath>,
    /// What a revision changes in the plan that runs.
    #[schema(value_type = Option<Object>)]
    pub diff: Option<Value>,
    /// Of a plan: what was approved last under its name, and what is different now.
    #[schema(value_type = Option<Object>)]
    pub approved_before: Option<Value>,
    /// The calls that a yes is bound to, with their arguments.
    #[schema(value_type = Vec<Object>)]
    pub calls: Vec<Value>,
    /// The refusal of the call that it was opened for.
    #[schema(value_type = Option<Object>)]
    pub refusal: Option<Value>,
}

impl About {
    fn of(state: &State, request: &Request, approved_before: Option<Value>) -> Self {
        let revised = state.proposed.as_ref();
        let revised = revised.filter(|_| request.kind == RequestKind::Revision);
        let (plan, decision) = match revised {
            Some(proposed) => (proposed.plan(), &proposed.decision),
            None => (state.plan(), state.created.decision.as_ref()),
        };
        let (effects, reads) = effects(plan, decision);
        let changes = revised.map(|proposed| {
            let changes = diff(state.plan().plan(), proposed.plan().plan());
            let mut shown = json!(changes);
            if let Some(map) = shown.as_object_mut() {
                let against = format!("revision {}", state.created.revision);
                map.insert("against".to_owned(), against.into());
                map.insert("text".to_owned(), changes.to_string().into());
            }
            shown
        });
        let calls = request.detail.get("calls").and_then(Value::as_array);
        let about = plan.plan();
        let asking = decision.reasons.iter();
        Self {
            plan_name: about.name.clone(),
            description: about.description.clone(),
            plan_hash: *plan.hash(),
            principal: state.created.principal.clone(),
            session: state.created.session.clone(),
            inputs: state.created.inputs.clone(),
            decision: decision.clone(),
            effects,
            reads,
            violations: asking
                .filter(|reason| reason.outcome != Outcome::Allow)
                .cloned()
                .collect(),
            flows: decision.flows.clone(),
            diff: changes,
            approved_before,
            calls: calls.cloned().unwrap_or_default(),
            refusal: request.refusal.as_ref().map(|refusal| json!(refusal)),
        }
    }
}

/// A request with everything that whoever answers must see.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct WholeRequest {
    /// The request.
    #[serde(flatten)]
    pub shown: RequestView,
    /// The item of the step.
    pub item: Option<u32>,
    /// What is asked; empty for a plan.
    pub question: String,
    /// What can be answered.
    pub choices: Vec<String>,
    /// Who may answer; all must be satisfied.
    pub approvers: Vec<String>,
    /// JSON Schema of the data that goes with an answer.
    #[schema(value_type = Option<Object>)]
    pub answer_schema: Option<Value>,
    /// Who said what.
    pub said: Vec<SaidView>,
    /// By choice that was taken: who must still say the same.
    pub still_wanted: BTreeMap<String, Vec<String>>,
    /// Whoever looks may answer.
    pub may_answer: bool,
    /// Why not.
    pub why_not: Option<String>,
    /// What it is about.
    pub about: About,
}

impl WholeRequest {
    /// The request as `who` sees it; `bars`: why nobody answers over this way at all.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn of(
        row: &RequestRow,
        state: &State,
        who: &Principal,
        bars: Option<&str>,
        reader: &Reader,
    ) -> Result<Option<Self>, StoreError> {
        let Some(open) = state.requests.get(&row.request_id) else {
            return Ok(None);
        };
        let asked = &open.request;
        let before = match asked.kind {
            RequestKind::Plan => approved_before(state, |hash| reader.plan(hash))?,
            _ => None,
        };
        let why_not = match bars {
            Some(bars) => Some(bars.to_owned()),
            None if row.state != "open" => Some(format!("it is {}", row.state)),
            None => why_not(state, open, who),
        };
        let begun = open.said.iter().filter(|_| open.closed.is_none());
        let still = begun.map(|said| (said.choice.clone(), state.still_wanted(open, &said.choice)));
        Ok(Some(Self {
            shown: request(row),
            item: asked.item,
            question: asked.question.clone(),
            choices: asked.choices.clone(),
            approvers: asked.approvers.clone(),
            answer_schema: asked.answer_schema.clone(),
            said: open.said.iter().map(SaidView::of).collect(),
            still_wanted: still.collect(),
            may_answer: why_not.is_none(),
            why_not,
            about: About::of(state, asked, before),
        }))
    }
}

/// Why whoever looks may not answer: the same question that the host asks when they do.
fn why_not(state: &State, open: &OpenRequest, who: &Principal) -> Option<String> {
    let asked = &open.request;
    let theirs = asked.choices.iter().any(|choice| {
        let answer = Answer::new(&asked.request_id, choice, "", "").given_by(who);
        !matches!(state.weigh(&answer), Weighed::NotTheirs)
    });
    (!theirs).then(|| {
        format!(
            "{} may answer, and it was asked for by {}",
            asked.approvers.join(" and "),
            state.created.principal
        )
    })
}
