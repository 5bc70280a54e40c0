//! The plan's shape: its keys, their types and limits, made into the model as far as they can be read.

use super::reader::{Object, Reader, label};
use crate::{
    Violation, ViolationCode,
    document::child,
    model::{
        ApplyMode, Budget, Constraints, Input, Invariant, MAX_FINALLY, MAX_INTEGER, MAX_STEPS,
        MAX_TOOL_CALLS, Mode, OnViolation, Plan, Step, Workspace,
    },
    violation::quoted,
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

const PLAN_KEYS: &[&str] = &[
    "version",
    "name",
    "description",
    "reasoning",
    "request",
    "mode",
    "inputs",
    "steps",
    "finally",
    "outputs",
    "constraints",
    "invariants",
    "retry",
    "workspace",
    "priority",
    "tags",
    "metadata",
];

const MODES: &[(&str, Mode)] = &[
    ("engine", Mode::Engine),
    ("agent", Mode::Agent),
    ("hybrid", Mode::Hybrid),
];

impl<'a> Reader<'a> {
    /// The plan at `pointer`, with defaults in place of what cannot be read.
    pub(super) fn plan(&mut self, value: &'a Value, pointer: &str) -> Option<Plan> {
        let object = self.object(value, pointer, PLAN_KEYS)?;
        self.version(&object);
        self.require(&object, "name");
        self.require(&object, "steps");
        let mode = self.word(&object, "mode", MODES).unwrap_or_default();
        Some(Plan {
            version: 1,
            name: self.text(&object, "name", (1, 255)).unwrap_or_default(),
            description: self.string(&object, "description"),
            reasoning: self.string(&object, "reasoning"),
            request: self.string(&object, "request"),
            mode,
            inputs: self.inputs(&object),
            steps: self.steps(&object, "steps", (1, MAX_STEPS)),
            finally: self.steps(&object, "finally", (0, MAX_FINALLY)),
            outputs: self.outputs(&object),
            constraints: self.constraints(&object, mode),
            invariants: self.invariants(&object),
            retry: self.retry(&object),
            workspace: self.workspace(&object),
            priority: self
                .integer(&object, "priority", (-MAX_INTEGER, MAX_INTEGER))
                .unwrap_or_default(),
            tags: self.strings(&object, "tags").unwrap_or_default(),
            metadata: self.any_object(&object, "metadata"),
        })
    }

    fn version(&mut self, object: &Object<'a>) {
        match object.get("version") {
            None => self.require(object, "version"),
            Some(Value::Number(number)) if number.as_i64() == Some(1) => {}
            Some(Value::Number(number)) => self.error(
                ViolationCode::VersionUnsupported,
                &object.place("version"),
                format!("version {number} of the plan format is not known here: write 1"),
            ),
            Some(other) => self.wrong_type(&object.place("version"), "the number 1", other),
        }
    }

    /// Any object, as it is.
    pub(super) fn any_object(&mut self, object: &Object<'a>, key: &str) -> Map<String, Value> {
        match object.get(key) {
            None => Map::new(),
            Some(Value::Object(map)) => map.clone(),
            Some(other) => {
                self.wrong_type(&object.place(key), "an object", other);
                Map::new()
            }
        }
    }

    pub(super) fn steps(
        &mut self,
        object: &Object<'a>,
        key: &str,
        (least, most): (usize, usize),
    ) -> Vec<Step> {
        let Some((items, place)) = self.list(object, key) else {
            return Vec::new();
        };
        if items.len() < least || items.len() > most {
            let count = items.len();
            let message = format!("`{key}` holds {count} steps: it takes {least} to {most}");
            self.error(ViolationCode::StepCount, &place, message);
        }
        items
            .iter()
            .take(most)
            .enumerate()
            .map(|(index, item)| self.step(item, &child(&place, index)))
            .collect()
    }

    fn inputs(&mut self, object: &Object<'a>) -> BTreeMap<String, Input> {
        let mut inputs = BTreeMap::new();
        let place = object.place("inputs");
        let Some(map) = object.get("inputs").and_then(|v| self.map(v, &place)) else {
            return inputs;
        };
        for name in map.keys() {
            let pointer = child(&place, name);
            if !is_variable_name(name) {
                let message = format!(
                    "`{}` cannot name an input: letters, digits and `_`, no digit first, at most 64",
                    quoted(name)
                );
                let violation = Violation::new(ViolationCode::NameInvalid, &pointer, message);
                self.note_key(violation);
            }
            if let Some(input) = map.get(name).and_then(|v| self.input(v, &pointer)) {
                inputs.insert(name.to_owned(), input);
            }
        }
        inputs
    }

    fn input(&mut self, value: &'a Value, pointer: &str) -> Option<Input> {
        let object = self.map(value, pointer)?;
        // Without what cannot be read, so that the rest of the input is still known.
        let Value::Object(mut readable) = value.clone() else {
            return None;
        };
        match object.get("required") {
            None | Some(Value::Bool(_) | Value::Array(_)) => {}
            Some(other) => {
                readable.remove("required");
                self.wrong_type(&object.place("required"), "true or false", other);
            }
        }
        if object.has("secret") && self.boolean(&object, "secret").is_none() {
            readable.remove("secret");
        }
        Input::try_from(readable).ok()
    }

    fn outputs(&mut self, object: &Object<'a>) -> Option<BTreeMap<String, String>> {
        let place = object.place("outputs");
        let map = self.map(object.get("outputs")?, &place)?;
        let mut outputs = BTreeMap::new();
        for name in map.keys() {
            if let Some(expression) = self.expression(&map, name) {
                outputs.insert(name.to_owned(), expression);
            }
        }
        Some(outputs)
    }

    fn constraints(&mut self, object: &Object<'a>, mode: Mode) -> Constraints {
        const KEYS: &[&str] = &[
            "sequential",
            "max_parallel",
            "max_tool_calls",
            "timeout_ms",
            "forbidden_paths",
            "forbidden_urls",
            "forbidden_commands",
            "allow_unplanned",
            "budget",
        ];
        let mut constraints = Constraints::default();
        let place = object.place("constraints");
        let Some(object) = object
            .get("constraints")
            .and_then(|v| self.object(v, &place, KEYS))
        else {
            return constraints;
        };
        if let Some(sequential) = self.boolean(&object, "sequential") {
            constraints.sequential = sequential;
        }
        if let Some(parallel) = self.integer(&object, "max_parallel", (1, 256)) {
            constraints.max_parallel = u32::try_from(parallel).unwrap_or(1);
        }
        constraints.max_tool_calls = self
            .integer(&object, "max_tool_calls", (1, MAX_TOOL_CALLS as i64))
            .map(i64::unsigned_abs);
        if let Some(limit) = self.integer(&object, "timeout_ms", (1, MAX_INTEGER)) {
            constraints.timeout_ms = limit.unsigned_abs();
        }
        for (key, into) in [
            ("forbidden_paths", &mut constraints.forbidden_paths),
            ("forbidden_urls", &mut constraints.forbidden_urls),
            ("forbidden_commands", &mut constraints.forbidden_commands),
        ] {
            *into = self.patterns(&object, key).unwrap_or_default();
        }
        if let Some(allow) = self.boolean(&object, "allow_unplanned") {
            constraints.allow_unplanned = allow;
            if allow && mode != Mode::Agent {
                let message = "`allow_unplanned` holds in `mode: agent` only";
                let place = object.place("allow_unplanned");
                self.error(ViolationCode::KeyConflict, &place, message);
            }
        }
        constraints.budget = self.budget(&object);
        constraints
    }

    fn budget(&mut self, object: &Object<'a>) -> Option<Budget> {
        let place = object.place("budget");
        let budget = self.object(object.get("budget")?, &place, &["model_tokens", "cost_usd"])?;
        Some(Budget {
            model_tokens: self
                .integer(&budget, "model_tokens", (1, MAX_INTEGER))
                .map(i64::unsigned_abs),
            cost_usd: self.number(&budget, "cost_usd", (0.0, f64::INFINITY)),
        })
    }

    fn invariants(&mut self, object: &Object<'a>) -> Vec<Invariant> {
        const ACTIONS: &[(&str, OnViolation)] =
            &[("halt", OnViolation::Halt), ("ask", OnViolation::Ask)];
        let Some((items, place)) = self.list(object, "invariants") else {
            return Vec::new();
        };
        let mut invariants: Vec<Invariant> = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let pointer = child(&place, index);
            let object = self.object(item, &pointer, &["id", "check", "on_violation"]);
            let mut invariant = Invariant {
                id: String::new(),
                check: String::new(),
                on_violation: OnViolation::Halt,
            };
            if let Some(object) = object {
                self.require(&object, "id");
                self.require(&object, "check");
                if let Some(id) = self.string(&object, "id") {
                    self.invariant_id(&object, &id, &invariants);
                    invariant.id = id;
                }
                invariant.check = self.expression(&object, "check").unwrap_or_default();
                invariant.on_violation = self
                    .word(&object, "on_violation", ACTIONS)
                    .unwrap_or_default();
            }
            invariants.push(invariant);
        }
        invariants
    }

    fn invariant_id(&mut self, object: &Object<'a>, id: &str, above: &[Invariant]) {
        let place = object.place("id");
        if !super::names::has_id_form(id) {
            let message = format!(
                "`{}` cannot name an invariant: a lower-case letter, then lower-case letters, digits and `_`, at most 64",
                quoted(id)
            );
            self.error(ViolationCode::NameInvalid, &place, message);
        } else if above.iter().any(|other| other.id == id) {
            let message = format!("another invariant is named `{id}` already");
            self.error(ViolationCode::NameInvalid, &place, message);
        }
    }

    fn workspace(&mut self, object: &Object<'a>) -> Option<Workspace> {
        const APPLY: &[(&str, ApplyMode)] = &[
            ("review", ApplyMode::Review),
            ("auto", ApplyMode::Auto),
            ("discard", ApplyMode::Discard),
        ];
        let place = object.place("workspace");
        let workspace = self.object(object.get("workspace")?, &place, &["source", "apply"])?;
        self.require(&workspace, "source");
        Some(Workspace {
            source: self
                .text(&workspace, "source", (1, 4096))
                .unwrap_or_default(),
            apply: self.word(&workspace, "apply", APPLY).unwrap_or_default(),
        })
    }

    /// A violation for a list that must not be empty.
    pub(super) fn not_empty(&mut self, items: &[Value], pointer: &str) {
        if items.is_empty() {
            let message = format!("{} must not be empty", label(pointer));
            self.error(ViolationCode::ValueOutOfRange, pointer, message);
        }
    }
}

fn is_variable_name(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
