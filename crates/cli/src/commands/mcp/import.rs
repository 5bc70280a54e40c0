//! `mandate mcp import FILE`: the servers of another client's file as entries of `mandate.toml`.

use crate::{
    config::{FILE_NAME, client_file, servers_file::is_gateway},
    context::Context,
    errors::{Exit, Failure},
};
use clap::Args;
use mandate_tools::McpServerConfig;
use serde_json::{Map, Value, json};
use std::{fs, io::Write as _, path::PathBuf};

/// What `mcp import` takes.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// The client's file: `.mcp.json`, `claude_desktop_config.json`, `.cursor/mcp.json`, `.vscode/mcp.json`
    file: PathBuf,
    /// Write the entries to the end of this folder's `mandate.toml`, instead of printing them
    #[arg(long)]
    write: bool,
}

pub(super) fn run(args: &ImportArgs, context: &Context) -> Result<Exit, Failure> {
    let name = args.file.display();
    let text = fs::read_to_string(&args.file)
        .map_err(|error| Failure::io(&format!("cannot read `{name}`"), &error))?;
    let servers =
        client_file::servers(&text).map_err(|why| Failure::config(format!("`{name}` {why}")))?;
    let settings = context.settings()?;
    let (mut entries, mut left_out) = (Map::new(), Vec::new());
    for (server, entry) in servers {
        let why = match &entry {
            _ if is_gateway(&entry) => "it is the gateway itself",
            _ if settings.tools.mcp_servers.contains_key(&server) => {
                "there is one of that name already"
            }
            Value::Object(_) => {
                entries.insert(server, known(&entry));
                continue;
            }
            _ => "it is no object",
        };
        left_out.push((server, why));
    }
    let out = context.out();
    let toml = to_toml(&entries)?;
    for (server, why) in &left_out {
        out.note(&format!("`{server}` is left out: {why}"));
    }
    if args.write && !entries.is_empty() {
        let path = settings.project.join(FILE_NAME);
        let append = || {
            let mut file = fs::OpenOptions::new()
                .append(true)
                .create(true)
                .open(&path)?;
            file.write_all(format!("\n{toml}").as_bytes())
        };
        append()
            .map_err(|error| Failure::io(&format!("cannot write `{}`", path.display()), &error))?;
        out.note(&format!(
            "{} servers were added to `{}`",
            entries.len(),
            path.display()
        ));
        out.note(
            "what their tools do to the world is not known unless you say it: docs/tool-servers.md",
        );
    }
    if out.is_json() {
        let names: Vec<&String> = entries.keys().collect();
        let left_out: Vec<Value> = { left_out.iter() }
            .map(|(server, why)| json!({ "server": server, "why": why }))
            .collect();
        out.value(&json!({ "servers": names, "left_out": left_out, "toml": toml }));
    } else if !args.write {
        out.line(toml.trim_end());
    }
    Ok(Exit::Success)
}

/// What of an entry means something here.
fn known(entry: &Value) -> Value {
    let fields = entry.as_object().into_iter().flatten();
    let known = fields
        .filter(|(key, value)| McpServerConfig::KEYS.contains(&key.as_str()) && !value.is_null());
    Value::Object(
        known
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
    )
}

fn to_toml(entries: &Map<String, Value>) -> Result<String, Failure> {
    let mut text = String::new();
    for (server, entry) in entries {
        let table = json!({ "mcpServers": { server: entry } });
        let table = toml::to_string(&table)
            .map_err(|error| Failure::config(format!("`{server}` cannot be written: {error}")))?;
        text.push_str(&table);
        text.push('\n');
    }
    Ok(text)
}
