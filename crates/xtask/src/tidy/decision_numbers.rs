//! Decisions are numbered from 0001 without a gap and without a number given twice.

use super::Finding;
use crate::tree::Tree;

const FOLDER: &str = "docs/decisions/";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.with_extension("md")
        .filter_map(|(path, _)| Some((path, path.strip_prefix(FOLDER)?)))
        .filter(|(_, name)| *name != "README.md")
        .zip(1_usize..)
        .filter(|((_, name), number)| !name.starts_with(&format!("{number:04}-")))
        .map(|((path, _), number)| {
            Finding::file(
                path,
                format!("expected number {number:04}: decisions are numbered without gaps"),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(names: [&str; 2]) -> usize {
        let paths = names.map(|name| format!("{FOLDER}{name}"));
        check(&Tree::of([
            (&paths[0], ""),
            (&paths[1], ""),
            ("docs/decisions/README.md", ""),
        ]))
        .len()
    }

    #[test]
    fn gaps_and_doubles_are_found() {
        assert_eq!(found(["0001-a.md", "0003-b.md"]), 1);
        assert_eq!(found(["0001-a.md", "0001-b.md"]), 1);
        assert_eq!(found(["0000-a.md", "0001-b.md"]), 2);
    }

    #[test]
    fn a_row_without_gap_passes() {
        assert_eq!(found(["0001-a.md", "0002-b.md"]), 0);
    }
}
