//! The threat model says by which test each attack is made. A test that it names is there.

use super::Finding;
use crate::tree::Tree;

const PAGE: &str = "docs/threat-model.md";
/// Where the tests are that go through the binary.
const FOLDER: &str = "crates/cli/tests/it";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let lines = (1..).zip(tree.text(PAGE).unwrap_or_default().lines());
    lines
        .flat_map(|(number, line)| {
            let quoted = line.split('`').skip(1).step_by(2);
            let names = quoted.filter_map(test_name);
            names.filter_map(move |(module, name)| {
                let source = tree
                    .text(&format!("{FOLDER}/{module}.rs"))
                    .unwrap_or_default();
                let is_there = source.contains(&format!("#[test]\nfn {name}() {{"));
                (!is_there).then(|| {
                    let message = format!("there is no test `{name}` in {FOLDER}/{module}.rs");
                    Finding::line(PAGE, number, message)
                })
            })
        })
        .collect()
}

/// `module::name`, if it is one.
fn test_name(text: &str) -> Option<(&str, &str)> {
    let (module, name) = text.split_once("::")?;
    let plain = |part: &str| {
        !part.is_empty()
            && part
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    (plain(module) && plain(name)).then_some((module, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(page: &str) -> usize {
        let source = "#[test]\nfn it_is_refused() {\n}\nfn helps() {}\n";
        check(&Tree::of([
            (PAGE, page),
            ("crates/cli/tests/it/attacks.rs", source),
        ]))
        .len()
    }

    #[test]
    fn a_name_without_a_test_is_found() {
        assert_eq!(found("| x | `attacks::it_was_refused` |"), 1);
        assert_eq!(found("`attacks::helps`, `other::it_is_refused`"), 2);
    }

    #[test]
    fn what_is_there_and_what_is_no_name_passes() {
        assert_eq!(
            found("`attacks::it_is_refused`, `Ruleset::default`, `a: b`"),
            0
        );
    }
}
