//! The shape of a step, of its retry policy and of what happens when it fails.

use super::reader::{Object, Reader, label};
use crate::{
    ErrorCode, Violation, ViolationCode,
    document::child,
    model::{
        CodeRule, Compensate, FailureAction, ForEach, MAX_FALLBACK, MAX_INTEGER, OnFailure,
        OnItemFailure, Retry, Step,
    },
    violation::{nearest, quoted},
};
use serde_json::{Map, Value};

const STEP_KEYS: &[&str] = &[
    "id",
    "tool",
    "description",
    "args",
    "after",
    "depends_on",
    "if",
    "for_each",
    "expect",
    "timeout_ms",
    "retry",
    "on_failure",
    "allow",
    "deny",
    "max_invocations",
    "confirm",
    "sensitive",
    "compensate",
];

#[derive(Clone, Copy)]
enum Word {
    Halt,
    Skip,
    Retry,
    Replan,
    Ask,
}

const ACTIONS: &[(&str, Word)] = &[
    ("halt", Word::Halt),
    ("skip", Word::Skip),
    ("retry", Word::Retry),
    ("replan", Word::Replan),
    ("ask", Word::Ask),
];

impl<'a> Reader<'a> {
    /// A step, blank where it cannot be read, so that the others keep their place.
    pub(super) fn step(&mut self, value: &'a Value, pointer: &str) -> Step {
        let mut step = Step {
            id: String::new(),
            tool: String::new(),
            description: None,
            args: Map::new(),
            after: None,
            depends_on: Vec::new(),
            condition: None,
            for_each: None,
            expect: None,
            timeout_ms: None,
            retry: None,
            on_failure: OnFailure::default(),
            allow: None,
            deny: None,
            max_invocations: 1,
            confirm: false,
            sensitive: Vec::new(),
            compensate: None,
        };
        if self.violations.is_full() {
            return step;
        }
        let Some(object) = self.object(value, pointer, STEP_KEYS) else {
            return step;
        };
        self.require(&object, "id");
        if let Some(id) = self.string(&object, "id") {
            self.step_id(&id, &object.place("id"));
            step.id = id;
        }
        step.tool = self.tool(&object);
        step.description = self.string(&object, "description");
        step.args = self.any_object(&object, "args");
        step.after = self.strings(&object, "after");
        step.depends_on = self.strings(&object, "depends_on").unwrap_or_default();
        step.condition = self.expression(&object, "if");
        step.for_each = self.for_each(&object);
        step.expect = self.expression(&object, "expect");
        step.timeout_ms = self
            .integer(&object, "timeout_ms", (1, MAX_INTEGER))
            .map(i64::unsigned_abs);
        step.retry = self.retry(&object);
        if let Some(on_failure) = object.get("on_failure") {
            step.on_failure = self.on_failure(on_failure, &object.place("on_failure"));
        }
        step.allow = self.rules(&object, "allow");
        step.deny = self.rules(&object, "deny");
        if let Some(times) = self.integer(&object, "max_invocations", (1, 10_000)) {
            step.max_invocations = u32::try_from(times).unwrap_or(1);
        }
        step.confirm = self.boolean(&object, "confirm").unwrap_or_default();
        step.sensitive = self.sensitive(&object);
        step.compensate = self.compensate(&object);
        step
    }

    fn tool(&mut self, object: &Object<'a>) -> String {
        self.require(object, "tool");
        let tool = self.string(object, "tool").unwrap_or_default();
        if object.get("tool").is_some_and(Value::is_string) {
            self.tool_name(&tool, &object.place("tool"));
        }
        tool
    }

    fn for_each(&mut self, object: &Object<'a>) -> Option<ForEach> {
        const KEYS: &[&str] = &["in", "max_items", "on_item_failure"];
        const WORDS: &[(&str, OnItemFailure)] = &[
            ("stop", OnItemFailure::Stop),
            ("continue", OnItemFailure::Continue),
        ];
        let place = object.place("for_each");
        let object = self.object(object.get("for_each")?, &place, KEYS)?;
        self.require(&object, "in");
        let max_items = self.integer(&object, "max_items", (1, 10_000));
        Some(ForEach {
            items: self.expression(&object, "in").unwrap_or_default(),
            max_items: max_items.and_then(|n| u32::try_from(n).ok()).unwrap_or(100),
            on_item_failure: self
                .word(&object, "on_item_failure", WORDS)
                .unwrap_or_default(),
        })
    }

    fn sensitive(&mut self, object: &Object<'a>) -> Vec<String> {
        let pointers = self.strings(object, "sensitive").unwrap_or_default();
        for (index, pointer) in pointers.iter().enumerate() {
            if !is_pointer(pointer) {
                let message = format!(
                    "`{}` is no JSON pointer: write `/key/0/key`",
                    quoted(pointer)
                );
                let place = child(&object.place("sensitive"), index);
                self.error(ViolationCode::PointerInvalid, &place, message);
            }
        }
        pointers
    }

    fn compensate(&mut self, object: &Object<'a>) -> Option<Compensate> {
        let place = object.place("compensate");
        let object = self.object(object.get("compensate")?, &place, &["tool", "args"])?;
        Some(Compensate {
            tool: self.tool(&object),
            args: self.any_object(&object, "args"),
        })
    }

    pub(super) fn retry(&mut self, object: &Object<'a>) -> Option<Retry> {
        const KEYS: &[&str] = &[
            "max_attempts",
            "backoff_ms",
            "multiplier",
            "max_backoff_ms",
            "jitter",
            "retry_on",
        ];
        const DAY_MS: i64 = 86_400_000;
        let place = object.place("retry");
        let object = self.object(object.get("retry")?, &place, KEYS)?;
        let mut retry = Retry::ONCE;
        self.require(&object, "max_attempts");
        if let Some(attempts) = self.integer(&object, "max_attempts", (1, 10_000)) {
            retry.max_attempts = u32::try_from(attempts).unwrap_or(1);
        }
        if let Some(wait) = self.integer(&object, "backoff_ms", (0, DAY_MS)) {
            retry.backoff_ms = wait.unsigned_abs();
        }
        if let Some(multiplier) = self.number(&object, "multiplier", (1.0, 100.0)) {
            retry.multiplier = multiplier;
        }
        if let Some(wait) = self.integer(&object, "max_backoff_ms", (0, DAY_MS)) {
            retry.max_backoff_ms = wait.unsigned_abs();
        }
        if let Some(jitter) = self.number(&object, "jitter", (0.0, 1.0)) {
            retry.jitter = jitter;
        }
        retry.retry_on = self.codes(&object, "retry_on");
        Some(retry)
    }

    fn codes(&mut self, object: &Object<'a>, key: &str) -> Vec<ErrorCode> {
        let mut codes = Vec::new();
        let names = self.strings(object, key).unwrap_or_default();
        for (index, name) in names.iter().enumerate() {
            // An item that is no string was noted, and is empty.
            match name.parse::<ErrorCode>() {
                Ok(code) => codes.push(code),
                Err(_) if name.is_empty() => {}
                Err(error) => {
                    let near = nearest(name, ErrorCode::ALL.iter().map(|code| code.as_str()));
                    let place = child(&object.place(key), index);
                    let violation =
                        Violation::new(ViolationCode::ValueUnknown, place, error.to_string());
                    self.note(violation.suggest(near));
                }
            }
        }
        codes
    }

    fn on_failure(&mut self, value: &'a Value, pointer: &str) -> OnFailure {
        let Value::Array(rules) = value else {
            return OnFailure::Action(self.action(value, pointer));
        };
        self.not_empty(rules, pointer);
        let mut by_code = Vec::with_capacity(rules.len());
        for (index, rule) in rules.iter().enumerate() {
            let place = child(pointer, index);
            let mut read = CodeRule {
                codes: Vec::new(),
                action: FailureAction::Halt,
            };
            if let Some(object) = self.object(rule, &place, &["codes", "do"]) {
                self.require(&object, "codes");
                self.require(&object, "do");
                read.codes = self.codes(&object, "codes");
                if let Some(Value::Array(codes)) = object.get("codes") {
                    self.not_empty(codes, &object.place("codes"));
                }
                if let Some(action) = object.get("do") {
                    read.action = self.action(action, &object.place("do"));
                }
            }
            by_code.push(read);
        }
        OnFailure::ByCode(by_code)
    }

    fn action(&mut self, value: &'a Value, pointer: &str) -> FailureAction {
        match value {
            Value::String(_) => match self.word_of(value, pointer, ACTIONS) {
                Some(Word::Skip) => FailureAction::Skip,
                Some(Word::Retry) => FailureAction::Retry,
                Some(Word::Replan) => FailureAction::Replan { hint: None },
                Some(Word::Ask) => FailureAction::Ask,
                Some(Word::Halt) | None => FailureAction::Halt,
            },
            Value::Object(_) => self.long_action(value, pointer),
            other => {
                let wanted = "an action: `halt`, `skip`, `retry`, `replan`, `ask` or a `fallback`";
                self.wrong_type(pointer, wanted, other);
                FailureAction::Halt
            }
        }
    }

    fn long_action(&mut self, value: &'a Value, pointer: &str) -> FailureAction {
        let Some(object) = self.object(value, pointer, &["replan", "fallback"]) else {
            return FailureAction::Halt;
        };
        match (object.has("replan"), object.has("fallback")) {
            (true, true) => {
                let message = format!("{} is either `replan` or `fallback`", label(pointer));
                self.error(ViolationCode::KeyConflict, pointer, message);
                FailureAction::Halt
            }
            (false, true) => {
                FailureAction::Fallback(self.steps(&object, "fallback", (1, MAX_FALLBACK)))
            }
            (true, false) => {
                let place = object.place("replan");
                let hint = object
                    .get("replan")
                    .and_then(|replan| self.object(replan, &place, &["hint"]))
                    .and_then(|replan| self.string(&replan, "hint"));
                FailureAction::Replan { hint }
            }
            (false, false) => {
                self.require(&object, "fallback");
                FailureAction::Halt
            }
        }
    }
}

/// RFC 6901: empty, or `/` before each token, and `~` only as `~0` and `~1`.
pub(super) fn is_pointer(text: &str) -> bool {
    (text.is_empty() || text.starts_with('/'))
        && text
            .split('~')
            .skip(1)
            .all(|rest| rest.starts_with(['0', '1']))
}
