//! What a plan uses beyond plain steps, so that a host can refuse what it cannot do yet before anything runs.

use crate::{
    CheckedPlan, CheckedStep,
    document::child,
    model::{FailureAction, Mode, OnFailure, OnViolation},
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Something that a host may not support.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Feature {
    /// What it is.
    pub kind: FeatureKind,
    /// The JSON pointer of its place in the plan.
    pub pointer: String,
}

macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $kind:ident = $words:literal;)*) => {
        /// What a plan may use beyond plain steps.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum FeatureKind { $($(#[doc = $doc])* $kind,)* }

        impl FeatureKind {
            /// Every kind.
            pub const ALL: &'static [FeatureKind] = &[$(FeatureKind::$kind,)*];

            /// The feature as messages name it.
            pub fn as_str(self) -> &'static str {
                match self { $(FeatureKind::$kind => $words,)* }
            }
        }
    };
}

kinds! {
    /// `mode: agent`.
    ModeAgent = "`mode: agent`";
    /// `mode: hybrid`.
    ModeHybrid = "`mode: hybrid`";
    /// `workspace`.
    Workspace = "`workspace`";
    /// `invariants`.
    Invariants = "`invariants`";
    /// An invariant with `on_violation: ask`.
    InvariantAsk = "`on_violation: ask`";
    /// `finally`.
    Finally = "`finally`";
    /// `constraints.budget`.
    Budget = "`budget`";
    /// `constraints.allow_unplanned`.
    AllowUnplanned = "`allow_unplanned`";
    /// `confirm: true`.
    Confirm = "`confirm`";
    /// `sensitive`.
    Sensitive = "`sensitive`";
    /// `compensate`.
    Compensation = "`compensate`";
    /// `on_failure` as a list of rules by code.
    OnFailureByCode = "`on_failure` by code";
    /// `on_failure: ask`.
    Ask = "`on_failure: ask`";
    /// `on_failure: replan`.
    Replan = "`on_failure: replan`";
    /// `on_failure: {fallback}`.
    Fallback = "`fallback`";
    /// A step with `human.ask`.
    HumanAsk = "`human.ask`";
    /// A step with `plan.run`.
    NestedPlan = "`plan.run`";
    /// A step with `plan.extend`.
    Extension = "`plan.extend`";
}

impl fmt::Display for FeatureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl CheckedPlan {
    /// Everything the plan uses beyond plain steps, in the order of its checks. Nested plans are entered.
    pub fn features(&self) -> Vec<Feature> {
        let mut features = Vec::new();
        self.features_at("", &mut features);
        features
    }

    fn features_at(&self, base: &str, features: &mut Vec<Feature>) {
        let plan = self.plan();
        let mut note = |used: bool, kind, below: &str| {
            if used {
                let pointer = format!("{base}{below}");
                features.push(Feature { kind, pointer });
            }
        };
        note(plan.mode == Mode::Agent, FeatureKind::ModeAgent, "/mode");
        note(plan.mode == Mode::Hybrid, FeatureKind::ModeHybrid, "/mode");
        note(
            plan.workspace.is_some(),
            FeatureKind::Workspace,
            "/workspace",
        );
        let constraints = &plan.constraints;
        note(
            constraints.budget.is_some(),
            FeatureKind::Budget,
            "/constraints/budget",
        );
        note(
            constraints.allow_unplanned,
            FeatureKind::AllowUnplanned,
            "/constraints/allow_unplanned",
        );
        note(
            !plan.invariants.is_empty(),
            FeatureKind::Invariants,
            "/invariants",
        );
        for (index, invariant) in plan.invariants.iter().enumerate() {
            let below = format!("/invariants/{index}/on_violation");
            let asks = invariant.on_violation == OnViolation::Ask;
            note(asks, FeatureKind::InvariantAsk, &below);
        }
        for (index, step) in self.steps().iter().enumerate() {
            step.features_at(&format!("{base}/steps/{index}"), features);
        }
        if !plan.finally.is_empty() {
            features.push(Feature {
                kind: FeatureKind::Finally,
                pointer: format!("{base}/finally"),
            });
        }
        for (index, step) in self.finally().iter().enumerate() {
            step.features_at(&format!("{base}/finally/{index}"), features);
        }
    }
}

impl CheckedStep {
    fn features_at(&self, pointer: &str, features: &mut Vec<Feature>) {
        let step = &self.step;
        let mut note = |used: bool, kind, key: &str| {
            if used {
                let pointer = child(pointer, key);
                features.push(Feature { kind, pointer });
            }
        };
        note(step.tool == "human.ask", FeatureKind::HumanAsk, "tool");
        note(step.tool == "plan.run", FeatureKind::NestedPlan, "tool");
        note(step.tool == "plan.extend", FeatureKind::Extension, "tool");
        note(step.confirm, FeatureKind::Confirm, "confirm");
        note(
            !step.sensitive.is_empty(),
            FeatureKind::Sensitive,
            "sensitive",
        );
        note(
            step.compensate.is_some(),
            FeatureKind::Compensation,
            "compensate",
        );
        let by_code = matches!(step.on_failure, OnFailure::ByCode(_));
        note(by_code, FeatureKind::OnFailureByCode, "on_failure");
        for action in step.on_failure.actions() {
            let kind = match action {
                FailureAction::Ask => FeatureKind::Ask,
                FailureAction::Replan { .. } => FeatureKind::Replan,
                FailureAction::Fallback(_) => FeatureKind::Fallback,
                FailureAction::Halt | FailureAction::Skip | FailureAction::Retry => continue,
            };
            note(true, kind, "on_failure");
        }
        for inner in &self.fallback {
            // The fallback is unsupported or supported as a whole; its steps' own pointers add nothing to that.
            inner.features_at(&child(pointer, "on_failure"), features);
        }
        if let Some(plan) = &self.child {
            plan.features_at(&format!("{pointer}/args/plan"), features);
        }
    }
}
