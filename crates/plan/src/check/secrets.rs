//! Where secrets and sensitive outputs may stand.

use super::{assemble::Facts, reader::Reader};
use crate::{
    ViolationCode,
    document::child,
    expr::{References, Template},
    model::Step,
};
use serde_json::{Map, Value};

/// Servers whose tools keep, show or send on what they are given.
const NEVER: &[&str] = &["data.", "llm.", "human.", "plan."];

fn may_receive(tool: &str) -> bool {
    !NEVER.iter().any(|server| tool.starts_with(server))
}

impl Reader<'_> {
    /// Notes secrets in the arguments of a tool that must not receive any.
    pub(super) fn secrets_for(
        &mut self,
        tool: &str,
        args: &Map<String, Value>,
        pointer: &str,
        template: &Template,
    ) {
        if may_receive(tool) {
            return;
        }
        let written: Vec<String> = template
            .secret_names()
            .iter()
            .map(|name| format!("secrets.{name}"))
            .chain(
                template
                    .secret_inputs()
                    .iter()
                    .map(|name| format!("inputs.{name}")),
            )
            .collect();
        if written.is_empty() {
            return;
        }
        let mut places = Vec::new();
        strings_in(&Value::Object(args.clone()), pointer, &mut |text, place| {
            if text.contains("${") && written.iter().any(|name| text.contains(name.as_str())) {
                places.push(place.to_owned());
            }
        });
        for place in places {
            let message = format!("`{tool}` must not receive secrets");
            self.error(ViolationCode::SecretMisplaced, &place, message);
        }
    }

    /// Notes expressions that read what a step declares as sensitive. A whole `${…}` in `args` may.
    pub(super) fn sensitive_reads(
        &mut self,
        references: &References,
        pointer: &str,
        facts: &Facts<'_>,
        args: Option<(&str, &Map<String, Value>)>,
        own: Option<&Step>,
    ) {
        for path in &references.paths {
            let (step, rest) = match path.as_slice() {
                [root, id, field, rest @ ..] if root == "steps" && field == "output" => {
                    let step = facts.ids.top(id).and_then(|i| facts.plan.steps.get(i));
                    (step, rest)
                }
                [root, rest @ ..] if root == "output" => (own, rest),
                _ => continue,
            };
            let Some(step) = step else { continue };
            let read: String = rest
                .iter()
                .fold(String::new(), |pointer, token| child(&pointer, token));
            let hidden = step.sensitive.iter().any(|sensitive| {
                read.strip_prefix(sensitive.as_str())
                    .is_some_and(|below| below.is_empty() || below.starts_with('/'))
            });
            let whole = args.is_some_and(|(tool, args)| {
                may_receive(tool) && stands_alone(args, &path.join("."))
            });
            if hidden && !whole {
                let message = format!(
                    "`{}` is sensitive: it may only be a whole `${{…}}` in the arguments of a tool that may receive secrets",
                    path.join(".")
                );
                self.error(ViolationCode::SecretMisplaced, pointer, message);
            }
        }
    }
}

/// Whether every string that reads the path is nothing but that.
fn stands_alone(args: &Map<String, Value>, path: &str) -> bool {
    let mut alone = false;
    let mut mixed = false;
    strings_in(&Value::Object(args.clone()), "", &mut |text, _| {
        let inner = text
            .strip_prefix("${")
            .and_then(|rest| rest.strip_suffix('}'));
        if inner.is_some_and(|inner| inner.trim_ascii() == path) {
            alone = true;
        } else if text.contains("${") && text.contains(path) {
            mixed = true;
        }
    });
    alone && !mixed
}

/// Calls `see` with each string and its pointer.
fn strings_in(value: &Value, pointer: &str, see: &mut dyn FnMut(&str, &str)) {
    match value {
        Value::String(text) => see(text, pointer),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                strings_in(item, &child(pointer, index), see);
            }
        }
        Value::Object(map) => {
            for (key, item) in map {
                strings_in(item, &child(pointer, key), see);
            }
        }
        _ => {}
    }
}
