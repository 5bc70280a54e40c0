//! A policy as it is kept in the journal when it comes into force, so that an execution can be judged by the version that
//! it began with.

use crate::{active::Active, error::Source, load::load};
use mandate_policy::{Limits, Rules as _};
use serde_json::{Value, json};
use std::sync::Arc;

impl Active {
    /// Everything that the policy is made of.
    pub(crate) fn texts(&self) -> Value {
        let sets = self.sets().iter().map(|set| {
            let sources = set.sources().iter();
            let texts =
                sources.map(|source| json!({ "name": &*source.name, "text": &*source.text }));
            Value::Array(texts.collect())
        });
        json!({ "sets": sets.collect::<Vec<_>>(), "limits": self.limits() })
    }

    /// The policy that was kept.
    ///
    /// # Errors
    /// What keeps it from being one.
    pub fn restored(kept: &Value) -> Result<Self, String> {
        let limits: Limits = kept
            .get("limits")
            .cloned()
            .map(serde_json::from_value)
            .transpose()
            .map_err(|error| error.to_string())?
            .unwrap_or_default();
        let sets = kept.get("sets").and_then(Value::as_array);
        let sets = sets.ok_or("no texts of it are kept")?;
        let mut restored = Vec::new();
        for set in sets {
            let (mut rules, mut definitions) = (Vec::new(), Vec::new());
            for source in set.as_array().into_iter().flatten() {
                let text = |key: &str| source.get(key).and_then(Value::as_str).unwrap_or_default();
                let source = Source::new(text("name"), text("text"));
                if text("name").ends_with(".toml") {
                    definitions.push(source);
                } else {
                    rules.push(source);
                }
            }
            let set = load(&rules, &definitions).map_err(|wrong| {
                let first = wrong.first().map(ToString::to_string);
                first.unwrap_or_else(|| "it does not load".to_owned())
            })?;
            restored.push(Arc::new(set));
        }
        Ok(Self::new(restored, limits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::starter::starter;

    #[test]
    fn a_policy_is_the_same_once_it_is_restored() {
        let source = |name: &str, text: &str| Source::new(name, text);
        let own = load(
            &[source(
                "/p/own.cedar",
                "@id(\"own\") permit (principal, action, resource);",
            )],
            &[source("/p/policy.toml", "")],
        );
        let limits = Limits {
            calls_per_session: Some(7),
            calls_per_minute: None,
        };
        let policy = Active::new(vec![starter(), Arc::new(own.unwrap())], limits);
        let restored = Active::restored(&policy.texts()).unwrap();
        assert_eq!(restored.version(), policy.version());
        assert_eq!(restored.limits(), limits);
        assert!(Active::restored(&json!({})).is_err());
    }
}
