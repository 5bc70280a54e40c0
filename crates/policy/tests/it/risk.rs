//! Scores and levels.

use mandate_policy::{
    classify::{Category, Tag},
    risk::{Level, Mitigation, RiskTable},
};

#[test]
fn a_category_has_its_points() {
    for (category, score, level) in [
        (Category::FileRead, 10, Level::Info),
        (Category::FileWrite, 60, Level::High),
        (Category::FileDelete, 100, Level::Critical),
        (Category::NetworkRequest, 60, Level::High),
        (Category::CodeExecution, 100, Level::Critical),
        (Category::SkillInvocation, 30, Level::Low),
        (Category::SystemCommand, 100, Level::Critical),
        (Category::Unknown, 100, Level::Critical),
    ] {
        let risk = RiskTable::default().step(category, &[], false);
        assert_eq!((risk.score, risk.level), (score, level), "{category}");
    }
}

#[test]
fn sensitive_resources_add_at_most_thirty() {
    let score = |count| {
        RiskTable::default()
            .step(Category::FileRead, &vec![Tag::SensitivePath; count], false)
            .score
    };
    assert_eq!(
        [score(0), score(1), score(2), score(3), score(9)],
        [10, 25, 40, 40, 40]
    );
    assert_eq!(
        RiskTable::default()
            .step(Category::FileRead, &[Tag::ExternalUrl], false)
            .score,
        10
    );
    assert_eq!(
        RiskTable::default()
            .step(Category::FileWrite, &vec![Tag::SensitivePath; 9], false)
            .score,
        90
    );
}

#[test]
fn levels_begin_where_they_should() {
    for (score, level) in [
        (0, Level::Info),
        (19, Level::Info),
        (20, Level::Low),
        (39, Level::Low),
        (40, Level::Medium),
        (59, Level::Medium),
        (60, Level::High),
        (79, Level::High),
        (80, Level::Critical),
        (100, Level::Critical),
    ] {
        assert_eq!(Level::of(score), level, "{score}");
    }
}

#[test]
fn a_plan_has_its_riskiest_step_and_a_little_for_the_others() {
    let table = RiskTable::default();
    let read = table.step(Category::FileRead, &[], false);
    let write = table.step(Category::FileWrite, &[], false);
    let plan = |reads: usize| {
        table
            .plan(std::iter::once(("w", &write)).chain(vec![("r", &read); reads]))
            .score
    };
    assert_eq!(
        [plan(0), plan(1), plan(4), plan(5), plan(6), plan(100)],
        [60, 62, 68, 70, 70, 70]
    );
    assert_eq!(table.plan(std::iter::empty()).score, 0);
    let delete = table.step(Category::FileDelete, &[], false);
    assert_eq!(
        table
            .plan([("a", &delete), ("b", &delete)].into_iter())
            .score,
        100
    );
}

#[test]
fn mitigations_are_listed() {
    let table = RiskTable::default();
    let of = |category, tags: &[Tag], limited| table.step(category, tags, limited).mitigations;
    assert_eq!(of(Category::FileRead, &[], false), []);
    assert_eq!(
        of(Category::SystemCommand, &[], false),
        [Mitigation::RequiresApproval, Mitigation::SandboxExecution]
    );
    assert_eq!(
        of(Category::NetworkRequest, &[Tag::ExternalUrl], false),
        [Mitigation::RequiresApproval, Mitigation::UrlAllowlist]
    );
    assert_eq!(
        of(Category::NetworkRequest, &[Tag::ExternalUrl], true),
        [Mitigation::RequiresApproval]
    );
}

#[test]
fn the_table_can_be_configured() {
    let mut table = RiskTable::default();
    table.weights[0] = (20, 150);
    assert_eq!(table.step(Category::FileRead, &[], false).score, 30);
}
