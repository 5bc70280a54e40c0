//! One call looked at: what it touches, what kind of action it is, how risky.

use crate::{
    Classification, Purpose,
    classify::{Category, Tag, category_by_effect},
    decision::{Outcome, StepAssessment},
    resources::{Found, Resource, find},
    risk::{Mitigation, Risk},
};
use mandate_plan::Facts;
use serde_json::Value;
use std::collections::BTreeSet;

/// A call, as far as it is known.
#[derive(Debug, Clone)]
pub(crate) struct Subject<'a> {
    pub(crate) step: &'a str,
    pub(crate) purpose: Purpose,
    pub(crate) tool: &'a str,
    /// `None`: there is no such tool.
    pub(crate) facts: Option<Facts>,
    pub(crate) args: &'a Value,
    pub(crate) unknown_args: Vec<String>,
    /// `allow.urls` says where it may go.
    pub(crate) urls_limited: bool,
}

/// The assessment, which no rule has judged yet: its outcome is deny. With it, what was found in the arguments.
pub(crate) fn assess(
    subject: Subject<'_>,
    classification: &Classification,
) -> (StepAssessment, Vec<Found>) {
    let facts = subject.facts.unwrap_or(Facts::WORST);
    let found = find(subject.tool, facts.effect, subject.args);
    let (category, tags, risk) = classified(
        classification,
        subject.tool,
        subject.facts,
        &found,
        subject.urls_limited,
    );
    let resources: BTreeSet<Resource> = found.iter().map(|found| found.resource.clone()).collect();
    let assessment = StepAssessment {
        step: subject.step.to_owned(),
        purpose: subject.purpose,
        tool: subject.tool.to_owned(),
        effect: facts.effect,
        idempotent: facts.idempotent,
        open_world: facts.open_world,
        category,
        resources: resources.into_iter().collect(),
        tags,
        unknown_args: subject.unknown_args,
        risk,
        outcome: Outcome::Deny,
    };
    (assessment, found)
}

/// Category, tags in order, and risk.
fn classified(
    classification: &Classification,
    tool: &str,
    facts: Option<Facts>,
    found: &[Found],
    urls_limited: bool,
) -> (Category, Vec<Tag>, Risk) {
    let mut seen: BTreeSet<&Resource> = BTreeSet::new();
    let tags: Vec<Tag> = found
        .iter()
        .filter(|found| seen.insert(&found.resource))
        .flat_map(|found| classification.tags_of(found))
        .collect();
    let category = classification.category(tool, facts);
    let table = &classification.risk;
    let mut risk = table.step(category, &tags, urls_limited);
    // A harmless name does not make a tool harmless.
    let other = facts.map(|facts| category_by_effect(tool, facts));
    if let Some(other) = other.filter(|other| *other != category) {
        let by_effect = table.step(other, &tags, urls_limited);
        if by_effect.score > risk.score {
            risk = by_effect;
        }
    }
    let tags: BTreeSet<Tag> = tags.into_iter().collect();
    (category, tags.into_iter().collect(), risk)
}

impl StepAssessment {
    /// The same call as another policy's tables see it; `found` is what is in its arguments.
    pub fn reclassified(&self, classification: &Classification, found: &[Found]) -> Self {
        let limited = !self.risk.mitigations.contains(&Mitigation::UrlAllowlist);
        let facts = Some(self.facts());
        let (category, tags, risk) = classified(classification, &self.tool, facts, found, limited);
        Self {
            category,
            tags,
            risk,
            ..self.clone()
        }
    }
}
