//! `mandate approvals approve | reject ID`: records the answer. Nothing happens because of it until a process drives the
//! execution on.

use super::{RequestArg, show::find};
use crate::{
    context::{self, Context},
    drive,
    errors::{Exit, Failure, Kind},
    ids,
    read_only,
    output::Look,
    render::execution,
};
use clap::Args;
use mandate_engine::{Body, event::Answer};
use mandate_store::{Reader, RequestRow};

/// What `approve` and `reject` take.
#[derive(Debug, Args)]
pub(crate) struct AnswerArgs {
    #[command(flatten)]
    request: RequestArg,
    /// Why; kept in the journal
    #[arg(long)]
    reason: Option<String>,
}

pub(super) fn run(args: &AnswerArgs, choice: &str, context: &Context) -> Result<Exit, Failure> {
    let out = context.out();
    let reader = context.reader()?;
    let row = find(&reader, &args.request.request)?;
    may_answer(&reader, &row)?;
    drop(reader);
    let answer = Answer {
        request_id: row.request_id.clone(),
        choice: choice.to_owned(),
        data: None,
        reason: args.reason.clone(),
        by: context::principal(),
        channel: "cli".to_owned(),
    };
    let state = drive::record_only(context.settings()?, &row.execution_id, Body::RequestAnswered(answer))?;
    if out.is_json() {
        let mut value = execution::to_json(&state, state.waiting_for().as_ref(), None);
        if let Some(map) = value.as_object_mut() {
            map.insert("request_id".to_owned(), row.request_id.into());
            map.insert("choice".to_owned(), choice.into());
        }
        out.value(&value);
        return Ok(Exit::Success);
    }
    let (word, look, then) = if choice == "approve" {
        ("approved", Look::Good, "nothing has run yet; this carries the execution on:")
    } else {
        ("rejected", Look::Bad, "nothing of it will run; this ends the execution:")
    };
    out.line(&format!("{}: {then}", out.paint().look(look, word)));
    out.line(&format!("  mandate executions continue {}", ids::short(&row.execution_id)));
    Ok(Exit::Success)
}

/// Over this channel somebody speaks as the user of this process, and as nobody else.
fn may_answer(reader: &Reader, row: &RequestRow) -> Result<(), Failure> {
    if row.state != "open" {
        return Err(Failure::new(Kind::NotNow, format!("the request `{}` is {}", row.request_id, row.state))
            .remedy("`mandate approvals list` shows what is open"));
    }
    let state = read_only::state(reader, &row.execution_id)?;
    let approvers = state.requests.get(&row.request_id).map(|open| open.request.approvers.clone());
    let approvers = approvers.unwrap_or_default();
    let asked_by = &state.created.principal;
    let mine = *asked_by == context::principal();
    if approvers.iter().all(|who| who == "requester") && mine {
        return Ok(());
    }
    let message = format!(
        "{} may not answer this request: it was asked for by {asked_by}, and {} may answer",
        context::principal(),
        approvers.join(" and ")
    );
    Err(Failure::mismatch(message))
}
