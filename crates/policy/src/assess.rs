//! One call looked at: what it touches, what kind of action it is, how risky.

use crate::{
    Purpose,
    classify::{Tag, category, category_by_effect, tag},
    decision::{Outcome, StepAssessment},
    resources::{Found, Resource, find},
    risk::RiskTable,
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
pub(crate) fn assess(subject: Subject<'_>, table: &RiskTable) -> (StepAssessment, Vec<Found>) {
    let facts = subject.facts.unwrap_or(Facts::WORST);
    let found = find(subject.tool, facts.effect, subject.args);
    let mut seen: BTreeSet<&Resource> = BTreeSet::new();
    let tags: Vec<Tag> = found
        .iter()
        .filter(|found| seen.insert(&found.resource))
        .filter_map(tag)
        .collect();
    let category = category(subject.tool, subject.facts);
    let mut risk = table.step(category, &tags, subject.urls_limited);
    // A harmless name does not make a tool harmless.
    if subject.facts.is_some() {
        let by_effect = table.step(
            category_by_effect(subject.tool, facts),
            &tags,
            subject.urls_limited,
        );
        if by_effect.score > risk.score {
            risk = by_effect;
        }
    }
    let resources: BTreeSet<Resource> = found.iter().map(|found| found.resource.clone()).collect();
    let tags: BTreeSet<Tag> = tags.into_iter().collect();
    let assessment = StepAssessment {
        step: subject.step.to_owned(),
        purpose: subject.purpose,
        tool: subject.tool.to_owned(),
        effect: facts.effect,
        idempotent: facts.idempotent,
        open_world: facts.open_world,
        category,
        resources: resources.into_iter().collect(),
        tags: tags.into_iter().collect(),
        unknown_args: subject.unknown_args,
        risk,
        outcome: Outcome::Deny,
    };
    (assessment, found)
}
