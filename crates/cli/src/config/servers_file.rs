//! `mcp_servers_file`: the servers of another client's JSON file, as if they stood in `mandate.toml`.

use super::{
    client_file,
    keys::{self, Found},
    layer::{Layer, Set},
};
use crate::errors::Failure;
use mandate_tools::McpServerConfig;
use serde::Deserialize as _;
use serde_json::Value;

/// Whether an entry is `mandate mcp`.
pub(crate) fn is_gateway(server: &Value) -> bool {
    let command = server.get("command").and_then(Value::as_str);
    let program = command.and_then(|command| command.rsplit('/').next());
    let args = server.get("args").and_then(Value::as_array);
    let first = args.and_then(|args| args.first()).and_then(Value::as_str);
    program == Some("mandate") && first == Some("mcp")
}

/// Adds the servers of the file that the layer names.
///
/// # Errors
/// The file cannot be read, is not such a file, or names a server that the layer names too.
pub(super) fn add(layer: &mut Layer) -> Result<(), Failure> {
    let named = layer.sets.iter().find_map(|set| match &set.value {
        Value::String(path) if set.path.as_slice() == ["mcp_servers_file"] => {
            Some((path.clone(), set.place.clone()))
        }
        _ => None,
    });
    let Some((path, place)) = named else {
        return Ok(());
    };
    let bad = |what: String| {
        Failure::config(format!("{place}: {what}"))
            .remedy("name a JSON file such as `{\"mcpServers\": {\"files\": {\"command\": \"npx\", \"args\": []}}}`")
    };
    let text = std::fs::read_to_string(&path)
        .map_err(|error| bad(format!("cannot read `{path}`: {error}")))?;
    let servers = client_file::servers(&text).map_err(|error| bad(format!("`{path}` {error}")))?;
    for (name, server) in &servers {
        // An agent's client names the gateway there, too: it is not a server behind itself.
        if is_gateway(server) {
            continue;
        }
        let at = vec!["mcpServers".to_owned(), name.clone()];
        if layer.sets.iter().any(|set| set.path == at) {
            return Err(bad(format!(
                "`mcpServers.{name}` stands in `{path}` and beside it"
            )));
        }
        let Found::Key(key) = keys::find(&at) else {
            continue;
        };
        let mut server = server.clone();
        // The file is another client's: what that one understands is no mistake here.
        let read = McpServerConfig::deserialize(&server).unwrap_or_default();
        for unknown in read.unknown.keys() {
            tracing::warn!(server = %name, key = %unknown, "a key that means nothing here");
            if let Value::Object(server) = &mut server {
                server.remove(unknown);
            }
        }
        layer.sets.push(Set {
            path: at,
            key,
            value: server,
            place: place.clone(),
        });
    }
    Ok(())
}
