//! `mandate tools show NAME`.

use crate::{
    context::Context,
    errors::{Exit, Failure},
    output::{Look, Paint},
    render::{shown, table::Table},
    toolbox,
};
use clap::Args;
use crate::nearest::nearest;
use serde_json::{Value, json};

/// What `tools show` takes.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The tool: `server.tool`
    name: String,
}

pub(super) fn run(args: &ShowArgs, context: &Context) -> Result<Exit, Failure> {
    let out = context.out();
    let registry = toolbox::registry(context.settings()?)?;
    let tool = registry.status(&args.name).ok_or_else(|| {
        let failure = Failure::not_found(format!("there is no tool `{}`", args.name));
        let all = registry.list();
        match nearest(&args.name, all.iter().map(|tool| tool.name.as_str())) {
            Some(near) => failure.remedy(format!("did you mean `{near}`?")),
            None => failure.remedy("`mandate tools list` shows what there is"),
        }
    })?;
    if out.is_json() {
        out.value(&json!(tool));
        return Ok(Exit::Success);
    }
    let paint = out.paint();
    out.line(&format!("{}  {}", paint.bold(&tool.name), shown::line(&tool.description)));
    let facts = tool.facts;
    out.line(&format!(
        "{} {}, {}, {} world",
        paint.dim("at worst:"),
        facts.effect,
        if facts.repeatable() { "repeatable" } else { "not repeatable" },
        if facts.open_world { "open" } else { "closed" }
    ));
    out.line(&format!("{} {}", paint.dim("digest:  "), tool.digest));
    if let Some(reason) = &tool.lifecycle_reason {
        out.line(&paint.look(Look::Bad, &shown::line(reason)));
    }
    out.line(&format!("\n{}\n{}", paint.bold("Arguments"), fields(&tool.input_schema, paint)));
    if let Some(schema) = &tool.output_schema {
        out.line(&format!("\n{}\n{}", paint.bold("Output"), fields(schema, paint)));
    }
    Ok(Exit::Success)
}

/// The properties of an object schema, a line each.
fn fields(schema: &Value, paint: Paint) -> String {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return format!("  {}", shown::short(&schema.to_string(), 400));
    };
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let mut table = Table::new(&[]);
    for (name, property) in properties {
        let need = match property.get("default") {
            _ if required.contains(&name.as_str()) => "required".to_owned(),
            Some(default) if !default.is_null() => format!("default {}", shown::value(default, 30)),
            _ => "optional".to_owned(),
        };
        let about = property.get("description").and_then(Value::as_str).unwrap_or_default();
        table.row(vec![
            (format!("  {name}"), Look::Bold),
            (kind(property), Look::Busy),
            (need, Look::Dim),
            (shown::line(about), Look::Plain),
        ]);
    }
    table.text(paint, crate::render::table::terminal_width())
}

fn kind(property: &Value) -> String {
    if let Some(kind) = property.get("type") {
        return match kind {
            Value::Array(kinds) => {
                let names: Vec<&str> = kinds.iter().filter_map(Value::as_str).filter(|kind| *kind != "null").collect();
                names.join(" or ")
            }
            other => other.as_str().unwrap_or_default().to_owned(),
        };
    }
    let reference = property.get("$ref").and_then(Value::as_str);
    reference.and_then(|path| path.rsplit('/').next()).unwrap_or("any").to_lowercase()
}
