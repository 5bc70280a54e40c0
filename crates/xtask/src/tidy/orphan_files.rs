//! No Rust file lies where no compiler looks: each is declared by its parent module, and each crate has one test
//! binary, `tests/it/main.rs`.

use super::Finding;
use crate::rust_source::code_only;
use crate::tree::Tree;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.with_extension("rs")
        .filter_map(|(path, _)| orphan(tree, path))
        .collect()
}

fn orphan(tree: &Tree, path: &str) -> Option<Finding> {
    let (_, inside) = path.strip_prefix("crates/")?.split_once('/')?;
    let parts: Vec<&str> = inside.split('/').collect();
    match parts.as_slice() {
        ["src", "lib.rs" | "main.rs"] | ["src", "bin", _] | ["tests", "it", "main.rs"] => None,
        ["build.rs"] | ["benches" | "examples" | "fuzz_targets", ..] => None,
        ["tests", _] => Some(Finding::file(
            path,
            "a test binary of its own: make it a module of `tests/it/main.rs`",
        )),
        // Samples for compile-fail tests are no modules.
        ["tests", folder, ..] if *folder != "it" => None,
        _ => undeclared(tree, path),
    }
}

fn undeclared(tree: &Tree, path: &str) -> Option<Finding> {
    let stem = path
        .strip_suffix("/mod.rs")
        .or_else(|| path.strip_suffix(".rs"))?;
    let (folder, name) = stem.rsplit_once('/')?;
    let parents = [
        format!("{folder}.rs"),
        format!("{folder}/mod.rs"),
        format!("{folder}/main.rs"),
        format!("{folder}/lib.rs"),
    ];
    let declared = parents
        .iter()
        .filter_map(|parent| tree.text(parent))
        .any(|text| declares(text, name));
    if declared {
        return None;
    }
    Some(Finding::file(
        path,
        format!("no parent module says `mod {name};`, so nothing compiles it"),
    ))
}

fn declares(text: &str, name: &str) -> bool {
    code_only(text).lines().any(|line| {
        line.trim()
            .trim_end_matches([';', '{', ' '])
            .ends_with(&format!("mod {name}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_test_binary_is_found() {
        let found = check(&Tree::of([("crates/a/tests/other.rs", "")]));
        assert!(matches!(found.as_slice(), [one] if one.message.contains("of its own")));
    }

    #[test]
    fn an_undeclared_file_is_found() {
        let tree = Tree::of([
            ("crates/a/tests/it/main.rs", "mod one;\n// mod two;\n"),
            ("crates/a/tests/it/one.rs", ""),
            ("crates/a/tests/it/two.rs", ""),
        ]);
        let paths: Vec<String> = check(&tree).into_iter().map(|found| found.path).collect();
        assert_eq!(paths, ["crates/a/tests/it/two.rs"]);
    }

    #[test]
    fn declared_files_pass_at_every_depth() {
        let tree = Tree::of([
            ("crates/a/src/lib.rs", "pub mod expr;\nmod graph;"),
            ("crates/a/src/expr.rs", "pub(crate) mod parse;"),
            ("crates/a/src/expr/parse.rs", ""),
            ("crates/a/src/graph/mod.rs", "mod draw;"),
            ("crates/a/src/graph/draw.rs", ""),
            ("crates/a/tests/it/main.rs", ""),
            ("crates/a/tests/compile_fail/forge.rs", ""),
        ]);
        assert_eq!(check(&tree), []);
    }
}
