//! `mandate keys create NAME --role ROLE`.

use super::act::act;
use crate::{
    context::Context,
    errors::{Exit, Failure},
};
use clap::Args;
use mandate_host::KeyAct;
use serde_json::json;

/// What `keys create` takes.
#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// Whose key it is: the name that the journal keeps
    name: String,
    /// What it may do; several separated by commas
    #[arg(long, value_name = "ROLE[,…]", required = true, value_delimiter = ',')]
    role: Vec<String>,
}

pub(super) fn run(args: CreateArgs, context: &Context) -> Result<Exit, Failure> {
    let out = context.out();
    let name = args.name.clone();
    let roles = args
        .role
        .iter()
        .map(|role| role.trim().to_owned())
        .collect();
    let create = KeyAct::Create {
        name: args.name,
        roles,
    };
    let acted = act(context.settings()?, create)?;
    let key_id = acted.key_ids.first().cloned().unwrap_or_default();
    let key = acted.key.as_ref().map(|key| key.reveal());
    if out.is_json() {
        out.value(&json!({ "key_id": key_id, "name": name, "roles": args.role, "key": key }));
        return Ok(Exit::Success);
    }
    out.note(&format!("{key_id} for {name}: {}", args.role.join(", ")));
    out.note(
        &out.paint_notes()
            .dim("this is shown once; give it over as MANDATE_API_KEY"),
    );
    out.line(key.unwrap_or_default());
    Ok(Exit::Success)
}
