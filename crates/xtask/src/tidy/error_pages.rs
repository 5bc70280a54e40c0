//! Every error code has its page in `docs/errors`, and every page its code.

use super::Finding;
use crate::tree::Tree;

const FOLDER: &str = "docs/errors/";

pub(super) fn check(codes: &[&str], tree: &Tree) -> Vec<Finding> {
    let missing = codes
        .iter()
        .map(|code| format!("{FOLDER}{code}.md"))
        .filter(|page| tree.text(page).is_none())
        .map(|page| Finding::file(&page, "is missing: run `cargo xtask generate`"));
    let stale = tree
        .with_extension("md")
        .filter_map(|(path, _)| Some((path, path.strip_prefix(FOLDER)?.strip_suffix(".md")?)))
        .filter(|(_, name)| *name != "README" && !codes.contains(name))
        .map(|(path, name)| {
            Finding::file(path, format!("`{name}` is no error code: remove the page"))
        });
    missing.chain(stale).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_without_page_and_a_page_without_code_are_found() {
        let tree = Tree::of([("docs/errors/README.md", ""), ("docs/errors/GONE.md", "")]);
        let paths: Vec<String> = check(&["FROZEN"], &tree)
            .into_iter()
            .map(|found| found.path)
            .collect();
        assert_eq!(paths, ["docs/errors/FROZEN.md", "docs/errors/GONE.md"]);
    }

    #[test]
    fn codes_that_equal_pages_pass() {
        assert_eq!(
            check(&["FROZEN"], &Tree::of([("docs/errors/FROZEN.md", "")])),
            []
        );
    }
}
