//! The shape of patterns, and of the rules on arguments.

use super::{
    reader::{Object, Reader, label},
    step_shape::is_pointer,
};
use crate::{
    ViolationCode,
    document::child,
    model::{ArgRule, Pattern, PatternKind, Rules},
};
use serde_json::{Number, Value};

const PATTERN_KINDS: &[(&str, PatternKind)] = &[
    ("exact", PatternKind::Exact),
    ("glob", PatternKind::Glob),
    ("regex", PatternKind::Regex),
];

const RULE_FORMS: &str = "`equals`, `one_of`, `glob`, `regex`, `min` and `max`, or `any: true`";

impl<'a> Reader<'a> {
    pub(super) fn rules(&mut self, object: &Object<'a>, key: &str) -> Option<Rules> {
        const KEYS: &[&str] = &["paths", "urls", "commands", "args"];
        let place = object.place(key);
        let object = self.object(object.get(key)?, &place, KEYS)?;
        let mut rules = Rules {
            paths: self.patterns(&object, "paths"),
            urls: self.patterns(&object, "urls"),
            commands: self.patterns(&object, "commands"),
            ..Rules::default()
        };
        let place = object.place("args");
        if let Some(args) = object.get("args").and_then(|v| self.map(v, &place)) {
            for name in args.keys() {
                let pointer = args.place(name);
                if name.starts_with('/') && !is_pointer(name) {
                    let message = format!("{} is no JSON pointer", label(&pointer));
                    let violation =
                        crate::Violation::new(ViolationCode::PointerInvalid, &pointer, message);
                    self.note_key(violation);
                }
                if let Some(rule) = args.get(name).and_then(|v| self.arg_rule(v, &pointer)) {
                    rules.args.insert(name.to_owned(), rule);
                }
            }
        }
        Some(rules)
    }

    /// A list of patterns, all of which can be read.
    pub(super) fn patterns(&mut self, object: &Object<'a>, key: &str) -> Option<Vec<Pattern>> {
        let (items, place) = self.list(object, key)?;
        let mut patterns = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let pointer = child(&place, index);
            patterns.extend(self.pattern(item, &pointer));
        }
        Some(patterns)
    }

    fn pattern(&mut self, value: &'a Value, pointer: &str) -> Option<Pattern> {
        let (pattern, place) = match value {
            Value::String(glob) => (
                Pattern {
                    pattern: glob.clone(),
                    kind: PatternKind::Glob,
                },
                pointer.to_owned(),
            ),
            Value::Object(_) => {
                let object = self.object(value, pointer, &["pattern", "type"])?;
                self.require(&object, "pattern");
                let kind = self.word(&object, "type", PATTERN_KINDS);
                if object.has("type") && kind.is_none() {
                    return None;
                }
                let pattern = Pattern {
                    pattern: self.string(&object, "pattern")?,
                    kind: kind.unwrap_or_default(),
                };
                (pattern, object.place("pattern"))
            }
            other => {
                self.wrong_type(pointer, "a glob or `{pattern, type}`", other);
                return None;
            }
        };
        self.readable(&pattern, &place);
        Some(pattern)
    }

    fn readable(&mut self, pattern: &Pattern, pointer: &str) {
        if !self.afford_pattern(pointer) {
            return;
        }
        if let Err(error) = pattern.matcher() {
            self.error(ViolationCode::PatternInvalid, pointer, error.to_string());
        }
    }

    fn arg_rule(&mut self, value: &'a Value, pointer: &str) -> Option<ArgRule> {
        const KEYS: &[&str] = &["equals", "one_of", "glob", "regex", "min", "max", "any"];
        let object = self.object(value, pointer, KEYS)?;
        let given: Vec<&str> = KEYS.iter().copied().filter(|key| object.has(key)).collect();
        match given.as_slice() {
            ["equals"] => Some(ArgRule::Equals {
                equals: object.get("equals")?.clone(),
            }),
            ["one_of"] => {
                let (values, place) = self.list(&object, "one_of")?;
                self.not_empty(values, &place);
                Some(ArgRule::OneOf {
                    one_of: values.to_vec(),
                })
            }
            ["glob"] => {
                let glob = self.string(&object, "glob")?;
                self.readable_as(&glob, PatternKind::Glob, &object.place("glob"));
                Some(ArgRule::Glob { glob })
            }
            ["regex"] => {
                let regex = self.string(&object, "regex")?;
                self.readable_as(&regex, PatternKind::Regex, &object.place("regex"));
                Some(ArgRule::Regex { regex })
            }
            ["any"] => {
                let any = self.boolean(&object, "any")?;
                if !any {
                    let message = "`any` is true, or not there";
                    self.error(ViolationCode::ValueUnknown, &object.place("any"), message);
                }
                Some(ArgRule::Any { any: true })
            }
            ["min"] | ["max"] | ["min", "max"] => self.range(&object),
            [] => {
                // An unknown key is the cause, if there is one.
                if object.keys().next().is_none() {
                    let message = format!("{} says nothing: it takes {RULE_FORMS}", label(pointer));
                    self.error(ViolationCode::KeyMissing, pointer, message);
                }
                None
            }
            [..] => {
                let message = format!(
                    "{} says too much: it takes one of {RULE_FORMS}",
                    label(pointer)
                );
                self.error(ViolationCode::KeyConflict, pointer, message);
                None
            }
        }
    }

    fn readable_as(&mut self, text: &str, kind: PatternKind, pointer: &str) {
        let pattern = Pattern {
            pattern: text.to_owned(),
            kind,
        };
        self.readable(&pattern, pointer);
    }

    fn range(&mut self, object: &Object<'a>) -> Option<ArgRule> {
        let min = self.bound(object, "min");
        let max = self.bound(object, "max");
        if let (Some(min), Some(max)) = (&min, &max)
            && min.as_f64() > max.as_f64()
        {
            let message = "`min` is above `max`: nothing lies between them";
            self.error(
                ViolationCode::ValueOutOfRange,
                &object.place("min"),
                message,
            );
        }
        (min.is_some() || max.is_some()).then_some(ArgRule::Range { min, max })
    }

    fn bound(&mut self, object: &Object<'a>, key: &str) -> Option<Number> {
        match object.get(key)? {
            Value::Number(number) => Some(number.clone()),
            other => {
                self.wrong_type(&object.place(key), "a number", other);
                None
            }
        }
    }
}
