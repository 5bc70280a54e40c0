//! `mandate policy check [PATH]`: everything that is wrong with a policy, before it holds.

use crate::{
    config::SetPaths,
    context::Context,
    errors::{Exit, Failure},
    output::Look,
    render::policy,
    toolbox,
};
use clap::Args;
use mandate_plan::ToolLookup as _;
use mandate_rules::{PolicyError, lint::lint};
use miette::Severity;
use serde_json::{Value, json};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  mandate policy check
  mandate policy check policies/
  mandate policy check candidate.cedar --json

Without a path, the policy of the configuration is checked. Exits with 1 where something is wrong, and with 0 where \
there are warnings only.";

/// What `policy check` takes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CheckArgs {
    /// Files and folders, each a policy of its own; a folder's `policy.toml` belongs to it
    paths: Vec<PathBuf>,
}

pub(crate) fn run(args: &CheckArgs, context: &Context) -> Result<Exit, Failure> {
    let settings = context.settings_without_policies()?;
    let sets: Vec<SetPaths> = match args.paths.is_empty() {
        true => settings.policy_sets.clone(),
        false => args.paths.iter().map(|path| SetPaths::at(path)).collect(),
    };
    let tools = toolbox::registry(&settings)?.snapshot();
    let names = tools.names();
    let (mut errors, mut warnings): (Vec<PolicyError>, Vec<PolicyError>) = Default::default();
    let mut rules = 0;
    for set in &sets {
        match set.loaded()? {
            Ok(loaded) => {
                rules += loaded.rules().len();
                warnings.extend(lint(&loaded, Some(&names)));
            }
            Err(wrong) => errors.extend(wrong),
        }
    }
    let out = context.out();
    let exit = match errors.is_empty() {
        true => Exit::Success,
        false => Exit::Failure,
    };
    if out.is_json() {
        let all = |found: &[PolicyError], level| -> Vec<Value> {
            let found = found.iter();
            found.map(|one| policy::to_json(one, level)).collect()
        };
        out.value(&json!({
            "valid": errors.is_empty(),
            "sets": sets.len(),
            "rules": rules,
            "errors": all(&errors, "error"),
            "warnings": all(&warnings, "warning"),
        }));
        return Ok(exit);
    }
    let paint = out.paint();
    for (found, severity) in [(&errors, Severity::Error), (&warnings, Severity::Warning)] {
        let report = policy::with_source(found, severity, paint);
        if !report.is_empty() {
            out.line(report.trim_end());
        }
    }
    out.line(&if !errors.is_empty() {
        paint.look(Look::Bad, &counted(errors.len(), "mistake"))
    } else if sets.is_empty() {
        "no policy is configured: the starter set holds, `mandate policy show --starter` prints it"
            .to_owned()
    } else {
        let good = paint.look(Look::Good, "valid");
        let warned = match warnings.len() {
            0 => String::new(),
            many => format!(", {}", counted(many, "warning")),
        };
        format!("{good}: {}{warned}", counted(rules, "rule"))
    });
    Ok(exit)
}

fn counted(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        many => format!("{many} {what}s"),
    }
}
