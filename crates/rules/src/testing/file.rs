//! Test files as they are written: YAML, or JSON.

use chrono::DateTime;
use mandate_plan::{Document, Effect, Facts, Format, parse};
use mandate_policy::{
    CallFlow, Label, Labels, Outcome, SessionView, SinkFlow, SinkKind, classify::Category,
    session::RECENT,
};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// 2026-01-01T12:00:00Z, a Thursday: when tests happen that say nothing of the time.
const NOON_MS: i64 = 1_767_268_800_000;

/// A test file, read.
#[derive(Debug, Clone, PartialEq)]
pub struct TestFile {
    /// Its tests.
    pub tests: Vec<TestCase>,
}

/// One test.
#[derive(Debug, Clone, PartialEq)]
pub struct TestCase {
    /// What it is called.
    pub name: String,
    /// Where it begins in its file.
    pub line: Option<u32>,
    /// What is decided about.
    pub subject: Subject,
    /// Tools that it declares.
    pub tools: BTreeMap<String, Facts>,
    /// Who acts, and in what session.
    pub session: SessionView,
    /// When, Unix milliseconds.
    pub at_ms: i64,
    /// What is to be decided.
    pub expect: Expected,
}

/// What a test decides about.
#[derive(Debug, Clone, PartialEq)]
pub enum Subject {
    /// A plan before it runs.
    Plan {
        /// A path, or the plan itself.
        plan: Value,
        /// Its inputs.
        inputs: Map<String, Value>,
        /// Only what is said about this step.
        step: Option<String>,
    },
    /// One call, just before it is made.
    Call {
        /// `server.tool`.
        tool: String,
        /// Its arguments.
        args: Value,
        /// Where they come from.
        flow: Flow,
    },
}

/// What is to be decided.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// `allow`, `require_approval`, `rate_limited` or `deny`.
    pub outcome: Outcome,
    /// Rules that must match; others may.
    #[serde(default)]
    pub rules: Vec<String>,
    /// Rules that must not match.
    #[serde(default)]
    pub not_rules: Vec<String>,
    /// Exactly who may approve.
    #[serde(default)]
    pub approvers: Option<Vec<String>>,
}

/// Where the arguments of a call come from.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Flow {
    /// Labels by JSON pointer of the argument.
    pub labels: BTreeMap<String, Vec<Label>>,
    /// Which arguments are sensitive, by JSON pointer.
    pub sinks: BTreeMap<String, SinkKind>,
    /// Sensitive arguments that somebody has said yes to.
    pub endorsed: Vec<String>,
    /// An untrusted value decides whether, or how often, it is made.
    pub untrusted_control: bool,
}

impl Flow {
    pub(super) fn to_flow(&self) -> CallFlow {
        let labels = |pointer: &String| -> Labels {
            let labels = self.labels.get(pointer);
            labels.into_iter().flatten().cloned().collect()
        };
        let args = self.labels.keys();
        let sinks = self.sinks.iter().map(|(pointer, kind)| SinkFlow {
            pointer: pointer.clone(),
            kind: *kind,
            labels: labels(pointer),
            endorsed: self.endorsed.contains(pointer),
        });
        CallFlow {
            args: args
                .map(|pointer| (pointer.clone(), labels(pointer)))
                .collect(),
            sinks: sinks.collect(),
            untrusted_control: self.untrusted_control,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Session {
    id: Option<String>,
    calls: u64,
    calls_last_minute: u64,
    recent: Vec<Category>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Declared {
    effect: Effect,
    #[serde(default)]
    idempotent: bool,
    #[serde(default)]
    open_world: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    tool: String,
    #[serde(default)]
    args: Map<String, Value>,
    #[serde(default)]
    flow: Flow,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    plan: Option<Value>,
    #[serde(default)]
    inputs: Map<String, Value>,
    step: Option<String>,
    call: Option<Call>,
    principal: Option<String>,
    roles: Option<Vec<String>>,
    #[serde(default)]
    session: Session,
    at: Option<String>,
    expect: Expected,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Defaults {
    principal: Option<String>,
    roles: Vec<String>,
    at: Option<String>,
}

/// Reads a test file.
///
/// # Errors
/// Everything that is wrong with it, each with its line.
pub fn read(bytes: &[u8], json: bool) -> Result<TestFile, Vec<String>> {
    let format = if json { Format::Json } else { Format::Yaml };
    let document = parse(bytes, format).map_err(|found| {
        let lines = found.iter().map(|violation| match violation.line {
            Some(line) => format!("line {line}: {}", violation.message),
            None => violation.message.clone(),
        });
        lines.collect::<Vec<_>>()
    })?;
    let reader = Reader {
        document: &document,
    };
    reader.file()
}

struct Reader<'a> {
    document: &'a Document,
}

impl Reader<'_> {
    fn line(&self, pointer: &str) -> Option<u32> {
        let document = self.document;
        let key = document.key_position(pointer);
        key.or_else(|| document.value_position(pointer))
            .and_then(|position| u32::try_from(position.line).ok())
    }

    fn at(&self, pointer: &str, message: &str) -> String {
        match self.line(pointer) {
            Some(line) => format!("line {line}: {message}"),
            None => message.to_owned(),
        }
    }

    fn file(&self) -> Result<TestFile, Vec<String>> {
        let Some(map) = self.document.value().as_object() else {
            return Err(vec!["a mapping with `tests` is expected".to_owned()]);
        };
        let mut wrong = Vec::new();
        for key in map.keys() {
            if !["tests", "tools", "defaults"].contains(&key.as_str()) {
                let message =
                    format!("there is no `{key}`: `tests`, `tools` and `defaults` are expected");
                wrong.push(self.at(&pointer(&[key]), &message));
            }
        }
        let defaults = match map.get("defaults") {
            None => Defaults::default(),
            Some(value) => serde_json::from_value(value.clone()).unwrap_or_else(|error| {
                wrong.push(self.at("/defaults", &format!("`defaults`: {error}")));
                Defaults::default()
            }),
        };
        let tools = self.tools(map.get("tools"), &mut wrong);
        let mut tests = Vec::new();
        match map.get("tests") {
            Some(Value::Array(list)) if !list.is_empty() => {
                for (place, value) in list.iter().enumerate() {
                    let pointer = format!("/tests/{place}");
                    match self.case(&pointer, value, &defaults, &tools) {
                        Ok(test) => tests.push(test),
                        Err(message) => wrong.push(self.at(&pointer, &message)),
                    }
                }
            }
            _ => wrong.push(self.at("/tests", "`tests` is a list of tests, and not empty")),
        }
        if wrong.is_empty() {
            Ok(TestFile { tests })
        } else {
            Err(wrong)
        }
    }

    fn tools(&self, value: Option<&Value>, wrong: &mut Vec<String>) -> BTreeMap<String, Facts> {
        let mut tools = BTreeMap::new();
        let map = match value {
            None => return tools,
            Some(Value::Object(map)) => map,
            Some(_) => {
                wrong.push(self.at("/tools", "`tools` is a mapping from tool to its effect"));
                return tools;
            }
        };
        for (name, value) in map {
            match serde_json::from_value::<Declared>(value.clone()) {
                Ok(declared) => {
                    let facts = Facts {
                        effect: declared.effect,
                        idempotent: declared.idempotent,
                        open_world: declared.open_world,
                    };
                    tools.insert(name.clone(), facts);
                }
                Err(error) => {
                    let message = format!("tool `{name}`: {error}");
                    wrong.push(self.at(&pointer(&["tools", name]), &message));
                }
            }
        }
        tools
    }

    fn case(
        &self,
        pointer: &str,
        value: &Value,
        defaults: &Defaults,
        tools: &BTreeMap<String, Facts>,
    ) -> Result<TestCase, String> {
        let name = value.get("name").and_then(Value::as_str);
        let named = |message: String| match name {
            Some(name) => format!("test `{name}`: {message}"),
            None => message,
        };
        let case: Case =
            serde_json::from_value(value.clone()).map_err(|error| named(error.to_string()))?;
        let subject = match (case.plan, case.call) {
            (Some(plan), None) => Subject::Plan {
                plan,
                inputs: case.inputs,
                step: case.step,
            },
            (None, Some(_)) if !case.inputs.is_empty() || case.step.is_some() => {
                return Err(named("`inputs` and `step` go with a `plan`".to_owned()));
            }
            (None, Some(call)) => Subject::Call {
                tool: call.tool,
                args: Value::Object(call.args),
                flow: call.flow,
            },
            _ => {
                let message = "it takes a `plan` or a `call`, and one of them only";
                return Err(named(message.to_owned()));
            }
        };
        if case.session.recent.len() > RECENT {
            return Err(named(format!(
                "`recent` holds at most {RECENT} categories, the oldest first"
            )));
        }
        let at_ms = match case.at.as_ref().or(defaults.at.as_ref()) {
            None => NOON_MS,
            Some(text) => DateTime::parse_from_rfc3339(text)
                .map_err(|_| {
                    named(format!(
                        "`at`: `{text}` is not a time such as `2026-07-01T12:00:00Z`"
                    ))
                })?
                .timestamp_millis(),
        };
        let principal = case.principal.or_else(|| defaults.principal.clone());
        let session = SessionView {
            session_id: case.session.id.unwrap_or_else(|| "test".to_owned()),
            principal: principal.unwrap_or_else(|| "local:1000".to_owned()),
            calls: case.session.calls,
            calls_last_minute: case.session.calls_last_minute,
            roles: case.roles.unwrap_or_else(|| defaults.roles.clone()),
            recent: case.session.recent,
            ..SessionView::default()
        };
        Ok(TestCase {
            name: case.name,
            line: self.line(pointer),
            subject,
            tools: tools.clone(),
            session,
            at_ms,
            expect: case.expect,
        })
    }
}

fn pointer(parts: &[&str]) -> String {
    let escaped = parts
        .iter()
        .map(|part| format!("/{}", part.replace('~', "~0").replace('/', "~1")));
    escaped.collect()
}
