//! Links between documents lead somewhere: the file is there, and so is the heading behind `#`.

use super::Finding;
use crate::markdown::{Link, anchors, is_external, links, resolve};
use crate::tree::{Tree, extension};

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.with_extension("md")
        .flat_map(|(path, text)| links(text).into_iter().map(move |link| (path, link)))
        .filter_map(|(path, link)| broken(tree, path, &link))
        .collect()
}

fn broken(tree: &Tree, from: &str, link: &Link) -> Option<Finding> {
    let Link { line, target } = link;
    if is_external(target) {
        return None;
    }
    let finding = |what: &str| Some(Finding::line(from, *line, format!("`{target}` {what}")));
    let Some(path) = resolve(from, target) else {
        return finding("leads out of the repository");
    };
    if !tree.holds(&path) {
        return finding("leads nowhere");
    }
    let anchor = target.split_once('#').map(|(_, anchor)| anchor)?;
    let text = tree.text(&path).filter(|_| extension(&path) == "md")?;
    if anchors(text).contains(anchor) {
        None
    } else {
        finding("names a heading that is not there")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_links_are_found() {
        let tree = Tree::of([
            (
                "docs/a.md",
                "[x](gone.md)\n[y](b.md#gone)\n[z](../../out.md)\n[w](#gone)\n",
            ),
            ("docs/b.md", "# Here\n"),
        ]);
        let lines: Vec<_> = check(&tree).into_iter().map(|found| found.line).collect();
        assert_eq!(lines, [Some(1), Some(2), Some(3), Some(4)]);
    }

    #[test]
    fn living_links_pass() {
        let tree = Tree::of([
            (
                "README.md",
                "[a](docs/b.md#here), [b](docs), [c](https://example.org/gone), [d](LICENSE)",
            ),
            ("docs/b.md", "# Here\n[up](../README.md)"),
            ("LICENSE", ""),
        ]);
        assert_eq!(check(&tree), []);
    }
}
