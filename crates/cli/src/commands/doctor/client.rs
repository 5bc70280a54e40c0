//! The ways around the gateway that an agent in an MCP client has. What a file says is looked at; what the client makes of it
//! is its own affair.

use super::Finding;
use crate::{
    clients::{CLAUDE_CODE_MANAGED, ClientKind},
    config::{client_file, servers_file::is_gateway},
    context::Context,
    errors::Failure,
};
use serde_json::Value;
use std::{fs, os::unix::fs::MetadataExt as _, path::Path};

const CONFIGURE: &str =
    "`mandate mcp config --client claude-code --lock-down` prints what to write";

pub(super) fn check(kind: ClientKind, context: &Context) -> Result<Vec<Finding>, Failure> {
    let settings = context.settings()?;
    let home = etcetera::home_dir()
        .map_err(|_| Failure::config("there is no home directory to look for clients in"))?;
    let mut found = Vec::new();
    let (mut gateway, mut others) = (false, Vec::new());
    for file in kind.server_files(&settings.project, &home) {
        let Ok(text) = fs::read_to_string(&file) else {
            continue;
        };
        let Ok(servers) = client_file::servers(&text) else {
            continue;
        };
        for (name, server) in servers {
            let url = server
                .get("url")
                .and_then(Value::as_str)
                .unwrap_or_default();
            if is_gateway(&server)
                || (name == "mandate" && url.trim_end_matches('/').ends_with("/mcp"))
            {
                gateway = true;
            } else {
                others.push((name, file.clone()));
            }
        }
    }
    found.push(match gateway {
        true => Finding::good("gateway", format!("{} knows it", kind.name())),
        false => Finding::bad(
            "gateway",
            format!("{} does not know it", kind.name()),
            "`mandate mcp config --client NAME` prints what to write where",
        ),
    });
    for (name, file) in others {
        found.push(Finding::bad(
            "other server",
            format!(
                "`{name}` in `{}` is called past the gateway",
                file.display()
            ),
            format!(
                "`mandate mcp import {} --write` takes it over; then remove it there",
                file.display()
            ),
        ));
    }
    match kind {
        ClientKind::ClaudeCode => found.extend(claude_code(Path::new(CLAUDE_CODE_MANAGED))),
        ClientKind::ClaudeDesktop => {}
        ClientKind::Cursor | ClientKind::Vscode => found.push(Finding::bad(
            "own tools",
            format!("{} has a terminal and an editor of its own, which nothing here holds to a plan", kind.name()),
            "keep from it what only the gateway is to use: credentials, the network; or use a client with hooks",
        )),
    }
    Ok(found)
}

fn claude_code(managed: &Path) -> Vec<Finding> {
    let bad = |about: &'static str, text: String| Finding::bad(about, text, CONFIGURE);
    let shown = managed.display();
    let Ok(text) = fs::read_to_string(managed) else {
        return vec![bad(
            "own tools",
            format!(
                "there is no `{shown}`: its shell, editor and web tools are not held to the plan, or users can change that"
            ),
        )];
    };
    let settings: Value = match serde_json::from_str(&text) {
        Ok(settings) => settings,
        Err(error) => {
            return vec![bad(
                "own tools",
                format!("`{shown}` cannot be read: {error}"),
            )];
        }
    };
    let mut found = Vec::new();
    if let Ok(about) = fs::metadata(managed)
        && (about.uid() != 0 || about.mode() & 0o022 != 0)
    {
        found.push(Finding::bad(
            "settings",
            format!("`{shown}` can be written by others than root"),
            "chown it to root, and take the right to write from everybody else",
        ));
    }
    for event in ["PreToolUse", "PostToolUse"] {
        let hooks = settings
            .pointer(&format!("/hooks/{event}"))
            .and_then(Value::as_array);
        let ours = hooks.into_iter().flatten().any(|entry| {
            let all = matches!(
                entry.get("matcher").and_then(Value::as_str),
                None | Some("" | "*" | ".*")
            );
            all && entry.to_string().contains("hook claude-code")
        });
        found.push(match ours {
            true => Finding::good("own tools", format!("`{event}` asks mandate")),
            false => bad(
                "own tools",
                format!("`{event}` does not ask mandate about every tool"),
            ),
        });
    }
    let is = |pointer: &str, wanted: &Value| settings.pointer(pointer) == Some(wanted);
    let switches = [
        (
            "/allowManagedHooksOnly",
            Value::Bool(true),
            "hooks",
            "users can add and replace hooks",
        ),
        (
            "/permissions/disableBypassPermissionsMode",
            "disable".into(),
            "permissions",
            "users can switch permissions off (`--dangerously-skip-permissions`)",
        ),
    ];
    for (pointer, wanted, about, otherwise) in switches {
        found.push(match is(pointer, &wanted) {
            true => Finding::good(
                about,
                format!("`{}` is set", pointer.trim_start_matches('/')),
            ),
            false => bad(about, otherwise.to_owned()),
        });
    }
    let allowed = settings.get("allowedMcpServers").and_then(Value::as_array);
    let only = allowed.is_some_and(|allowed| {
        !allowed.is_empty()
            && allowed
                .iter()
                .all(|entry| entry.get("serverName").and_then(Value::as_str) == Some("mandate"))
    });
    found.push(match only {
        true => Finding::good("servers", "no other server can be added"),
        false => bad(
            "servers",
            "users and projects can add other servers (`allowedMcpServers`)".to_owned(),
        ),
    });
    found
}

#[cfg(test)]
mod tests {
    use super::{super::Verdict, claude_code};
    use crate::clients::claude_code_locked;

    #[test]
    fn what_lock_down_prints_leaves_nothing_to_say() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("managed-settings.json");
        let bad = || {
            let found = claude_code(&file);
            let bad = found
                .into_iter()
                .filter(|found| found.verdict == Verdict::Bad);
            // Who owns the file is another matter, in a test.
            bad.filter(|found| found.about != "settings").count()
        };
        assert_eq!(bad(), 1, "there is no such file");
        let locked = claude_code_locked("/usr/bin/mandate hook claude-code --session s");
        std::fs::write(&file, locked.to_string()).unwrap();
        assert_eq!(bad(), 0);
        for key in [
            "hooks",
            "allowManagedHooksOnly",
            "allowedMcpServers",
            "permissions",
        ] {
            let mut open = locked.clone();
            open.as_object_mut().unwrap().remove(key);
            std::fs::write(&file, open.to_string()).unwrap();
            assert_ne!(bad(), 0, "without `{key}`");
        }
    }
}
