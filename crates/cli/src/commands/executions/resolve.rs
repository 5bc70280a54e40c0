//! `mandate executions resolve ID STEP`.

use super::{ExecutionArg, told};
use crate::{
    context::Context,
    document::{Source, exists},
    drive::{self, Word},
    errors::{Exit, Failure, Kind},
    ids, read_only,
    step_path::{self, StepPath},
};
use clap::Args;
use mandate_engine::{State, event::Resolution};
use mandate_plan::{Format, parse_value};
use serde_json::Value;
use std::path::Path;

/// What `executions resolve` takes.
#[derive(Debug, Args)]
pub(crate) struct ResolveArgs {
    #[command(flatten)]
    pub(crate) execution: ExecutionArg,
    /// The step in doubt; `notify[3]` for one item of a `for_each` step, `child/pay` for a step of a nested plan
    pub(crate) step: String,
    #[command(flatten)]
    how: How,
    /// With `--done`: the step's output, a JSON file or JSON itself; null if it is left out
    #[arg(long, value_name = "FILE|JSON", requires = "done")]
    output: Option<String>,
    /// With `--fail`: why; kept in the journal
    #[arg(long, requires = "fail")]
    reason: Option<String>,
}

/// What became of the step.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct How {
    /// The effect happened; the step is completed
    #[arg(long)]
    done: bool,
    /// The effect did not happen; the step may be attempted again
    #[arg(long)]
    not_done: bool,
    /// The step counts as failed
    #[arg(long, requires = "reason")]
    fail: bool,
}

impl ResolveArgs {
    /// What became of it, as it was typed.
    ///
    /// # Errors
    /// An output that cannot be read.
    pub(crate) fn resolution(&self) -> Result<Resolution, Failure> {
        Ok(match (self.how.done, self.how.not_done) {
            (true, _) => Resolution::Done {
                output: self.output.as_deref().map_or(Ok(Value::Null), output)?,
            },
            (_, true) => Resolution::NotDone,
            _ => Resolution::Fail {
                reason: self.reason.clone().unwrap_or_default(),
            },
        })
    }
}

pub(super) fn run(args: &ResolveArgs, context: &Context) -> Result<Exit, Failure> {
    let resolution = args.resolution()?;
    let reader = context.reader()?;
    let id = ids::execution(&reader, &args.execution.execution)?;
    let (id, path) = StepPath::locate(&reader, &id, &args.step)?;
    in_doubt(&read_only::state(&reader, &id)?, &path)?;
    drop(reader);
    let word = Word::Resolve {
        step: path.step.clone(),
        item: path.item,
        resolution,
    };
    let driver = drive::say(context.settings()?, &id, word)?;
    told(
        context,
        &id,
        driver,
        &format!("`{}` is resolved", args.step),
    )
}

/// Refuses a step that is not in doubt, and says which are.
///
/// # Errors
/// It is not.
pub(crate) fn in_doubt(state: &State, path: &StepPath) -> Result<(), Failure> {
    let mut doubts = state.doubts();
    if state.phase == mandate_engine::Phase::Compensating {
        doubts = state.undo_doubts();
    }
    if doubts
        .iter()
        .any(|(step, item, _)| *step == path.step && *item == path.item)
    {
        return Ok(());
    }
    let shown = step_path::show(&path.step, path.item);
    let failure = Failure::new(Kind::NotNow, format!("`{shown}` is not in doubt"));
    let all: Vec<String> = doubts
        .iter()
        .map(|(step, item, _)| step_path::show(step, *item))
        .collect();
    Err(if all.is_empty() {
        failure.remedy(format!(
            "nothing is; `mandate executions show {}` shows its steps",
            ids::short(state.execution_id())
        ))
    } else {
        failure.remedy(format!("in doubt: {}", all.join(", ")))
    })
}

/// JSON as it stands, or from the file of that name.
///
/// # Errors
/// It is neither.
pub(super) fn output(text: &str) -> Result<Value, Failure> {
    let looks_like_json = text.trim_start().starts_with(['{', '[', '"']);
    let (bytes, format, name) = if text == "-" || (!looks_like_json && exists(Path::new(text))) {
        let source = Source::read(text)?;
        (source.bytes, source.format, source.name)
    } else {
        (
            text.as_bytes().to_vec(),
            Format::Json,
            "--output".to_owned(),
        )
    };
    parse_value(&bytes, format).map_err(|found| {
        let why = found
            .first()
            .map(|violation| violation.message.clone())
            .unwrap_or_default();
        Failure::usage(format!("`{name}` is neither a file nor JSON: {why}"))
            .remedy("text is JSON in quotes: `--output '\"done\"'`")
    })
}
