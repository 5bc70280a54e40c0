//! Settings from the environment: `MANDATE_FS_MAX_BYTES` is `fs.max_bytes`.

use super::{
    keys::{KEYS, Key, Shape},
    layer::{Layer, Set, beside},
    place::Place,
};
use crate::errors::Failure;
use serde_json::Value;
use std::{ffi::OsString, path::Path};

/// Variables with our prefix that are no settings. Further ones are set for the processes that Mandate starts.
const OTHER: &[&str] = &[
    "MANDATE_LOG",
    "MANDATE_IDEMPOTENCY_KEY",
    "MANDATE_EXECUTION_ID",
    "MANDATE_STEP",
    "MANDATE_ATTEMPT",
    crate::daemon::IDLE_VARIABLE,
    crate::who::VARIABLE,
    crate::remote::VARIABLE,
    mandate_tools::CHILD_MARK,
];

/// The variable of a key. Secrets are named by the user and have none.
pub(crate) fn variable(key: &Key) -> Option<String> {
    let plain = !key.path.contains('*') && key.path != "mcp_servers_file";
    plain.then(|| {
        format!(
            "MANDATE_{}",
            key.path.replace('.', "_").to_ascii_uppercase()
        )
    })
}

/// What the environment sets, and the variables with our prefix that mean nothing.
///
/// # Errors
/// A value that does not fit its key.
pub(crate) fn layer(
    variables: impl Iterator<Item = (OsString, OsString)>,
    here: &Path,
) -> Result<(Layer, Vec<String>), Failure> {
    let mut layer = Layer::default();
    let mut strange = Vec::new();
    for (name, value) in variables {
        let Some(name) = name.to_str().filter(|name| name.starts_with("MANDATE_")) else {
            continue;
        };
        let Some(key) = KEYS
            .iter()
            .find(|key| variable(key).as_deref() == Some(name))
        else {
            if !OTHER.contains(&name)
                && !name.starts_with("MANDATE_TEST_")
                && !name.starts_with("MANDATE_FAIL")
            {
                strange.push(name.to_owned());
            }
            continue;
        };
        let bad = || {
            Failure::config(format!(
                "the variable {name} is not a {}",
                key.shape.as_str()
            ))
            .remedy("mend it or unset it; lists are separated by commas, lists of paths by colons")
        };
        let text = value.to_str().ok_or_else(bad)?;
        layer.sets.push(Set {
            path: key.path.split('.').map(str::to_owned).collect(),
            key,
            value: parse(key.shape, text, here).ok_or_else(bad)?,
            place: Place::Variable(name.to_owned()),
        });
    }
    strange.sort();
    Ok((layer, strange))
}

fn parse(shape: Shape, text: &str, here: &Path) -> Option<Value> {
    let list = |separator: char| {
        text.split(separator)
            .map(str::trim)
            .filter(|item| !item.is_empty())
    };
    Some(match shape {
        Shape::Text => Value::String(text.to_owned()),
        Shape::Path => Value::String(beside(here, text)),
        Shape::Texts => list(',')
            .map(|item| Value::String(item.to_owned()))
            .collect(),
        Shape::Paths => list(':')
            .map(|item| Value::String(beside(here, item)))
            .collect(),
        Shape::Number => Value::from(text.trim().parse::<u64>().ok()?),
        Shape::Flag => Value::Bool(text.trim().parse().ok()?),
        // Tables have names, and keys with names have no variable.
        Shape::Table => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn variables_are_keys_in_capitals() {
        let variables = [
            ("MANDATE_FS_ROOTS", "a:/b"),
            ("MANDATE_HTTP_ALLOW_PRIVATE", "127.0.0.1, ::1"),
            ("MANDATE_PROCESS_LIMITS_CPU_SECONDS", "3"),
            ("MANDATE_LOG", "debug"),
            ("MANDATE_FS_ROOT", "x"),
            ("PATH", "x"),
        ];
        let variables = variables
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()));
        let (layer, strange) = layer(variables, Path::new("/p")).unwrap();
        let values: Vec<_> = layer
            .sets
            .into_iter()
            .map(|set| (set.path.join("."), set.value))
            .collect();
        assert_eq!(
            values,
            [
                ("fs.roots".to_owned(), json!(["/p/a", "/b"])),
                ("http.allow_private".to_owned(), json!(["127.0.0.1", "::1"])),
                ("process.limits.cpu_seconds".to_owned(), json!(3)),
            ]
        );
        assert_eq!(strange, ["MANDATE_FS_ROOT"]);
    }

    #[test]
    fn a_wrong_number_is_an_error() {
        let variables = [("MANDATE_FS_MAX_BYTES".into(), "many".into())];
        let failure = layer(variables.into_iter(), Path::new("/p")).unwrap_err();
        assert_eq!(
            failure.message(),
            "the variable MANDATE_FS_MAX_BYTES is not a whole number"
        );
    }
}
