//! What happens when a step's attempts are used up.

use super::Step;
use crate::ErrorCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What happens when a step's attempts are used up: one action, or rules by error code.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OnFailure {
    /// The first rule that names the error's code is taken; where none does, the execution halts.
    ByCode(Vec<CodeRule>),
    /// The same for every error.
    Action(FailureAction),
}

impl Default for OnFailure {
    fn default() -> Self {
        Self::Action(FailureAction::Halt)
    }
}

impl OnFailure {
    /// The action for an error of this code.
    pub fn action(&self, code: ErrorCode) -> &FailureAction {
        match self {
            Self::Action(action) => action,
            Self::ByCode(rules) => rules
                .iter()
                .find(|rule| rule.codes.contains(&code))
                .map_or(&FailureAction::Halt, |rule| &rule.action),
        }
    }

    /// All actions that may be taken, in the order of the document.
    pub fn actions(&self) -> impl Iterator<Item = &FailureAction> {
        let (one, many) = match self {
            Self::Action(action) => (Some(action), [].as_slice()),
            Self::ByCode(rules) => (None, rules.as_slice()),
        };
        one.into_iter().chain(many.iter().map(|rule| &rule.action))
    }
}

/// What happens on errors of some codes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeRule {
    /// The error codes.
    #[schemars(length(min = 1), schema_with = "super::retry::error_codes")]
    pub codes: Vec<ErrorCode>,
    /// What happens on them.
    #[serde(rename = "do")]
    pub action: FailureAction,
}

/// What happens when a step has failed for good.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "ActionForm", into = "ActionForm")]
#[schemars(with = "ActionForm")]
pub enum FailureAction {
    /// The execution stops.
    Halt,
    /// The step is failed, and the plan goes on.
    Skip,
    /// As `halt`, and brings three attempts where no retry policy applies.
    Retry,
    /// A revision of the plan is asked for.
    Replan {
        /// What the planner is told.
        hint: Option<String>,
    },
    /// A human is asked: one more attempt, skip, halt, or supply the output.
    Ask,
    /// Other steps run in its place, at most 8.
    Fallback(Vec<Step>),
}

/// How an action is written.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "FailureAction")]
enum ActionForm {
    /// A word.
    Word(Word),
    /// A revision of the plan is asked for, with a hint for the planner.
    Replan(ReplanForm),
    /// Other steps run in its place, one after the other; each may read the failed step's `error`.
    Fallback(FallbackForm),
}

#[derive(Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
enum Word {
    /// The execution stops.
    Halt,
    /// The step is failed, and the plan goes on.
    Skip,
    /// As `halt`, and brings three attempts where no retry policy applies.
    Retry,
    /// A revision of the plan is asked for.
    Replan,
    /// A human is asked: one more attempt, skip, halt, or supply the output.
    Ask,
}

#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
struct ReplanForm {
    replan: HintForm,
}

#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
struct HintForm {
    /// What the planner is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
struct FallbackForm {
    /// The steps that run instead.
    #[schemars(length(min = 1, max = 8))]
    fallback: Vec<Step>,
}

impl From<ActionForm> for FailureAction {
    fn from(form: ActionForm) -> Self {
        match form {
            ActionForm::Word(Word::Halt) => Self::Halt,
            ActionForm::Word(Word::Skip) => Self::Skip,
            ActionForm::Word(Word::Retry) => Self::Retry,
            ActionForm::Word(Word::Replan) => Self::Replan { hint: None },
            ActionForm::Word(Word::Ask) => Self::Ask,
            ActionForm::Replan(form) => Self::Replan {
                hint: form.replan.hint,
            },
            ActionForm::Fallback(form) => Self::Fallback(form.fallback),
        }
    }
}

impl From<FailureAction> for ActionForm {
    fn from(action: FailureAction) -> Self {
        match action {
            FailureAction::Halt => Self::Word(Word::Halt),
            FailureAction::Skip => Self::Word(Word::Skip),
            FailureAction::Retry => Self::Word(Word::Retry),
            FailureAction::Ask => Self::Word(Word::Ask),
            FailureAction::Replan { hint: None } => Self::Word(Word::Replan),
            FailureAction::Replan { hint } => Self::Replan(ReplanForm {
                replan: HintForm { hint },
            }),
            FailureAction::Fallback(fallback) => Self::Fallback(FallbackForm { fallback }),
        }
    }
}
