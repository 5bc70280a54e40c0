//! One call that a step makes: its tool, and the strings and values of its arguments.

use super::{
    arguments::templates_in,
    assemble::Assembler,
    ids::Place,
    nested,
    references::{Edges, Variables},
};
use crate::{
    Violation, ViolationCode,
    document::child,
    expr::{Template, limits::MAX_SOURCE_BYTES},
    model::{Mode, Step},
};
use serde_json::{Map, Value};

/// The arguments of a call while they are checked.
pub(super) struct Call<'s> {
    pub(super) tool: &'s str,
    pub(super) args: &'s Map<String, Value>,
    /// The pointer of the arguments.
    pub(super) pointer: String,
    /// How messages name the place.
    pub(super) place: String,
}

impl Assembler<'_, '_, '_> {
    /// A tool and its arguments: the step's own, or those of `compensate`.
    pub(super) fn call(
        &mut self,
        call: &Call<'_>,
        step: &Step,
        (at, variables): (Place, Variables),
        edges: &mut Edges,
    ) -> Option<Template> {
        let holds_child = nested::holds_child(step) && !variables.answer;
        let opaque: &[&str] = if holds_child { &["plan"] } else { &[] };
        let tool_pointer = call.pointer.strip_suffix("/args").unwrap_or_default();
        let known_tool = super::names::has_tool_form(call.tool)
            && self.tools.is_some_and(|tools| {
                let place = format!("{tool_pointer}/tool");
                self.reader.tool_exists(call.tool, &place, tools)
            });
        self.called_outside(call, tool_pointer, (at, variables));
        // Each string by itself, also where another one cannot be compiled.
        let mut affordable = true;
        for (key, value) in call
            .args
            .iter()
            .filter(|(key, _)| !opaque.contains(&key.as_str()))
        {
            let mut strings = Vec::new();
            templates_in(value, &child(&call.pointer, key), &mut strings);
            for pointer in strings {
                affordable = affordable
                    && self
                        .string(call, &pointer, step, (at, variables), edges)
                        .is_some();
            }
        }
        if !affordable {
            return None;
        }
        let hidden = match variables.answer {
            true => self.facts.hidden.within(&step.id),
            false => self.facts.hidden.clone(),
        };
        let compiled = Template::compile_except(
            &Value::Object(call.args.clone()),
            &call.place,
            &self.facts.secret_inputs,
            opaque,
            &hidden,
        );
        let template = match compiled {
            Ok(template) => template,
            Err(problems) => {
                for (below, problem) in problems {
                    let place = format!("{}{below}", call.pointer);
                    let violation = Violation::new(problem.code, place, problem.message);
                    self.reader.note(violation.suggest(problem.suggestion));
                }
                return None;
            }
        };
        if let Some(tools) = self.tools.filter(|_| known_tool) {
            let open: Vec<&str> = match variables.answer {
                true => Vec::new(),
                false => step.open_args(self.facts.plan.mode).collect(),
            };
            self.reader.arguments(
                call.tool,
                &template,
                &call.pointer,
                tools,
                &mut self.schemas,
                &open,
            );
        }
        Some(template)
    }

    /// Whether somebody outside calls the tool.
    fn is_external(&self, tool: &str) -> bool {
        let spec = self.tools.and_then(|tools| tools.spec(tool));
        spec.is_some_and(|spec| spec.external)
    }

    /// Notes a tool that somebody outside calls where nobody outside is who could.
    fn called_outside(
        &mut self,
        call: &Call<'_>,
        tool_pointer: &str,
        (at, variables): (Place, Variables),
    ) {
        if !self.is_external(call.tool) {
            return;
        }
        let why = if self.facts.depth > 1 {
            "a nested plan is run by the engine"
        } else if self.facts.plan.mode != Mode::Agent {
            "the engine runs the steps of this plan"
        } else if variables.answer {
            "what undoes a step is called by the engine"
        } else if matches!(at, Place::Finally(_)) {
            "the engine runs the steps under `finally`"
        } else {
            return;
        };
        let message = format!("`{}` is called by somebody outside, and {why}", call.tool);
        let place = format!("{tool_pointer}/tool");
        self.reader
            .error(ViolationCode::ToolExternal, &place, message);
    }

    /// One string of the arguments alone, so that what is wrong with it is reported at its place. `None`: there are too
    /// many of them.
    fn string(
        &mut self,
        call: &Call<'_>,
        pointer: &str,
        step: &Step,
        (at, variables): (Place, Variables),
        edges: &mut Edges,
    ) -> Option<()> {
        let Some(Value::String(text)) = self.reader.value_at(pointer) else {
            return Some(());
        };
        if !self.reader.afford_expression(pointer, source_bytes(text)) {
            return None;
        }
        let alone = Value::Array(vec![Value::String(text.clone())]);
        // What cannot be compiled is reported for the arguments as a whole.
        let Ok(template) = Template::compile(&alone, &call.place, &self.facts.secret_inputs) else {
            return Some(());
        };
        let references = template.references();
        self.refer(references, pointer, at, variables, edges);
        self.reader.secrets_for(call.tool, pointer, &template);
        // What is kept in memory here alone cannot be handed to somebody outside.
        let whole = (!self.is_external(call.tool)).then_some((call.tool, text.as_str()));
        self.reader.sensitive_reads(
            references,
            pointer,
            &self.facts,
            whole,
            variables.answer.then_some(step),
        );
        Some(())
    }
}

/// How much of a string can be expressions.
fn source_bytes(text: &str) -> usize {
    text.len()
        .min(text.matches("${").count() * MAX_SOURCE_BYTES)
}
