//! Whether a plan asks for no more than another one: a structural comparison that either proves it or names what could be
//! more. It never guesses: everything that is not listed here as narrower counts as wider.
//!
//! Narrower are: the same steps, or without some that no kept step comes after, needs or names; the same arguments, or a
//! literal where the old rule allows that value; lists of what is allowed with entries left out, of what is denied with
//! entries added; tighter bounds; more that is confirmed or must hold. Patterns are compared for equality only.

mod bounds;
mod rules;
mod step;

use crate::{
    checked::{CheckedPlan, CheckedStep},
    expr::References,
    model::{OnViolation, Plan},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, fmt};

/// The proof that a plan narrows another one, for people: what it leaves out and what it tightens.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Narrowing {
    /// Ids of steps that are left out, in the order of the old plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
    /// Places that are tighter, such as `steps.fetch.allow.urls`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tightened: Vec<String>,
}

impl Narrowing {
    /// Nothing is left out, and nothing tightened.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// One place where a plan asks, or could ask, for more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Widening {
    /// Where: `constraints.timeout_ms`, `steps.fetch.args.url`.
    pub place: String,
    /// What is wider there.
    pub problem: String,
    /// The step, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
}

impl fmt::Display for Widening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.problem)
    }
}

/// What is found while two plans are compared.
#[derive(Default)]
struct Findings {
    narrowing: Narrowing,
    widenings: Vec<Widening>,
}

impl Findings {
    fn wider(&mut self, step: Option<&str>, place: impl Into<String>, problem: impl Into<String>) {
        self.widenings.push(Widening {
            place: place.into(),
            problem: problem.into(),
            step: step.map(str::to_owned),
        });
    }

    fn tighter(&mut self, place: impl Into<String>) {
        self.narrowing.tightened.push(place.into());
    }
}

/// Whether `new` asks for no more than `old`.
///
/// # Errors
/// Every place where it does, or where that is not provable.
pub fn narrows(old: &CheckedPlan, new: &CheckedPlan) -> Result<Narrowing, Vec<Widening>> {
    let mut found = Findings::default();
    bounds::constraints(old, new, &mut found);
    invariants(old.plan(), new.plan(), &mut found);
    rest(old.plan(), new.plan(), &mut found);
    steps(old, new, &mut found);
    if found.widenings.is_empty() {
        Ok(found.narrowing)
    } else {
        Err(found.widenings)
    }
}

/// What may not differ at all: everything that is not compared elsewhere, fields that a later version adds among it.
fn rest(old: &Plan, new: &Plan, found: &mut Findings) {
    if new.priority < old.priority {
        found.tighter("priority");
    }
    let mut expected = old.clone();
    expected.steps.clone_from(&new.steps);
    expected.constraints.clone_from(&new.constraints);
    expected.invariants.clone_from(&new.invariants);
    expected.retry.clone_from(&new.retry); // its effect on each step is compared there
    expected.priority = old.priority.min(new.priority);
    if expected == *new {
        return;
    }
    for change in crate::diff::diff(&expected, new).plan {
        let place = change.pointer.trim_start_matches('/').replace('/', ".");
        found.wider(None, place, "it is another one");
    }
    if expected.finally != new.finally {
        found.wider(None, "finally", "the steps at the end are others");
    }
}

fn invariants(old: &Plan, new: &Plan, found: &mut Findings) {
    for was in &old.invariants {
        let place = format!("invariants.{}", was.id);
        match new.invariants.iter().find(|is| is.id == was.id) {
            None => found.wider(None, place, "the invariant is gone"),
            Some(is) if is.check != was.check => {
                found.wider(None, place, "the condition is another one");
            }
            Some(is) if is.on_violation == was.on_violation => {}
            Some(is) if is.on_violation == OnViolation::Halt => found.tighter(place),
            Some(_) => found.wider(None, place, "a violation no longer halts"),
        }
    }
    for is in &new.invariants {
        if !old.invariants.iter().any(|was| was.id == is.id) {
            found.tighter(format!("invariants.{}", is.id));
        }
    }
}

fn steps(old: &CheckedPlan, new: &CheckedPlan, found: &mut Findings) {
    let kept: BTreeSet<&str> = ids(new).collect();
    let before: BTreeSet<&str> = ids(old).collect();
    for step in new.steps() {
        if !before.contains(step.step.id.as_str()) {
            let id = &step.step.id;
            found.wider(Some(id), format!("steps.{id}"), "the step is new");
        }
    }
    let in_order = |plan: &CheckedPlan, other: &BTreeSet<&str>| -> Vec<String> {
        let ids = plan.steps().iter().map(|step| step.step.id.clone());
        ids.filter(|id| other.contains(id.as_str())).collect()
    };
    if in_order(old, &kept) != in_order(new, &before) {
        found.wider(None, "steps", "they stand in another order");
    }
    let removed: BTreeSet<&str> = old
        .steps()
        .iter()
        .map(|step| step.step.id.as_str())
        .filter(|id| !kept.contains(id))
        .collect();
    for step in old.steps() {
        if removed.contains(step.step.id.as_str()) {
            found.narrowing.removed.push(step.step.id.clone());
        }
    }
    // What is left out may not be missed: neither by what came after it nor by an expression.
    let gone: BTreeSet<&str> = before.difference(&kept).copied().collect();
    if !gone.is_empty() {
        names_of_gone(new, &gone, found);
    }
    for is in new.every_step() {
        let id = is.step.id.as_str();
        let Some(was) = old.number_of(id).and_then(|number| old.numbered(number)) else {
            continue; // it is named above, or stands within a fallback that differs
        };
        if edges(old, was) != edges(new, is) {
            let place = format!("steps.{id}");
            found.wider(Some(id), place, "it comes after or needs other steps");
        }
        step::step(was, is, new.plan().mode, found);
    }
}

fn ids(plan: &CheckedPlan) -> impl Iterator<Item = &str> {
    plan.every_step().map(|step| step.step.id.as_str())
}

/// The edges of a step by the ids of the steps at their other ends.
fn edges<'a>(
    plan: &'a CheckedPlan,
    step: &CheckedStep,
) -> (BTreeSet<&'a str>, BTreeSet<BTreeSet<&'a str>>) {
    let names = |numbers: &[usize]| -> BTreeSet<&'a str> {
        let steps = numbers.iter().filter_map(|number| plan.numbered(*number));
        steps.map(|step| step.step.id.as_str()).collect()
    };
    let needs = step.needs.iter().map(|group| names(group)).collect();
    (names(&step.order), needs)
}

/// Expressions of the new plan that name steps that are gone.
fn names_of_gone(new: &CheckedPlan, gone: &BTreeSet<&str>, found: &mut Findings) {
    let mut look = |place: String, references: &References| {
        if let Some(id) = named(references, gone) {
            found.wider(
                None,
                place,
                format!("an expression names {id}, which is gone"),
            );
        }
    };
    for (name, expr) in new.outputs().into_iter().flatten() {
        look(format!("outputs.{name}"), expr.references());
    }
    for invariant in new.invariants() {
        look(
            format!("invariants.{}", invariant.id),
            invariant.check.references(),
        );
    }
    for step in new.every_step() {
        let id = &step.step.id;
        let exprs = [&step.condition, &step.for_each, &step.expect];
        for expr in exprs.into_iter().flatten() {
            look(format!("steps.{id}"), expr.references());
        }
        look(format!("steps.{id}.args"), step.args.references());
        if let Some((_, template)) = &step.compensate {
            look(format!("steps.{id}.compensate"), template.references());
        }
    }
}

fn named(references: &References, gone: &BTreeSet<&str>) -> Option<String> {
    let maps = [&references.needs, &references.order];
    let all = maps
        .into_iter()
        .flat_map(|map| map.keys())
        .chain(&references.status)
        .chain(references.either.iter().flat_map(|(ids, _)| ids))
        .chain(references.paths.iter().filter_map(|path| match &path[..] {
            [root, id, ..] if root == "steps" => Some(id),
            _ => None,
        }));
    let mut all = all.filter(|id| gone.contains(id.as_str()));
    if let Some(id) = all.next() {
        return Some(format!("`{id}`"));
    }
    let every = references.settled
        || references
            .paths
            .iter()
            .any(|path| matches!(&path[..], [root] if root == "steps"));
    every.then(|| "every step, one".to_owned())
}
