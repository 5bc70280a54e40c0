//! `mandate approvals show ID`.

use super::RequestArg;
use crate::{
    context::Context,
    errors::{Exit, Failure},
    ids,
    read_only,
    output::Look,
    render::{decision, request, shown},
    when,
};
use mandate_store::{Reader, RequestRow};

pub(super) fn run(args: &RequestArg, context: &Context) -> Result<Exit, Failure> {
    let out = context.out();
    let reader = context.reader()?;
    let row = find(&reader, &args.request)?;
    if out.is_json() {
        out.value(&request::to_json(&row));
        return Ok(Exit::Success);
    }
    let paint = out.paint();
    let state = read_only::state(&reader, &row.execution_id)?;
    out.line(&decision::for_approval(state.plan(), &state.created.inputs, &state.created.decision, paint));
    let reasons = decision::reasons(&state.created.decision, paint);
    if !reasons.is_empty() {
        out.line(&format!("\n{}\n{reasons}", paint.bold("Why it needs approval")));
    }
    out.line("");
    let field = |name: &str, text: String| out.line(&format!("{} {text}", paint.dim(&format!("{name:<9}"))));
    field("request", row.request_id.clone());
    field("execution", row.execution_id.clone());
    field("asked by", state.created.principal.clone());
    field("binds to", row.subject.to_string());
    let look = if row.state == "open" { Look::Warn } else { Look::Dim };
    field("state", paint.look(look, &row.state));
    if let Some(at_ms) = row.expires_at_ms.filter(|_| row.state == "open") {
        field("until", when::show_time(at_ms));
    }
    let answer = row.answer.as_deref().and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok());
    if let Some(answer) = answer {
        field("answer", shown::line(&answer.to_string()));
    }
    if row.state == "open" {
        out.line(&format!(
            "\n  mandate approvals approve {id}\n  mandate approvals reject {id} --reason WHY",
            id = row.request_id
        ));
    }
    Ok(Exit::Success)
}

/// The request that somebody means.
pub(super) fn find(reader: &Reader, typed: &str) -> Result<RequestRow, Failure> {
    let id = ids::request(reader, typed)?;
    reader.request(&id)?.ok_or_else(|| Failure::not_found(format!("there is no request `{id}`")))
}
