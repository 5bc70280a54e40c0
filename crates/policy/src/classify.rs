//! What kind of action a call is, by the name of its tool and by its effect.

pub use crate::tag::{Tag, tag};

use mandate_plan::{Effect, Facts};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The kind of action that a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Looks at files or data.
    FileRead,
    /// Creates or changes files or data.
    FileWrite,
    /// Removes files or data.
    FileDelete,
    /// Reaches over a network.
    NetworkRequest,
    /// Runs code that is handed to it.
    CodeExecution,
    /// Calls a skill of an agent.
    SkillInvocation,
    /// Runs a program of this system.
    SystemCommand,
    /// Nothing is known of the tool.
    Unknown,
}

impl Category {
    /// Every category.
    pub const ALL: [Category; 8] = [
        Category::FileRead,
        Category::FileWrite,
        Category::FileDelete,
        Category::NetworkRequest,
        Category::CodeExecution,
        Category::SkillInvocation,
        Category::SystemCommand,
        Category::Unknown,
    ];

    /// The category as it is written in policies, journal and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Category::FileRead => "file_read",
            Category::FileWrite => "file_write",
            Category::FileDelete => "file_delete",
            Category::NetworkRequest => "network_request",
            Category::CodeExecution => "code_execution",
            Category::SkillInvocation => "skill_invocation",
            Category::SystemCommand => "system_command",
            Category::Unknown => "unknown",
        }
    }

    /// The category of this name.
    pub fn named(name: &str) -> Option<Self> {
        Category::ALL.into_iter().find(|it| it.as_str() == name)
    }

    /// The tool names that belong to the category: a whole name, or its part behind the server.
    fn tool_names(self) -> &'static [&'static str] {
        match self {
            Category::FileRead => &[
                "read_file",
                "get_file_contents",
                "list_directory",
                "list_dir",
                "cat",
                "head",
                "tail",
                "glob",
                "find_file",
            ],
            Category::FileWrite => &[
                "write_file",
                "create_file",
                "update_file",
                "append_file",
                "save_file",
                "edit_file",
            ],
            Category::FileDelete => &["delete_file", "remove_file", "rm", "unlink"],
            Category::NetworkRequest => &[
                "http_get",
                "http_post",
                "fetch_url",
                "api_call",
                "web_request",
                "curl",
                "wget",
            ],
            Category::CodeExecution => &[
                "execute_code",
                "run_script",
                "eval",
                "exec",
                "python",
                "node",
                "bash",
                "shell",
            ],
            Category::SkillInvocation => &["invoke_skill", "call_skill", "run_skill"],
            Category::SystemCommand => &["shell_command", "system", "subprocess", "os_command"],
            Category::Unknown => &[],
        }
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The category that a tool's name stands for; case, and `-` for `_`, do not matter.
pub fn category_by_name(tool: &str) -> Option<Category> {
    let name = tool.to_lowercase().replace('-', "_");
    let last = name.rsplit(['.', '/', ':']).next().unwrap_or(&name);
    // A server's whole remainder, for names that hold further dots.
    let remainder = name
        .split_once('.')
        .map_or(name.as_str(), |(_, remainder)| remainder);
    Category::ALL.into_iter().find(|category| {
        let names = category.tool_names();
        [name.as_str(), remainder, last]
            .iter()
            .any(|name| names.contains(name))
    })
}

/// The category that a tool's effect stands for.
pub fn category_by_effect(tool: &str, facts: Facts) -> Category {
    match facts.effect {
        Effect::Read if facts.open_world => Category::NetworkRequest,
        Effect::Read => Category::FileRead,
        Effect::Write => Category::FileWrite,
        Effect::Delete => Category::FileDelete,
        Effect::Network => Category::NetworkRequest,
        Effect::Execute if tool.starts_with("process.") => Category::SystemCommand,
        Effect::Execute => Category::CodeExecution,
    }
}

/// The category of a call. A built-in's effect is known; of other tools the name speaks first.
pub fn category(tool: &str, facts: Option<Facts>) -> Category {
    const BUILT_IN: &[&str] = &[
        "fs", "http", "data", "time", "human", "plan", "process", "llm", "mandate",
    ];
    let Some(facts) = facts else {
        return Category::Unknown;
    };
    let server = tool.split_once('.').map_or("", |(server, _)| server);
    let by_effect = category_by_effect(tool, facts);
    match BUILT_IN.contains(&server) {
        true => by_effect,
        false => category_by_name(tool).unwrap_or(by_effect),
    }
}
