//! Where the values of an execution come from: the labels of each step's arguments, call and output. They follow from the
//! plan and from the facts that the journal holds of every call, so that no event carries them.

use crate::event::PassedOn;
use crate::life::Illegal;
use crate::state::{State, StepData};
use crate::units::Place;
use mandate_plan::{CheckedStep, Facts, Mode};
use mandate_policy::dataflow::{
    Origins, Part, gets_untrusted, may_write_untrusted, of_args, of_call, of_input, of_inputs,
};
use mandate_policy::{Label, Labels};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The labels of one step's values; shared with other steps that have the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepLabels {
    /// Of its arguments.
    pub args: Arc<Labels>,
    /// Of what its call gives: output and error.
    pub call: Arc<Labels>,
    /// Of its output, where that is not the call's: a human supplied it, or another step ran in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given: Option<Arc<Labels>>,
}

impl StepLabels {
    /// Of its output.
    pub fn output(&self) -> &Arc<Labels> {
        self.given.as_ref().unwrap_or(&self.call)
    }

    /// Of what another execution gave, which says them, or of which nothing is known.
    pub(crate) fn carried(output: Option<&Labels>) -> Self {
        let unknown = || Labels::from_iter([Label::Untrusted]);
        let labels = Arc::new(output.cloned().unwrap_or_else(unknown));
        Self {
            args: labels.clone(),
            call: labels,
            given: None,
        }
    }

    /// Of a step that nothing was called for.
    fn uncalled() -> Self {
        let nothing = Arc::new(Labels::none());
        Self {
            args: nothing.clone(),
            call: nothing,
            given: None,
        }
    }
}

static NOTHING: Labels = Labels::none();

/// The state as a source of labels.
pub(crate) struct Known<'a>(pub(crate) &'a State);

impl Origins for Known<'_> {
    fn input(&self, name: Option<&str>) -> Cow<'_, Labels> {
        of_input(self.0.input_labels(), name)
    }

    fn step(&self, id: &str, part: Part) -> Option<&Labels> {
        self.0.labels_of(id, part)
    }

    fn files_untrusted(&self) -> bool {
        self.0.files_untrusted
    }
}

impl State {
    /// The labels of a part of a step; of one that gave nothing, none.
    pub fn labels_of(&self, step: &str, part: Part) -> Option<&Labels> {
        let number = self.plan.number_of(step)?;
        let Some(labels) = &self.steps.get(number)?.labels else {
            return Some(&NOTHING);
        };
        Some(match part {
            Part::Output => labels.output(),
            Part::Args => &labels.args,
            Part::Error => &labels.call,
        })
    }

    /// The labels of the inputs that a parent's step passed on; none where nobody did.
    pub(crate) fn input_labels(&self) -> Option<&BTreeMap<String, Labels>> {
        let parent = self.created.parent.as_ref()?;
        Some(&parent.input_labels)
    }

    /// Whether the agent that drives this was handed a value that another party may have chosen: from then on, what it
    /// chooses is not to be trusted either.
    pub fn agent_is_untrusted(&self) -> bool {
        let untrusted = |data: &StepData| {
            let labels = data.labels.as_ref();
            labels.is_some_and(|labels| labels.call.untrusted() || labels.output().untrusted())
        };
        let told = self.agent.as_ref().is_some_and(|it| it.told_untrusted);
        self.plan.plan().mode == Mode::Agent && (told || self.steps.iter().any(untrusted))
    }

    /// Whether the agent that drives this was handed a value that looked like words meant for a model.
    pub fn agent_is_suspicious(&self) -> bool {
        let suspicious = |data: &StepData| {
            let labels = data.labels.as_ref();
            labels.is_some_and(|labels| labels.call.suspicious() || labels.output().suspicious())
        };
        let told = self.agent.as_ref().is_some_and(|it| it.told_suspicious);
        self.plan.plan().mode == Mode::Agent && (told || self.steps.iter().any(suspicious))
    }

    /// Something was passed on to the agent besides the outputs of its calls. What it answered goes into the call that it
    /// was asked during.
    pub(crate) fn tell_agent(&mut self, what: &PassedOn) -> Result<(), Illegal> {
        let agent = self.agent.as_mut().ok_or(Illegal)?;
        agent.told_untrusted |= what.untrusted;
        agent.told_suspicious |= !what.suspicions.is_empty();
        let (Some(call), Some(_)) = (&what.call, &what.answer) else {
            return Ok(());
        };
        let Some(number) = self.plan.number_of(&call.step) else {
            return Ok(());
        };
        let mut chosen = Labels::from_iter([Label::Agent]);
        if self.agent_is_untrusted() {
            chosen.insert(Label::Untrusted);
        }
        if self.agent_is_suspicious() {
            chosen.insert(Label::Suspicious);
        }
        self.relabel(number, |labels| {
            let given = labels.given.iter_mut();
            for labels in given.chain([&mut labels.call]) {
                Arc::make_mut(labels).join(&chosen);
            }
        });
        Ok(())
    }

    /// An output looked like words meant for a model.
    pub(crate) fn note_suspicious(&mut self, number: usize) {
        self.relabel(number, |labels| {
            let given = labels.given.iter_mut();
            for labels in given.chain([&mut labels.call]) {
                Arc::make_mut(labels).insert(Label::Suspicious);
            }
        });
    }

    /// The labels of the inputs that a `plan.run` step passes on to what it holds.
    pub fn labels_passed_on(&self, step: &str) -> BTreeMap<String, Labels> {
        let Some((step, _)) = self.step(step) else {
            return BTreeMap::new();
        };
        of_inputs(step, &Known(self))
    }

    /// A call begins: notes where what it gives will come from.
    pub(crate) fn note_call(&mut self, number: usize, facts: Facts) {
        let plan = self.plan.clone();
        let (Some(step), Some(data)) = (plan.numbered(number), self.steps.get(number)) else {
            return;
        };
        if let Some(labels) = &data.labels {
            // Another attempt or item, which may reach further than the first.
            let args = labels.args.clone();
            if gets_untrusted(step, facts, &Known(self)) && !labels.call.untrusted() {
                self.relabel(number, |labels| {
                    let given = labels.given.iter_mut();
                    for labels in given.chain([&mut labels.call]) {
                        Arc::make_mut(labels).insert(Label::Untrusted);
                    }
                });
            }
            self.note_files(step, &args, facts);
            return;
        }
        let args = of_args(step, &Known(self));
        let call = of_call(step, &args, facts, &Known(self));
        let args = self.shared(step, args);
        let labels = StepLabels {
            args: args.clone(),
            call: self.shared(step, call),
            given: None,
        };
        if let Some(data) = self.steps.get_mut(number) {
            data.labels = Some(labels);
        }
        self.note_files(step, &args, facts);
    }

    /// What a nested plan wrote is there when it has ended.
    fn note_files(&mut self, step: &CheckedStep, args: &Labels, facts: Facts) {
        if step.child.is_none() {
            self.files_untrusted |= may_write_untrusted(step, args, facts);
        }
    }

    /// A nested plan has ended, and may have written something.
    pub(crate) fn note_child_ended(&mut self, (number, unit): Place) {
        let plan = self.plan.clone();
        let (Some(step), Some(data)) = (plan.numbered(number), self.steps.get(number)) else {
            return;
        };
        if let (Some(labels), Some(unit)) = (&data.labels, data.units.get(unit)) {
            self.files_untrusted |= may_write_untrusted(step, &labels.args, unit.facts());
        }
    }

    /// The same labels as of a step that this one refers to are kept once.
    fn shared(&self, step: &CheckedStep, labels: Labels) -> Arc<Labels> {
        let needs = step.args.references().needs.keys().take(2);
        let of_need = |id: &String| {
            let number = self.plan.number_of(id)?;
            self.steps.get(number)?.labels.as_ref()
        };
        let mut known = needs
            .filter_map(of_need)
            .flat_map(|known| [known.output(), &known.args]);
        known
            .find(|known| ***known == labels)
            .map_or_else(|| Arc::new(labels), Arc::clone)
    }

    fn relabel(&mut self, number: usize, change: impl FnOnce(&mut StepLabels)) {
        if let Some(data) = self.steps.get_mut(number) {
            change(data.labels.get_or_insert_with(StepLabels::uncalled));
        }
    }

    /// A human supplied the output of a step.
    pub(crate) fn note_supplied(&mut self, number: usize) {
        let human = Arc::new(Labels::from_iter([Label::Human]));
        self.relabel(number, |labels| labels.given = Some(human));
    }

    /// A human said what a call in doubt gave: the whole output, or that of an item among those that tools gave.
    pub(crate) fn note_resolved(&mut self, number: usize) {
        let items = self
            .steps
            .get(number)
            .is_some_and(|data| data.items.is_some());
        if !items {
            return self.note_supplied(number);
        }
        self.relabel(number, |labels| {
            let mut output = (**labels.output()).clone();
            output.insert(Label::Human);
            labels.given = Some(Arc::new(output));
        });
    }

    /// A step takes the output of one that ran in its place.
    pub(crate) fn note_taken_over(&mut self, number: usize, from: &str) {
        let of = self.step(from).and_then(|(_, data)| data.labels.as_ref());
        let output = of.map_or_else(|| Arc::new(Labels::default()), |of| of.output().clone());
        self.relabel(number, |labels| labels.given = Some(output));
    }
}
