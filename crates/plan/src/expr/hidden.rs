//! Parts of outputs that are declared `sensitive`: the name under which each stands in arguments, as a secret does.

use std::collections::BTreeMap;

/// What stands in the place of a sensitive value.
pub const SENSITIVE_MARK: &str = "[sensitive]";

/// The sensitive parts of a plan's outputs, by step.
#[derive(Debug, Clone, Default)]
pub struct Hidden {
    steps: BTreeMap<String, Vec<String>>,
    own: Option<String>,
}

impl Hidden {
    /// What each step declares: JSON pointers into its output.
    pub fn new(steps: impl IntoIterator<Item = (String, Vec<String>)>) -> Self {
        let declared = steps
            .into_iter()
            .filter(|(_, pointers)| !pointers.is_empty());
        Self {
            steps: declared.collect(),
            own: None,
        }
    }

    /// The same, where `output` is that of this step.
    #[must_use]
    pub fn within(&self, step: &str) -> Self {
        Self {
            own: Some(step.to_owned()),
            ..self.clone()
        }
    }

    /// The name of what a plain path reads, when that is sensitive: `steps.ID.output/POINTER`.
    pub fn name_of(&self, path: &[String]) -> Option<String> {
        let (step, rest) = match path {
            [root, step, field, rest @ ..] if root == "steps" && field == "output" => (step, rest),
            [root, rest @ ..] if root == "output" => (self.own.as_ref()?, rest),
            _ => return None,
        };
        let read = rest.iter().fold(String::new(), |pointer, token| {
            crate::document::child(&pointer, token)
        });
        let beneath = |declared: &String| {
            let below = read.strip_prefix(declared.as_str());
            below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
        };
        let hidden = self.steps.get(step)?.iter().any(beneath);
        hidden.then(|| format!("steps.{step}.output{read}"))
    }
}
