//! `mandate approvals revoke ID`.

use super::standing;
use crate::{
    context::Context,
    drive::{self, Word},
    errors::{Exit, Failure},
    ids, read_only,
    render::execution,
};
use clap::Args;
use serde_json::json;

/// What `approvals revoke` takes.
#[derive(Debug, Args)]
pub(crate) struct RevokeArgs {
    /// The approval: the request that was approved, the execution that runs on it (an id, its beginning, or `@last`), or
    /// a standing approval
    #[arg(value_name = "ID")]
    approval: String,
    /// Why; kept in the journal
    #[arg(long)]
    reason: Option<String>,
}

pub(super) fn run(args: &RevokeArgs, context: &Context) -> Result<Exit, Failure> {
    if args.approval.starts_with("stand-") {
        return standing::revoke(&args.approval, args.reason.clone(), context);
    }
    of_an_execution(args, context)
}

fn of_an_execution(args: &RevokeArgs, context: &Context) -> Result<Exit, Failure> {
    let reader = context.reader()?;
    let id = if args.approval.starts_with("req-") {
        let request = ids::request(&reader, &args.approval)?;
        let row = reader.request(&request)?;
        let row =
            row.ok_or_else(|| Failure::not_found(format!("there is no request `{request}`")))?;
        if !matches!(row.kind.as_str(), "plan" | "revision") {
            let message = format!(
                "`{request}` is of kind `{}`: only the approval of a plan is revoked",
                row.kind
            );
            return Err(Failure::usage(message).remedy(format!(
                "`mandate executions cancel {}` ends its execution",
                ids::short(&row.execution_id)
            )));
        }
        row.execution_id
    } else {
        ids::execution(&reader, &args.approval)?
    };
    let reason = args.reason.clone();
    let driver = drive::say(context.settings()?, &id, Word::Revoke { reason })?;
    let out = context.out();
    if out.is_json() {
        let state = read_only::state(&reader, &id)?;
        let mut value = execution::to_json(&state, state.waiting_for().as_ref(), None);
        if let Some(map) = value.as_object_mut() {
            map.insert("host_pid".to_owned(), json!(driver));
        }
        out.value(&value);
        return Ok(Exit::Success);
    }
    let short = ids::short(&id);
    out.line(&match driver {
        Some(pid) => format!("revoked: no further call is made; process {pid} ends execution {short}"),
        None => format!(
            "revoked: no further call is made; `mandate executions continue {short}` ends it in good order"
        ),
    });
    Ok(Exit::Success)
}
