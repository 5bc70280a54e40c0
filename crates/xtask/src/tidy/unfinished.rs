//! Nothing unfinished is committed, tests included: no `todo!`, `unimplemented!` or `dbg!`.

use super::Finding;
use crate::rust_source::{code_only, line_at};
use crate::tree::Tree;

const MARKS: &[&str] = &["todo!", "unimplemented!", "dbg!"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.with_extension("rs")
        .flat_map(|(path, text)| file(path, text))
        .collect()
}

fn file(path: &str, text: &str) -> Vec<Finding> {
    let code = code_only(text);
    MARKS
        .iter()
        .flat_map(|mark| code.match_indices(mark))
        .map(|(at, mark)| Finding::line(path, line_at(&code, at), format!("`{mark}` is left in")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mark_is_found_where_it_stands() {
        let text = "fn f() {\n    todo!()\n}\nfn g() { dbg!(1); unimplemented!() }\n";
        let lines: Vec<_> = check(&Tree::of([("a.rs", text)]))
            .into_iter()
            .map(|f| f.line)
            .collect();
        assert_eq!(lines, [Some(2), Some(4), Some(4)]);
    }

    #[test]
    fn words_in_comments_and_strings_pass() {
        assert_eq!(
            check(&Tree::of([("a.rs", "// todo!\nlet x = \"dbg!\";")])),
            []
        );
    }
}
