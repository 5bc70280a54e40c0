//! The `mandate.toml` that `mandate init` writes: every key, commented out, with its default.

use super::keys::{KEYS, Key, Shape};

const HEAD: &str = "\
# Mandate's configuration for this folder and everything beneath it. Every line that is commented out shows the default.
#
# What /etc/mandate/mandate.toml or your own configuration sets can be narrowed here, never widened; variables named
# MANDATE_FS_MAX_BYTES and so on come after this file. `mandate doctor` shows what is set, and where.
";

const SECRETS: &str = r#"
# A secret has a name that plans use as ${secrets.API_TOKEN}, one source, and the tools and hosts that may receive it.
# Nobody may receive it unless they are named here.
#[secrets.API_TOKEN]
#env = "API_TOKEN"                       # or: file = "~/.config/token"   or: command = ["pass", "show", "api"]
#tools = ["http.request"]
#hosts = ["api.example.com"]
"#;

const TOOLS: &str = r#"
# MCP servers, over stdio or HTTP; docs/tool-servers.md has more. What their tools do to the world is not known unless you say it.
#[mcpServers.files]
#command = "npx"
#args = ["-y", "@modelcontextprotocol/server-filesystem", "."]
#trust_annotations = false
#tools.read_text_file = { effect = "read", open_world = false }

# Tools of your own: JSON on standard input, JSON on standard output; docs/own-tools.md has more.
#[[tools]]
#name = "crm.find"
#command = ["python3", "tools/crm_find.py"]
#input_schema = { type = "object", properties = { name = { type = "string" } } }
#effect = "read"
"#;

/// The file's text.
pub(crate) fn text() -> String {
    let mut text = HEAD.to_owned();
    let mut section = "";
    for key in KEYS.iter().filter(|key| !key.path.contains('*')) {
        let (table, name) = key.path.rsplit_once('.').unwrap_or(("", key.path));
        if table != section {
            text.push_str(&format!("\n[{table}]\n"));
            section = table;
        } else if table.is_empty() {
            text.push('\n');
        }
        text.push_str(&entry(key, name));
    }
    text.push_str(SECRETS);
    text.push_str(TOOLS);
    text
}

fn entry(key: &Key, name: &str) -> String {
    let none = || format!("{}; none by default", key.about);
    let (value, about) = match (key.default, key.shape) {
        ("", Shape::Path) => match key.path {
            "policy.shadow" => (r#""policies.next""#, none()),
            "notify.secret_file" => (r#""notify.secret""#, none()),
            _ => (r#""mcp.json""#, none()),
        },
        ("", Shape::Text) if key.path == "notify.secret" => (r#""hook""#, none()),
        ("", Shape::Text) if key.path == "log.level" => (r#""info""#, none()),
        ("", Shape::Text) if key.path == "telemetry.endpoint" => {
            (r#""http://127.0.0.1:4318""#, none())
        }
        ("", Shape::Text) => (r#""https://example.com/mandate""#, none()),
        ("", Shape::Number) => ("1000", format!("{}; not limited by default", key.about)),
        (default, _) => (default, key.about.to_owned()),
    };
    format!("# {about}\n#{name} = {value}\n")
}

#[cfg(test)]
mod tests {
    use crate::config::layer::Layer;
    use std::path::Path;

    #[test]
    fn it_is_valid_as_it_is_and_with_every_line_used() {
        let text = super::text();
        let as_it_is = Layer::parse(Path::new("/p/mandate.toml"), &text).unwrap();
        assert!(as_it_is.sets.is_empty());
        let used: Vec<&str> = text
            .lines()
            .map(|line| {
                line.strip_prefix('#')
                    .filter(|rest| !rest.starts_with(' '))
                    .unwrap_or(line)
            })
            .collect();
        let all = Layer::parse(Path::new("/p/mandate.toml"), &used.join("\n")).unwrap();
        assert!(all.sets.len() > 15);
    }
}
