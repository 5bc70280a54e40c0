//! What agents want, and what they are told.

use crate::tokens::{Issued, TokenText};
use mandate_engine::{Fault, State, WaitingFor};
use mandate_plan::model::Rules;
use mandate_policy::Refusal;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What the journal calls the tool of those who finish.
const FINISH: &str = "mandate.finish";

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
    /// No further call of a step, or none at all.
    Finish {
        /// The step.
        step: Option<String>,
        /// Its item.
        item: Option<u32>,
    },
    /// Where the execution is.
    Status,
}

impl AgentWish {
    pub(super) fn tool(&self) -> &str {
        match self {
            AgentWish::Call { tool, .. } => tool,
            AgentWish::Finish { .. } => FINISH,
            AgentWish::Status => "mandate.status",
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
    /// What.
    pub wish: AgentWish,
    /// What it was told already, on the way here: it is refused with that.
    pub told: Option<Refusal>,
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
}

impl CallableStep {
    pub(super) fn all(state: &State) -> Vec<Self> {
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
            }
        });
        steps.collect()
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
    /// Why the call did not complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Fault>,
    /// The token in the place of the one that was shown; none where that is not renewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued: Option<Issued>,
    /// The execution's state.
    pub state: String,
    /// The steps that may be called now, with their tools.
    pub callable: Vec<(String, String)>,
    /// Where the status was asked for: the same steps, with what their arguments must be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<CallableStep>,
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
            error: None,
            issued: None,
            state: state.shown_state().to_owned(),
            callable: callable(state),
            steps: Vec::new(),
            waiting_for: None,
        }
    }
}

fn callable(state: &State) -> Vec<(String, String)> {
    let steps = state.callable().into_iter();
    steps
        .map(|(step, tool)| (step.to_owned(), tool.to_owned()))
        .collect()
}
