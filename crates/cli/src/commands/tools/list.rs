//! `mandate tools list`.

use crate::{
    context::Context,
    errors::{Exit, Failure},
    output::{Look, Out},
    render::{
        shown,
        table::{Table, terminal_width},
    },
    toolbox,
};
use mandate_tools::ToolStatus;
use serde_json::json;
use std::collections::BTreeMap;

/// How much is said about a tool, in characters.
const ABOUT: usize = 100;

pub(super) fn run(context: &Context) -> Result<Exit, Failure> {
    let out = context.out();
    let registry = toolbox::registry(context.settings()?)?;
    let broken = toolbox::discover(&registry)?;
    let tools = registry.list();
    tell(&tools, &broken, out);
    Ok(Exit::Success)
}

/// Tells which tools there are, and which servers do not work.
pub(crate) fn tell(tools: &[ToolStatus], broken: &BTreeMap<String, String>, out: &Out) {
    if out.is_json() {
        out.value(&json!({ "tools": tools, "broken_servers": broken }));
        return;
    }
    let mut table = Table::new(&["TOOL", "EFFECT", "REPEATABLE", "WORLD", "STATE", "ABOUT"]);
    for tool in tools {
        let look = if tool.lifecycle_reason.is_some() {
            Look::Bad
        } else {
            Look::Dim
        };
        let state = if tool.engine_handled {
            "by the engine".to_owned()
        } else if tool.external && tool.lifecycle_reason.is_none() {
            "outside".to_owned()
        } else {
            json!(tool.lifecycle)
                .as_str()
                .unwrap_or_default()
                .to_lowercase()
        };
        table.row(vec![
            (tool.name.clone(), Look::Bold),
            (
                tool.facts.effect.to_string(),
                if tool.facts.read_only() {
                    Look::Plain
                } else {
                    Look::Warn
                },
            ),
            (
                if tool.facts.repeatable() { "yes" } else { "no" }.to_owned(),
                Look::Plain,
            ),
            (
                if tool.facts.open_world {
                    "open"
                } else {
                    "closed"
                }
                .to_owned(),
                Look::Plain,
            ),
            (state, look),
            (
                shown::short(
                    tool.lifecycle_reason
                        .as_deref()
                        .unwrap_or_else(|| first_sentence(&tool.description)),
                    ABOUT,
                ),
                Look::Dim,
            ),
        ]);
    }
    out.line(&table.text(out.paint(), terminal_width()));
    for why in broken.values() {
        out.note(&out.paint_notes().look(Look::Bad, &shown::line(why)));
    }
    out.note(&out.paint_notes().dim(
        "effects at their worst, whatever the arguments; `mandate tools show NAME` has the schemas",
    ));
}

/// Some servers describe their tools at length.
fn first_sentence(text: &str) -> &str {
    text.split_once(". ").map_or(text, |(first, _)| first)
}
