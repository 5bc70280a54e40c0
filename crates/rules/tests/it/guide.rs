//! The examples of the policy guide, run as they stand there.

use crate::support::{call, policy_with};
use mandate_policy::{SinkKind, classify::Category};

const GUIDE: &str = include_str!("../../../../docs/policies.md");

/// The blocks of a language in a part of the guide.
fn blocks(part: &str, language: &str) -> String {
    let fence = format!("```{language}\n");
    let found = part.split(&fence).skip(1);
    found.filter_map(|rest| rest.split("```").next()).collect()
}

#[test]
fn every_example_decides_as_its_comments_say() {
    let examples = GUIDE.split("## Ten examples").nth(1).unwrap();
    let mut decided = 0;
    let parts: Vec<&str> = examples.split("\n### ").skip(1).collect();
    assert_eq!(parts.len(), 10);
    for part in parts {
        let text = blocks(part, "cedar");
        let set = policy_with(&text, &blocks(part, "toml"));
        let before = decided;
        for line in text.lines().filter_map(|line| line.strip_prefix("// ")) {
            let (asked, expected) = line.split_once(" → ").unwrap();
            let (prefix, asked) = match asked.split_once(": ") {
                Some((prefix, rest)) if !prefix.contains('{') => (prefix, rest),
                _ => ("", asked),
            };
            let (tool, args) = asked.split_once(' ').unwrap();
            let mut made = call(tool, serde_json::from_str(args).unwrap());
            if let Some(names) = prefix.strip_prefix("after ") {
                let names = names.split(", ").map(|name| Category::named(name).unwrap());
                made = made.after(&names.collect::<Vec<_>>());
            } else if !prefix.is_empty() {
                let endorsed = prefix == "endorsed recipient";
                assert!(endorsed || prefix == "untrusted recipient", "{prefix}");
                made = made.untrusted("/to", SinkKind::Recipient, endorsed);
            }
            assert_eq!(made.outcome(&set).as_str(), expected, "{line}");
            decided += 1;
        }
        assert!(decided > before, "an example without a decision: {part}");
    }
}

#[test]
fn the_definitions_that_the_guide_shows_are_valid() {
    let part = GUIDE.split("## Definitions").nth(1).unwrap();
    let part = part.split("## Ten examples").next().unwrap();
    policy_with("", &blocks(part, "toml"));
}
