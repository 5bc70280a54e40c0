//! `mandate audit head`.

use crate::{
    context::Context,
    errors::{Exit, Failure},
    render::execution,
};
use mandate_store::Head;
use serde_json::json;

pub(super) fn run(context: &Context) -> Result<Exit, Failure> {
    let head = context.reader()?.head()?;
    if context.out().is_json() {
        context.out().value(&json!({ "head": head }));
    } else {
        context.out().line(&execution::head(&head));
    }
    Ok(Exit::Success)
}

/// A head as `audit head` prints it.
///
/// # Errors
/// Anything else.
pub(super) fn parse(text: &str) -> Result<Head, Failure> {
    let parsed = text.trim().split_once(':').and_then(|(number, hash)| {
        Some(Head {
            number: number.parse().ok()?,
            hash: hash.parse().ok()?,
        })
    });
    parsed.ok_or_else(|| {
        Failure::usage(format!("`{text}` is not a head"))
            .remedy("give it as `mandate audit head` prints it: `NUMBER:HASH`")
    })
}
