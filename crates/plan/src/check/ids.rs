//! Which step an id names, and from where it may be named.

use super::reader::Reader;
use crate::{
    ViolationCode,
    document::child,
    model::{FailureAction, Plan, Step},
    violation::{did_you_mean, nearest, quoted},
};
use std::collections::BTreeMap;

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Among the steps.
    Top(usize),
    /// The `nth` step of the `list`-th fallback of step `owner`.
    Fallback {
        owner: usize,
        list: usize,
        nth: usize,
    },
    /// Among the steps under `finally`.
    Finally(usize),
    /// No step: the plan's outputs and invariants.
    Plan,
}

/// What a reference asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asks {
    /// That the step is settled.
    Settled,
    /// That it succeeded.
    Success,
}

/// Every step's id, place and number.
#[derive(Debug, Default)]
pub(super) struct Ids(BTreeMap<String, (Place, usize)>);

/// Why a reference cannot be resolved, and what to write instead.
pub(super) type Unresolved = (String, Option<String>);

/// The fallback steps of a step, with their place and the pointer of each below the step's own.
pub(super) fn fallbacks(step: &Step, owner: usize) -> impl Iterator<Item = (Place, String, &Step)> {
    let by_code = matches!(step.on_failure, crate::model::OnFailure::ByCode(_));
    let actions = step.on_failure.actions().enumerate();
    actions
        .filter_map(|(rule, action)| match action {
            FailureAction::Fallback(steps) => Some((rule, steps)),
            _ => None,
        })
        .flat_map(move |(rule, steps)| {
            steps.iter().enumerate().map(move |(nth, step)| {
                let pointer = if by_code {
                    format!("/on_failure/{rule}/do/fallback/{nth}")
                } else {
                    format!("/on_failure/fallback/{nth}")
                };
                let list = rule;
                (Place::Fallback { owner, list, nth }, pointer, step)
            })
        })
}

impl Ids {
    /// Collects the ids of a plan and notes those that are there twice.
    pub(super) fn collect(reader: &mut Reader<'_>, plan: &Plan, base: &str) -> Self {
        let mut ids = Self::default();
        let mut number = plan.steps.len();
        let mut add = |id: &str, place: Place, number: usize, pointer: String| {
            if id.is_empty() {
                return;
            }
            if ids.0.contains_key(id) {
                let message = format!("the id `{}` is taken by a step above", quoted(id));
                let pointer = child(&pointer, "id");
                reader.error(ViolationCode::StepIdDuplicate, &pointer, message);
            } else {
                ids.0.insert(id.to_owned(), (place, number));
            }
        };
        for (index, step) in plan.steps.iter().enumerate() {
            let pointer = format!("{base}/steps/{index}");
            add(&step.id, Place::Top(index), index, pointer.clone());
            for (place, below, step) in fallbacks(step, index) {
                add(&step.id, place, number, format!("{pointer}{below}"));
                number += 1;
            }
        }
        for (index, step) in plan.finally.iter().enumerate() {
            let pointer = format!("{base}/finally/{index}");
            add(&step.id, Place::Finally(index), number, pointer);
            number += 1;
        }
        ids
    }

    /// The number of the step that `id` names when it is used at `from`.
    pub(super) fn resolve(&self, id: &str, from: Place, asks: Asks) -> Result<usize, Unresolved> {
        let shown = quoted(id);
        let Some(&(place, number)) = self.0.get(id) else {
            let near = nearest(id, self.visible(from));
            return Err((format!("there is no step `{shown}`"), near));
        };
        if self.sees(place, from, asks) {
            return Ok(number);
        }
        let own = match (place, from) {
            (Place::Top(_), Place::Top(_)) | (Place::Finally(_), Place::Finally(_)) => {
                place == from
            }
            (Place::Fallback { .. }, _) => place == from,
            _ => false,
        };
        let reason = match place {
            _ if own => ("a step cannot refer to itself".to_owned(), None),
            Place::Fallback { owner, .. } if Place::Top(owner) != from => {
                let owner = self.name_of(Place::Top(owner));
                (
                    format!("`{shown}` is a fallback step of `{owner}`, which takes its place"),
                    Some(did_you_mean(owner)),
                )
            }
            Place::Finally(_) if !matches!(from, Place::Finally(_)) => (
                format!("`{shown}` stands under `finally` and runs when all is over"),
                None,
            ),
            Place::Top(index) if matches!(from, Place::Fallback { owner, .. } if owner == index) => {
                (
                    format!(
                        "`{shown}` has failed when its fallback runs: only its `error` and `state` can be read"
                    ),
                    Some(format!("write `steps.{shown}.error`")),
                )
            }
            _ => (
                format!("the step `{shown}` does not stand above this one"),
                None,
            ),
        };
        Err(reason)
    }

    fn sees(&self, place: Place, from: Place, asks: Asks) -> bool {
        match (place, from) {
            (Place::Top(_), Place::Plan | Place::Finally(_)) => true,
            (Place::Top(index), Place::Top(own)) => index < own,
            (Place::Top(index), Place::Fallback { owner, .. }) => {
                index < owner || (index == owner && asks == Asks::Settled)
            }
            (
                Place::Fallback { owner, list, nth },
                Place::Fallback {
                    owner: own_owner,
                    list: own_list,
                    nth: own,
                },
            ) => owner == own_owner && list == own_list && nth < own,
            (Place::Finally(nth), Place::Finally(own)) => nth < own,
            _ => false,
        }
    }

    fn visible(&self, from: Place) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(move |(_, (place, _))| self.sees(*place, from, Asks::Settled))
            .map(|(id, _)| id.as_str())
    }

    fn name_of(&self, place: Place) -> &str {
        self.0
            .iter()
            .find(|(_, (other, _))| *other == place)
            .map_or("", |(id, _)| id.as_str())
    }

    /// The step of that id, where it is one of the steps.
    pub(super) fn top(&self, id: &str) -> Option<usize> {
        match self.0.get(id) {
            Some((Place::Top(index), _)) => Some(*index),
            _ => None,
        }
    }
}
