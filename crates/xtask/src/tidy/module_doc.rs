//! Every Rust file opens with `//!`: one sentence says what it holds.

use super::Finding;
use crate::tree::Tree;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.with_extension("rs")
        .filter(|(_, text)| !opens_with_doc(text))
        .map(|(path, _)| {
            Finding::line(path, 1, "does not open with `//!`: say what the file holds")
        })
        .collect()
}

fn opens_with_doc(text: &str) -> bool {
    let first = text
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty())
        .unwrap_or_default();
    first
        .strip_prefix("//!")
        .is_some_and(|doc| !doc.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_doc_is_found() {
        for text in ["", "fn main() {}", "// plain\n//! late", "//!\nfn f() {}"] {
            assert_eq!(check(&Tree::of([("a.rs", text)])).len(), 1, "{text:?}");
        }
    }

    #[test]
    fn a_documented_file_passes() {
        assert_eq!(check(&Tree::of([("a.rs", "//! What it holds.\n")])), []);
    }
}
