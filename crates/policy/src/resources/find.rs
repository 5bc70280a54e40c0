//! The search through a call's arguments.

use super::{Operation, Resource, ResourceKind};
use crate::{
    command,
    normalise::{Readings, path_readings, url_readings},
};
use mandate_plan::Effect;
use serde_json::{Map, Value};

/// Servers whose tools only compute, wait or ask: what looks like a path in their arguments is not touched. A nested
/// plan's own calls are judged one by one.
pub(crate) const TOUCH_NOTHING: &[&str] = &["data", "human", "plan", "time"];

pub(crate) const FILE_WORDS: &[&str] = &[
    "cwd",
    "dir",
    "directories",
    "directory",
    "dirname",
    "dirs",
    "file",
    "filename",
    "filenames",
    "filepath",
    "filepaths",
    "files",
    "folder",
    "folders",
    "path",
    "pathname",
    "paths",
    "workdir",
];
pub(crate) const URL_WORDS: &[&str] = &[
    "endpoint",
    "endpoints",
    "href",
    "hrefs",
    "link",
    "links",
    "uri",
    "uris",
    "url",
    "urls",
    "webhook",
    "webhooks",
];
pub(crate) const COMMAND_KEYS: &[&str] = &[
    "argv",
    "cmd",
    "cmdline",
    "command",
    "commandline",
    "executable",
    "program",
    "shell",
    "shellcommand",
];
/// Several command lines, not one argument list.
pub(crate) const COMMAND_LIST_KEYS: &[&str] = &["cmds", "commands"];
/// Arguments of the program that another key names.
pub(crate) const PROGRAM_ARGS_KEYS: &[&str] = &["args", "arguments"];
/// What stands under these is content: its shape says nothing about what is touched.
const CONTENT_WORDS: &[&str] = &[
    "body",
    "comment",
    "content",
    "contents",
    "data",
    "description",
    "glob",
    "headers",
    "html",
    "markdown",
    "message",
    "note",
    "pattern",
    "prompt",
    "query",
    "regex",
    "subject",
    "template",
    "text",
    "title",
];
/// Longest text whose shape is looked at, in bytes.
const MAX_SHAPED: usize = 4096;

/// A resource with where it stands and how else its text may be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The resource in normal form.
    pub resource: Resource,
    /// The ways in which its text may be read.
    pub readings: Readings,
    /// JSON pointer into the arguments.
    pub pointer: String,
}

/// Everything that a call of `tool` with these arguments touches, as far as the arguments tell, in their order.
pub fn find(tool: &str, effect: Effect, args: &Value) -> Vec<Found> {
    let server = tool.split_once('.').map_or("", |(server, _)| server);
    let mut search = Search {
        effect,
        found: Vec::new(),
    };
    if !TOUCH_NOTHING.contains(&server) {
        search.value(args, "", Meaning::Unknown);
    }
    search.found
}

/// Whether what will stand at a JSON pointer of a tool's arguments can be something that the call touches, rather than
/// content that is passed on.
pub fn may_touch(tool: &str, pointer: &str) -> bool {
    let server = tool.split_once('.').map_or("", |(server, _)| server);
    let mut keys = pointer.rsplit('/');
    let key = keys.find(|key| !key.is_empty() && !key.bytes().all(|b| b.is_ascii_digit()));
    let words = words_of(key.unwrap_or(""));
    let content = words
        .last()
        .is_some_and(|last| CONTENT_WORDS.contains(&last.as_str()));
    !TOUCH_NOTHING.contains(&server) && !content
}

/// What the key above a value says about it.
#[derive(Clone, Copy, PartialEq)]
enum Meaning {
    File,
    Url,
    Unknown,
    Content,
}

struct Search {
    effect: Effect,
    found: Vec<Found>,
}

impl Search {
    fn value(&mut self, value: &Value, pointer: &str, meaning: Meaning) {
        match value {
            Value::String(text) => self.text(text, pointer, meaning),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.value(item, &format!("{pointer}/{index}"), meaning);
                }
            }
            Value::Object(map) => self.object(map, pointer, meaning),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn object(&mut self, map: &Map<String, Value>, pointer: &str, outer: Meaning) {
        for (key, value) in map {
            let pointer = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
            let words = words_of(key);
            let joined = words.concat();
            let last = words.last().map_or("", String::as_str);
            if COMMAND_KEYS.contains(&joined.as_str()) {
                self.command(value, program_args(map), &pointer);
            } else if COMMAND_LIST_KEYS.contains(&joined.as_str()) {
                let lines = value
                    .as_array()
                    .map_or(std::slice::from_ref(value), Vec::as_slice);
                for (index, line) in lines.iter().enumerate() {
                    self.command(line, None, &format!("{pointer}/{index}"));
                }
            } else if FILE_WORDS.contains(&last) {
                self.value(value, &pointer, Meaning::File);
            } else if URL_WORDS.contains(&last) {
                self.value(value, &pointer, Meaning::Url);
            } else if CONTENT_WORDS.contains(&last) {
                self.value(value, &pointer, Meaning::Content);
            } else {
                // The name says nothing: what the names above said holds on, except that inside a named file or
                // address an object's members speak for themselves.
                let meaning = if outer == Meaning::Content {
                    outer
                } else {
                    Meaning::Unknown
                };
                self.value(value, &pointer, meaning);
            }
        }
    }

    fn text(&mut self, text: &str, pointer: &str, meaning: Meaning) {
        if meaning == Meaning::Content {
            return;
        }
        match (meaning, shape(text)) {
            (Meaning::Content, _) => {}
            (Meaning::File, Some(ResourceKind::Url)) => {
                self.file(text, pointer);
                self.url(text, pointer);
            }
            (Meaning::File, _) | (Meaning::Unknown, Some(ResourceKind::File)) => {
                self.file(text, pointer)
            }
            (Meaning::Url, _) | (Meaning::Unknown, Some(ResourceKind::Url)) => {
                self.url(text, pointer)
            }
            (Meaning::Unknown, _) => {}
        }
    }

    fn file(&mut self, text: &str, pointer: &str) {
        self.add(ResourceKind::File, path_readings(text), pointer);
    }

    fn url(&mut self, text: &str, pointer: &str) {
        let readings = url_readings(text);
        if let Ok(url) = url::Url::parse(&readings.normal)
            && url.scheme() == "file"
        {
            self.file(url.path(), pointer);
        }
        self.add(ResourceKind::Url, readings, pointer);
    }

    fn command(&mut self, value: &Value, args: Option<Vec<String>>, pointer: &str) {
        let (argv, whole_line) = match value {
            Value::String(line) => match args {
                Some(args) => (std::iter::once(line.clone()).chain(args).collect(), false),
                None => (vec![line.clone()], true),
            },
            Value::Array(_) => {
                let mut argv = strings(value);
                argv.extend(args.unwrap_or_default());
                (argv, false)
            }
            // `shell: true` and the like say how, not what.
            _ => return,
        };
        let (readings, words) = match argv.first() {
            None => return,
            Some(line) if whole_line => (command::line_readings(line), command::all_words(line)),
            Some(_) => {
                let mut words = argv.clone();
                words.extend(command::words_inside(&argv));
                (command::argv_readings(&argv), words)
            }
        };
        self.add(ResourceKind::Command, readings, pointer);
        for word in words.iter().skip(1) {
            self.word(word, pointer);
        }
    }

    /// A word of a command: a path or address by its shape, as `--option=value` too.
    fn word(&mut self, word: &str, pointer: &str) {
        self.text(word, pointer, Meaning::Unknown);
        if let Some((_, value)) = word.split_once('=') {
            self.text(value, pointer, Meaning::Unknown);
        }
    }

    fn add(&mut self, kind: ResourceKind, readings: Readings, pointer: &str) {
        let operation = Operation::of(kind, self.effect);
        let resource = Resource {
            kind,
            value: readings.normal.clone(),
            operation,
        };
        self.found.push(Found {
            resource,
            readings,
            pointer: pointer.to_owned(),
        });
    }
}

fn strings(value: &Value) -> Vec<String> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    value
        .as_array()
        .map(|items| items.iter().map(text).collect())
        .unwrap_or_default()
}

/// The arguments that stand beside a program's name.
fn program_args(map: &Map<String, Value>) -> Option<Vec<String>> {
    map.iter()
        .find(|(key, value)| {
            value.is_array() && PROGRAM_ARGS_KEYS.contains(&words_of(key).concat().as_str())
        })
        .map(|(_, value)| strings(value))
}

/// What a text looks like, whatever its argument is called.
fn shape(text: &str) -> Option<ResourceKind> {
    if text.len() > MAX_SHAPED {
        return None;
    }
    let plain = crate::normalise::normal_text(text);
    let plain = plain.trim();
    if plain.lines().count() > 1 {
        return None;
    }
    if let Some((scheme, _)) = plain.split_once(":/") {
        let mut chars = scheme.chars();
        let starts = chars.next().is_some_and(|c| c.is_ascii_alphabetic());
        if starts
            && scheme.len() > 1
            && chars.all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
        {
            return Some(ResourceKind::Url);
        }
    }
    let drive =
        plain.get(1..3) == Some(":/") && plain.starts_with(|c: char| c.is_ascii_alphabetic());
    let path = ["/", "./", "../", "~/"]
        .iter()
        .any(|start| plain.starts_with(start))
        || plain == ".."
        || plain.contains("/../")
        || plain.ends_with("/..")
        || drive;
    path.then_some(ResourceKind::File)
}

/// `filePath`, `file_path`, `File-Path` → `file`, `path`.
pub(crate) fn words_of(key: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut lower_before = false;
    let mut fresh = true;
    for c in key.chars() {
        if !c.is_alphanumeric() {
            fresh = true;
            continue;
        }
        if fresh || (lower_before && c.is_uppercase()) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.extend(c.to_lowercase());
        }
        lower_before = c.is_lowercase() || c.is_numeric();
        fresh = false;
    }
    words
}
