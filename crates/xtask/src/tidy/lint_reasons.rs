//! Whoever switches a lint off says why: `#[allow(…)]` and `#[expect(…)]` carry a `reason`.

use super::Finding;
use crate::rust_source::{code_only, line_at};
use crate::tree::Tree;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.with_extension("rs")
        .flat_map(|(path, text)| file(path, text))
        .collect()
}

fn file(path: &str, text: &str) -> Vec<Finding> {
    let code = code_only(text);
    ["[allow(", "[expect("]
        .iter()
        .flat_map(|opening| code.match_indices(opening))
        .filter(|(at, _)| {
            let attribute = code.get(*at..).unwrap_or_default();
            let attribute = attribute.split(']').next().unwrap_or_default();
            !attribute.contains("reason")
        })
        .map(|(at, opening)| {
            let message = format!("`#{opening}…)]` without a `reason`");
            Finding::line(path, line_at(&code, at), message)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_without_a_reason_is_found() {
        let text = "#![allow(dead_code)]\n\n#[expect(\n    clippy::panic,\n)]\nfn f() {}\n";
        let lines: Vec<_> = check(&Tree::of([("a.rs", text)]))
            .into_iter()
            .map(|f| f.line)
            .collect();
        assert_eq!(lines, [Some(1), Some(3)]);
    }

    #[test]
    fn a_reason_passes_on_any_line() {
        let text =
            "#[expect(\n    clippy::panic,\n    reason = \"it must stop here\"\n)]\nfn f() {}\n";
        assert_eq!(check(&Tree::of([("a.rs", text)])), []);
    }
}
