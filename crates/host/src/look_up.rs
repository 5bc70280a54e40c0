//! Doubts that a tool can settle itself: where the operator has configured a status look-up, the host asks it when a call
//! has come into doubt, and again when a new host takes the execution up. A human is asked only if that does not help.

use crate::drive::Place;
use crate::host::{Host, Input};
use crate::spawn::Task;
use mandate_engine::event::Resolution;
use mandate_engine::{Body, Event, State, Unit, idempotency_key};
use mandate_policy::{Purpose, ResolvedCall};
use mandate_tools::Told;
use serde_json::json;
use std::collections::BTreeMap;

/// How often one host asks about one step. A tool that says each time that nothing happened would be called for ever.
const MOST: u32 = 3;

/// What a tool says of a call in doubt.
pub struct StatusAnswer {
    pub(crate) place: Place,
    pub(crate) attempt: u32,
    pub(crate) tool: String,
    pub(crate) told: Told,
}

/// Whether there may be doubts after this event that this host has not asked about.
pub(crate) fn may_bring_doubts(event: &Event) -> bool {
    matches!(
        event.body,
        Body::StepInDoubt { .. } | Body::HostStarted { .. }
    )
}

/// What a host asks the tools of one execution.
#[derive(Default)]
pub(crate) struct Questions {
    /// About which attempt was asked last, and how often about the step.
    asked: BTreeMap<Place, (u32, u32)>,
    /// Questions that wait for the disk to have the doubt.
    due: Vec<(u64, ResolvedCall)>,
    /// Questions under way, each about one attempt.
    open: BTreeMap<(Place, u32), Box<dyn Task>>,
}

impl Questions {
    /// Whether a question waits for the disk.
    pub(crate) fn wait(&self) -> bool {
        !self.due.is_empty()
    }

    /// Whether no answer is to come.
    pub(crate) fn are_over(&self) -> bool {
        self.due.is_empty() && self.open.is_empty()
    }

    /// Asks no more.
    pub(crate) fn give_up(&mut self) {
        self.due.clear();
        for task in std::mem::take(&mut self.open).into_values() {
            task.abort();
        }
    }

    fn note(&mut self, state: &State) {
        let runs = state.doubts().into_iter();
        let undos = state.undo_doubts().into_iter();
        let all = runs
            .map(|doubt| (doubt, Purpose::Run))
            .chain(undos.map(|doubt| (doubt, Purpose::Compensate)));
        for ((step, item, attempt), purpose) in all {
            let place = Place {
                step,
                item,
                purpose,
            };
            let (last, times) = self.asked.get(&place).copied().unwrap_or_default();
            if last == attempt || times >= MOST {
                continue;
            }
            if let Some(call) = doubted(state, &place, attempt) {
                self.asked.insert(place, (attempt, times.saturating_add(1)));
                self.due.push((state.seq, call));
            }
        }
    }
}

/// The call that is in doubt, as far as its tool needs it to tell.
fn doubted(state: &State, place: &Place, attempt: u32) -> Option<ResolvedCall> {
    let (step, data) = state.step(&place.step)?;
    let unit: &Unit = data.units.get(place.item.map_or(0, |item| item as usize))?;
    let (tool, sensitive, unit) = match place.purpose {
        Purpose::Run => (&step.step.tool, step.step.sensitive.clone(), unit),
        Purpose::Compensate => (
            &step.step.compensate.as_ref()?.tool,
            Vec::new(),
            unit.undo.as_deref()?,
        ),
    };
    let id = state.execution_id();
    Some(ResolvedCall {
        execution_id: id.to_owned(),
        step: place.step.clone(),
        item: place.item,
        attempt,
        purpose: place.purpose,
        tool: tool.clone(),
        args: unit.args.clone().unwrap_or_default(),
        secrets: Vec::new(),
        idempotency_key: idempotency_key(id, &place.step, place.item, place.purpose),
        timeout_ms: None,
        sensitive,
    })
}

impl Host {
    /// Notes the doubts that this host has not asked about yet.
    pub(crate) fn note_doubts(&mut self, execution_id: &str) {
        if let Some(drive) = self.drives.get_mut(execution_id) {
            drive.questions.note(&drive.state);
        }
    }

    /// Asks the tools about doubts that the disk has.
    pub(crate) fn ask_tools(&mut self, execution_id: &str) {
        let Some(drive) = self.drives.get_mut(execution_id) else {
            return;
        };
        let durable = drive.durable_seq;
        let (ready, due) = std::mem::take(&mut drive.questions.due)
            .into_iter()
            .partition(|(after_seq, _)| *after_seq <= durable);
        drive.questions.due = due;
        let ready: Vec<(u64, ResolvedCall)> = ready;
        for (_, call) in ready {
            let (place, attempt, tool) = (Place::of(&call), call.attempt, call.tool.clone());
            let Some(asked) = self.parts.tools.look_up(call) else {
                continue;
            };
            let (post, execution) = (self.post.clone(), execution_id.to_owned());
            let about = place.clone();
            let task = self.parts.spawn.spawn(Box::pin(async move {
                let told = asked.await;
                post(Input::Told {
                    execution_id: execution,
                    answer: Box::new(StatusAnswer {
                        place: about,
                        attempt,
                        tool,
                        told,
                    }),
                });
            }));
            drive.questions.open.insert((place, attempt), task);
        }
    }

    /// A tool has told what became of a call.
    pub(crate) fn told(
        &mut self,
        execution_id: &str,
        StatusAnswer {
            place,
            attempt,
            tool,
            told,
        }: StatusAnswer,
    ) {
        let Some(drive) = self.drives.get_mut(execution_id) else {
            return;
        };
        let question = (place.clone(), attempt);
        if drive.questions.open.remove(&question).is_none() {
            return;
        }
        let state = &drive.state;
        let doubts = match place.purpose {
            Purpose::Run => state.doubts(),
            Purpose::Compensate => state.undo_doubts(),
        };
        // A human may have been faster, and the step may even be in doubt again.
        let still = doubts
            .iter()
            .any(|(step, item, of)| *step == place.step && *item == place.item && *of == attempt);
        let resolution = match told {
            Told::Done(output) => Ok(Resolution::Done { output }),
            Told::NotDone => Ok(Resolution::NotDone),
            Told::Failed(reason) => Ok(Resolution::Fail { reason }),
            Told::Unknown(why) => Err(why),
        };
        let body = match resolution {
            Ok(resolution) => Body::StepResolved {
                step: place.step.clone(),
                item: place.item,
                by: format!("tool:{tool}"),
                resolution,
                channel: Some("status".to_owned()),
                answer_digest: None,
            },
            Err(why) => Body::FindingRecorded {
                finding: json!({
                    "kind": "status_unknown",
                    "step": place.step,
                    "item": place.item,
                    "attempt": attempt,
                    "tool": tool,
                    "message": why,
                }),
            },
        };
        let body = state.sealed(body);
        if !still || !self.take_turn(execution_id, body) {
            self.settle_down(execution_id);
        }
    }
}
