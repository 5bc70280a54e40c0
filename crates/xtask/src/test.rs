//! `cargo xtask test`: every check and every test, in one command.
//!
//! A part that fails does not stop the parts behind it, so that one run shows all there is to mend. nextest comes last:
//! its totals are the last lines of a good run.

mod needs;

use crate::workspace::{Workspace, output_of, run as run_program};
use crate::{Failure, browser, generate, tidy};
use std::time::Instant;

/// How much is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// All of it.
    Everything,
    /// Without clippy, doc tests and slow tests.
    Quick,
}

type Part = (
    &'static str,
    fn(&Workspace, Extent) -> Result<String, Failure>,
);

const EVERYTHING: &[Part] = &[
    ("format", format),
    ("tidy", house_rules),
    ("clippy", clippy),
    ("generated files", generated),
    ("doc tests", doc_tests),
    ("browser", console),
    ("tests", tests),
];
const QUICK: &[Part] = &[
    ("format", format),
    ("tidy", house_rules),
    ("generated files", generated),
    ("tests", tests),
];

/// Runs all parts; fails if one did.
pub(crate) fn run(workspace: &Workspace, extent: Extent) -> Result<(), Failure> {
    needs::prepare(workspace)?;
    let parts = match extent {
        Extent::Everything => EVERYTHING,
        Extent::Quick => QUICK,
    };
    let mut failed = Vec::new();
    for (name, part) in parts {
        println!("== {name}");
        let start = Instant::now();
        match part(workspace, extent) {
            Ok(note) if note.is_empty() => {}
            Ok(note) => println!("   {note}, {:.0?}", start.elapsed()),
            Err(failure) => {
                println!("   FAILED: {failure}");
                failed.push(*name);
            }
        }
    }
    if failed.is_empty() {
        Ok(())
    } else {
        Err(Failure::Parts(failed.join(", ")))
    }
}

fn ok() -> String {
    "ok".to_owned()
}

fn format(workspace: &Workspace, _: Extent) -> Result<String, Failure> {
    run_program(workspace.cargo().args(["fmt", "--all", "--check"]))?;
    Ok(ok())
}

fn house_rules(workspace: &Workspace, _: Extent) -> Result<String, Failure> {
    tidy::run(workspace)?;
    Ok(ok())
}

fn clippy(workspace: &Workspace, _: Extent) -> Result<String, Failure> {
    let arguments = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "-D",
        "warnings",
    ];
    run_program(workspace.cargo().args(arguments))?;
    Ok(ok())
}

fn generated(workspace: &Workspace, _: Extent) -> Result<String, Failure> {
    generate::run(workspace, generate::Mode::Check)?;
    Ok(ok())
}

fn doc_tests(workspace: &Workspace, _: Extent) -> Result<String, Failure> {
    let arguments = [
        "test",
        "--workspace",
        "--doc",
        "--locked",
        "--",
        "--format",
        "terse",
    ];
    let output = output_of(workspace.cargo().args(arguments))?;
    Ok(format!("{} passed", passed(&output)))
}

fn console(workspace: &Workspace, _: Extent) -> Result<String, Failure> {
    browser::run(workspace)
}

/// The sum over the lines `test result: ok. N passed; …`.
fn passed(output: &str) -> usize {
    output
        .lines()
        .filter_map(|line| line.strip_prefix("test result: ok. "))
        .filter_map(|totals| totals.split(' ').next()?.parse::<usize>().ok())
        .sum()
}

fn tests(workspace: &Workspace, extent: Extent) -> Result<String, Failure> {
    let mut nextest = workspace.program(needs::nextest(workspace)?);
    nextest.args(["nextest", "run", "--workspace", "--locked"]);
    if extent == Extent::Quick {
        nextest.args(["--profile", "quick"]);
    }
    // nextest reports on standard error; here its report is the command's result.
    nextest.stderr(std::io::stdout());
    run_program(&mut nextest)?;
    Ok(String::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doc_tests_of_all_crates_are_counted() {
        let output =
            "\ntest result: ok. 3 passed; 0 failed;\n\ntest result: ok. 14 passed; 0 failed;\n";
        assert_eq!(passed(output), 17);
    }

    #[test]
    fn the_last_part_is_nextest() {
        for parts in [EVERYTHING, QUICK] {
            assert_eq!(parts.last().map(|(name, _)| *name), Some("tests"));
        }
    }
}
