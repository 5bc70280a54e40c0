//! Inputs as they are given on the command line: `k=v`, `k:=JSON`, and whole files.

use crate::{document::Source, errors::Failure};
use clap::Args;
use mandate_plan::{Format, parse_value};
use serde_json::{Map, Value};

/// The inputs of a plan.
#[derive(Debug, Args)]
pub(crate) struct InputArgs {
    /// An input: `NAME=TEXT`, or `NAME:=JSON` for numbers, lists and objects
    #[arg(short, long = "input", value_name = "NAME=VALUE")]
    inputs: Vec<String>,
    /// A YAML or JSON file with inputs by name; `--input` wins over it
    #[arg(long = "inputs", value_name = "FILE")]
    file: Option<String>,
}

impl InputArgs {
    /// All of them by name.
    ///
    /// # Errors
    /// A file that is no map, or an input that is not written as one.
    pub(crate) fn collect(&self) -> Result<Map<String, Value>, Failure> {
        let mut all = match &self.file {
            Some(path) => from_file(path)?,
            None => Map::new(),
        };
        let mut given = Map::new();
        for text in &self.inputs {
            let (name, value) = assignment(text, "--input")?;
            if given.insert(name.clone(), value).is_some() {
                let message = format!("the input `{name}` is given twice");
                return Err(Failure::usage(message).remedy("leave one of the two out"));
            }
        }
        all.extend(given);
        Ok(all)
    }
}

fn from_file(path: &str) -> Result<Map<String, Value>, Failure> {
    let source = Source::read(path)?;
    let value = parse_value(&source.bytes, source.format).map_err(|found| {
        let first = found.first().map(ToString::to_string).unwrap_or_default();
        Failure::usage(format!("`{}` cannot be read as inputs: {first}", source.name))
    })?;
    match value {
        Value::Object(map) => Ok(map),
        _ => Err(Failure::usage(format!(
            "`{}` does not hold inputs: a map from names to values is expected",
            source.name
        ))),
    }
}

/// `NAME=TEXT` or `NAME:=JSON`.
///
/// # Errors
/// Neither of the two, or what stands behind `:=` is not JSON.
pub(crate) fn assignment(text: &str, flag: &str) -> Result<(String, Value), Failure> {
    let Some((name, value)) = text.split_once('=') else {
        return Err(Failure::usage(format!("`{flag} {text}` has no `=`"))
            .remedy(format!("write `{flag} NAME=TEXT` or `{flag} NAME:=JSON`")));
    };
    let (name, json) = match name.strip_suffix(':') {
        Some(name) => (name, true),
        None => (name, false),
    };
    if name.is_empty() {
        return Err(Failure::usage(format!("`{flag} {text}` has no name before `=`"))
            .remedy(format!("write `{flag} NAME=TEXT` or `{flag} NAME:=JSON`")));
    }
    if !json {
        return Ok((name.to_owned(), Value::String(value.to_owned())));
    }
    let value = parse_value(value.as_bytes(), Format::Json).map_err(|found| {
        let why = found
            .first()
            .map(|violation| violation.message.clone())
            .unwrap_or_default();
        Failure::usage(format!("what `{flag} {name}:=` gives is not JSON: {why}")).remedy(format!(
            "write text as `{flag} {name}=TEXT`, or quote JSON for the shell: `{flag} '{name}:=[1, 2]'`"
        ))
    })?;
    Ok((name.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn text_stays_text_and_json_is_json() {
        let read = |text| assignment(text, "--input").map_err(|failure| failure.message().to_owned());
        assert_eq!(read("n=3"), Ok(("n".to_owned(), json!("3"))));
        assert_eq!(read("n:=3"), Ok(("n".to_owned(), json!(3))));
        assert_eq!(read("url=a=b"), Ok(("url".to_owned(), json!("a=b"))));
        assert_eq!(read("empty="), Ok(("empty".to_owned(), json!(""))));
        assert!(read("n").is_err());
        assert!(read("=3").is_err());
        assert!(read("n:={").is_err());
    }
}
