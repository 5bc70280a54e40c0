//! A plan with many different mistakes: all are reported at once, and each alone gives exactly its own violation.
//!
//! `mistakes.yaml` is `plan.yaml` with one mistake on each line that differs. `mistakes.txt` says for each such line
//! what is reported: `LINE: line:column CODE pointer`.

use crate::support::{check_yaml, lines};
use std::{collections::BTreeSet, fmt::Write as _};

const RIGHT: &str = include_str!("../golden/plan.yaml");
const WRONG: &str = include_str!("../golden/mistakes.yaml");
const EXPECTED: &str = include_str!("../golden/mistakes.txt");

/// The numbers of the lines that differ, and the plan with only that line wrong.
fn each_alone() -> Vec<(usize, String)> {
    let right: Vec<&str> = RIGHT.lines().collect();
    let wrong: Vec<&str> = WRONG.lines().collect();
    assert_eq!(right.len(), wrong.len());
    (0..right.len())
        .filter(|line| right[*line] != wrong[*line])
        .map(|line| {
            let mut text = right.clone();
            text[line] = wrong[line];
            (line + 1, text.join("\n"))
        })
        .collect()
}

#[test]
fn the_plan_without_mistakes_is_right() {
    let checked = check_yaml(RIGHT);
    assert_eq!(lines(&checked.violations), "");
    assert!(checked.plan.is_some());
}

#[test]
fn each_mistake_alone_gives_its_violation() {
    let mut found = String::new();
    for (line, text) in each_alone() {
        let checked = check_yaml(&text);
        assert!(checked.plan.is_none(), "line {line} is accepted");
        for violation in lines(&checked.violations).lines() {
            writeln!(found, "{line}: {violation}").unwrap();
        }
    }
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(
            concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/mistakes.txt"),
            &found,
        )
        .unwrap();
    }
    assert_eq!(
        found, EXPECTED,
        "to accept: BLESS=1 and look at the difference"
    );
    let mistakes = each_alone().len();
    assert!(mistakes >= 30, "{mistakes}");
    assert_eq!(
        found.lines().count(),
        mistakes,
        "one violation for each mistake"
    );
}

#[test]
fn all_mistakes_are_reported_at_once_and_in_order() {
    let violations = check_yaml(WRONG).violations;
    let found: Vec<String> = lines(&violations).lines().map(str::to_owned).collect();
    let expected: BTreeSet<String> = EXPECTED
        .lines()
        .map(|line| line.split_once(": ").unwrap().1.to_owned())
        .collect();
    assert_eq!(found.iter().cloned().collect::<BTreeSet<_>>(), expected);
    assert_eq!(found.len(), expected.len(), "none twice");
    let places: Vec<_> = violations.iter().map(|v| (v.line, v.column)).collect();
    assert!(places.is_sorted());
    let kinds: BTreeSet<_> = violations.iter().map(|v| v.code).collect();
    assert!(kinds.len() >= 25, "{}", kinds.len());
}
