//! `mandate tools show NAME`.

use crate::nearest::nearest;
use crate::{
    context::Context,
    errors::{Exit, Failure},
    output::{Look, Paint},
    render::{shown, table::Table},
    toolbox,
};
use clap::Args;
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
    if registry.status(&args.name).is_none() {
        toolbox::prepare_tool(&registry, &args.name)?;
    }
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
    out.line(&format!(
        "{}  {}",
        paint.bold(&tool.name),
        shown::line(&tool.description)
    ));
    let facts = tool.facts;
    out.line(&format!(
        "{} {}, {}, {} world",
        paint.dim("at worst:"),
        facts.effect,
        if facts.repeatable() {
            "repeatable"
        } else {
            "not repeatable"
        },
        if facts.open_world { "open" } else { "closed" }
    ));
    out.line(&format!("{} {}", paint.dim("digest:  "), tool.digest));
    if let Some(reason) = &tool.lifecycle_reason {
        out.line(&paint.look(Look::Bad, &shown::line(reason)));
    }
    out.line(&format!(
        "\n{}\n{}",
        paint.bold("Arguments"),
        fields(&tool.input_schema, paint)
    ));
    if let Some(schema) = &tool.output_schema {
        out.line(&format!(
            "\n{}\n{}",
            paint.bold("Output"),
            fields(schema, paint)
        ));
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
        let about = property
            .get("description")
            .and_then(Value::as_str)
            .unwrap_or_default();
        table.row(vec![
            (format!("  {name}"), Look::Bold),
            (kind(schema, property), Look::Busy),
            (need, Look::Dim),
            (shown::line(about), Look::Plain),
        ]);
    }
    table.text(paint, crate::render::table::terminal_width())
}

/// The type in words; a type that is defined elsewhere in the schema is looked up.
fn kind(schema: &Value, property: &Value) -> String {
    if let Some(values) = property.get("enum").and_then(Value::as_array) {
        return values
            .iter()
            .map(|value| shown::value(value, 30))
            .collect::<Vec<_>>()
            .join(" | ");
    }
    if let Some(value) = property.get("const") {
        return shown::value(value, 30);
    }
    let reference = property
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|path| path.strip_prefix('#'));
    if let Some(target) = reference.and_then(|pointer| schema.pointer(pointer)) {
        return kind(schema, target);
    }
    for key in ["allOf", "anyOf", "oneOf"] {
        if let Some(parts) = property.get(key).and_then(Value::as_array) {
            let mut kinds: Vec<String> = parts.iter().map(|part| kind(schema, part)).collect();
            kinds.retain(|kind| kind != "null");
            kinds.dedup();
            return kinds.join(" | ");
        }
    }
    match property.get("type") {
        Some(Value::Array(kinds)) => {
            let names = kinds
                .iter()
                .filter_map(Value::as_str)
                .filter(|kind| *kind != "null");
            names.collect::<Vec<_>>().join(" | ")
        }
        Some(Value::String(kind)) if kind == "array" => "list".to_owned(),
        Some(Value::String(kind)) => kind.clone(),
        _ => "any".to_owned(),
    }
}
