//! `mandate keys revoke NAME|ID`.

use super::act::act;
use crate::{
    context::Context,
    errors::{Exit, Failure},
};
use clap::Args;
use mandate_host::KeyAct;
use serde_json::json;

/// What `keys revoke` takes.
#[derive(Debug, Args)]
pub(crate) struct RevokeArgs {
    /// The key's id; or a name: all its keys
    #[arg(value_name = "NAME|ID")]
    which: String,
}

pub(super) fn run(args: &RevokeArgs, context: &Context) -> Result<Exit, Failure> {
    let out = context.out();
    let which = args.which.clone();
    let acted = act(context.settings()?, KeyAct::Revoke { which })?;
    if out.is_json() {
        out.value(&json!({ "revoked": acted.key_ids }));
    } else {
        out.line(&format!("revoked: {}", acted.key_ids.join(", ")));
    }
    Ok(Exit::Success)
}
