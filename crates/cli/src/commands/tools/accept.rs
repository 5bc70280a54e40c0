//! `mandate tools accept` and `mandate tools lock`: definitions that may be used from now on.

use super::act::act;
use crate::{
    context::Context,
    errors::{Exit, Failure},
    output::Look,
};
use clap::Args;
use mandate_host::ToolAct;
use mandate_plan::Effect;
use serde_json::json;
use std::collections::BTreeMap;

/// What `tools accept` and `tools lock` take.
#[derive(Debug, Args)]
pub(crate) struct AcceptArgs {
    /// Tools (`server.tool`) or whole servers; without any, all
    names: Vec<String>,
    /// What an accepted tool does to the world: `read`, `write`, `delete`, `network` or `execute`
    #[arg(long = "effect", value_name = "TOOL=EFFECT")]
    effects: Vec<String>,
}

pub(super) fn run(args: &AcceptArgs, changes: bool, context: &Context) -> Result<Exit, Failure> {
    let acted = act(
        context.settings()?,
        ToolAct::Accept {
            names: args.names.iter().cloned().collect(),
            changes,
            effects: effects(&args.effects)?,
        },
    )?;
    let out = context.out();
    let exit = if acted.changed.is_empty() {
        Exit::Success
    } else {
        Exit::Failure
    };
    if out.is_json() {
        out.value(&json!({ "accepted": acted.names, "changed": acted.changed }));
        return Ok(exit);
    }
    for name in &acted.names {
        out.line(&format!("accepted {name}"));
    }
    for name in &acted.changed {
        let text = format!("{name} has changed since it was accepted: `mandate tools diff {name}`");
        out.note(&out.paint_notes().look(Look::Warn, &text));
    }
    if acted.names.is_empty() && acted.changed.is_empty() {
        out.note("nothing to accept: every definition is as it was accepted");
    }
    Ok(exit)
}

fn effects(given: &[String]) -> Result<BTreeMap<String, Effect>, Failure> {
    let mut effects = BTreeMap::new();
    for text in given {
        let read = text.split_once('=').and_then(|(tool, effect)| {
            let effect = serde_json::from_value(json!(effect)).ok()?;
            Some((tool.to_owned(), effect))
        });
        let Some((tool, effect)) = read else {
            return Err(Failure::usage(format!("`{text}` is not `TOOL=EFFECT`")).remedy(
                "write `--effect git.git_log=read`; the others are write, delete, network and execute",
            ));
        };
        effects.insert(tool, effect);
    }
    Ok(effects)
}
