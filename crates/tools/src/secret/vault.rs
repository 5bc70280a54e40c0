//! Sensitive parts of outputs: taken out before anybody sees them, kept in memory alone, and given to the calls that the
//! plan hands them to. When the process ends they are gone.

use super::{MIN_SECRET_BYTES, Scrubber, SecretError, SecretValue};
use crate::Outcome;
use mandate_plan::expr::SENSITIVE_MARK as MARK;
use mandate_policy::{Purpose, ResolvedCall};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Whose output: step, item, pointer.
type Place = (String, Option<u32>, String);

/// The sensitive values of the executions that run here.
#[derive(Default)]
pub(crate) struct Vault {
    kept: Mutex<BTreeMap<String, BTreeMap<Place, Value>>>,
}

impl Vault {
    fn kept(&self) -> MutexGuard<'_, BTreeMap<String, BTreeMap<Place, Value>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what the call declares as sensitive out of its outcome, and keeps it.
    pub(crate) fn take(&self, call: &Taken, outcome: &mut Outcome) {
        if call.sensitive.is_empty() {
            return;
        }
        let values = Self::mark(call, outcome);
        self.keep(call, values);
    }

    /// Takes what the call declares as sensitive out of its outcome: by pointer, what was found.
    pub(crate) fn mark(call: &Taken, outcome: &mut Outcome) -> BTreeMap<String, Value> {
        if call.sensitive.is_empty() {
            return BTreeMap::new();
        }
        let output = match outcome {
            Outcome::Completed { output } => Some(output),
            Outcome::Invalid { output, fault } => {
                // What a schema says of a value may hold the value.
                fault.details = None;
                output.as_mut()
            }
            Outcome::Refused(_) | Outcome::Failed(_) | Outcome::Unknown(_) => None,
        };
        let mut found = BTreeMap::new();
        for pointer in &call.sensitive {
            let value = output_at(&output, pointer);
            found.insert(pointer.clone(), value);
        }
        if let Some(output) = output {
            for pointer in &call.sensitive {
                if let Some(value) = output.pointer_mut(pointer).filter(|value| !value.is_null()) {
                    *value = Value::String(MARK.to_owned());
                }
            }
        }
        let values = found.into_iter().filter_map(|(p, value)| Some((p, value?)));
        let values: BTreeMap<String, Value> = values.collect();
        // The same text elsewhere in the answer is as sensitive.
        scrubber(&values).scrub_outcome(outcome);
        values
    }

    /// Keeps sensitive values of the call for those that the plan hands them to.
    pub(crate) fn keep(&self, call: &Taken, values: BTreeMap<String, Value>) {
        if call.sensitive.is_empty() {
            return;
        }
        let mut kept = self.kept();
        let of = kept.entry(call.execution_id.clone()).or_default();
        for (pointer, value) in values {
            of.insert((call.step.clone(), call.item, pointer), value);
        }
    }

    /// The text of the sensitive value of that name; none where the name is that of a configured secret.
    pub(crate) fn value(
        &self,
        call: &ResolvedCall,
        name: &str,
    ) -> Option<Result<SecretValue, SecretError>> {
        let (step, read) = name.strip_prefix("steps.")?.split_once(".output")?;
        let item = call
            .item
            .filter(|_| call.purpose == Purpose::Compensate && call.step == step);
        let gone = |why: &str| SecretError::Missing {
            name: name.to_owned(),
            why: why.to_owned(),
        };
        let kept = self.kept();
        let of = kept.get(&call.execution_id);
        let found = of
            .into_iter()
            .flatten()
            .find_map(|((s, i, pointer), value)| {
                let below = read.strip_prefix(pointer.as_str())?;
                (s == step && *i == item).then(|| value.pointer(below))?
            });
        Some(match found {
            Some(Value::String(text)) => Ok(SecretValue::of_output(text)),
            Some(_) => Err(gone("it is not text")),
            None => Err(gone(
                "a sensitive output is kept in memory only, and this process did not get it",
            )),
        })
    }

    /// Nothing of the execution is needed any more.
    pub(crate) fn forget(&self, execution_id: &str) {
        self.kept().remove(execution_id);
    }
}

/// What of a call says whose output it is and what of it is sensitive.
pub(crate) struct Taken {
    pub(crate) execution_id: String,
    pub(crate) step: String,
    pub(crate) item: Option<u32>,
    pub(crate) sensitive: Vec<String>,
}

impl Taken {
    pub(crate) fn of(call: &ResolvedCall) -> Self {
        Self {
            execution_id: call.execution_id.clone(),
            step: call.step.clone(),
            item: call.item,
            sensitive: call.sensitive.clone(),
        }
    }
}

fn output_at(output: &Option<&mut Value>, pointer: &str) -> Option<Value> {
    let value = output.as_ref()?.pointer(pointer)?;
    (!value.is_null()).then(|| value.clone())
}

fn scrubber(values: &BTreeMap<String, Value>) -> Scrubber {
    let mut texts = BTreeMap::new();
    for (pointer, value) in values {
        collect(pointer, value, &mut texts);
    }
    Scrubber::new(&texts)
}

/// Every text that is long enough not to be found by chance.
fn collect(pointer: &str, value: &Value, texts: &mut BTreeMap<String, SecretValue>) {
    match value {
        Value::String(text) if text.len() >= MIN_SECRET_BYTES => {
            texts.insert(format!("output{pointer}"), SecretValue::of_output(text));
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                collect(&format!("{pointer}/{index}"), item, texts);
            }
        }
        Value::Object(map) => {
            for (key, item) in map {
                collect(&format!("{pointer}/{key}"), item, texts);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn taken(sensitive: &[&str]) -> Taken {
        Taken {
            execution_id: "e".to_owned(),
            step: "login".to_owned(),
            item: None,
            sensitive: sensitive.iter().map(|p| (*p).to_owned()).collect(),
        }
    }

    #[test]
    fn what_is_declared_is_taken_out_and_so_is_the_same_text_elsewhere() {
        let vault = Vault::default();
        let mut outcome = Outcome::Completed {
            output: json!({"token": "tok-12345678", "pin": 1234, "text": "use tok-12345678", "deep": {"a": ["long-enough"]}}),
        };
        vault.take(&taken(&["/token", "/pin", "/deep", "/none"]), &mut outcome);
        let Outcome::Completed { output } = outcome else {
            panic!()
        };
        assert_eq!(
            output,
            json!({"token": MARK, "pin": MARK, "text": "use [secret output/token]", "deep": MARK})
        );
    }

    #[test]
    fn nothing_is_left_of_a_finding_about_a_sensitive_value() {
        let mut fault = crate::Fault::new(mandate_plan::ErrorCode::OutputInvalid, "bad");
        fault.details = Some(json!({"token": "tok-12345678"}));
        let mut outcome = Outcome::Invalid {
            output: Some(json!({"token": "tok-12345678"})),
            fault,
        };
        Vault::default().take(&taken(&["/token"]), &mut outcome);
        assert!(!format!("{outcome:?}").contains("tok-12345678"));
    }
}
