//! The tables that calls are classified by: categories of tools, tags of resources, points of risk. A policy can bring its
//! own; what it leaves out is as it is here.

use crate::{
    classify::{self, Category},
    normalise::is_loopback,
    resources::{Found, ResourceKind},
    risk::RiskTable,
    tag::{Tag, TagRule},
};
use mandate_plan::{Facts, Matcher};
use regex::Regex;
use std::sync::LazyLock;

/// What makes a path sensitive, unless a policy says otherwise.
pub const SENSITIVE_PATH: &str = r"(?i)^/etc(/|$)|^/var/log(/|$)|passwd|shadow|secret|credential|\.(pem|key|env)$|(^|/)\.env(\.[^/]*)?$";

/// How calls are classified.
#[derive(Debug, Clone)]
pub struct Classification {
    /// Patterns over the tool's whole name in lower case, the first that matches counting; before all that is known of
    /// the tool otherwise.
    pub categories: Vec<(Matcher, Category)>,
    /// What gives tags.
    pub tags: Vec<TagRule>,
    /// Whether an address beyond this machine is tagged `external_url`. A rule for that tag takes its place.
    pub external_urls: bool,
    /// Points of risk.
    pub risk: RiskTable,
}

/// The constant is a valid pattern, which a test holds; were it not, every file would be sensitive.
fn sensitive_path() -> Option<TagRule> {
    let pattern = Regex::new(SENSITIVE_PATH)
        .or_else(|_| Regex::new(""))
        .ok()?;
    Some(TagRule {
        tag: Tag::SensitivePath,
        applies_to: vec![ResourceKind::File],
        pattern,
        except: None,
    })
}

static STANDARD: LazyLock<Classification> = LazyLock::new(Classification::default);

impl Default for Classification {
    fn default() -> Self {
        Self {
            categories: Vec::new(),
            tags: sensitive_path().into_iter().collect(),
            external_urls: true,
            risk: RiskTable::default(),
        }
    }
}

impl Classification {
    /// The one that holds where a policy says nothing.
    pub fn standard() -> &'static Self {
        &STANDARD
    }

    /// The category of a call.
    pub fn category(&self, tool: &str, facts: Option<Facts>) -> Category {
        let name = tool.to_lowercase();
        let mut configured = self.categories.iter();
        configured
            .find(|(pattern, _)| pattern.is_match(&name))
            .map_or_else(
                || classify::category(tool, facts),
                |(_, category)| *category,
            )
    }

    /// The tags that a resource has, in one of its readings at least; in order.
    pub fn tags_of(&self, found: &Found) -> Vec<Tag> {
        let matching = self.tags.iter().filter(|rule| rule.may_be(found));
        self.collect(found, matching)
    }

    /// The tags that a resource has however it is read; in order.
    pub fn sure_tags_of(&self, found: &Found) -> Vec<Tag> {
        let matching = self.tags.iter().filter(|rule| rule.is_surely(found));
        self.collect(found, matching)
    }

    fn collect<'a>(&self, found: &Found, rules: impl Iterator<Item = &'a TagRule>) -> Vec<Tag> {
        let mut tags: Vec<Tag> = rules.map(|rule| rule.tag.clone()).collect();
        let resource = &found.resource;
        if self.external_urls && resource.kind == ResourceKind::Url && !is_loopback(&resource.value)
        {
            tags.push(Tag::ExternalUrl);
        }
        tags.sort_unstable();
        tags.dedup();
        tags
    }
}
