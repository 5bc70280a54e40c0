//! A Rust file has at most 600 lines: a longer one holds two concepts.

use super::Finding;
use crate::tree::Tree;

const MOST_LINES: usize = 600;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.with_extension("rs")
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > MOST_LINES)
        .map(|(path, lines)| {
            let message = format!("{lines} lines, at most {MOST_LINES}: split it by concept");
            Finding::file(path, message)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_hundred_lines_are_the_limit() {
        let full = "x\n".repeat(600);
        let long = "x\n".repeat(601);
        let found = check(&Tree::of([
            ("a.rs", &full),
            ("b.rs", &long),
            ("c.md", &long),
        ]));
        assert_eq!(
            found,
            [Finding::file(
                "b.rs",
                "601 lines, at most 600: split it by concept"
            )]
        );
    }
}
