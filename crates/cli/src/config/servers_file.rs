//! `mcp_servers_file`: the servers of another client's JSON file, as if they stood in `mandate.toml`.

use super::{
    keys::{self, Found},
    layer::{Layer, Set},
};
use crate::errors::Failure;
use mandate_tools::McpServerConfig;
use serde::Deserialize as _;
use serde_json::Value;

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
    let text =
        std::fs::read(&path).map_err(|error| bad(format!("cannot read `{path}`: {error}")))?;
    let whole: Value = serde_json::from_slice(&text)
        .map_err(|error| bad(format!("`{path}` is not JSON: {error}")))?;
    let Some(Value::Object(servers)) = whole.get("mcpServers") else {
        return Err(bad(format!("`{path}` has no object `mcpServers`")));
    };
    for (name, server) in servers {
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
