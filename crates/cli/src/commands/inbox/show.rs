//! `mandate inbox show ID`, `mandate approvals show ID`.

use super::RequestArg;
use crate::{
    context::Context,
    errors::{Exit, Failure},
    ids,
    output::{Look, Paint},
    read_only,
    render::{decision, request, shown},
    when,
};
use mandate_engine::{OpenRequest, State, event::RequestKind};
use mandate_store::{Reader, RequestRow};

pub(crate) fn run(args: &RequestArg, context: &Context) -> Result<Exit, Failure> {
    let out = context.out();
    let reader = context.reader()?;
    let row = find(&reader, &args.request)?;
    if out.is_json() {
        out.value(&request::to_json(&row));
        return Ok(Exit::Success);
    }
    let paint = out.paint();
    let state = read_only::state(&reader, &row.execution_id)?;
    let open = state.requests.get(&row.request_id);
    out.line(&asked(&state, open, paint));
    out.line("");
    let field = |name: &str, text: String| {
        out.line(&format!("{} {text}", paint.dim(&format!("{name:<9}"))))
    };
    field("request", row.request_id.clone());
    field("kind", row.kind.clone());
    field("execution", row.execution_id.clone());
    field("asked by", state.created.principal.clone());
    if let Some(open) = open {
        field("answered by", open.request.approvers.join(" and "));
        for said in &open.said {
            field("said", request::said(said));
        }
        for choice in request::begun(open) {
            let still = state.still_wanted(open, choice).join(" and ");
            field("wanted", format!("`{choice}` by {still}"));
        }
    }
    field("binds to", row.subject.to_string());
    let look = if row.state == "open" {
        Look::Warn
    } else {
        Look::Dim
    };
    field("state", paint.look(look, &row.state));
    if let Some(at_ms) = row.expires_at_ms.filter(|_| row.state == "open") {
        field("until", when::show_time(at_ms));
    }
    let answer = row
        .answer
        .as_deref()
        .and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok());
    if let Some(answer) = answer {
        field("answer", shown::line(&answer.to_string()));
    }
    if let Some(open) = open.filter(|_| row.state == "open") {
        out.line("");
        for command in request::commands(&open.request) {
            out.line(&format!("  {command}"));
        }
    }
    Ok(Exit::Success)
}

/// What is asked, whole: of a plan everything that it would do.
fn asked(state: &State, open: Option<&OpenRequest>, paint: Paint) -> String {
    let Some(open) = open.filter(|open| open.request.kind != RequestKind::Plan) else {
        let decision = &state.created.decision;
        let mut text = decision::for_approval(state.plan(), &state.created.inputs, decision, paint);
        let reasons = decision::reasons(decision, false, paint);
        if !reasons.is_empty() {
            text.push_str(&format!(
                "\n\n{}\n{reasons}",
                paint.bold("Why it needs approval")
            ));
        }
        return text;
    };
    request::asked(&open.request, paint)
}

/// The request that somebody means.
pub(super) fn find(reader: &Reader, typed: &str) -> Result<RequestRow, Failure> {
    let id = ids::request(reader, typed)?;
    reader
        .request(&id)?
        .ok_or_else(|| Failure::not_found(format!("there is no request `{id}`")))
}
