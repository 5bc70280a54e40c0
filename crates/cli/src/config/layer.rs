//! One source of settings: a file that was read strictly, with the place of every value.

use super::{
    keys::{self, Found, Key, Shape},
    place::Place,
    servers_file,
};
use crate::errors::Failure;
use crate::nearest::nearest;
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// No configuration is as long as this.
const MAX_BYTES: u64 = 1024 * 1024;

/// A value that is set.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Set {
    pub(crate) path: Vec<String>,
    pub(crate) key: &'static Key,
    pub(crate) value: Value,
    pub(crate) place: Place,
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

/// What one source sets.
#[derive(Debug, Default)]
pub(crate) struct Layer {
    /// The file; none for the environment.
    pub(crate) file: Option<PathBuf>,
    pub(crate) sets: Vec<Set>,
}

impl Layer {
    /// Reads a file; none if it is not there.
    ///
    /// # Errors
    /// It cannot be read, is not TOML, or holds something that is no setting.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>, Failure> {
        let shown = path.display();
        let text = match std::fs::metadata(path) {
            Ok(about) if about.len() > MAX_BYTES => {
                return Err(Failure::config(format!("`{shown}` is larger than 1 MiB")));
            }
            _ => match std::fs::read_to_string(path) {
                Ok(text) => text,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
                Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => return Ok(None),
                Err(error) => {
                    return Err(Failure::config(format!("cannot read `{shown}`: {error}"))
                        .remedy("mend its permissions or remove it"));
                }
            },
        };
        let mut layer = Self::parse(path, &text)?;
        servers_file::add(&mut layer)?;
        Ok(Some(layer))
    }

    pub(crate) fn parse(path: &Path, text: &str) -> Result<Self, Failure> {
        let path = Arc::new(path.to_owned());
        let table = DeTable::parse(text).map_err(|error| {
            let place = Place::in_file(&path, text, error.span().map_or(0, |span| span.start));
            Failure::config(format!("{place}: {}", error.message().trim()))
                .remedy("`mandate init` in an empty folder writes an example to compare with")
        })?;
        let mut reader = FileReader {
            path: &path,
            text,
            sets: Vec::new(),
        };
        reader.table(&mut Vec::new(), table.get_ref())?;
        Ok(Self {
            file: Some(path.to_path_buf()),
            sets: reader.sets,
        })
    }
}

struct FileReader<'a> {
    path: &'a Arc<PathBuf>,
    text: &'a str,
    sets: Vec<Set>,
}

impl FileReader<'_> {
    fn table(&mut self, at: &mut Vec<String>, table: &DeTable<'_>) -> Result<(), Failure> {
        for (name, value) in table {
            at.push(name.get_ref().to_string());
            let place = Place::in_file(self.path, self.text, name.span().start);
            match (keys::find(at), value.get_ref()) {
                (Found::Table, DeValue::Table(inner)) => self.table(at, inner)?,
                (Found::Table, DeValue::Array(items)) if at.as_slice() == ["tools"] => {
                    self.own_tools(items)?;
                }
                (Found::Key(key), _) => {
                    let value = self.value(key, at, value)?;
                    self.sets.push(Set {
                        path: at.clone(),
                        key,
                        value,
                        place,
                    });
                }
                (Found::Table, _) => {
                    let message = format!("{place}: `{}` is a table, not a value", at.join("."));
                    return Err(Failure::config(message).remedy(format!(
                        "write `[{}]` and the keys beneath it",
                        at.join(".")
                    )));
                }
                (Found::Unknown, _) => return Err(unknown(&place, at)),
            }
            at.pop();
        }
        Ok(())
    }

    /// `[[tools]]`: each is kept under its name.
    fn own_tools(&mut self, items: &[Spanned<DeValue<'_>>]) -> Result<(), Failure> {
        for item in items {
            let place = Place::in_file(self.path, self.text, item.span().start);
            let value = json(item.get_ref());
            let Some(name) = value.get("name").and_then(Value::as_str) else {
                return Err(Failure::config(format!("{place}: a tool has no `name`"))
                    .remedy("write `name = \"server.tool\"` beneath `[[tools]]`"));
            };
            let path = vec!["tools".to_owned(), name.to_owned()];
            let Found::Key(key) = keys::find(&path) else {
                continue;
            };
            if self.sets.iter().any(|set| set.path == path) {
                return Err(
                    Failure::config(format!("{place}: there are two tools `{name}`"))
                        .remedy("rename one of them"),
                );
            }
            self.sets.push(Set {
                value: self.with_paths(value.clone()),
                path,
                key,
                place,
            });
        }
        Ok(())
    }

    /// The table with the paths in it that start at the file's directory made whole.
    fn with_paths(&self, mut value: Value) -> Value {
        let base = self.path.parent().unwrap_or(Path::new("/"));
        for name in ["cwd", "input_schema", "output_schema"] {
            if let Some(Value::String(path)) = value.get_mut(name) {
                *path = beside(base, path);
            }
        }
        let sandbox = value.get_mut("sandbox");
        let sandbox = sandbox.and_then(Value::as_object_mut).into_iter();
        let lists = sandbox.flat_map(|sandbox| sandbox.iter_mut());
        for (_, list) in lists.filter(|(name, _)| matches!(name.as_str(), "read" | "write")) {
            for path in list.as_array_mut().into_iter().flatten() {
                if let Value::String(path) = path {
                    *path = beside(base, path);
                }
            }
        }
        value
    }

    fn value(
        &self,
        key: &'static Key,
        at: &[String],
        value: &Spanned<DeValue<'_>>,
    ) -> Result<Value, Failure> {
        let bad = |span: std::ops::Range<usize>| {
            let place = Place::in_file(self.path, self.text, span.start);
            Failure::config(format!(
                "{place}: `{}` is a {}",
                at.join("."),
                key.shape.as_str()
            ))
            .remedy(example(key))
        };
        let text = |value: &Spanned<DeValue<'_>>| match value.get_ref() {
            DeValue::String(text) => Ok(text.to_string()),
            _ => Err(bad(value.span())),
        };
        let base = self.path.parent().unwrap_or(Path::new("/"));
        match (key.shape, value.get_ref()) {
            (Shape::Text, _) => text(value).map(Value::String),
            (Shape::Path, _) => text(value).map(|path| Value::String(beside(base, &path))),
            (Shape::Texts | Shape::Paths, DeValue::Array(items)) => {
                let items = items.iter().map(|item| {
                    let item = text(item)?;
                    Ok(Value::String(if key.shape == Shape::Paths {
                        beside(base, &item)
                    } else {
                        item
                    }))
                });
                items.collect::<Result<Vec<_>, Failure>>().map(Value::Array)
            }
            (Shape::Table, DeValue::Table(_)) => Ok(self.with_paths(json(value.get_ref()))),
            (Shape::Flag, DeValue::Boolean(truth)) => Ok(Value::Bool(*truth)),
            (Shape::Number, DeValue::Integer(number)) => {
                let digits = number.as_str().replace('_', "");
                let number = u64::from_str_radix(&digits, number.radix());
                number.map(Value::from).map_err(|_| bad(value.span()))
            }
            _ => Err(bad(value.span())),
        }
    }
}

/// A value of TOML as one of JSON; a date is text.
fn json(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(number) => {
            let digits = number.as_str().replace('_', "");
            i64::from_str_radix(&digits, number.radix()).map_or(Value::Null, Value::from)
        }
        DeValue::Float(number) => number
            .as_str()
            .replace('_', "")
            .parse::<f64>()
            .map_or(Value::Null, Value::from),
        DeValue::Boolean(truth) => Value::Bool(*truth),
        DeValue::Datetime(time) => Value::String(time.to_string()),
        DeValue::Array(items) => items.iter().map(|item| json(item.get_ref())).collect(),
        DeValue::Table(table) => Value::Object(
            table
                .iter()
                .map(|(name, value)| (name.get_ref().to_string(), json(value.get_ref())))
                .collect(),
        ),
    }
}

fn unknown(place: &Place, at: &[String]) -> Failure {
    let name = at.last().map(String::as_str).unwrap_or_default();
    let siblings = keys::siblings(at);
    let failure = Failure::config(format!("{place}: there is no setting `{}`", at.join(".")));
    match nearest(name, siblings.iter().copied()) {
        Some(near) => failure.remedy(format!("did you mean `{near}`?")),
        None if siblings.is_empty() => failure.remedy("remove it"),
        None => failure.remedy(format!("there are {}", siblings.join(", "))),
    }
}

fn example(key: &Key) -> String {
    let name = key.path.rsplit('.').next().unwrap_or(key.path);
    let value = match (key.default, key.shape) {
        ("" | "[]", Shape::Texts | Shape::Paths) => r#"["a", "b"]"#,
        ("", Shape::Number) => "1000",
        ("", _) => r#""a""#,
        (default, _) => default,
    };
    format!("write it like `{name} = {value}`")
}

/// A path as it stands in a file of that directory.
pub(super) fn beside(base: &Path, path: &str) -> String {
    let joined = match path.strip_prefix("~/").zip(etcetera::home_dir().ok()) {
        Some((rest, home)) => home.join(rest),
        None => base.join(path),
    };
    lexical(&joined).to_string_lossy().into_owned()
}

/// The path without `.` and `..`.
pub(super) fn lexical(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(text: &str) -> Result<Vec<(String, Value)>, String> {
        Layer::parse(Path::new("/p/mandate.toml"), text)
            .map(|layer| {
                layer
                    .sets
                    .into_iter()
                    .map(|set| (set.path.join("."), set.value))
                    .collect()
            })
            .map_err(|failure| failure.message().to_owned())
    }

    #[test]
    fn values_are_read_and_paths_start_at_the_file() {
        let text =
            "[fs]\nroots = [\".\", \"../q\"]\nmax_bytes = 1_000\n[secrets.API]\nenv = \"API\"\n";
        assert_eq!(
            parse(text).unwrap(),
            [
                ("fs.max_bytes".to_owned(), json!(1000)),
                ("fs.roots".to_owned(), json!(["/p", "/q"])),
                ("secrets.API.env".to_owned(), json!("API")),
            ]
        );
    }

    #[test]
    fn mistakes_have_line_and_column() {
        let wrong = |text: &str| parse(text).unwrap_err();
        assert_eq!(
            wrong("[fs]\nroot = []\n"),
            "/p/mandate.toml:2:1: there is no setting `fs.root`"
        );
        assert_eq!(
            wrong("[fs]\nmax_bytes = \"x\"\n"),
            "/p/mandate.toml:2:13: `fs.max_bytes` is a whole number"
        );
        assert_eq!(
            wrong("[fs]\nmax_bytes = -1\n"),
            "/p/mandate.toml:2:13: `fs.max_bytes` is a whole number"
        );
        assert_eq!(
            wrong("fs = 3\n"),
            "/p/mandate.toml:1:1: `fs` is a table, not a value"
        );
        assert!(wrong("[fs\n").starts_with("/p/mandate.toml:1:"));
    }
}
