//! The file of another MCP client, as it is written there: `mcpServers` in most, `servers` in VS Code, whose files may hold
//! comments.

use serde_json::{Map, Value};

/// The servers in such a file, by their names.
///
/// # Errors
/// It is no such file.
pub(crate) fn servers(text: &str) -> Result<Map<String, Value>, String> {
    let whole: Value = serde_json::from_str(text)
        .or_else(|_| serde_json::from_str(&plain(text)))
        .map_err(|error| format!("is not JSON: {error}"))?;
    let found = ["mcpServers", "servers"]
        .iter()
        .find_map(|key| whole.get(*key));
    // In the settings of VS Code they stand one level further in.
    let found = found.or_else(|| whole.pointer("/mcp/servers"));
    match found {
        Some(Value::Object(servers)) => Ok(servers.clone()),
        _ => Err("has no object `mcpServers`, and no `servers` either".to_owned()),
    }
}

/// The text without comments, and without commas before what closes.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    let mut in_string = false;
    while let Some(c) = rest.next() {
        match (in_string, c, rest.peek()) {
            (true, '\\', Some(next)) => {
                out.push(c);
                out.push(*next);
                rest.next();
                continue;
            }
            (_, '"', _) => in_string = !in_string,
            (false, '/', Some('/')) => {
                while rest.peek().is_some_and(|c| *c != '\n') {
                    rest.next();
                }
                continue;
            }
            (false, '/', Some('*')) => {
                rest.next();
                let mut before = ' ';
                for c in rest.by_ref() {
                    if before == '*' && c == '/' {
                        break;
                    }
                    before = c;
                }
                continue;
            }
            (false, '}' | ']', _) => {
                let kept = out.trim_end();
                if kept.ends_with(',') {
                    out.truncate(kept.len().saturating_sub(1));
                }
            }
            _ => {}
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::servers;

    #[test]
    fn the_files_of_each_client_are_read() {
        let names = |text: &str| {
            let found = servers(text)?;
            Ok::<Vec<String>, String>(found.keys().cloned().collect())
        };
        assert_eq!(
            names(r#"{"mcpServers": {"a": {"command": "x"}}}"#).unwrap(),
            ["a"]
        );
        let code = "{\n // mine\n \"inputs\": [],\n \"servers\": { /* two */ \"b\": {\"url\": \"http://x//y\", },\n },\n}";
        assert_eq!(names(code).unwrap(), ["b"]);
        assert_eq!(names(r#"{"mcp": {"servers": {"c": {}}}}"#).unwrap(), ["c"]);
        assert!(names("{}").unwrap_err().contains("mcpServers"));
        assert!(names("[").unwrap_err().contains("not JSON"));
    }
}
