//! `mandate tools call NAME`: a plan of one step, through the same path as any other.

use crate::{
    context::Context,
    document::{Source, exists, invalid},
    errors::{Exit, Failure},
    holder::holder,
    inputs::assignment,
    launch::Launch,
    toolbox,
};
use clap::Args;
use mandate_plan::{Format, ToolLookup, check, parse, parse_value};
use serde_json::{Map, Value, json};
use std::path::Path;

/// The name of the one output.
const OUTPUT: &str = "result";

/// What `tools call` takes.
#[derive(Debug, Args)]
pub(crate) struct CallArgs {
    /// The tool: `server.tool`
    name: String,
    /// An argument: `NAME=TEXT`, or `NAME:=JSON` for numbers, lists and objects
    #[arg(long = "arg", value_name = "NAME=VALUE")]
    arguments: Vec<String>,
    /// All arguments as one JSON object, or a file with it; `--arg` wins over it
    #[arg(long = "args", value_name = "JSON|FILE")]
    all: Option<String>,
    /// Approve the call as the one who asked for it, without being asked
    #[arg(short, long)]
    yes: bool,
}

pub(super) fn run(args: &CallArgs, context: &Context) -> Result<Exit, Failure> {
    let settings = context.settings()?;
    let registry = toolbox::registry(settings)?;
    // The process that drives checks the call with its own tools.
    let here = holder(&settings.data_dir).is_none();
    if here {
        toolbox::prepare_tool(&registry, &args.name)?;
    }
    let tools = registry.snapshot();
    let lookup = here.then_some(tools.as_ref() as &dyn ToolLookup);
    let document = json!({
        "version": 1,
        "name": format!("Call {}", args.name),
        "steps": [{ "id": "call", "tool": args.name, "args": arguments(args)? }],
        "outputs": { OUTPUT: "steps.call.output" },
    });
    let source = Source {
        name: "the plan of this call".to_owned(),
        bytes: serde_json::to_vec_pretty(&document).unwrap_or_default(),
        format: Format::Json,
    };
    let parsed =
        parse(&source.bytes, source.format).map_err(|found| invalid(context, &source, found))?;
    let checked = check(&parsed, lookup);
    if checked.plan.is_none() {
        return Err(invalid(context, &source, checked.violations));
    }
    let launch = Launch {
        source,
        inputs: Map::new(),
        deadline_ms: None,
        session: None,
        rerun: None,
        revises: None,
        yes: args.yes,
        stream: false,
        detach: false,
        only: Some(OUTPUT),
    };
    launch.run(context, settings, registry)
}

fn arguments(args: &CallArgs) -> Result<Map<String, Value>, Failure> {
    let mut all = match &args.all {
        None => Map::new(),
        Some(text) => object(text)?,
    };
    for text in &args.arguments {
        let (name, value) = assignment(text, "--arg")?;
        all.insert(name, value);
    }
    Ok(all)
}

fn object(text: &str) -> Result<Map<String, Value>, Failure> {
    let inline = text.trim_start().starts_with('{') || !(text == "-" || exists(Path::new(text)));
    let (bytes, format) = if inline {
        (text.as_bytes().to_vec(), Format::Json)
    } else {
        let source = Source::read(text)?;
        (source.bytes, source.format)
    };
    match parse_value(&bytes, format) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(Failure::usage("`--args` is not an object")
            .remedy("write `--args '{\"path\": \"a\"}'`")),
        Err(found) => {
            let why = found
                .first()
                .map(|violation| violation.message.clone())
                .unwrap_or_default();
            Err(Failure::usage(format!(
                "`--args` is neither a file nor a JSON object: {why}"
            ))
            .remedy("write `--args '{\"path\": \"a\"}'`"))
        }
    }
}
