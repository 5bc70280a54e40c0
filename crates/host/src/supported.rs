//! What plans may say and this version cannot run yet. Such a plan is refused before anything runs; nothing is ignored.

use mandate_plan::{CheckedPlan, FeatureKind};

/// The first feature of the plan that cannot be run, and where it stands (a JSON pointer).
pub(crate) fn unsupported(plan: &CheckedPlan) -> Option<(String, String)> {
    let runs = |kind: FeatureKind| {
        matches!(
            kind,
            FeatureKind::OnFailureByCode
                | FeatureKind::Fallback
                | FeatureKind::Finally
                | FeatureKind::Compensation
                | FeatureKind::Confirm
                | FeatureKind::Ask
                | FeatureKind::HumanAsk
                | FeatureKind::Invariants
                | FeatureKind::InvariantAsk
                | FeatureKind::NestedPlan
                | FeatureKind::Sensitive
                | FeatureKind::Replan
                | FeatureKind::ModeHybrid
        )
    };
    let feature = plan
        .features()
        .into_iter()
        .find(|feature| !runs(feature.kind));
    feature
        .map(|feature| (feature.kind.to_string(), feature.pointer))
        .or_else(|| {
            // An answer is journaled as it is given, before it is anybody's output.
            let steps = &plan.plan().steps;
            let told =
                |step: &mandate_plan::Step| step.tool == "human.ask" && !step.sensitive.is_empty();
            let step = steps.iter().position(told)?;
            let what = "`sensitive` answers of `human.ask`".to_owned();
            Some((what, format!("/steps/{step}/sensitive")))
        })
        .or_else(|| {
            let several = plan
                .plan()
                .steps
                .iter()
                .position(|step| step.max_invocations != 1);
            several.map(|step| {
                let what = "`max_invocations` above 1 (for agents)".to_owned();
                (what, format!("/steps/{step}/max_invocations"))
            })
        })
}
