//! Where values come from: labels through references, templates, expressions and calls.
//!
//! One set of rules serves both askers. Before a plan runs, [`survey`] follows its edges over the worst that every call
//! may be; just before a call, the engine's state answers what really happened. What decides only whether a step runs
//! leaves no label on its output; that such a decision is untrusted is reported by itself.

mod call;
mod pointer;
mod sinks;
mod survey;

pub(crate) use call::{CallSources, Told};
pub(crate) use survey::{Forecast, Survey, survey};

use crate::{
    labels::{Label, Labels},
    turn::Turn,
};
use mandate_plan::{
    CheckedStep, Effect, Facts,
    expr::{Hole, References},
};
use std::{borrow::Cow, collections::BTreeMap};

/// The tool whose output is what a human says.
const ASK: &str = "human.ask";
/// The tool that runs a plan.
const RUN: &str = "plan.run";
/// The server whose tools read files.
const FILES: &str = "fs";
/// Arguments of a question that what is answered does not come from: a human read them, and wrote something else.
const ONLY_READ: &[&str] = &["question", "context", "approvers", "expires_ms"];

/// What of a step an expression reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Its output.
    Output,
    /// Its resolved arguments.
    Args,
    /// Its error, or those of its items: the message is the tool's.
    Error,
}

/// Who knows where the values come from that a plan's expressions read.
pub trait Origins {
    /// The labels of an input, or of all of them.
    fn input(&self, name: Option<&str>) -> Cow<'_, Labels>;

    /// The labels of a part of a step. None: nothing is known, which counts as untrusted.
    fn step(&self, id: &str, part: Part) -> Option<&Labels>;

    /// Whether a call before this one was handed something untrusted and may have written it to a file.
    fn files_untrusted(&self) -> bool {
        false
    }
}

/// Where an expression stands.
#[derive(Debug, Clone, Copy)]
pub struct Here<'a> {
    /// Its step.
    pub step: &'a str,
    /// What the step's `for_each.in` refers to, whose elements are `item`.
    pub each: Option<&'a References>,
}

impl<'a> Here<'a> {
    /// In a step.
    pub fn of(step: &'a CheckedStep) -> Self {
        Self {
            step: &step.step.id,
            each: step.for_each.as_ref().map(|each| each.references()),
        }
    }
}

/// The labels of an input. Where a parent's step passed inputs on, what it did not name is a literal of the plan: its default.
pub fn of_input<'a>(
    passed: Option<&'a BTreeMap<String, Labels>>,
    name: Option<&str>,
) -> Cow<'a, Labels> {
    match (passed, name) {
        (None, _) => Cow::Owned(Labels::from_iter([Label::Input])),
        (Some(passed), Some(name)) => match passed.get(name) {
            Some(labels) => Cow::Borrowed(labels),
            None => Cow::Owned(Labels::from_iter([Label::Plan])),
        },
        (Some(passed), None) => {
            let mut all = Labels::from_iter([Label::Plan]);
            for labels in passed.values() {
                all.join(labels);
            }
            Cow::Owned(all)
        }
    }
}

/// The labels of the inputs that a step passes on to the plan that it holds.
pub fn of_inputs(step: &CheckedStep, origins: &dyn Origins) -> BTreeMap<String, Labels> {
    let child = step.child.iter();
    let names = child.flat_map(|child| child.plan().inputs.keys());
    let labels = |name: &String| {
        let pointer = pointer::member("/inputs", name);
        let mut labels = Labels::default();
        for hole in holes_at(step, &pointer) {
            labels.join(&of_hole(hole, Here::of(step), origins));
        }
        if labels.is_empty() {
            labels.insert(Label::Plan);
        }
        labels
    };
    names.map(|name| (name.clone(), labels(name))).collect()
}

/// The places of a step's arguments that are, hold, or lie within this one.
fn holes_at<'a>(step: &'a CheckedStep, at: &'a str) -> impl Iterator<Item = &'a Hole> {
    let holes = step.args.hole_references().iter();
    holes.filter(move |hole| {
        pointer::within(at, &hole.pointer) || pointer::within(&hole.pointer, at)
    })
}

/// What a turn knows, as a source of labels.
pub(crate) struct Live<'a>(pub(crate) &'a dyn Turn);

impl Origins for Live<'_> {
    fn input(&self, name: Option<&str>) -> Cow<'_, Labels> {
        of_input(self.0.input_labels(), name)
    }

    fn step(&self, id: &str, part: Part) -> Option<&Labels> {
        self.0.labels(id, part)
    }
}

/// Adds the labels of everything that an expression refers to.
pub fn join(references: &References, here: Here<'_>, origins: &dyn Origins, into: &mut Labels) {
    for path in &references.paths {
        join_path(path, here, origins, into);
    }
}

fn join_path(path: &[String], here: Here<'_>, origins: &dyn Origins, into: &mut Labels) {
    let mut step = |id: &str, part: Part| match origins.step(id, part) {
        Some(labels) => into.join(labels),
        None => into.insert(Label::Untrusted),
    };
    let mut names = path.iter().map(String::as_str);
    match (names.next(), names.next(), names.next()) {
        (Some("steps"), Some(id), Some(field)) => match field {
            "output" => step(id, Part::Output),
            "args" => step(id, Part::Args),
            "error" | "errors" => step(id, Part::Error),
            // The engine's own word.
            _ => {}
        },
        (Some("steps"), Some(id), None) => {
            for part in [Part::Output, Part::Args, Part::Error] {
                step(id, part);
            }
        }
        (Some("output"), ..) => step(here.step, Part::Output),
        (Some("args"), ..) => step(here.step, Part::Args),
        (Some("inputs"), name, _) => into.join(&origins.input(name)),
        (Some("item"), ..) => {
            if let Some(each) = here.each {
                join(each, Here { each: None, ..here }, origins, into);
            }
        }
        // `index`, `execution`: the engine's own.
        _ => {}
    }
}

/// The labels of a place that is not literal.
pub(crate) fn of_hole(hole: &Hole, here: Here<'_>, origins: &dyn Origins) -> Labels {
    let mut labels = Labels::default();
    join(&hole.references, here, origins, &mut labels);
    if hole.literal || labels.is_empty() {
        labels.insert(Label::Plan);
    }
    labels
}

/// The labels of all arguments of a step together.
pub fn of_args(step: &CheckedStep, origins: &dyn Origins) -> Labels {
    let here = Here::of(step);
    let mut labels = Labels::default();
    let holes = step.args.hole_references();
    for hole in holes.iter() {
        join(&hole.references, here, origins, &mut labels);
    }
    if holes.is_empty() || holes.iter().any(|hole| hole.literal) || labels.is_empty() {
        labels.insert(Label::Plan);
    }
    labels
}

/// The labels of what a step's call gives, output and error: where its arguments come from, and the tool; `untrusted` where
/// the tool reaches what others control.
pub fn of_call(step: &CheckedStep, args: &Labels, facts: Facts, origins: &dyn Origins) -> Labels {
    if step.step.tool == ASK {
        return of_answer(step, origins);
    }
    // What computes hands on what the author wrote; of others, that they were asked in the author's words says nothing.
    let server = step.step.tool.split_once('.').map(|(server, _)| server);
    let hands_on = matches!(server, Some("data" | "plan" | "time"));
    let kept = args
        .iter()
        .filter(|label| hands_on || **label != Label::Plan);
    let mut labels: Labels = kept.cloned().collect();
    labels.insert(Label::Tool(step.step.tool.clone()));
    if gets_untrusted(step, facts, origins) {
        labels.insert(Label::Untrusted);
    }
    if let Some(child) = &step.child {
        for tool in child.tools() {
            labels.insert(match tool {
                ASK => Label::Human,
                RUN => continue,
                tool => Label::Tool(tool.to_owned()),
            });
        }
    }
    labels
}

/// Whether a call may get at something untrusted by itself, whatever it was asked.
pub fn gets_untrusted(step: &CheckedStep, facts: Facts, origins: &dyn Origins) -> bool {
    let server = step.step.tool.split_once('.').map(|(server, _)| server);
    facts.open_world || server == Some(FILES) && origins.files_untrusted()
}

/// Whether a call with these arguments may leave something untrusted in a file: it was handed such a value, or gets at one
/// itself. From then on, what is read from files counts as untrusted in that execution, whichever file it is.
pub fn may_write_untrusted(step: &CheckedStep, args: &Labels, facts: Facts) -> bool {
    let writes = match step.child {
        Some(_) => !facts.read_only(),
        None => matches!(facts.effect, Effect::Write | Effect::Execute),
    };
    writes && (facts.open_world || args.untrusted())
}

/// What a human answers is the human's; but what was put before them to choose from stays what it was.
fn of_answer(step: &CheckedStep, origins: &dyn Origins) -> Labels {
    let mut labels = Labels::from_iter([Label::Human]);
    for hole in step.args.hole_references().iter() {
        let top = pointer::top_level(&hole.pointer);
        if !ONLY_READ.contains(&top.as_ref()) {
            labels.join(&of_hole(hole, Here::of(step), origins));
        }
    }
    labels
}
