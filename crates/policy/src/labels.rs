//! Where a value comes from: the labels that travel with it from step to step.
//!
//! The result of an expression has the labels of everything that it refers to. What merely decides whether a step runs
//! leaves no label on its output.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::{collections::BTreeSet, fmt, str::FromStr};

/// One place that a value comes from, or a warning about it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Label {
    /// A literal of the plan's author.
    Plan,
    /// An input of the execution.
    Input,
    /// A human's answer.
    Human,
    /// The agent that drives the execution.
    Agent,
    /// The output of this tool, `server.tool`.
    Tool(String),
    /// Another party may have chosen it: it passed through an open-world tool, or an agent that was handed such a value.
    Untrusted,
    /// It passed through an output that looked like words meant for a model.
    Suspicious,
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Label::Plan => f.write_str("plan"),
            Label::Input => f.write_str("input"),
            Label::Human => f.write_str("human"),
            Label::Agent => f.write_str("agent"),
            Label::Tool(name) => write!(f, "tool:{name}"),
            Label::Untrusted => f.write_str("untrusted"),
            Label::Suspicious => f.write_str("suspicious"),
        }
    }
}

/// The text names no label.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a label: `plan`, `input`, `human`, `agent`, `tool:SERVER.TOOL`, `untrusted` or `suspicious` is expected"
)]
pub struct NotALabel(pub String);

impl FromStr for Label {
    type Err = NotALabel;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "plan" => Label::Plan,
            "input" => Label::Input,
            "human" => Label::Human,
            "agent" => Label::Agent,
            "untrusted" => Label::Untrusted,
            "suspicious" => Label::Suspicious,
            _ => match text.strip_prefix("tool:") {
                Some(name) if !name.is_empty() => Label::Tool(name.to_owned()),
                _ => return Err(NotALabel(text.to_owned())),
            },
        })
    }
}

impl Serialize for Label {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

/// The labels of one value, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Labels(BTreeSet<Label>);

impl Labels {
    /// No label at all.
    pub const fn none() -> Self {
        Labels(BTreeSet::new())
    }

    /// Whether another party may have chosen the value.
    pub fn untrusted(&self) -> bool {
        self.0.contains(&Label::Untrusted)
    }

    /// Whether it passed through what looked like words meant for a model.
    pub fn suspicious(&self) -> bool {
        self.0.contains(&Label::Suspicious)
    }

    /// Adds one.
    pub fn insert(&mut self, label: Label) {
        self.0.insert(label);
    }

    /// Adds those of a value that this one is made of.
    pub fn join(&mut self, other: &Labels) {
        self.0.extend(other.0.iter().cloned());
    }

    /// In order.
    pub fn iter(&self) -> impl Iterator<Item = &Label> {
        self.0.iter()
    }

    /// Whether nothing is known of the value.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Label> for Labels {
    fn from_iter<I: IntoIterator<Item = Label>>(labels: I) -> Self {
        Labels(labels.into_iter().collect())
    }
}
