//! The house rules. Each is a small function in a file of its own, with tests that show it failing on a bad sample.

mod crate_edges;
mod decision_numbers;
mod error_pages;
mod file_length;
mod file_names;
mod finding;
mod links;
mod lint_reasons;
mod module_doc;
mod orphan_files;
mod phrases;
mod promised_tests;
mod pure_crates;
mod reachable_docs;
mod turn_owner;
mod unfinished;

use crate::Failure;
use crate::tree::Tree;
use crate::workspace::{Workspace, output_of};
use crate_edges::Package;
use finding::Finding;
use mandate_plan::ErrorCode;

/// Checks the repository against every rule and prints each place that breaks one.
pub(crate) fn run(workspace: &Workspace) -> Result<(), Failure> {
    let tree = Tree::read(workspace.root())?;
    let mut metadata = workspace.cargo();
    metadata.args([
        "metadata",
        "--format-version",
        "1",
        "--no-deps",
        "--offline",
    ]);
    let packages = crate_edges::packages(&output_of(&mut metadata)?)?;
    let found = check(&tree, &packages);
    for finding in &found {
        println!("{finding}");
    }
    match found.len() {
        0 => Ok(()),
        count => Err(Failure::Untidy(count)),
    }
}

/// Everything that breaks a rule, in the order of the rules.
fn check(tree: &Tree, packages: &[Package]) -> Vec<Finding> {
    let codes: Vec<&str> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
    [
        file_length::check(tree),
        file_names::check(tree),
        module_doc::check(tree),
        orphan_files::check(tree),
        unfinished::check(tree),
        lint_reasons::check(tree),
        turn_owner::check(tree),
        crate_edges::check(packages),
        pure_crates::check(packages, tree),
        error_pages::check(&codes, tree),
        decision_numbers::check(tree),
        links::check(tree),
        reachable_docs::check(tree),
        phrases::check(tree),
        promised_tests::check(tree),
    ]
    .concat()
}
