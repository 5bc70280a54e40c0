//! `mandate plan schema`.

use crate::{
    context::Context,
    errors::{Exit, Failure},
};

pub(super) fn run(context: &Context) -> Result<Exit, Failure> {
    let schema = mandate_plan::schema::plan_schema();
    // A schema is read by people too: indented wherever it goes.
    context.out().line(&serde_json::to_string_pretty(&schema).unwrap_or_default());
    Ok(Exit::Success)
}
