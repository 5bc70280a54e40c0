//! Nested plans: a `plan.run` step stands for an execution of its own, the child. The child is durable, so that the step
//! is never interrupted and never in doubt: whoever drives the parent finds the child again.

use crate::event::WaitingFor;
use crate::life::{Illegal, StepState};
use crate::state::{State, Unit, item_of};
use crate::units::Place;
use mandate_plan::Digest;
use serde_json::Value;

/// The tool that runs a nested plan.
pub const RUN: &str = "plan.run";

/// The id of the execution that an attempt of a `plan.run` step stands for: the same whoever works it out.
pub fn child_execution_id(parent: &str, step: &str, item: Option<u32>, attempt: u32) -> String {
    let item = item.map_or_else(|| "-".to_owned(), |item| item.to_string());
    let attempt = attempt.to_string();
    let parts = [parent, step, &item, &attempt].map(str::as_bytes);
    let digest = Digest::framed("mandate/child-execution/v1", parts).to_string();
    let hex: Vec<char> = digest.chars().take(32).collect();
    // The shape of a UUID, version 8: ids that are derived in a way of one's own.
    let mut id = String::with_capacity(36);
    for (at, digit) in hex.into_iter().enumerate() {
        if matches!(at, 8 | 12 | 16 | 20) {
            id.push('-');
        }
        id.push(match at {
            12 => '8',
            16 => 'a',
            _ => digit,
        });
    }
    id
}

/// A child of an execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenChild {
    /// The step that stands for it.
    pub step: String,
    /// The step's item.
    pub item: Option<u32>,
    /// The step's attempt.
    pub attempt: u32,
    /// The child.
    pub execution_id: String,
    /// How many tool calls it may make.
    pub most_calls: u64,
}

impl Unit {
    /// Its call may be made again although nobody knows what came of the one before.
    pub(crate) fn can_be_repeated(&self) -> bool {
        self.facts().repeatable() || self.nested
    }

    /// It runs, but only a human is awaited there.
    fn rests(&self) -> bool {
        self.state == StepState::Running && self.child_waits.is_some()
    }
}

impl State {
    /// The children under way.
    pub fn open_children(&self) -> Vec<OpenChild> {
        self.children_where(|unit| unit.state == StepState::Running)
    }

    /// The children that there are or were: of each step and item the last.
    pub fn children(&self) -> Vec<OpenChild> {
        self.children_where(|_| true)
    }

    fn children_where(&self, wanted: impl Fn(&Unit) -> bool) -> Vec<OpenChild> {
        let mut open = Vec::new();
        for (step, data) in self.every_step() {
            for (number, unit) in data.units.iter().enumerate() {
                if unit.nested && wanted(unit) {
                    let item = item_of(step, number);
                    open.push(self.open_child(&step.step.id, item, unit));
                }
            }
        }
        open
    }

    /// The execution that a `plan.run` step stands for, or stood for last.
    pub fn child_of(&self, step: &str, item: Option<u32>) -> Option<String> {
        let unit = self.unit(step, item).filter(|unit| unit.nested)?;
        Some(self.open_child(step, item, unit).execution_id)
    }

    fn open_child(&self, step: &str, item: Option<u32>, unit: &Unit) -> OpenChild {
        OpenChild {
            step: step.to_owned(),
            item,
            attempt: unit.attempt,
            execution_id: child_execution_id(self.execution_id(), step, item, unit.attempt),
            most_calls: unit.reserved,
        }
    }

    /// Calls under way that are more than children of which each waits for a human.
    pub(crate) fn busy(&self) -> u32 {
        self.running.saturating_sub(self.resting)
    }

    /// What the first child waits for that waits for a human.
    pub(crate) fn child_waiting_for(&self) -> Option<WaitingFor> {
        if self.resting == 0 {
            return None;
        }
        self.every_step().find_map(|(step, data)| {
            let unit = data.units.iter().find(|unit| unit.rests())?;
            let waits = unit.child_waits.clone()?;
            let inner = waits
                .step
                .map_or_else(String::new, |inner| format!("/{inner}"));
            Some(WaitingFor {
                step: Some(format!("{}{inner}", step.step.id)),
                ..waits
            })
        })
    }

    /// A child begins to wait for a human, or goes on.
    pub(crate) fn child_waits(
        &mut self,
        (step, item): (&str, Option<u32>),
        waiting: Option<&WaitingFor>,
    ) -> Result<(), Illegal> {
        let place = self.locate(step, item)?;
        let unit = self.unit_mut(place)?;
        let running = unit.nested && unit.state == StepState::Running;
        if !running || unit.child_waits.as_ref() == waiting {
            return Err(Illegal);
        }
        let before = unit.rests();
        unit.child_waits = waiting.cloned();
        self.count_resting(before, waiting.is_some());
        Ok(())
    }

    /// A new host finds the children again; each says anew what it waits for.
    pub(crate) fn ask_children_anew(&mut self) {
        if self.resting == 0 {
            return;
        }
        self.resting = 0;
        for unit in self.steps.iter_mut().flat_map(|data| &mut data.units) {
            unit.child_waits = None;
        }
    }

    /// A child is about to begin: the calls that it may make are set aside.
    pub(crate) fn reserve(&mut self, place: Place) -> Result<(), Illegal> {
        let plan = self.plan.clone();
        let child = plan.numbered(place.0).and_then(|step| step.child.clone());
        let most = self.most_calls().saturating_add(self.granted_calls);
        let left = most.saturating_sub(self.calls);
        let reserved = child.map_or(0, |child| child.max_tool_calls().min(left));
        self.calls = self.calls.saturating_add(reserved);
        self.lent = self.lent.saturating_add(reserved);
        let unit = self.unit_mut(place)?;
        unit.nested = true;
        unit.reserved = reserved;
        Ok(())
    }

    /// A child has ended: of the calls that were set aside, those that it made count.
    pub(crate) fn settle_child(
        &mut self,
        place: Place,
        told: Option<&Value>,
    ) -> Result<(), Illegal> {
        let unit = self.unit_mut(place)?;
        if !unit.nested {
            return Ok(());
        }
        let before = unit.rests();
        unit.child_waits = None;
        let reserved = unit.reserved;
        let made = told.and_then(|told| told.get("tool_calls")?.as_u64());
        let made = made.unwrap_or(reserved).min(reserved);
        self.calls = self.calls.saturating_sub(reserved).saturating_add(made);
        self.lent = self.lent.saturating_sub(reserved);
        self.made_calls(place.0, made);
        self.count_resting(before, false);
        self.note_child_ended(place);
        Ok(())
    }

    /// How many calls may count at most: the plan's own limit, or what is left of the parent's.
    pub(crate) fn most_calls(&self) -> u64 {
        let own = self.plan.max_tool_calls();
        let given = self.created.parent.as_ref().map(|parent| parent.most_calls);
        given.map_or(own, |given| own.min(given))
    }

    fn count_resting(&mut self, before: bool, after: bool) {
        match (before, after) {
            (true, false) => self.resting = self.resting.saturating_sub(1),
            (false, true) => self.resting = self.resting.saturating_add(1),
            _ => {}
        }
    }

    fn unit_mut(&mut self, place: Place) -> Result<&mut Unit, Illegal> {
        let data = self.steps.get_mut(place.0).ok_or(Illegal)?;
        data.units.get_mut(place.1).ok_or(Illegal)
    }
}
