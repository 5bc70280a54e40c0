//! Compiles expressions, resolves edges, looks at tools and makes the checked plan.

use super::{
    arguments::Schemas,
    call::Call,
    calls::max_tool_calls,
    effects,
    ids::{Asks, Ids, Place, fallbacks},
    reader::Reader,
    references::{Edges, Variables},
};
use crate::{
    CheckedPlan, CheckedStep, Digest, ToolLookup, Violation, ViolationCode,
    checked::CheckedInvariant,
    document::child,
    expr::{Expr, Hidden, References},
    model::{FailureAction, OnFailure, Plan, Retry, Step},
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// What is known of the plan as a whole while its parts are checked.
pub(super) struct Facts<'p> {
    pub(super) plan: &'p Plan,
    pub(super) ids: Ids,
    pub(super) secret_inputs: BTreeSet<String>,
    pub(super) hidden: Hidden,
    /// This plan's place among plans within plans, from 1.
    pub(super) depth: usize,
}

pub(super) struct Assembler<'r, 'a, 'p> {
    pub(super) reader: &'r mut Reader<'a>,
    pub(super) facts: Facts<'p>,
    base: &'p str,
    pub(super) tools: Option<&'p dyn ToolLookup>,
    pub(super) schemas: Schemas,
}

/// A checked plan but for the plan itself.
pub(super) struct Parts {
    canonical: Vec<u8>,
    steps: Vec<CheckedStep>,
    finally: Vec<CheckedStep>,
    outputs: Option<BTreeMap<String, Expr>>,
    invariants: Vec<CheckedInvariant>,
    max_tool_calls: u64,
}

impl Parts {
    pub(super) fn with(self, plan: Plan) -> CheckedPlan {
        let fallback = self.steps.iter().flat_map(|step| &step.fallback);
        let positions = self
            .steps
            .iter()
            .chain(fallback)
            .chain(&self.finally)
            .map(|step| (step.step.id.clone(), step.index))
            .collect();
        CheckedPlan {
            hash: Digest::of(&self.canonical),
            plan,
            canonical: self.canonical,
            steps: self.steps,
            finally: self.finally,
            outputs: self.outputs,
            invariants: self.invariants,
            max_tool_calls: self.max_tool_calls,
            positions,
        }
    }
}

/// What the plan's steps declare as sensitive. Outputs of fallback steps are read as the failed step's.
fn hidden(plan: &Plan) -> Hidden {
    let steps = plan.steps.iter().chain(&plan.finally);
    Hidden::new(steps.map(|step| (step.id.clone(), step.sensitive.clone())))
}

impl<'r, 'a, 'p> Assembler<'r, 'a, 'p> {
    pub(super) fn new(
        reader: &'r mut Reader<'a>,
        plan: &'p Plan,
        base: &'p str,
        tools: Option<&'p dyn ToolLookup>,
        depth: usize,
    ) -> Self {
        let ids = Ids::collect(reader, plan, base);
        let secret_inputs = plan
            .inputs
            .iter()
            .filter(|(_, input)| input.secret)
            .map(|(name, _)| name.clone())
            .collect();
        Self {
            reader,
            facts: Facts {
                plan,
                ids,
                secret_inputs,
                hidden: hidden(plan),
                depth,
            },
            base,
            tools,
            schemas: Schemas::default(),
        }
    }

    pub(super) fn assemble(mut self, canonical: Vec<u8>) -> Parts {
        let (plan, base) = (self.facts.plan, self.base);
        self.reader.input_declarations(plan, base);
        let mut steps = Vec::with_capacity(plan.steps.len());
        let mut number = plan.steps.len();
        for (index, step) in plan.steps.iter().enumerate() {
            let pointer = format!("{base}/steps/{index}");
            let checked = self.step(step, &pointer, Place::Top(index), index);
            let mut fallback = Vec::new();
            for (place, below, step) in fallbacks(step, index) {
                let pointer = format!("{pointer}{below}");
                self.not_nested(step, &pointer);
                fallback.extend(self.step(step, &pointer, place, number));
                number += 1;
            }
            steps.extend(checked.map(|checked| CheckedStep {
                fallback,
                ..checked
            }));
        }
        let mut finally = Vec::with_capacity(plan.finally.len());
        for (index, step) in plan.finally.iter().enumerate() {
            let pointer = format!("{base}/finally/{index}");
            self.fit_for_finally(step, &pointer);
            finally.extend(self.step(step, &pointer, Place::Finally(index), number));
            number += 1;
        }
        let outputs = self.outputs();
        let invariants = self.invariants();
        if let Some(tools) = self.tools
            && steps.len() == plan.steps.len()
        {
            effects::unordered(self.reader, plan, base, &steps, tools);
        }
        let all = steps
            .iter()
            .chain(steps.iter().flat_map(|step| &step.fallback))
            .chain(&finally);
        let max_tool_calls = max_tool_calls(plan, all);
        Parts {
            canonical,
            steps,
            finally,
            outputs,
            invariants,
            max_tool_calls,
        }
    }

    fn outputs(&mut self) -> Option<BTreeMap<String, Expr>> {
        let declared = self.facts.plan.outputs.as_ref()?;
        let mut outputs = BTreeMap::new();
        for (name, source) in declared {
            let pointer = child(&format!("{}/outputs", self.base), name);
            let place = format!("outputs.{name}");
            outputs.extend(
                self.of_plan(source, &pointer, &place)
                    .map(|expr| (name.clone(), expr)),
            );
        }
        Some(outputs)
    }

    fn invariants(&mut self) -> Vec<CheckedInvariant> {
        let mut checked = Vec::new();
        for (index, invariant) in self.facts.plan.invariants.iter().enumerate() {
            let pointer = format!("{}/invariants/{index}/check", self.base);
            let place = format!("invariants.{}", invariant.id);
            checked.extend(
                self.of_plan(&invariant.check, &pointer, &place)
                    .map(|check| CheckedInvariant {
                        id: invariant.id.clone(),
                        check,
                        on_violation: invariant.on_violation,
                    }),
            );
        }
        checked
    }

    /// An expression that belongs to no step.
    fn of_plan(&mut self, source: &str, pointer: &str, place: &str) -> Option<Expr> {
        let expr = self.expression(source, pointer, place)?;
        let variables = Variables {
            no_item: "it belongs to one step",
            ..Variables::default()
        };
        self.refer(
            expr.references(),
            pointer,
            Place::Plan,
            variables,
            &mut Edges::default(),
        );
        self.reader
            .sensitive_reads(expr.references(), pointer, &self.facts, None, None);
        Some(expr)
    }

    fn expression(&mut self, source: &str, pointer: &str, place: &str) -> Option<Expr> {
        // Where a string was expected and something else stood there, that was noted.
        if !self.reader.value_at(pointer).is_some_and(Value::is_string) {
            return None;
        }
        if !self.reader.afford_expression(pointer, source.len()) {
            return None;
        }
        match Expr::compile(source, place) {
            Ok(expr) => Some(expr),
            Err(problems) => {
                for problem in problems {
                    let violation = Violation::new(problem.code, pointer, problem.message);
                    self.reader.note(violation.suggest(problem.suggestion));
                }
                None
            }
        }
    }

    pub(super) fn refer(
        &mut self,
        references: &References,
        pointer: &str,
        from: Place,
        variables: Variables,
        edges: &mut Edges,
    ) {
        self.reader
            .references(references, pointer, &self.facts, from, variables, edges);
    }

    fn step(&mut self, step: &Step, pointer: &str, at: Place, index: usize) -> Option<CheckedStep> {
        let mut edges = Edges::default();
        self.named_edges(step, pointer, at, &mut edges);
        let end = matches!(at, Place::Finally(_));
        let before_items = Variables {
            no_item: "`if` and `in` are evaluated once, before the items",
            end,
            ..Variables::default()
        };
        let in_step = Variables {
            item: step.for_each.is_some(),
            no_item: "the step has no `for_each`",
            end,
            ..Variables::default()
        };
        let after_call = Variables {
            answer: true,
            ..in_step
        };
        let bare = |source: Option<&str>, key: &str, variables| {
            source.map(|source| (source.to_owned(), key.to_owned(), variables))
        };
        let for_each = step.for_each.as_ref().map(|each| each.items.as_str());
        let mut compiled = [
            bare(step.condition.as_deref(), "if", before_items),
            bare(for_each, "for_each/in", before_items),
            bare(step.expect.as_deref(), "expect", after_call),
        ]
        .map(|bare| {
            let (source, key, variables) = bare?;
            let pointer = format!("{pointer}/{key}");
            let place = format!("steps.{}.{}", step.id, key.replace('/', "."));
            let expr = self.expression(&source, &pointer, &place)?;
            self.refer(expr.references(), &pointer, at, variables, &mut edges);
            self.reader
                .sensitive_reads(expr.references(), &pointer, &self.facts, None, Some(step));
            Some(expr)
        })
        .into_iter();
        let (condition, for_each, expect) = (
            compiled.next().flatten(),
            compiled.next().flatten(),
            compiled.next().flatten(),
        );
        let child = self
            .reader
            .nested_plan(step, pointer, &self.facts, self.tools);
        let args = self.call(
            &Call {
                tool: &step.tool,
                args: &step.args,
                pointer: format!("{pointer}/args"),
                place: format!("steps.{}.args", step.id),
            },
            step,
            (at, in_step),
            &mut edges,
        );
        let compensate = step.compensate.as_ref().map(|undo| {
            let call = Call {
                tool: &undo.tool,
                args: &undo.args,
                pointer: format!("{pointer}/compensate/args"),
                place: format!("steps.{}.compensate.args", step.id),
            };
            let template = self.call(&call, step, (at, after_call), &mut edges)?;
            Some((undo.tool.clone(), template))
        });
        let by_name = |id: &String| {
            let number = self.facts.ids.resolve(id, at, Asks::Settled).ok()?;
            Some((id.clone(), number))
        };
        let condition_references = condition.as_ref().map(Expr::references);
        let relaxed = condition_references
            .into_iter()
            .flat_map(|references| references.status.iter().filter_map(by_name))
            .collect();
        let (order, needs) = edges.relaxed(condition_references, &relaxed);
        let mut written = step.clone();
        if matches!(at, Place::Finally(_)) {
            written.on_failure = OnFailure::Action(FailureAction::Skip);
        }
        Some(CheckedStep {
            index,
            retry: self.effective_retry(step),
            step: Arc::new(written),
            order: order.into_iter().collect(),
            needs,
            condition,
            for_each,
            expect,
            args: args?,
            fallback: Vec::new(),
            compensate: match compensate {
                Some(undo) => Some(undo?),
                None => None,
            },
            child,
        })
    }

    /// `after` and `depends_on`.
    fn named_edges(&mut self, step: &Step, pointer: &str, at: Place, edges: &mut Edges) {
        match (&step.after, at) {
            // Fallback and finally steps run one after the other anyway.
            (None, Place::Top(index)) => edges.order.extend(0..index),
            (None, _) => {}
            (Some(after), _) => {
                let pointer = format!("{pointer}/after");
                let found = self.named(after, &pointer, at, Asks::Settled);
                edges.order.extend(found);
            }
        }
        let pointer = format!("{pointer}/depends_on");
        let found = self.named(&step.depends_on, &pointer, at, Asks::Success);
        edges.needs.extend(found);
    }

    fn named(&mut self, ids: &[String], pointer: &str, at: Place, asks: Asks) -> Vec<usize> {
        let mut found = Vec::with_capacity(ids.len());
        for (nth, id) in ids.iter().enumerate() {
            let place = child(pointer, nth);
            if !self.reader.value_at(&place).is_some_and(Value::is_string) {
                continue;
            }
            match self.facts.ids.resolve(id, at, asks) {
                Ok(number) => found.push(number),
                Err(unresolved) => self.reader.unresolved(&place, unresolved),
            }
        }
        found
    }

    fn effective_retry(&self, step: &Step) -> Retry {
        let policy = step.retry.as_ref().or(self.facts.plan.retry.as_ref());
        if let Some(policy) = policy {
            return policy.clone();
        }
        match &step.on_failure {
            OnFailure::Action(FailureAction::Retry) => Retry::THREE_TIMES,
            OnFailure::Action(_) => Retry::ONCE,
            OnFailure::ByCode(rules) => {
                let retried: Vec<_> = rules
                    .iter()
                    .filter(|rule| rule.action == FailureAction::Retry)
                    .flat_map(|rule| rule.codes.iter().copied())
                    .collect();
                if retried.is_empty() {
                    Retry::ONCE
                } else {
                    Retry {
                        retry_on: retried,
                        ..Retry::THREE_TIMES
                    }
                }
            }
        }
    }

    fn not_nested(&mut self, step: &Step, pointer: &str) {
        let nested = |action: &FailureAction| matches!(action, FailureAction::Fallback(_));
        if step.on_failure.actions().any(nested) {
            let place = format!("{pointer}/on_failure");
            let message = "a fallback step has no fallback of its own";
            self.reader
                .error(ViolationCode::FallbackNested, &place, message);
        }
    }

    fn fit_for_finally(&mut self, step: &Step, pointer: &str) {
        let on_failure = format!("{pointer}/on_failure");
        let said = self.reader.value_at(&on_failure);
        if said.is_some() && step.on_failure != OnFailure::Action(FailureAction::Skip) {
            let message = "a step under `finally` takes `on_failure: skip` only";
            self.reader
                .error(ViolationCode::FinallyInvalid, &on_failure, message);
        }
        if step.compensate.is_some() {
            let place = format!("{pointer}/compensate");
            let message =
                "a step under `finally` runs after all compensation: it has no `compensate`";
            self.reader
                .error(ViolationCode::FinallyInvalid, &place, message);
        }
    }
}
