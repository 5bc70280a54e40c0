//! `cargo xtask coverage`: which lines the tests run, crate by crate, held against what the project wants.
//!
//! Built and run in a target folder of its own by cargo-llvm-cov. Doc tests, tests that must not compile and what a
//! killed process ran are not in it.

use crate::Failure;
use crate::workspace::{Workspace, run as run_program};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};

/// The version that is installed where there is none.
const VERSION: &str = "0.9.1";
/// Percent of lines in the crates that decide.
const PURE: f64 = 97.0;
/// Percent of lines in all crates together.
const ALL: f64 = 90.0;
/// The crates that decide.
const PURE_CRATES: [&str; 3] = ["plan", "policy", "engine"];

#[derive(Deserialize)]
struct Report {
    data: Vec<Data>,
}

#[derive(Deserialize)]
struct Data {
    files: Vec<File>,
}

#[derive(Deserialize)]
struct File {
    filename: String,
    summary: Summary,
}

#[derive(Deserialize)]
struct Summary {
    lines: Lines,
}

#[derive(Deserialize, Clone, Copy, Default)]
struct Lines {
    count: u64,
    covered: u64,
}

impl Lines {
    fn add(&mut self, other: Lines) {
        self.count = self.count.saturating_add(other.count);
        self.covered = self.covered.saturating_add(other.covered);
    }

    fn percent(self) -> f64 {
        if self.count == 0 {
            return 100.0;
        }
        self.covered as f64 * 100.0 / self.count as f64
    }
}

/// Runs the tests and prints the table.
///
/// # Errors
/// A tool is missing, a test fails, or fewer lines are run than wanted.
pub(crate) fn run(workspace: &Workspace) -> Result<(), Failure> {
    prepare(workspace)?;
    let mut tests = covering(workspace);
    tests.args(["nextest", "--workspace", "--locked", "--no-report"]);
    // They build crates of their own, which is not what is asked here.
    tests.args(["-E", "not test(compile_fail)"]);
    run_program(&mut tests)?;
    let mut report = covering(workspace);
    report.args(["report", "--json", "--summary-only"]);
    let output = report
        .stderr(Stdio::inherit())
        .output()
        .map_err(|source| Failure::File {
            path: workspace.root().join("target"),
            source,
        })?;
    let report: Report = serde_json::from_slice(&output.stdout)
        .map_err(|error| Failure::Coverage(format!("the report cannot be read: {error}")))?;
    judge(&by_crate(workspace.root(), &report))
}

fn covering(workspace: &Workspace) -> Command {
    let mut command = workspace.program(tool(workspace));
    command.arg("llvm-cov");
    for (variable, program) in [("LLVM_COV", "llvm-cov"), ("LLVM_PROFDATA", "llvm-profdata")] {
        if std::env::var_os(variable).is_none()
            && let Some(found) = versioned(workspace, program)
        {
            command.env(variable, found);
        }
    }
    command
}

/// The distribution's LLVM, whose names end with its version: the newest that can be started. With `rustup component add
/// llvm-tools` none is needed.
fn versioned(workspace: &Workspace, program: &str) -> Option<OsString> {
    let names = (18..40).rev().map(|version| format!("{program}-{version}"));
    let mut found = names.filter(|name| answers(workspace, &OsString::from(name)));
    found.next().map(OsString::from)
}

fn tool(workspace: &Workspace) -> OsString {
    let on_path = OsString::from("cargo-llvm-cov");
    if answers(workspace, &on_path) {
        return on_path;
    }
    let built = workspace.root().join("target/tools/bin/cargo-llvm-cov");
    built.into_os_string()
}

fn prepare(workspace: &Workspace) -> Result<(), Failure> {
    if answers(workspace, &tool(workspace)) {
        return Ok(());
    }
    println!("== cargo-llvm-cov is missing: building it into target/tools");
    let mut install = workspace.cargo();
    install.args(["install", "--locked", "--debug", "--root", "target/tools"]);
    install.args(["--version", VERSION, "cargo-llvm-cov"]);
    run_program(&mut install)
}

fn answers(workspace: &Workspace, program: &OsString) -> bool {
    let mut command = workspace.program(program);
    if program.to_string_lossy().ends_with("cargo-llvm-cov") {
        command.arg("llvm-cov");
    }
    let command = command.arg("--version");
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

fn by_crate(root: &Path, report: &Report) -> BTreeMap<String, Lines> {
    let mut crates: BTreeMap<String, Lines> = BTreeMap::new();
    for file in report.data.iter().flat_map(|data| &data.files) {
        let Ok(path) = Path::new(&file.filename).strip_prefix(root.join("crates")) else {
            continue;
        };
        let mut parts = path.components();
        let name = parts.next().map(|part| part.as_os_str().to_string_lossy());
        let of_crate = parts.next().is_some_and(|part| part.as_os_str() == "src");
        // What is not part of the product is not asked for.
        if let Some(name) = name.filter(|name| of_crate && !matches!(&**name, "xtask" | "bench")) {
            let lines = crates.entry(name.into_owned()).or_default();
            lines.add(file.summary.lines);
        }
    }
    crates
}

fn judge(crates: &BTreeMap<String, Lines>) -> Result<(), Failure> {
    let mut all = Lines::default();
    let mut low = Vec::new();
    println!("{:<10} {:>8} {:>8} {:>7}", "crate", "lines", "run", "%");
    for (name, lines) in crates {
        all.add(*lines);
        row(name, *lines);
        if PURE_CRATES.contains(&name.as_str()) && lines.percent() < PURE {
            low.push(format!("{name} {:.2} % of {PURE} %", lines.percent()));
        }
    }
    row("all", all);
    if all.percent() < ALL {
        low.push(format!("all {:.2} % of {ALL} %", all.percent()));
    }
    if low.is_empty() {
        return Ok(());
    }
    let low = low.join(", ");
    Err(Failure::Coverage(format!(
        "fewer lines are run than wanted: {low}; `cargo llvm-cov report --html` shows which"
    )))
}

fn row(name: &str, lines: Lines) {
    let Lines { count, covered } = lines;
    println!(
        "{name:<10} {count:>8} {covered:>8} {:>7.2}",
        lines.percent()
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let file = |name: &str, count: u64, covered: u64| serde_json::json!({ "filename": name, "summary": { "lines": { "count": count, "covered": covered } } });
        let files = [
            file("/w/crates/engine/src/a.rs", 50, 49),
            file("/w/crates/engine/src/b/c.rs", 50, 48),
            file("/w/crates/engine/tests/it/a.rs", 90, 0),
            file("/w/crates/xtask/src/a.rs", 90, 0),
            file("/w/crates/cli/src/a.rs", 100, 80),
        ];
        serde_json::from_value(serde_json::json!({ "data": [{ "files": files }] })).unwrap()
    }

    #[test]
    fn lines_are_added_up_by_crate_without_tests_and_tools() {
        let crates = by_crate(Path::new("/w"), &report());
        assert_eq!(crates.keys().collect::<Vec<_>>(), ["cli", "engine"]);
        assert!((crates["engine"].percent() - 97.0).abs() < 0.001);
    }

    #[test]
    fn too_few_lines_are_a_failure_that_names_the_crate() {
        let failure = judge(&by_crate(Path::new("/w"), &report())).unwrap_err();
        let text = failure.to_string();
        assert!(
            text.contains("all 88.50 %") && !text.contains("engine"),
            "{text}"
        );
    }
}
