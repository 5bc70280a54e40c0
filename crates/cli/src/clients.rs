//! The MCP clients that are known by name: where their configuration is, and how it is written.

use clap::ValueEnum;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// A client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ClientKind {
    /// Claude Code
    ClaudeCode,
    /// Claude Desktop
    ClaudeDesktop,
    /// Cursor
    Cursor,
    /// VS Code
    Vscode,
}

impl ClientKind {
    /// The name for people.
    pub(crate) fn name(self) -> &'static str {
        match self {
            ClientKind::ClaudeCode => "Claude Code",
            ClientKind::ClaudeDesktop => "Claude Desktop",
            ClientKind::Cursor => "Cursor",
            ClientKind::Vscode => "VS Code",
        }
    }

    /// The file that an entry for this folder goes into.
    pub(crate) fn file(self, project: &Path, home: &Path) -> PathBuf {
        match self {
            ClientKind::ClaudeCode => project.join(".mcp.json"),
            ClientKind::ClaudeDesktop => home.join(".config/Claude/claude_desktop_config.json"),
            ClientKind::Cursor => project.join(".cursor/mcp.json"),
            ClientKind::Vscode => project.join(".vscode/mcp.json"),
        }
    }

    /// Every file in which it looks for servers.
    pub(crate) fn server_files(self, project: &Path, home: &Path) -> Vec<PathBuf> {
        let mut files = vec![self.file(project, home)];
        match self {
            ClientKind::ClaudeCode => files.push(home.join(".claude.json")),
            ClientKind::ClaudeDesktop => {
                files.push(
                    home.join("Library/Application Support/Claude/claude_desktop_config.json"),
                );
            }
            ClientKind::Cursor => files.push(home.join(".cursor/mcp.json")),
            ClientKind::Vscode => files.push(home.join(".config/Code/User/mcp.json")),
        }
        files
    }

    /// The key that servers stand under.
    fn key(self) -> &'static str {
        match self {
            ClientKind::Vscode => "servers",
            _ => "mcpServers",
        }
    }

    /// How a variable of the client's environment is written.
    fn variable(self, name: &str) -> String {
        match self {
            ClientKind::ClaudeCode | ClientKind::ClaudeDesktop => format!("${{{name}}}"),
            ClientKind::Cursor | ClientKind::Vscode => format!("${{env:{name}}}"),
        }
    }

    /// The configuration that has it start the gateway.
    pub(crate) fn over_stdio(self, program: &str, args: &[String]) -> Value {
        let mut entry = json!({ "command": program, "args": args });
        if let (ClientKind::ClaudeCode | ClientKind::Vscode, Value::Object(map)) =
            (self, &mut entry)
        {
            map.insert("type".to_owned(), "stdio".into());
        }
        json!({ self.key(): { "mandate": entry } })
    }

    /// The configuration that has it ask a server. It names the variable with the key, and not the key.
    pub(crate) fn over_http(self, url: &str) -> Value {
        let bearer = format!("Bearer {}", self.variable(crate::who::VARIABLE));
        let mut entry = json!({ "url": url, "headers": { "Authorization": bearer } });
        if let (ClientKind::ClaudeCode | ClientKind::Vscode, Value::Object(map)) =
            (self, &mut entry)
        {
            map.insert("type".to_owned(), "http".into());
        }
        json!({ self.key(): { "mandate": entry } })
    }
}

/// Settings of Claude Code that leave no way around the gateway, for the file that its users cannot change.
pub(crate) fn claude_code_locked(hook: &str) -> Value {
    let hooks = json!([{ "matcher": "*", "hooks": [{ "type": "command", "command": hook }] }]);
    json!({
        "allowManagedHooksOnly": true,
        "allowManagedPermissionRulesOnly": true,
        "allowedMcpServers": [{ "serverName": "mandate" }],
        "permissions": {
            "allow": ["mcp__mandate"],
            "disableBypassPermissionsMode": "disable"
        },
        "hooks": {
            "PreToolUse": hooks,
            "PostToolUse": hooks,
            "PostToolUseFailure": hooks
        }
    })
}

/// The file with settings that users cannot change.
pub(crate) const CLAUDE_CODE_MANAGED: &str = "/etc/claude-code/managed-settings.json";
