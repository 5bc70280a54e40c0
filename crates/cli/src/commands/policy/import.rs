//! `mandate policy import RULES`.

use crate::{
    context::Context,
    errors::{Exit, Failure},
    render::shown,
};
use clap::{Args, ValueEnum};
use mandate_rules::import::{ImportOptions, Imported, Unmatched, import};
use serde_json::json;
use std::{
    fs::OpenOptions,
    io::Write as _,
    path::{Path, PathBuf},
};

const EXAMPLES: &str = "\
Examples:
  mandate policy import rules.json                        print what it becomes
  mandate policy import rules.json --out policies
  mandate policy import rules.json --out policies --unmatched require_approval

Rules have priorities there and none here: a rule that a milder one of higher priority beats gets an `unless`. What \
cannot be kept is refused, with the rules' ids; what becomes stricter is told.";

/// The file of the rules.
const CEDAR: &str = "imported.cedar";
/// The file of the definitions.
const DEFINITIONS: &str = "policy.toml";

/// What `policy import` takes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ImportArgs {
    /// A JSON array of rules
    rules: PathBuf,
    /// Writes `imported.cedar` and `policy.toml` into this folder, which holds neither yet
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// What becomes of a call that no rule matches
    #[arg(long, value_enum, default_value_t = Rest::Deny, value_name = "OUTCOME")]
    unmatched: Rest,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Rest {
    /// It is denied
    Deny,
    /// It needs an approval
    #[value(name = "require_approval")]
    RequireApproval,
    /// It runs
    Allow,
}

pub(super) fn run(args: &ImportArgs, context: &Context) -> Result<Exit, Failure> {
    let out = context.out();
    let text = std::fs::read_to_string(&args.rules).map_err(|error| {
        Failure::usage(format!("cannot read `{}`: {error}", args.rules.display()))
            .remedy("give the path of a JSON file with an array of rules")
    })?;
    let options = ImportOptions {
        unmatched: match args.unmatched {
            Rest::Deny => None,
            Rest::RequireApproval => Some(Unmatched::RequireApproval),
            Rest::Allow => Some(Unmatched::Allow),
        },
    };
    let made = import(&text, options).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        Failure::usage(format!(
            "`{}` cannot be imported:\n  {}",
            args.rules.display(),
            lines.join("\n  ")
        ))
        .remedy("change the rules that are named, and import again")
    })?;
    if let Some(dir) = &args.out {
        write(dir, &made)?;
    }
    if out.is_json() {
        out.value(&json!({
            "rules": made.rules,
            "cedar": made.cedar,
            "policy_toml": made.policy_toml,
            "notes": made.notes,
            "written_to": args.out,
        }));
        return Ok(Exit::Success);
    }
    match &args.out {
        Some(dir) => {
            out.line(&format!("{} rules became {}", made.rules, dir.display()));
            out.line(&format!("  {CEDAR}\n  {DEFINITIONS}"));
        }
        None => {
            out.line(&format!("// {CEDAR}\n{}", made.cedar));
            out.line(&format!("# {DEFINITIONS}\n{}", made.policy_toml.trim_end()));
        }
    }
    for note in &made.notes {
        out.note(&format!("note: {}", shown::line(note)));
    }
    if options.unmatched.is_none() {
        out.note("note: a call that no rule matches is denied; `--unmatched` changes that");
    }
    Ok(Exit::Success)
}

fn write(dir: &Path, made: &Imported) -> Result<(), Failure> {
    let failed = |path: &Path, error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Failure::usage(format!("`{}` is there already", path.display()))
                .remedy("import into another folder, and compare")
        }
        _ => Failure::io(&format!("cannot write `{}`", path.display()), &error),
    };
    std::fs::create_dir_all(dir).map_err(|error| failed(dir, error))?;
    let files = [(CEDAR, &made.cedar), (DEFINITIONS, &made.policy_toml)];
    for (name, _) in files {
        let path = dir.join(name);
        if crate::document::exists(&path) {
            return Err(failed(&path, std::io::ErrorKind::AlreadyExists.into()));
        }
    }
    for (name, text) in files {
        let path = dir.join(name);
        let opened = OpenOptions::new().write(true).create_new(true).open(&path);
        opened
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|error| failed(&path, error))?;
    }
    Ok(())
}
