//! The forms of step ids and tool names.

use super::reader::Reader;
use crate::{ViolationCode, violation::quoted};

/// Words that CEL keeps for itself: a step of that name could not be written in an expression.
const CEL_KEYWORDS: &[&str] = &[
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "null",
    "package",
    "return",
    "true",
    "var",
    "void",
    "while",
];

/// `^[a-z][a-z0-9_]{0,63}$`
pub(super) fn has_id_form(id: &str) -> bool {
    id.len() <= 64
        && id.starts_with(|c: char| c.is_ascii_lowercase())
        && id
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// `server.tool`: the server `^[a-z][a-z0-9-]{0,31}$`, the rest the server's own name for the tool, up to 128 characters.
pub(super) fn has_tool_form(tool: &str) -> bool {
    let Some((server, name)) = tool.split_once('.') else {
        return false;
    };
    server.len() <= 32
        && server.starts_with(|c: char| c.is_ascii_lowercase())
        && server
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !name.is_empty()
        && name.chars().count() <= 128
        && !name.chars().any(char::is_control)
}

impl Reader<'_> {
    pub(super) fn step_id(&mut self, id: &str, pointer: &str) {
        if CEL_KEYWORDS.contains(&id) {
            let message = format!("`{id}` cannot be a step id: it is a word of CEL");
            self.error(ViolationCode::StepIdInvalid, pointer, message);
        } else if !has_id_form(id) {
            let message = format!(
                "`{}` cannot be a step id: a lower-case letter, then lower-case letters, digits and `_`, at most 64",
                quoted(id)
            );
            let id = proposed_id(id).map(|id| format!("write `{id}`"));
            let violation =
                crate::Violation::new(ViolationCode::StepIdInvalid, pointer, message).suggest(id);
            self.note(violation);
        }
    }

    pub(super) fn tool_name(&mut self, tool: &str, pointer: &str) {
        if !has_tool_form(tool) {
            let message = format!(
                "`{}` is no tool name: write `server.tool`, the server in lower-case letters, digits and `-`",
                quoted(tool)
            );
            self.error(ViolationCode::ToolNameInvalid, pointer, message);
        }
    }
}

/// An id in the right form, near to what was written.
fn proposed_id(id: &str) -> Option<String> {
    let mut proposal = String::new();
    for c in id.chars().take(64) {
        match c {
            c if c.is_ascii_alphanumeric() => proposal.push(c.to_ascii_lowercase()),
            _ => proposal.push('_'),
        }
    }
    (has_id_form(&proposal) && !CEL_KEYWORDS.contains(&proposal.as_str())).then_some(proposal)
}
