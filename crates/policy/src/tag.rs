//! What a resource is known for: a tag, and the patterns that give it.

use crate::{
    Classification,
    resources::{Found, ResourceKind},
};
use regex::Regex;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// What a resource is known for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tag {
    /// System configuration, logs, or something whose name says that it is secret.
    SensitivePath,
    /// An address that is not on this machine.
    ExternalUrl,
    /// One that a policy defines.
    Named(String),
}

impl Tag {
    /// The tag of this name.
    pub fn named(name: &str) -> Self {
        match name {
            "sensitive_path" => Tag::SensitivePath,
            "external_url" => Tag::ExternalUrl,
            other => Tag::Named(other.to_owned()),
        }
    }

    /// The tag as it is written in policies, journal and messages.
    pub fn as_str(&self) -> &str {
        match self {
            Tag::SensitivePath => "sensitive_path",
            Tag::ExternalUrl => "external_url",
            Tag::Named(name) => name,
        }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Tag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Tag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Tag::named(&String::deserialize(deserializer)?))
    }
}

/// What gives a tag to a resource.
#[derive(Debug, Clone)]
pub struct TagRule {
    /// The tag.
    pub tag: Tag,
    /// The kinds of resource that it looks at.
    pub applies_to: Vec<ResourceKind>,
    /// What is searched for in the resource's normal form and in its other readings.
    pub pattern: Regex,
    /// A reading in which this is found does not count.
    pub except: Option<Regex>,
}

impl TagRule {
    fn holds(&self, text: &str) -> bool {
        let excepted = |except: &Regex| except.is_match(text);
        self.pattern.is_match(text) && !self.except.as_ref().is_some_and(excepted)
    }

    /// Whether the resource may be what the tag says: in one of its readings, or in a place that it may lead to.
    pub fn may_be(&self, found: &Found) -> bool {
        let mut readings = found.readings.all.iter().chain(&found.readings.suspects);
        self.applies_to.contains(&found.resource.kind) && readings.any(|text| self.holds(text))
    }

    /// Whether the resource is what the tag says however it is read.
    pub fn is_surely(&self, found: &Found) -> bool {
        let mut readings = found.readings.all.iter();
        self.applies_to.contains(&found.resource.kind) && readings.all(|text| self.holds(text))
    }
}

/// The standard tag of one resource, over all its readings.
pub fn tag(found: &Found) -> Option<Tag> {
    Classification::standard().tags_of(found).into_iter().next()
}
