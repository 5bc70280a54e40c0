//! What plans may say and this version cannot run yet. Such a plan is refused before anything runs; nothing is ignored.

use mandate_plan::{CheckedPlan, Feature, FeatureKind, Mode};

/// The first feature of the plan that cannot be run, and where it stands (a JSON pointer).
pub(crate) fn unsupported(plan: &CheckedPlan) -> Option<(String, String)> {
    let agents = plan.plan().mode == Mode::Agent;
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
                | FeatureKind::AllowUnplanned
        )
    };
    let feature = plan.features().into_iter().find(|feature| {
        // A nested plan has nobody who could call its steps.
        let whole = feature.kind == FeatureKind::ModeAgent && feature.pointer == "/mode";
        !whole && !runs(feature.kind)
    });
    feature
        .map(|feature| (feature.kind.to_string(), feature.pointer))
        .or_else(|| {
            // An answer is journaled as it is given, before it is anybody's output.
            let pointer = asked_sensitively(plan)?;
            Some(("`sensitive` answers of `human.ask`".to_owned(), pointer))
        })
        .or_else(|| {
            let several = plan.plan().steps.iter().position(|step| {
                // What was done several times could be undone once only.
                step.max_invocations != 1 && (!agents || step.compensate.is_some())
            });
            several.map(|step| {
                let what = match agents {
                    false => "`max_invocations` above 1 (for agents)".to_owned(),
                    true => "`max_invocations` above 1 with `compensate`".to_owned(),
                };
                (what, format!("/steps/{step}/max_invocations"))
            })
        })
}

/// Where a question declares its answer sensitive: in a step, `finally`, a nested plan, or among the steps of a fallback,
/// which have one place together.
fn asked_sensitively(plan: &CheckedPlan) -> Option<String> {
    let features = plan.features();
    let of_step = |feature: &Feature| {
        let end = feature.pointer.rfind('/').unwrap_or_default();
        feature.pointer.get(..end).map(str::to_owned)
    };
    let asks = |step: &Option<String>| {
        let mut asking = features
            .iter()
            .filter(|feature| feature.kind == FeatureKind::HumanAsk);
        asking.any(|feature| of_step(feature) == *step)
    };
    let mut sensitive = features
        .iter()
        .filter(|feature| feature.kind == FeatureKind::Sensitive);
    let found = sensitive.find(|feature| asks(&of_step(feature)))?;
    Some(found.pointer.clone())
}

#[cfg(test)]
mod tests {
    use super::unsupported;
    use mandate_plan::{Format, check, parse};

    fn refused(steps: &str) -> Option<String> {
        let text = format!("{{version: 1, name: x, steps: [{steps}]}}");
        let document = parse(text.as_bytes(), Format::Yaml).unwrap();
        let plan = check(&document, None).plan.unwrap();
        unsupported(&plan).map(|(_, pointer)| pointer)
    }

    #[test]
    fn a_sensitive_answer_is_refused_wherever_it_stands() {
        let ask = "{id: q, tool: human.ask, args: {question: PIN?}, sensitive: [/text]}";
        assert_eq!(refused(ask).as_deref(), Some("/steps/0/sensitive"));
        let nested = format!(
            "{{id: n, tool: plan.run, args: {{plan: {{version: 1, name: y, steps: [{ask}]}}}}}}"
        );
        assert_eq!(
            refused(&nested).as_deref(),
            Some("/steps/0/args/plan/steps/0/sensitive")
        );
        let fallback = format!("{{id: f, tool: time.now, on_failure: {{fallback: [{ask}]}}}}");
        assert!(refused(&fallback).is_some());
        assert!(refused("{id: a, tool: time.now, sensitive: [/date]}").is_none());
    }
}
