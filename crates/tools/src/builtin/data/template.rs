//! `data.template`: a Jinja template filled in with data, bounded in work and size. Memory is bounded in `apart.rs`.

use crate::{Fault, builtin::stop::Stop};
use mandate_plan::ErrorCode;
use minijinja::{Environment, ErrorKind, UndefinedBehavior, syntax::SyntaxConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::io::{self, Write};

/// Instructions of the template engine.
const FUEL: u64 = 2_000_000;
pub(super) const MAX_OUTPUT: usize = 8 * 1024 * 1024;
const MAX_TEMPLATE: usize = 1024 * 1024;
const MAX_RECURSION: usize = 64;
const MAX_INDENT: usize = 64;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// The template (Jinja syntax). A name that `data` does not hold is an error; includes are not available.
    template: String,
    /// The names that the template may use.
    #[serde(default)]
    data: Map<String, Value>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct Text {
    /// The filled-in template.
    text: String,
}

pub(super) fn render(args: Args) -> Result<Text, Stop> {
    if args.template.len() > MAX_TEMPLATE {
        return Err(Stop::refused(
            ErrorCode::ResourceExhausted,
            format!(
                "the template has {} bytes, more than {MAX_TEMPLATE}",
                args.template.len()
            ),
        ));
    }
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(MAX_RECURSION);
    environment.set_syntax(syntax()?);
    restrict_filters(&mut environment);
    let template = environment
        .template_from_str(&args.template)
        .map_err(|error| explain(&error))?;
    let mut output = Capped { bytes: Vec::new() };
    let rendered = template
        .render_captured_to(minijinja::value::Serde(&args.data), &mut output)
        .map(drop);
    if output.bytes.len() > MAX_OUTPUT {
        return Err(Stop::too_large(format!(
            "the filled-in template has more than {MAX_OUTPUT} bytes"
        )));
    }
    rendered.map_err(|error| explain(&error))?;
    String::from_utf8(output.bytes)
        .map(|text| Text { text })
        .map_err(|_| Stop::failed("the filled-in template is not UTF-8 text"))
}

/// Lines that hold only a block leave no empty line behind, and the last line break stays: templates are mostly text
/// files.
fn syntax() -> Result<SyntaxConfig, Stop> {
    SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(true)
        .build()
        .map_err(|error| explain(&error))
}

/// Without the filters that make much of little: a number in the template would decide about the memory they take.
fn restrict_filters(environment: &mut Environment<'_>) {
    for name in ["format", "batch", "slice", "pprint"] {
        environment.remove_filter(name);
    }
    environment.add_filter("indent", |text: &str, width: Option<usize>| {
        let indent = " ".repeat(width.unwrap_or(4).min(MAX_INDENT));
        text.replace('\n', &format!("\n{indent}"))
    });
}

/// The engine's message names the place in the template; its debug output would print the data.
fn explain(error: &minijinja::Error) -> Stop {
    let place = error
        .line()
        .map(|line| format!(" in line {line}"))
        .unwrap_or_default();
    let detail = error
        .detail()
        .map(|detail| format!(": {detail}"))
        .unwrap_or_default();
    let message = format!("the template stops{place}: {}{detail}", error.kind());
    match error.kind() {
        ErrorKind::OutOfFuel => {
            Stop::too_large(format!("the template takes more than {FUEL} steps of work"))
        }
        ErrorKind::SyntaxError => Stop::Refused(Fault::new(ErrorCode::InvalidPayload, message)),
        _ => Stop::Failed(Fault::new(ErrorCode::InvalidPayload, message)),
    }
}

/// Stops the engine soon after the limit is passed.
struct Capped {
    bytes: Vec<u8>,
}

impl Write for Capped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() > MAX_OUTPUT {
            return Err(io::Error::other("the output is too large"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
