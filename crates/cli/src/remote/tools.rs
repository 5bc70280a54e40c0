//! `tools …` over a server.

use super::{address::Named, client::Client, only_here};
use crate::{
    commands::tools::{ToolsCommand, act::told, list, show, switch},
    context::Context,
    errors::{Exit, Failure},
};
use mandate_host::ToolActed;
use mandate_tools::ToolStatus;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Tools {
    tools: Vec<ToolStatus>,
    broken_servers: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Acted {
    tools: Vec<String>,
    changed: Vec<String>,
}

pub(super) fn run(
    command: &ToolsCommand,
    named: &Named,
    context: &Context,
) -> Result<Exit, Failure> {
    let client = &Client::new(named)?;
    let out = context.out();
    match command {
        ToolsCommand::List => {
            let all: Tools = client.get(&["tools"], &[])?;
            list::tell(&all.tools, &all.broken_servers, out);
            Ok(Exit::Success)
        }
        ToolsCommand::Show(args) => {
            let tool: ToolStatus = client.get(&["tools", &args.name], &[])?;
            match out.is_json() {
                true => out.value(&json!(tool)),
                false => show::tell(&tool, out),
            }
            Ok(Exit::Success)
        }
        ToolsCommand::Disable(args) => {
            let acted = act(client, &args.name, "disable")?;
            Ok(told(context, &acted, &switch::disabled(&args.name)))
        }
        ToolsCommand::Enable(args) => {
            let acted = act(client, &args.name, "enable")?;
            Ok(told(context, &acted, &switch::enabled(&args.name)))
        }
        ToolsCommand::Restart(args) => {
            let acted = act(client, &args.server, "restart")?;
            let words = switch::restarted(&args.server, &acted);
            Ok(told(context, &acted, &words))
        }
        ToolsCommand::Call(_) => Err(only_here("tools call")),
        ToolsCommand::Lock(_) => Err(only_here("tools lock")),
        ToolsCommand::Diff(_) => Err(only_here("tools diff")),
        ToolsCommand::Accept(_) => Err(only_here("tools accept")),
    }
}

fn act(client: &Client, name: &str, verb: &str) -> Result<ToolActed, Failure> {
    let path = format!("{name}:{verb}");
    let acted: Acted = client.post(&["tools", &path], &json!({}))?;
    Ok(ToolActed {
        names: acted.tools,
        changed: acted.changed,
        ..ToolActed::default()
    })
}
