//! How risky a call and a plan are, as a number, a level, and in words.

use crate::classify::{Category, Tag};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, fmt};

/// Points of a sensitive tag.
const TAG_POINTS: u32 = 15;
/// Most points of all sensitive tags of a step.
const MAX_TAG_POINTS: u32 = 30;
/// Points of each step beside the riskiest.
const FURTHER_STEP_POINTS: u32 = 2;
/// Most points of all further steps.
const MAX_FURTHER_POINTS: u32 = 10;
/// The highest score.
const MAX_SCORE: u32 = 100;

/// The range that a score falls into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Below 20.
    Info,
    /// From 20.
    Low,
    /// From 40.
    Medium,
    /// From 60.
    High,
    /// From 80.
    Critical,
}

impl Level {
    /// The level of a score.
    pub fn of(score: u32) -> Self {
        match score {
            80.. => Level::Critical,
            60.. => Level::High,
            40.. => Level::Medium,
            20.. => Level::Low,
            _ => Level::Info,
        }
    }

    /// The level as it is written in journal and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Info => "info",
            Level::Low => "low",
            Level::Medium => "medium",
            Level::High => "high",
            Level::Critical => "critical",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What would make a risk smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mitigation {
    /// A human looks at it first.
    RequiresApproval,
    /// It runs where it can do little harm.
    SandboxExecution,
    /// `allow.urls` limits where it goes.
    UrlAllowlist,
}

/// Score, level, and what they come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Risk {
    /// 0 to 100.
    pub score: u32,
    /// The score's level.
    pub level: Level,
    /// What the score comes from, in words.
    pub factors: Vec<String>,
    /// What makes or would make it smaller.
    pub mitigations: Vec<Mitigation>,
}

/// Base points and multiplier, in per cent, of each category.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RiskTable {
    /// By category, in the order of [`Category::ALL`].
    pub weights: [(u32, u32); 8],
    /// The tags that add points.
    pub sensitive: BTreeSet<Tag>,
}

impl Default for RiskTable {
    fn default() -> Self {
        let weights = [
            (10, 100),
            (30, 200),
            (50, 300),
            (30, 200),
            (70, 400),
            (20, 150),
            (70, 400),
            (40, 250),
        ];
        Self {
            weights,
            sensitive: BTreeSet::from([Tag::SensitivePath]),
        }
    }
}

impl RiskTable {
    /// Base points and multiplier of a category.
    pub fn weight(&self, category: Category) -> (u32, u32) {
        let at = Category::ALL.iter().position(|c| *c == category);
        at.and_then(|at| self.weights.get(at))
            .copied()
            .unwrap_or((MAX_SCORE, 100))
    }

    /// Sets base points and multiplier of a category.
    pub fn set_weight(&mut self, category: Category, base: u32, per_cent: u32) {
        let at = Category::ALL.iter().position(|c| *c == category);
        if let Some(weight) = at.and_then(|at| self.weights.get_mut(at)) {
            *weight = (base, per_cent);
        }
    }

    /// The risk of one call: its category's points, and those of its sensitive resources.
    ///
    /// `tags` has one entry for each tagged resource; `limited` says that `allow.urls` limits where the call goes.
    pub fn step(&self, category: Category, tags: &[Tag], limited: bool) -> Risk {
        let (base, per_cent) = self.weight(category);
        let points = base.saturating_mul(per_cent) / 100;
        let counted = || tags.iter().filter(|tag| self.sensitive.contains(*tag));
        let sensitive = u32::try_from(counted().count()).unwrap_or(u32::MAX);
        let tag_points = sensitive.saturating_mul(TAG_POINTS).min(MAX_TAG_POINTS);
        let score = points.saturating_add(tag_points).min(MAX_SCORE);
        let mut factors = vec![format!("{category}: {points}")];
        if tag_points > 0 {
            let names: BTreeSet<&str> = counted().map(Tag::as_str).collect();
            let names: Vec<&str> = names.into_iter().collect();
            factors.push(format!("{}: {tag_points}", names.join(", ")));
        }
        let mut mitigations = Vec::new();
        if Level::of(score) >= Level::Medium {
            mitigations.push(Mitigation::RequiresApproval);
        }
        if matches!(
            category,
            Category::CodeExecution | Category::SystemCommand | Category::Unknown
        ) {
            mitigations.push(Mitigation::SandboxExecution);
        }
        if tags.contains(&Tag::ExternalUrl) && !limited {
            mitigations.push(Mitigation::UrlAllowlist);
        }
        Risk {
            score,
            level: Level::of(score),
            factors,
            mitigations,
        }
    }

    /// The risk of a plan: its riskiest step's, and a little for each further one.
    pub fn plan<'a>(&self, steps: impl Iterator<Item = (&'a str, &'a Risk)>) -> Risk {
        let mut highest: Option<(&str, &Risk)> = None;
        let mut count = 0_u32;
        let mut mitigations = Vec::new();
        for (id, risk) in steps {
            count = count.saturating_add(1);
            mitigations.extend(risk.mitigations.iter().copied());
            if highest.is_none_or(|(_, riskiest)| risk.score > riskiest.score) {
                highest = Some((id, risk));
            }
        }
        mitigations.sort_unstable();
        mitigations.dedup();
        let further = count
            .saturating_sub(1)
            .saturating_mul(FURTHER_STEP_POINTS)
            .min(MAX_FURTHER_POINTS);
        let mut factors = Vec::new();
        if let Some((id, risk)) = highest {
            factors.push(format!("riskiest step `{id}`: {}", risk.score));
        }
        if further > 0 {
            factors.push(format!("further steps: {further}"));
        }
        let score = highest
            .map_or(0, |(_, risk)| risk.score)
            .saturating_add(further)
            .min(MAX_SCORE);
        Risk {
            score,
            level: Level::of(score),
            factors,
            mitigations,
        }
    }
}
