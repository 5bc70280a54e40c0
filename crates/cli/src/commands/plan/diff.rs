//! `mandate plan diff OLD NEW`.

use crate::{
    context::Context,
    document::read_plan,
    errors::{Exit, Failure},
};
use clap::Args;
use mandate_plan::diff::diff;
use serde_json::json;

/// What `plan diff` takes.
#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// The plan as it was
    old: String,
    /// The plan as it is
    new: String,
}

pub(super) fn run(args: &DiffArgs, context: &Context) -> Result<Exit, Failure> {
    let out = context.out();
    let old = read_plan(context, &args.old, None)?.plan;
    let new = read_plan(context, &args.new, None)?.plan;
    let difference = diff(old.plan(), new.plan());
    if out.is_json() {
        out.value(&json!({
            "identical": old.hash() == new.hash(),
            "old_hash": old.hash(),
            "new_hash": new.hash(),
            "diff": difference,
        }));
    } else if old.hash() == new.hash() {
        out.line("the plans are identical");
    } else {
        let text = difference.to_string();
        out.line(if text.trim().is_empty() { "the plans differ only in notation" } else { text.trim_end() });
    }
    Ok(Exit::Success)
}
