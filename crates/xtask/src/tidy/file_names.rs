//! A file is named after the one concept it holds; some names hold none.

use super::Finding;
use crate::tree::Tree;

const EMPTY_NAMES: &[&str] = &[
    "util", "utils", "common", "helper", "helpers", "misc", "manager", "managers", "shared",
    "stuff",
];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.with_extension("rs")
        .filter_map(|(path, _)| name_finding(path))
        .collect()
}

fn name_finding(path: &str) -> Option<Finding> {
    let stem = path.strip_suffix(".rs").unwrap_or(path);
    let name = stem
        .split('/')
        .flat_map(|part| part.split(['_', '-']))
        .find(|word| EMPTY_NAMES.contains(word))?;
    Some(Finding::file(
        path,
        format!("`{name}` names no concept: name the file after what it holds"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_without_a_concept_are_found() {
        for path in [
            "a/util.rs",
            "a/helpers/x.rs",
            "a/task_manager.rs",
            "a/misc.rs",
            "common.rs",
        ] {
            assert_eq!(check(&Tree::of([(path, "")])).len(), 1, "{path}");
        }
    }

    #[test]
    fn other_names_pass() {
        assert_eq!(
            check(&Tree::of([
                ("a/utility_meter.rs", ""),
                ("docs/common.md", "")
            ])),
            []
        );
    }
}
