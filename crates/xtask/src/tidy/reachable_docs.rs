//! Every page under `docs` can be reached from `docs/README.md` by following links.

use super::Finding;
use crate::markdown::{is_external, links, resolve};
use crate::tree::Tree;
use std::collections::BTreeSet;

const START: &str = "docs/README.md";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let reached = reached(tree);
    tree.with_extension("md")
        .filter(|(path, _)| path.starts_with("docs/") && !reached.contains(*path))
        .map(|(path, _)| {
            Finding::file(
                path,
                format!("cannot be reached from `{START}`: link to it"),
            )
        })
        .collect()
}

fn reached(tree: &Tree) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut open = vec![START.to_owned()];
    while let Some(path) = open.pop() {
        let Some(text) = tree.text(&path) else {
            continue;
        };
        if reached.insert(path.clone()) {
            let targets = links(text)
                .into_iter()
                .filter(|link| !is_external(&link.target));
            open.extend(targets.filter_map(|link| resolve(&path, &link.target)));
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_without_a_way_to_it_is_found() {
        let tree = Tree::of([
            ("docs/README.md", "[a](a/README.md)"),
            ("docs/a/README.md", "[b](b.md)"),
            ("docs/a/b.md", ""),
            ("docs/lost.md", "[a](a/b.md)"),
        ]);
        let paths: Vec<String> = check(&tree).into_iter().map(|found| found.path).collect();
        assert_eq!(paths, ["docs/lost.md"]);
    }
}
