//! How far a standing approval goes.

use mandate_engine::Created;
use mandate_plan::model::{Pattern, PatternKind};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// How far a standing approval is to go, as its giver says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandingTerms {
    /// For how many executions.
    pub runs: u64,
    /// Until when, Unix milliseconds.
    pub until_ms: i64,
    /// Input → glob that its value must match; the others must be as they were.
    #[serde(default)]
    pub inputs: BTreeMap<String, String>,
}

/// What an input must be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InputRule {
    /// This.
    Equals(Value),
    /// Something that this glob matches.
    Matches(String),
}

impl StandingTerms {
    /// What each input must be.
    ///
    /// # Errors
    /// The terms do not fit the execution.
    pub(super) fn rules(
        &self,
        created: &Created,
        now_ms: i64,
    ) -> Result<BTreeMap<String, InputRule>, String> {
        if self.runs == 0 {
            return Err("a standing approval is for one execution or more".to_owned());
        }
        if self.until_ms <= now_ms {
            return Err("a standing approval ends in the future".to_owned());
        }
        for (name, text) in &self.inputs {
            if created.secrets.contains_key(name) || !created.inputs.contains_key(name) {
                return Err(format!("`{name}` is no input that can have a pattern here"));
            }
            glob(text).matcher().map_err(|error| error.to_string())?;
        }
        let rules = created.inputs.iter().map(|(name, value)| {
            let rule = match self.inputs.get(name) {
                Some(text) => InputRule::Matches(text.clone()),
                None => InputRule::Equals(value.clone()),
            };
            (name.clone(), rule)
        });
        Ok(rules.collect())
    }
}

impl InputRule {
    /// Whether a value is what it must be. A pattern is about texts, numbers and flags.
    pub fn allows(&self, value: &Value) -> bool {
        match self {
            InputRule::Equals(expected) => expected == value,
            InputRule::Matches(text) => {
                let shown = match value {
                    Value::String(text) => text.clone(),
                    Value::Number(_) | Value::Bool(_) => value.to_string(),
                    Value::Null | Value::Array(_) | Value::Object(_) => return false,
                };
                let matcher = glob(text).matcher();
                matcher.is_ok_and(|matcher| matcher.is_match(&shown))
            }
        }
    }
}

fn glob(text: &str) -> Pattern {
    Pattern {
        pattern: text.to_owned(),
        kind: PatternKind::Glob,
    }
}
