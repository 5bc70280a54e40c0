//! What flows into one planned call, prepared once: which of its arguments come from where, and which are sinks.

use super::{
    Here, Origins, join, of_hole,
    pointer::{member, within},
    sinks::{Sinks, covers},
};
use crate::{
    Purpose,
    argument_rules::RuleSet,
    flow::{CallFlow, SinkFlow, SinkKind},
    labels::{Label, Labels},
    planned::Planned,
    resources::{Found, ResourceKind},
};
use mandate_plan::{
    ToolLookup,
    expr::{Expr, Hole},
};
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};

/// Where the arguments of one call come from, as far as the plan says.
#[derive(Debug)]
pub(crate) struct CallSources {
    step: String,
    tool: String,
    holes: Arc<[Hole]>,
    /// The arguments that the plan writes, by JSON pointer.
    written: Vec<String>,
    each: Option<Expr>,
    condition: Option<Expr>,
    /// It does what the step is for: an undo call follows from the step having run.
    run: bool,
    sinks: Vec<(String, SinkKind)>,
    /// What the operator says of the tool's sensitive arguments.
    said: BTreeMap<String, String>,
    /// The arguments that `allow.args` holds to values that stand in the plan.
    held: Vec<String>,
}

/// What is said of a call beside its arguments.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Told {
    /// A human says yes to exactly the arguments.
    pub(crate) confirmed: bool,
    /// It has an effect.
    pub(crate) effect: bool,
    /// The agent that chooses open arguments was handed something untrusted.
    pub(crate) agent_untrusted: bool,
    /// It was handed something that looked like words meant for a model.
    pub(crate) agent_suspicious: bool,
}

impl CallSources {
    pub(crate) fn new(
        planned: &Planned<'_>,
        allow: Option<&RuleSet>,
        tools: &dyn ToolLookup,
    ) -> Self {
        let known = planned.template.known();
        let said = tools.sinks(planned.tool);
        let step = planned.step;
        // `allow.args` names the arguments of the step's own tool, and only it runs once a condition holds.
        let run = planned.purpose == Purpose::Run;
        Self {
            step: step.step.id.clone(),
            tool: planned.tool.to_owned(),
            holes: planned.template.hole_references().clone(),
            written: known
                .as_object()
                .into_iter()
                .flat_map(|known| known.keys())
                .map(|key| member("", key))
                .collect(),
            each: step.for_each.clone(),
            condition: step.condition.clone(),
            run,
            sinks: Sinks::of(planned.tool, &said).find(&known),
            said,
            held: allow
                .filter(|_| run)
                .map(|allow| allow.held_to_literals().map(str::to_owned).collect())
                .unwrap_or_default(),
        }
    }

    fn here(&self) -> Here<'_> {
        Here {
            step: &self.step,
            each: self.each.as_ref().map(Expr::references),
        }
    }

    /// What flows into the call with these arguments, of which `found` is what they touch.
    pub(crate) fn flow(
        &self,
        origins: &dyn Origins,
        args: &Value,
        found: &[Found],
        told: Told,
    ) -> CallFlow {
        let here = self.here();
        let holes: Vec<(&str, Labels)> = self
            .holes
            .iter()
            .map(|hole| (hole.pointer.as_str(), of_hole(hole, here, origins)))
            .collect();
        let mut flow = CallFlow {
            args: BTreeMap::new(),
            sinks: Vec::new(),
            untrusted_control: self.run && told.effect && self.control(origins).untrusted(),
        };
        for key in args.as_object().into_iter().flat_map(|args| args.keys()) {
            let pointer = member("", key);
            let labels = self.labels_at(&pointer, &holes, told);
            flow.args.insert(pointer, labels);
        }
        for (pointer, labels) in &holes {
            if !flow.args.contains_key(*pointer) {
                flow.args.insert((*pointer).to_owned(), labels.clone());
            }
        }
        let mut add = |pointer: &str, kind: SinkKind| {
            flow.sinks.push(SinkFlow {
                pointer: pointer.to_owned(),
                kind,
                labels: self.labels_at(pointer, &holes, told),
                endorsed: told.confirmed || self.held.iter().any(|held| within(pointer, held)),
            });
        };
        for (pointer, kind) in &self.sinks {
            add(pointer, *kind);
        }
        for (pointer, kind) in self.late_sinks(args, found) {
            add(&pointer, kind);
        }
        flow
    }

    /// The labels of what decides whether, and how often, the step runs.
    pub(crate) fn control(&self, origins: &dyn Origins) -> Labels {
        let mut labels = Labels::default();
        let here = Here {
            step: &self.step,
            each: None,
        };
        for expr in self.condition.iter().chain(&self.each) {
            join(expr.references(), here, origins, &mut labels);
        }
        labels
    }

    /// Sinks that show only once the arguments are known: inside computed values, in what an agent chose, and what looks
    /// like a path or an address whatever it is called.
    fn late_sinks(&self, args: &Value, found: &[Found]) -> Vec<(String, SinkKind)> {
        let mut late = Vec::new();
        let computed = self.holes.iter().map(|hole| hole.pointer.as_str());
        for pointer in computed.filter(|pointer| !covers(&self.sinks, pointer)) {
            if let Some(value @ (Value::Object(_) | Value::Array(_))) = args.pointer(pointer) {
                late.extend(self.table().find_within(pointer, value));
            }
        }
        for key in args.as_object().into_iter().flat_map(|args| args.keys()) {
            let pointer = member("", key);
            if !self.written.contains(&pointer) {
                let chosen = self.table().find(args).into_iter();
                late.extend(chosen.filter(|(sink, _)| within(sink, &pointer)));
            }
        }
        for found in found {
            if covers(&self.sinks, &found.pointer)
                || covers(&late, &found.pointer)
                || self.is_no_sink(&found.pointer)
            {
                continue;
            }
            let kind = match found.resource.kind {
                ResourceKind::File => SinkKind::Path,
                ResourceKind::Url => SinkKind::Url,
                ResourceKind::Command => SinkKind::Command,
            };
            late.push((found.pointer.clone(), kind));
        }
        late
    }

    fn table(&self) -> Sinks<'_> {
        Sinks::of(&self.tool, &self.said)
    }

    /// The operator says that it is none.
    fn is_no_sink(&self, pointer: &str) -> bool {
        self.said.iter().any(|(name, kind)| {
            let said = match name.starts_with('/') {
                true => name.clone(),
                false => member("", name),
            };
            SinkKind::parse(kind).is_none() && within(pointer, &said)
        })
    }

    fn labels_at(&self, pointer: &str, holes: &[(&str, Labels)], told: Told) -> Labels {
        let mut labels = Labels::default();
        if !self.written.iter().any(|written| within(pointer, written)) {
            labels.insert(Label::Agent);
            if told.agent_untrusted {
                labels.insert(Label::Untrusted);
            }
            if told.agent_suspicious {
                labels.insert(Label::Suspicious);
            }
            return labels;
        }
        for (hole, of_hole) in holes {
            if within(pointer, hole) || within(hole, pointer) {
                labels.join(of_hole);
            }
        }
        if labels.is_empty() {
            labels.insert(Label::Plan);
        }
        labels
    }

    /// The sinks that the plan itself shows.
    pub(super) fn holes(&self) -> &[Hole] {
        &self.holes
    }

    pub(super) fn condition_and_each(&self) -> impl Iterator<Item = (&'static str, &Expr)> {
        let condition = self.condition.iter().map(|expr| ("if", expr));
        condition.chain(self.each.iter().map(|expr| ("for_each", expr)))
    }
}
