//! What agents want, and what they are told.

use crate::tokens::{Issued, TokenText};
use mandate_engine::event::PassedOn;
use mandate_engine::{Fault, OutsideCall, OverCall, State, WaitingFor, call_id};
use mandate_plan::model::Rules;
use mandate_policy::Refusal;
use mandate_tools::CallReport;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What the journal calls the tool of those who finish.
const FINISH: &str = "mandate.finish";
/// And of those who report.
const COMPLETE: &str = "mandate.complete";

/// What an agent wants.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentWish {
    /// Call a tool.
    Call {
        /// `server.tool`.
        tool: String,
        /// The arguments as JSON text, so that what JSON leaves open (keys that are there twice, numbers that nobody
        /// keeps) is seen here.
        arguments: String,
    },
    /// Take the turn of a call that the one who asks makes itself: of a tool that is called outside.
    Enforce {
        /// `server.tool`.
        tool: String,
        /// The arguments as JSON text.
        arguments: String,
    },
    /// Report what came of such a call.
    Complete {
        /// The `seq` of the event that it began with: the number in its id.
        call: u64,
        /// What came of it.
        report: CallReport,
    },
    /// No further call of a step, or none at all.
    Finish {
        /// The step.
        step: Option<String>,
        /// Its item.
        item: Option<u32>,
    },
    /// Where the execution is.
    Status,
    /// Something of a tool server is about to be passed on to it: that is written down first.
    PassedOn(Box<PassedOn>),
    /// A call that is under way is not wanted any more.
    Stop {
        /// The step.
        step: String,
        /// Its item.
        item: Option<u32>,
        /// The attempt.
        attempt: u32,
    },
}

impl AgentWish {
    pub(super) fn tool(&self) -> &str {
        match self {
            AgentWish::Call { tool, .. } | AgentWish::Enforce { tool, .. } => tool,
            AgentWish::Complete { .. } => COMPLETE,
            AgentWish::Finish { .. } => FINISH,
            AgentWish::Status => "mandate.status",
            AgentWish::Stop { .. } => "mandate.stop",
            AgentWish::PassedOn(_) => "mandate.passed_on",
        }
    }
}

/// What a caller says beside its token: all of it must be so.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The execution, or its plan's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// The session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
}

/// What a caller outside shows to prove which execution it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The execution.
    pub execution_id: String,
    /// The token.
    pub token: TokenText,
    /// What it says besides.
    pub claims: Claims,
    /// Where in a trace it asks, as W3C Trace Context writes it: what it asks for goes on from there.
    pub beneath: Option<String>,
}

impl Shown {
    /// A token for that execution.
    pub fn new(execution_id: &str, token: &TokenText) -> Self {
        Self {
            execution_id: execution_id.to_owned(),
            token: token.clone(),
            claims: Claims::default(),
            beneath: None,
        }
    }

    /// What the headers `X-Governance-Plan-Id`, `X-Governance-Token` and `X-Governance-Session-Id` hold. The token says for
    /// which execution it is, and all three must be about that one: the first is its id, or that of its plan.
    pub fn in_headers(plan: &str, token: &TokenText, session: Option<&str>) -> Self {
        Self {
            execution_id: token.claimed_execution().unwrap_or_else(|| plan.to_owned()),
            token: token.clone(),
            claims: Claims {
                plan: Some(plan.to_owned()),
                session: session.map(str::to_owned),
            },
            beneath: None,
        }
    }
}

/// Somebody with a token wants something of an execution.
#[derive(Debug, Clone)]
pub struct AgentAsk {
    /// The execution.
    pub execution_id: String,
    /// The token.
    pub token: TokenText,
    /// Who, as the channel says.
    pub by: String,
    /// What they say besides.
    pub claims: Claims,
    /// Where in a trace they ask.
    pub beneath: Option<String>,
    /// What.
    pub wish: AgentWish,
    /// What it was told already, on the way here: it is refused with that.
    pub told: Option<Refusal>,
}

impl AgentAsk {
    /// What `by` wants, who shows that.
    pub(crate) fn of(shown: Shown, by: &str, wish: AgentWish) -> Self {
        Self {
            execution_id: shown.execution_id,
            token: shown.token,
            by: by.to_owned(),
            claims: shown.claims,
            beneath: shown.beneath,
            wish,
            told: None,
        }
    }
}

/// A step that may be called now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallableStep {
    /// The step.
    pub step: String,
    /// Its tool.
    pub tool: String,
    /// The items whose turn it is, of a step that has items.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<u32>,
    /// The arguments as the plan writes them: they must be there, and be equal once they are resolved.
    pub args: Value,
    /// What the plan allows and forbids beside them.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub allow: Value,
    /// The same, forbidden.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub deny: Value,
    /// A human is asked before the call.
    #[serde(default)]
    pub confirm: bool,
    /// Whoever calls it makes the call: its turn is taken, and what came of it reported.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub outside: bool,
}

impl CallableStep {
    /// The steps that may be called now.
    pub fn all(state: &State) -> Vec<Self> {
        let json = |rules: &Option<Rules>| json!(rules);
        let steps = state.callable_steps().map(|(checked, items)| {
            let step = &checked.step;
            Self {
                step: step.id.clone(),
                tool: step.tool.clone(),
                items: items.into_iter().flatten().collect(),
                args: Value::Object(step.args.clone()),
                allow: json(&step.allow),
                deny: json(&step.deny),
                confirm: step.confirm,
                outside: state.is_external(&step.tool),
            }
        });
        steps.collect()
    }
}

/// A call that an agent took the turn of, and makes itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TakenCall {
    /// What its report names it by.
    pub call_id: String,
    /// The step.
    pub step: String,
    /// Its item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<u32>,
    /// The attempt.
    pub attempt: u32,
    /// The tool.
    pub tool: String,
    /// The arguments to call it with: the plan's, and what the agent chose; placeholders in place of secrets.
    pub args: Value,
    /// The same for every attempt of the same call.
    pub idempotency_key: String,
    /// Until when it is to be reported, Unix milliseconds.
    pub due_ms: i64,
}

impl TakenCall {
    pub(super) fn of(state: &State, seq: u64, call: &OutsideCall) -> Self {
        let step = state.step(&call.step);
        let number = call.item.map_or(0, |item| item as usize);
        let unit = step.and_then(|(_, data)| data.units.get(number));
        Self {
            call_id: call_id(state.execution_id(), seq),
            step: call.step.clone(),
            item: call.item,
            attempt: call.attempt,
            tool: call.tool.clone(),
            args: unit.and_then(|unit| unit.args.clone()).unwrap_or_default(),
            idempotency_key: state.key_of_call(&call.step, call.item),
            due_ms: state.outside_due_ms(call),
        }
    }

    /// The calls under way that `by` took, of steps that the token covers.
    pub(super) fn all(state: &State, by: &str, covers: &dyn Fn(&str) -> bool) -> Vec<Self> {
        let open = state.outside_calls();
        let own = open.filter(|(_, call)| call.by == by && covers(&call.step));
        own.map(|(seq, call)| Self::of(state, seq, call)).collect()
    }
}

/// What an agent is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentAnswer {
    /// The step that the call was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Its item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<u32>,
    /// What the tool gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// What in it looks like words meant for a model.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub suspicions: BTreeSet<String>,
    /// The call whose turn was taken, to be made now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken: Option<TakenCall>,
    /// How a call ended that was reported: `completed`, `failed`, `invalid`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// Why the call did not complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Fault>,
    /// The token in the place of the one that was shown; none where that is not renewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued: Option<Issued>,
    /// The execution's state.
    pub state: String,
    /// The steps that may be called now, with their tools: as many as a message takes.
    pub callable: Vec<(String, String)>,
    /// The tools that may be called now, all of them.
    #[serde(default)]
    pub tools: Vec<String>,
    /// Where the status was asked for: the same steps, with what their arguments must be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<CallableStep>,
    /// Where the status was asked for: the calls that the one who asks took and has not reported on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub under_way: Vec<TakenCall>,
    /// Where the status was asked for: what the execution waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_for: Option<WaitingFor>,
}

impl AgentAnswer {
    pub(super) fn of(state: &State) -> Self {
        Self {
            step: None,
            item: None,
            output: None,
            suspicions: BTreeSet::new(),
            taken: None,
            ended: None,
            error: None,
            issued: None,
            state: state.shown_state().to_owned(),
            callable: callable(state),
            tools: crate::outlook::callable(state),
            steps: Vec::new(),
            under_way: Vec::new(),
            waiting_for: None,
        }
    }

    /// What is told of a call outside that is over.
    pub(super) fn of_over(state: &State, over: &OverCall) -> Self {
        Self {
            step: Some(over.step.clone()),
            item: over.item,
            ended: Some(over.end.as_str().to_owned()),
            error: over.error.clone(),
            ..Self::of(state)
        }
    }
}

fn callable(state: &State) -> Vec<(String, String)> {
    let steps = state.callable().into_iter();
    steps
        .map(|(step, tool)| (step.to_owned(), tool.to_owned()))
        .collect()
}
