//! `mandate approvals approve | reject ID`: gives the answer to the process that drives the execution. Where none does it is
//! recorded, and nothing happens because of it until one takes the execution up.

use super::{RequestArg, show::find};
use crate::{
    context::{self, Context},
    drive::{self, Word},
    errors::{Exit, Failure, Kind},
    ids,
    output::Look,
    read_only,
    render::execution,
};
use clap::Args;
use mandate_host::Answered;
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
    let answer = Answered {
        request_id: row.request_id.clone(),
        choice: choice.to_owned(),
        data: None,
        reason: args.reason.clone(),
        subject: None,
        channel: "cli".to_owned(),
    };
    let settings = context.settings()?;
    let driver = drive::say(settings, &row.execution_id, Word::Answer(answer))?;
    if out.is_json() {
        let state = read_only::state(&context.reader()?, &row.execution_id)?;
        let mut value = execution::to_json(&state, state.waiting_for().as_ref(), None);
        if let Some(map) = value.as_object_mut() {
            map.insert("request_id".to_owned(), row.request_id.into());
            map.insert("choice".to_owned(), choice.into());
            map.insert("host_pid".to_owned(), driver.into());
        }
        out.value(&value);
        return Ok(Exit::Success);
    }
    let (word, look) = if choice == "approve" {
        ("approved", Look::Good)
    } else {
        ("rejected", Look::Bad)
    };
    let word = out.paint().look(look, word);
    let id = ids::short(&row.execution_id);
    if let Some(pid) = driver {
        out.line(&format!("{word}: process {pid} drives the execution on"));
        out.line(&format!("  mandate executions watch {id}"));
        return Ok(Exit::Success);
    }
    let then = if choice == "approve" {
        "nothing has run yet; this carries the execution on:"
    } else {
        "nothing of it will run; this ends the execution:"
    };
    out.line(&format!("{word}: {then}"));
    out.line(&format!("  mandate executions continue {id}"));
    Ok(Exit::Success)
}

/// Over this channel somebody speaks as the user of this process, and as nobody else.
fn may_answer(reader: &Reader, row: &RequestRow) -> Result<(), Failure> {
    if row.state != "open" {
        return Err(Failure::new(
            Kind::NotNow,
            format!("the request `{}` is {}", row.request_id, row.state),
        )
        .remedy("`mandate approvals list` shows what is open"));
    }
    let state = read_only::state(reader, &row.execution_id)?;
    let approvers = state
        .requests
        .get(&row.request_id)
        .map(|open| open.request.approvers.clone());
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
