//! Running a plan once more without doing again what was done: which outputs of an execution that has ended another one
//! of the same plan begins with.

use crate::event::{Carried, CarriedStep};
use crate::items::any_failed;
use crate::labels::StepLabels;
use crate::life::{Phase, StepState};
use crate::scope::args_of;
use crate::state::{State, StepData, Unit};
use mandate_plan::{Digest, canonical_json};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Why an execution cannot be run once more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CannotCarry {
    /// It goes on.
    #[error("execution `{0}` has not ended")]
    NotEnded(String),
    /// The plan has no such step.
    #[error("the plan has no step `{0}`")]
    NoSuchStep(String),
    /// It ran another plan, or with other inputs.
    #[error("execution `{0}` ran another plan, or this one with other inputs")]
    OtherPlan(String),
    /// Somebody gave up on it while nobody knew what became of a step.
    #[error("nobody knows whether `{0}` happened, and it would be done again")]
    InDoubt(String),
}

/// What another execution of the plan can begin with: the outputs of the steps that completed. Left out are the step
/// `from` and those behind it in the document, what was undone or only partly done, and whatever needs something that
/// is left out.
///
/// # Errors
/// It has not ended; there is no step `from`; a step ended in doubt, and `from` does not say that it is meant to be
/// done again.
pub fn carry(state: &State, from: Option<&str>) -> Result<Carried, CannotCarry> {
    if state.phase != Phase::Ended {
        return Err(CannotCarry::NotEnded(state.execution_id().to_owned()));
    }
    let no_step = |id: &str| CannotCarry::NoSuchStep(id.to_owned());
    let end = match from {
        Some(id) => state.plan().index_of(id).ok_or_else(|| no_step(id))?,
        None => state.plan().steps().len(),
    };
    let doubtful = |data: &StepData| {
        let undoes = |unit: &Unit| unit.undo.as_ref().map(|undo| undo.state);
        let mut units = data.units.iter();
        units.any(|unit| {
            unit.state == StepState::InDoubt || undoes(unit) == Some(StepState::InDoubt)
        })
    };
    let steps = state.every_step().filter(|(step, _)| {
        // What is behind `from` is named by it.
        from.is_none() || step.index < end
    });
    if let Some((step, _)) = { steps }.find(|(_, data)| doubtful(data)) {
        return Err(CannotCarry::InDoubt(step.step.id.clone()));
    }
    let mut kept: BTreeMap<usize, CarriedStep> = BTreeMap::new();
    for (step, data) in state.plan().steps().iter().zip(&state.steps).take(end) {
        let needed = step.needs.iter().all(|group| {
            let mut usable = group.iter().filter(|number| {
                let data = state.steps.get(**number);
                data.is_some_and(|data| data.state.usable())
            });
            usable.any(|number| kept.contains_key(number))
        });
        if needed && is_whole(data) {
            kept.insert(step.index, carried(data));
        }
    }
    let steps: BTreeMap<String, CarriedStep> = kept
        .into_iter()
        .filter_map(|(number, carried)| {
            let step = state.plan().numbered(number)?;
            Some((step.step.id.clone(), carried))
        })
        .collect();
    Ok(Carried {
        from: state.execution_id().to_owned(),
        digest: digest(state.execution_id(), &steps),
        steps,
    })
}

/// It did what it was for, and that still stands.
fn is_whole(data: &StepData) -> bool {
    let undone = data.units.iter().any(|unit| unit.undo.is_some());
    data.state.usable() && !any_failed(data) && !undone
}

fn carried(data: &StepData) -> CarriedStep {
    CarriedStep {
        args: args_of(data).into_owned(),
        items: data.items.clone(),
        output: data.output.clone().unwrap_or_default(),
        labels: data
            .labels
            .as_ref()
            .map(|labels| (**labels.output()).clone()),
    }
}

/// What a replay compares: the outputs are those that were taken over.
pub(crate) fn digest(from: &str, steps: &BTreeMap<String, CarriedStep>) -> Digest {
    let steps = serde_json::to_value(steps).unwrap_or_default();
    let parts = [from.as_bytes().to_vec(), canonical_json(&steps)];
    Digest::framed("mandate/carried/v1", parts.iter().map(Vec::as_slice))
}

impl StepData {
    /// Sets a step that has not begun to what was taken over.
    pub(crate) fn take_over(&mut self, carried: &CarriedStep) {
        let unit = |args| {
            let mut unit = Unit::new();
            unit.state = StepState::Completed;
            unit.args = Some(args);
            unit
        };
        self.units = match (&carried.items, &carried.args) {
            (Some(items), serde_json::Value::Array(args)) => {
                let args = args.iter().cloned().map(Some);
                let args = args.chain(std::iter::repeat(None));
                let each = items.iter().zip(args);
                each.map(|(_, args)| unit(args.unwrap_or_default()))
                    .collect()
            }
            _ => vec![unit(carried.args.clone())],
        };
        self.items.clone_from(&carried.items);
        self.output = Some(carried.output.clone());
        self.state = StepState::Completed;
        self.carried = true;
        self.labels = Some(StepLabels::carried(carried.labels.as_ref()));
    }
}
