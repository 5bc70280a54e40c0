//! `mandate policy test`.

use super::candidate::candidate;
use crate::{
    context::Context,
    document::Source,
    errors::{Exit, Failure},
    output::Look,
    render::shown,
    toolbox,
};
use clap::Args;
use mandate_plan::{Document, parse};
use mandate_rules::testing::{Surroundings, TestFile, Tested, read, run as run_case};
use serde_json::json;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  mandate policy test                                   every test file under `policy-tests`
  mandate policy test policies/tests/deletes.yaml
  mandate policy test policies/tests --policy policies.new --json

Exits with 1 where something is decided otherwise than expected. Nothing runs. What a test file holds: \
docs/policy-workflow.md.";

/// Where test files are looked for unless a command says otherwise.
const FOLDER: &str = "policy-tests";

/// What `policy test` takes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct TestArgs {
    /// Test files, or folders with `*.yaml`, `*.yml` and `*.json`
    #[arg(default_value = FOLDER)]
    tests: Vec<PathBuf>,
    /// A folder with `*.cedar` and `policy.toml`, or a single file; without it, the policy in force
    #[arg(long, value_name = "PATH")]
    policy: Option<PathBuf>,
}

pub(super) fn run(args: &TestArgs, context: &Context) -> Result<Exit, Failure> {
    let out = context.out();
    let rules = candidate(args.policy.as_deref(), context)?;
    let registry = toolbox::registry(context.settings()?)?;
    let tools = registry.snapshot();
    let (mut ran, mut failed) = (0_usize, 0_usize);
    let mut results = Vec::new();
    let paint = out.paint();
    for path in files(&args.tests)? {
        let name = path.display().to_string();
        let file = read_file(&name)?;
        let beside = path.parent().unwrap_or(Path::new("")).to_owned();
        let plan = |named: &str| plan_at(&beside, named);
        let with = Surroundings {
            rules: rules.as_ref(),
            tools: tools.as_ref(),
            plan: &plan,
        };
        for case in &file.tests {
            let tested = run_case(case, &with);
            ran = ran.saturating_add(1);
            if !tested.passed() {
                failed = failed.saturating_add(1);
                if !out.is_json() {
                    out.line(&failure(&name, &tested, paint));
                }
            }
            results.push(json!({ "file": name, "passed": tested.passed(), "test": tested }));
        }
    }
    if out.is_json() {
        out.value(&json!({
            "policy_version": rules.version(),
            "passed": ran.saturating_sub(failed),
            "failed": failed,
            "results": results,
        }));
    } else {
        let passed = format!("{} passed", ran.saturating_sub(failed));
        out.line(&match failed {
            0 => paint.look(Look::Good, &passed),
            _ => format!(
                "{}, {passed}",
                paint.look(Look::Bad, &format!("{failed} failed"))
            ),
        });
    }
    Ok(match failed {
        0 => Exit::Success,
        _ => Exit::Failure,
    })
}

fn failure(file: &str, tested: &Tested, paint: crate::output::Paint) -> String {
    let place = match tested.line {
        Some(line) => format!("{file}:{line}"),
        None => file.to_owned(),
    };
    let mut text = format!(
        "{} {} {}",
        paint.look(Look::Bad, "✗"),
        paint.bold(&shown::line(&tested.name)),
        paint.dim(&place)
    );
    for wrong in &tested.wrong {
        text.push_str(&format!("\n    {}", shown::line(wrong)));
    }
    let why = tested.decided.iter().flat_map(|decided| &decided.why);
    for line in why {
        text.push_str(&format!(
            "\n    {} {}",
            paint.dim("because"),
            shown::line(line)
        ));
    }
    text.push('\n');
    text
}

/// The files that are named, and those in the folders that are.
fn files(named: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in named {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let unreadable =
            |error| Failure::usage(format!("cannot read `{}`: {error}", path.display()));
        let mut inside = Vec::new();
        for entry in std::fs::read_dir(path).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?.path();
            let kind = entry.extension().and_then(|kind| kind.to_str());
            if matches!(kind, Some("yaml" | "yml" | "json")) && entry.is_file() {
                inside.push(entry);
            }
        }
        if inside.is_empty() {
            let message = format!("there is no test file in `{}`", path.display());
            return Err(Failure::usage(message).remedy("name files with tests, `*.yaml`"));
        }
        inside.sort();
        files.extend(inside);
    }
    Ok(files)
}

fn read_file(name: &str) -> Result<TestFile, Failure> {
    let source = Source::read(name)?;
    let json = source.format == mandate_plan::Format::Json;
    read(&source.bytes, json).map_err(|wrong| {
        Failure::usage(format!(
            "`{name}` is not a file of policy tests:\n  {}",
            wrong.join("\n  ")
        ))
        .remedy("mend the lines that are named; docs/policy-workflow.md has all fields")
    })
}

/// A plan beside the test file.
fn plan_at(beside: &Path, named: &str) -> Result<Document, String> {
    let path = beside.join(named).display().to_string();
    let source = Source::read(&path).map_err(|failure| failure.message().to_owned())?;
    parse(&source.bytes, source.format).map_err(|found| {
        let first = found.first().map(|violation| violation.message.clone());
        format!("`{path}` is not a plan: {}", first.unwrap_or_default())
    })
}
