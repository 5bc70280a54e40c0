//! `mandate tools diff`: what has changed since it was accepted.

use crate::{
    context::Context,
    errors::{Exit, Failure},
    output::{Look, Paint},
    render::shown,
    toolbox,
};
use clap::Args;
use mandate_tools::{Standing, ToolStatus};
use serde_json::{Value, json};

/// How much of a value is shown, in characters.
const SHOWN: usize = 300;

/// What `tools diff` takes.
#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// A tool (`server.tool`) or a whole server; without it, all
    name: Option<String>,
}

/// A place in a definition, what was there and what is.
struct Change {
    at: String,
    before: Option<Value>,
    now: Option<Value>,
}

pub(super) fn run(args: &DiffArgs, context: &Context) -> Result<Exit, Failure> {
    let out = context.out();
    let registry = toolbox::registry(context.settings()?)?;
    match &args.name {
        Some(name) => toolbox::learn(&registry, name)?,
        None => {
            for why in toolbox::prepare_all(&registry)?.into_values() {
                out.note(&out.paint_notes().look(Look::Bad, &shown::line(&why)));
            }
        }
    }
    let wanted = |name: &str| {
        let server = name.split_once('.').map_or(name, |(server, _)| server);
        args.name
            .as_deref()
            .is_none_or(|it| it == name || it == server)
    };
    let tools: Vec<ToolStatus> = registry
        .list()
        .into_iter()
        .filter(|tool| wanted(&tool.name) && tool.lifecycle_reason.is_none())
        .collect();
    let gone: Vec<String> = registry
        .lock()
        .names()
        .into_iter()
        .filter(|name| wanted(name) && !tools.iter().any(|tool| tool.name == *name))
        .collect();
    if let Some(name) = &args.name
        && tools.is_empty()
        && gone.is_empty()
    {
        return Err(
            Failure::not_found(format!("there is no tool or server `{name}`"))
                .remedy("`mandate tools list` shows what there is"),
        );
    }
    let is = |tool: &&ToolStatus, standing| tool.standing == Some(standing);
    let changed: Vec<&ToolStatus> = tools
        .iter()
        .filter(|tool| is(tool, Standing::Changed))
        .collect();
    let new: Vec<&str> = tools
        .iter()
        .filter(|tool| is(tool, Standing::New) || is(tool, Standing::Unaccepted))
        .map(|tool| tool.name.as_str())
        .collect();
    let exit = if changed.is_empty() {
        Exit::Success
    } else {
        Exit::Failure
    };
    if out.is_json() {
        let changed: Vec<Value> = changed.iter().map(|tool| to_json(tool)).collect();
        out.value(&json!({ "changed": changed, "new": new, "gone": gone }));
        return Ok(exit);
    }
    let paint = out.paint();
    for tool in &changed {
        out.line(&paint.bold(&tool.name));
        for change in changes_of(tool) {
            out.line(&change.text(paint));
        }
        let accept = format!("  `mandate tools accept {}` accepts it", tool.name);
        out.line(&paint.dim(&accept));
    }
    for (names, what) in [
        (new, "not accepted yet"),
        (
            gone.iter().map(String::as_str).collect(),
            "accepted, and not there any more",
        ),
    ] {
        for name in names {
            out.line(&format!("{name}  {}", paint.dim(what)));
        }
    }
    if changed.is_empty() {
        out.note("no definition differs from what was accepted");
    }
    Ok(exit)
}

fn to_json(tool: &ToolStatus) -> Value {
    let changes: Vec<Value> = changes_of(tool)
        .into_iter()
        .map(|change| json!({ "at": change.at, "before": change.before, "now": change.now }))
        .collect();
    json!({
        "name": tool.name,
        "accepted": tool.accepted.as_ref().map(|accepted| accepted.digest),
        "found": tool.digest,
        "changes": changes,
    })
}

fn changes_of(tool: &ToolStatus) -> Vec<Change> {
    let mut changes = Vec::new();
    if let Some(accepted) = &tool.accepted {
        compare("", &accepted.definition, &tool.definition, &mut changes);
    }
    changes
}

fn compare(at: &str, before: &Value, now: &Value, changes: &mut Vec<Change>) {
    if before == now {
        return;
    }
    let (Value::Object(old), Value::Object(new)) = (before, now) else {
        changes.push(Change {
            at: at.to_owned(),
            before: Some(before.clone()),
            now: Some(now.clone()),
        });
        return;
    };
    let mut keys: Vec<&String> = old.keys().chain(new.keys()).collect();
    keys.sort();
    keys.dedup();
    for key in keys {
        let at = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
        match (old.get(key), new.get(key)) {
            (Some(before), Some(now)) => compare(&at, before, now, changes),
            (before, now) => changes.push(Change {
                at,
                before: before.cloned(),
                now: now.cloned(),
            }),
        }
    }
}

impl Change {
    fn text(&self, paint: Paint) -> String {
        let mut lines = vec![format!("  {}", shown::line(&self.at))];
        for (value, sign, look) in [(&self.before, "-", Look::Bad), (&self.now, "+", Look::Good)] {
            if let Some(value) = value {
                let text = format!("    {sign} {}", shown::value(value, SHOWN));
                lines.push(paint.look(look, &text));
            }
        }
        lines.join("\n")
    }
}
