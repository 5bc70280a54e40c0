//! `mandate tools show NAME`.

use crate::nearest::nearest;
use crate::{
    config::Settings,
    context::Context,
    errors::{Exit, Failure},
    holder::holder,
    output::{Look, Out, Paint},
    render::{shown, table::Table},
    toolbox,
    when::show_time,
};
use clap::Args;
use mandate_host::ToolAct;
use mandate_tools::{FactsFrom, Lifecycle, Metrics, Standing, ToolStatus};
use serde::Deserialize;
use serde_json::{Value, json};

/// What `tools show` takes.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The tool: `server.tool`
    pub(crate) name: String,
}

pub(super) fn run(args: &ShowArgs, context: &Context) -> Result<Exit, Failure> {
    let out = context.out();
    let settings = context.settings()?;
    let registry = toolbox::registry(settings)?;
    if registry.status(&args.name).is_none() {
        toolbox::learn(&registry, &args.name)?;
    }
    let tool = registry.status(&args.name).ok_or_else(|| {
        let failure = Failure::not_found(format!("there is no tool `{}`", args.name));
        let all = registry.list();
        match nearest(&args.name, all.iter().map(|tool| tool.name.as_str())) {
            Some(near) => failure.remedy(format!("did you mean `{near}`?")),
            None => failure.remedy("`mandate tools list` shows what there is"),
        }
    })?;
    let tool = match holder(&settings.data_dir) {
        Some(_) => as_it_runs(settings, tool),
        None => tool,
    };
    if out.is_json() {
        out.value(&json!(tool));
        return Ok(Exit::Success);
    }
    tell(&tool, out);
    Ok(Exit::Success)
}

/// Tells people of a tool.
pub(crate) fn tell(tool: &ToolStatus, out: &Out) {
    let paint = out.paint();
    out.line(&format!(
        "{}  {}",
        paint.bold(&tool.name),
        shown::line(&tool.description)
    ));
    let facts = tool.facts;
    out.line(&format!(
        "{} {}, {}, {} world {}",
        paint.dim("at worst:"),
        facts.effect,
        if facts.repeatable() {
            "repeatable"
        } else {
            "not repeatable"
        },
        if facts.open_world { "open" } else { "closed" },
        paint.dim(from(tool.facts_from)),
    ));
    out.line(&format!("{} {}", paint.dim("digest:  "), tool.digest));
    if let Some(standing) = tool.standing {
        let (look, words) = accepted(tool, standing);
        let words = paint.look(look, &words);
        out.line(&format!("{} {words}", paint.dim("accepted:")));
    }
    if tool.external {
        let words = "by somebody outside, in plans of `mode: agent`";
        out.line(&format!("{} {words}", paint.dim("called:  ")));
    }
    let state = tool.lifecycle.as_str().to_lowercase();
    out.line(&format!("{} {state}", paint.dim("state:   ")));
    if let Some(reason) = &tool.lifecycle_reason {
        out.line(&paint.look(Look::Bad, &shown::line(reason)));
    }
    if let Some(sandbox) = &tool.sandbox {
        let words = confined(sandbox, tool.profile.as_ref());
        out.line(&format!("{} {words}", paint.dim("sandbox: ")));
    }
    if tool.metrics.last_used.is_some() {
        let calls = calls(&tool.metrics);
        out.line(&format!("{} {calls}", paint.dim("calls:   ")));
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
}

/// The same tool as the process that drives has it: it knows the calls. Where it does not answer, what is known here does.
fn as_it_runs(settings: &Settings, tool: ToolStatus) -> ToolStatus {
    let name = tool.name.clone();
    let told = crate::who::connect(settings)
        .and_then(|host| host.act_on_tools(ToolAct::Show { name }))
        .ok()
        .and_then(|acted| serde_json::from_value::<Told>(acted.status?).ok());
    match told {
        Some(told) => ToolStatus {
            lifecycle: told.lifecycle,
            lifecycle_reason: told.lifecycle_reason,
            metrics: told.metrics,
            ..tool
        },
        None => tool,
    }
}

#[derive(Deserialize)]
struct Told {
    lifecycle: Lifecycle,
    lifecycle_reason: Option<String>,
    metrics: Metrics,
}

/// What holds its program, and to what.
fn confined(sandbox: &str, profile: Option<&Value>) -> String {
    let Some(profile) = profile else {
        return "none: its program may do what your user may".to_owned();
    };
    let paths = |name: &str| {
        let all = profile.get(name).and_then(Value::as_array);
        let all = all.into_iter().flatten().filter_map(Value::as_str);
        let all: Vec<String> = all.map(shown::line).collect();
        match all.is_empty() {
            true => "nothing".to_owned(),
            false => all.join(", "),
        }
    };
    let may = |name: &str| match profile.get(name) {
        Some(Value::Bool(true)) => "yes",
        _ => "no",
    };
    format!(
        "{}; writes {}; reads the system, and {}; network {}, sockets in files {}",
        shown::line(sandbox),
        paths("write"),
        paths("read"),
        may("network"),
        may("unix_sockets"),
    )
}

fn from(facts_from: FactsFrom) -> &'static str {
    match facts_from {
        FactsFrom::BuiltIn => "",
        FactsFrom::Configuration => "(the configuration says so)",
        FactsFrom::Accepted => "(said when it was accepted)",
        FactsFrom::Server => "(the server says so, and is trusted)",
        FactsFrom::Default => "(nobody says what it does)",
    }
}

fn accepted(tool: &ToolStatus, standing: Standing) -> (Look, String) {
    let name = &tool.name;
    match (standing, &tool.accepted) {
        (Standing::Accepted, Some(accepted)) => {
            let (by, at) = (&accepted.by, show_time(accepted.at_ms));
            (Look::Plain, format!("by {by}, {at}"))
        }
        (Standing::Changed, _) => (
            Look::Bad,
            format!("another definition was; `mandate tools diff {name}` shows the change"),
        ),
        (Standing::Unaccepted, _) => (
            Look::Warn,
            format!("no; `mandate tools accept {name}` accepts it"),
        ),
        (Standing::New | Standing::Accepted, _) => {
            (Look::Dim, "not yet; its first use accepts it".to_owned())
        }
    }
}

fn calls(metrics: &Metrics) -> String {
    let ms = |time: Option<f64>| time.map_or_else(String::new, |ms| format!("{ms:.0} ms"));
    format!(
        "{} completed, {} did not; the last took {}, on average {}",
        metrics.success_count,
        metrics.error_count,
        ms(metrics.last_execution_time_ms),
        ms(metrics.avg_execution_time_ms)
    )
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
