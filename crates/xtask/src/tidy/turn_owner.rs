//! Only the engine says whose turn it is: the trait `Turn` is implemented in `crates/engine` and nowhere else outside
//! of tests, so that no caller can wave its own calls through.

use super::Finding;
use crate::rust_source::{code_only, line_at};
use crate::tree::Tree;

const OWNER: &str = "crates/engine/src/";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.with_extension("rs")
        .filter(|(path, _)| path.contains("/src/") && !path.starts_with(OWNER))
        .flat_map(|(path, text)| implementations(path, text))
        .collect()
}

fn implementations(path: &str, text: &str) -> Vec<Finding> {
    let code = code_only(text);
    // Unit tests stand at the end of a file and may bring a turn of their own.
    let product = code.split("#[cfg(test)]").next().unwrap_or_default();
    product
        .match_indices("Turn for ")
        .filter(|(at, _)| {
            let line = product
                .get(..*at)
                .unwrap_or_default()
                .lines()
                .last()
                .unwrap_or_default();
            line.trim_start().starts_with("impl") && line.ends_with([' ', ':', '>'])
        })
        .map(|(at, _)| {
            let message = "`Turn` is implemented outside of the engine";
            Finding::line(path, line_at(product, at), message)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_implementation_elsewhere_is_found() {
        for text in [
            "impl Turn for Always {}",
            "impl<T> mandate_policy::Turn for T {}",
        ] {
            let found = check(&Tree::of([("crates/tools/src/call.rs", text)]));
            assert_eq!(found.len(), 1, "{text}");
        }
    }

    #[test]
    fn the_engine_and_tests_may_implement_it() {
        let tree = Tree::of([
            ("crates/engine/src/turn.rs", "impl Turn for State {}"),
            (
                "crates/policy/src/enforce.rs",
                "#[cfg(test)]\nmod tests { impl Turn for Always {} }",
            ),
            (
                "crates/policy/tests/it/enforce.rs",
                "impl Turn for Always {}",
            ),
            ("crates/host/src/drive.rs", "impl NextTurn for Host {}"),
        ]);
        assert_eq!(check(&tree), []);
    }
}
