//! `mandate inbox show ID`, `mandate approvals show ID`.

use super::RequestArg;
use crate::{
    context::Context,
    errors::{Exit, Failure},
    ids,
    output::{Look, Out, Paint},
    read_only,
    render::{approved_before, decision, request, shown},
    when,
};
use mandate_engine::{OpenRequest, State, event::RequestKind};
use mandate_server::view::{self, RequestView};
use mandate_store::{Reader, RequestRow};

pub(crate) fn run(args: &RequestArg, context: &Context) -> Result<Exit, Failure> {
    let out = context.out();
    let reader = context.reader()?;
    let row = find(&reader, &args.request)?;
    let state = read_only::state(&reader, &row.execution_id)?;
    let open = state.requests.get(&row.request_id);
    let about_plan = open.is_none_or(|open| open.request.kind == RequestKind::Plan);
    if out.is_json() {
        let mut value = request::to_json(&row);
        if let Some(map) = value.as_object_mut().filter(|_| about_plan) {
            let before = approved_before::to_json(&state, &reader)?;
            map.extend(before.map(|before| ("approved_before".to_owned(), before)));
        }
        out.value(&value);
        return Ok(Exit::Success);
    }
    let before = match about_plan {
        true => approved_before::section(&state, |hash| reader.plan(hash), out.paint())?,
        false => String::new(),
    };
    tell(&view::request(&row), &state, &before, out);
    Ok(Exit::Success)
}

/// Tells people what is asked, and how it stands; `before`: what the plan changes.
pub(crate) fn tell(row: &RequestView, state: &State, before: &str, out: &Out) {
    let paint = out.paint();
    let open = state.requests.get(&row.request_id);
    out.line(&asked(state, open, paint));
    if !before.is_empty() {
        out.line(&format!(
            "
{before}"
        ));
    }
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
    if let Some(answer) = &row.answer {
        field("answer", shown::line(&answer.to_string()));
    }
    if let Some(open) = open.filter(|_| row.state == "open") {
        out.line("");
        for command in request::commands(&open.request) {
            out.line(&format!("  {command}"));
        }
    }
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
