//! The static analysis: the worst labels of every call of a plan, before anything runs, and the ways by which untrusted
//! values reach sinks.

mod trail;

use super::{
    CallSources, Here, Origins, Part, RUN,
    call::Told,
    join, may_write_untrusted, of_args, of_call, of_hole,
    pointer::{dotted, member, within},
};
use crate::{
    Purpose,
    argument_rules::RuleSet,
    flow::{CallFlow, FlowCode, FlowPath, SinkFlow, SinkKind},
    labels::{Label, Labels},
    planned::Planned,
    resources::{Found, ResourceKind},
};
use mandate_plan::{CheckedStep, Facts, ToolLookup, expr::References};
use serde_json::Value;
use std::{borrow::Cow, collections::BTreeMap};
use trail::{Node, Trails, fixes_host};

/// What is known of one step's values.
#[derive(Debug, Default)]
struct Known {
    args: Labels,
    call: Labels,
    output: Labels,
    /// How its arguments, and its output, became untrusted.
    args_way: Option<Node>,
    call_way: Option<Node>,
    output_way: Option<Node>,
}

/// One plan: the outermost, or one that a step holds.
#[derive(Debug, Default)]
struct Level {
    steps: BTreeMap<String, Known>,
    inputs: BTreeMap<String, (Labels, Option<Node>)>,
    /// The step in whose place a fallback step runs.
    owners: BTreeMap<String, String>,
    /// How something untrusted may have got into a file.
    files_way: Option<Node>,
}

impl Origins for Level {
    fn input(&self, name: Option<&str>) -> Cow<'_, Labels> {
        match name {
            Some(name) => match self.inputs.get(name) {
                Some((labels, _)) => Cow::Borrowed(labels),
                None => Cow::Owned(Labels::from_iter([Label::Input])),
            },
            None => {
                let mut all = Labels::from_iter([Label::Input]);
                for (labels, _) in self.inputs.values() {
                    all.join(labels);
                }
                Cow::Owned(all)
            }
        }
    }

    fn step(&self, id: &str, part: Part) -> Option<&Labels> {
        let known = self.steps.get(id)?;
        Some(match part {
            Part::Output => &known.output,
            Part::Args => &known.args,
            Part::Error => &known.call,
        })
    }

    fn files_untrusted(&self) -> bool {
        self.files_way.is_some()
    }
}

/// A plan that is being followed, call by call in the order of the document.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    /// By the prefix of the step ids.
    levels: BTreeMap<String, Level>,
    trails: Trails,
    paths: Vec<FlowPath>,
}

/// What is known of a call before the plan runs.
pub(crate) struct Forecast<'a> {
    pub(crate) allow: Option<&'a RuleSet>,
    pub(crate) args: &'a Value,
    pub(crate) found: &'a [Found],
    pub(crate) facts: Facts,
}

/// Begins at a plan whose inputs have these labels; what is not named is the execution's own input.
pub(crate) fn survey(inputs: &BTreeMap<String, Labels>) -> Survey {
    let mut survey = Survey::default();
    let mut top = Level::default();
    for (name, labels) in inputs {
        let way = labels
            .untrusted()
            .then(|| survey.trails.begin(format!("inputs.{name}")));
        top.inputs.insert(name.clone(), (labels.clone(), way));
    }
    survey.levels.insert(String::new(), top);
    survey
}

impl Survey {
    /// The ways by which untrusted values reach sinks and decisions, in the order of the document.
    pub(crate) fn into_paths(self) -> Vec<FlowPath> {
        self.paths
    }

    /// The worst that flows into the next call.
    pub(crate) fn call(
        &mut self,
        planned: &Planned<'_>,
        forecast: &Forecast<'_>,
        tools: &dyn ToolLookup,
    ) -> CallFlow {
        let (prefix, _) = split(&planned.id);
        let sources = CallSources::new(planned, forecast.allow, tools);
        let run = planned.purpose == Purpose::Run;
        if run {
            self.note_step(prefix, planned.step, &sources, forecast.facts);
        }
        let told = Told {
            confirmed: run && planned.step.step.confirm,
            effect: !forecast.facts.read_only(),
            agent_untrusted: true,
            // That is known when it has happened.
            agent_suspicious: false,
        };
        let Some(level) = self.levels.get(prefix) else {
            return CallFlow::default();
        };
        let flow = sources.flow(level, forecast.args, forecast.found, told);
        for sink in flow.sinks.iter().filter(|sink| sink.labels.untrusted()) {
            self.note_sink(prefix, planned, &sources, sink, forecast.allow);
        }
        if flow.untrusted_control {
            self.note_control(prefix, planned, &sources);
        }
        flow
    }

    /// Works out the labels of what a step gives.
    fn note_step(&mut self, prefix: &str, step: &CheckedStep, sources: &CallSources, facts: Facts) {
        let id = &step.step.id;
        let here = Here::of(step);
        let place = format!("{prefix}{id}");
        let Some(level) = self.levels.get(prefix) else {
            return;
        };
        let files_way = level.files_way;
        let args = of_args(step, level);
        let call = of_call(step, &args, facts, level);
        let args_way = args.untrusted().then(|| {
            let hole = sources.holes().iter().find_map(|hole| {
                let from = way(level, prefix, &hole.references, here, &mut self.trails)?;
                let text = format!("{place}.args.{}", dotted(&hole.pointer));
                Some(self.trails.follow(from, text))
            });
            hole.unwrap_or_else(|| self.trails.begin(format!("{place}.args")))
        });
        let call_way = call.untrusted().then(|| {
            let text = format!("{place}.output");
            let asks = step.step.tool == super::ASK;
            let by_args = args_way.filter(|_| !facts.open_world || asks);
            let by_files = files_way.filter(|_| !facts.open_world);
            match by_args.or(by_files) {
                Some(from) => self.trails.follow(from, text),
                None => self.trails.begin(text),
            }
        });
        let child = step.child.as_ref().filter(|_| step.step.tool == RUN);
        let child = child.map(|child| {
            let mut inner = Level {
                files_way,
                ..Level::default()
            };
            for name in child.plan().inputs.keys() {
                inner
                    .inputs
                    .insert(name.clone(), self.passed_on(prefix, step, name));
            }
            inner
        });
        let known = Known {
            output: call.clone(),
            output_way: call_way,
            args,
            call,
            args_way,
            call_way,
        };
        let Some(level) = self.levels.get_mut(prefix) else {
            return;
        };
        if let Some(owner) = level.owners.get(id)
            && let Some(owned) = level.steps.get_mut(owner)
        {
            // What ran in its place may be what it gives.
            owned.output.join(&known.output);
            if owned.output_way.is_none()
                && let Some(from) = known.output_way
            {
                let text = format!("{prefix}{owner}.output");
                owned.output_way = Some(self.trails.follow(from, text));
            }
        }
        if may_write_untrusted(step, &known.args, facts) && level.files_way.is_none() {
            level.files_way = known.args_way.or(known.call_way);
        }
        level.steps.insert(id.clone(), known);
        for fallback in &step.fallback {
            level.owners.insert(fallback.step.id.clone(), id.clone());
        }
        if let Some(inner) = child {
            self.levels.insert(format!("{place}/"), inner);
        }
    }

    /// The labels of an input that a step passes on to the plan that it holds.
    fn passed_on(
        &mut self,
        prefix: &str,
        step: &CheckedStep,
        name: &str,
    ) -> (Labels, Option<Node>) {
        let pointer = member("/inputs", name);
        let here = Here::of(step);
        let mut labels = Labels::default();
        let mut from = None;
        let Some(level) = self.levels.get(prefix) else {
            return (labels, from);
        };
        for hole in step.args.hole_references().iter() {
            if !within(&pointer, &hole.pointer) && !within(&hole.pointer, &pointer) {
                continue;
            }
            let of_hole = of_hole(hole, here, level);
            if of_hole.untrusted() && from.is_none() {
                let source = way(level, prefix, &hole.references, here, &mut self.trails);
                from = source.map(|source| {
                    let text = format!("{prefix}{}.args.{}", step.step.id, dotted(&pointer));
                    let passed = self.trails.follow(source, text);
                    let text = format!("{prefix}{}/inputs.{name}", step.step.id);
                    self.trails.follow(passed, text)
                });
            }
            labels.join(&of_hole);
        }
        if labels.is_empty() {
            labels.insert(Label::Plan);
        }
        (labels, from)
    }

    fn note_sink(
        &mut self,
        prefix: &str,
        planned: &Planned<'_>,
        sources: &CallSources,
        sink: &SinkFlow,
        allow: Option<&RuleSet>,
    ) {
        let Some(level) = self.levels.get(prefix) else {
            return;
        };
        let here = Here::of(planned.step);
        let at = |hole: &str| within(&sink.pointer, hole) || within(hole, &sink.pointer);
        let holes = || sources.holes().iter().filter(|hole| at(&hole.pointer));
        let from =
            holes().find_map(|hole| way(level, prefix, &hole.references, here, &mut self.trails));
        let word = match planned.purpose {
            Purpose::Run => "args",
            Purpose::Compensate => "compensate.args",
        };
        let text = format!("{}.{word}.{}", planned.id, dotted(&sink.pointer));
        let end = match from {
            Some(from) => self.trails.follow(from, text),
            None => self.trails.begin(text),
        };
        let limited = allow.is_some_and(|allow| allow.limits(ResourceKind::Url));
        let open =
            sink.kind == SinkKind::Url && !limited && holes().any(|hole| !fixes_host(&hole.prefix));
        self.paths.push(FlowPath {
            step: planned.id.clone(),
            purpose: planned.purpose,
            code: FlowCode::UntrustedSink,
            argument: Some(sink.pointer.clone()),
            kind: Some(sink.kind),
            path: self.trails.path(end),
            labels: sink.labels.clone(),
            endorsed: sink.endorsed,
            any_host: open,
        });
    }

    fn note_control(&mut self, prefix: &str, planned: &Planned<'_>, sources: &CallSources) {
        let Some(level) = self.levels.get(prefix) else {
            return;
        };
        let here = Here {
            each: None,
            ..Here::of(planned.step)
        };
        for (word, expr) in sources.condition_and_each() {
            let mut labels = Labels::default();
            join(expr.references(), here, level, &mut labels);
            if !labels.untrusted() {
                continue;
            }
            let text = format!("{}.{word}", planned.id);
            let end = match way(level, prefix, expr.references(), here, &mut self.trails) {
                Some(from) => self.trails.follow(from, text),
                None => self.trails.begin(text),
            };
            self.paths.push(FlowPath {
                step: planned.id.clone(),
                purpose: planned.purpose,
                code: FlowCode::UntrustedControl,
                argument: None,
                kind: None,
                path: self.trails.path(end),
                labels,
                endorsed: false,
                any_host: false,
            });
        }
    }
}

/// How the first untrusted value got where an expression reads it.
fn way(
    level: &Level,
    prefix: &str,
    references: &References,
    here: Here<'_>,
    trails: &mut Trails,
) -> Option<Node> {
    references
        .paths
        .iter()
        .find_map(|path| way_of(level, prefix, path, here, trails))
}

fn way_of(
    level: &Level,
    prefix: &str,
    path: &[String],
    here: Here<'_>,
    trails: &mut Trails,
) -> Option<Node> {
    let mut names = path.iter().map(String::as_str);
    let (first, second, third) = (names.next()?, names.next(), names.next());
    let (id, field) = match (first, second, third) {
        ("steps", Some(id), field) => (id, field),
        ("output" | "args", ..) => (here.step, Some(first)),
        ("inputs", Some(name), _) => return level.inputs.get(name)?.1,
        ("inputs", None, _) => return level.inputs.values().find_map(|(_, way)| *way),
        ("item", ..) => {
            let outside = Here { each: None, ..here };
            let from = way(level, prefix, here.each?, outside, trails)?;
            return Some(trails.follow(from, format!("{prefix}{}.item", here.step)));
        }
        _ => return None,
    };
    let known = level.steps.get(id)?;
    let (found, word) = match field {
        Some("output") => (known.output_way, "output"),
        Some("args") => (known.args_way, "args"),
        Some("error" | "errors") => (known.call_way, "error"),
        None => (known.output_way.or(known.call_way).or(known.args_way), ""),
        Some(_) => (None, ""),
    };
    let found = found?;
    // The same place, as exactly as the expression names it.
    Some(match (first, word) {
        ("steps", "output" | "error") => {
            let text = format!("{prefix}{}", path.get(1..).unwrap_or_default().join("."));
            trails.instead(found, text)
        }
        _ => found,
    })
}

/// The id of a step within a nested plan, taken apart.
fn split(id: &str) -> (&str, &str) {
    match id.rfind('/') {
        Some(at) => id.split_at(at.saturating_add(1)),
        None => ("", id),
    }
}
