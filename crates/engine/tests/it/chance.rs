//! An execution driven by a random schedule, to its end.

use crate::generate::{Act, PlanDraft};
use crate::world::{Begin, World, call_outcome, facts, plan_of, resolve};
use mandate_engine::event::{Answer, FailureKind, RequestKind, Resolution, Takes};
use mandate_engine::{Body, Phase, State, Turned, decide};
use mandate_plan::ErrorCode;
use serde_json::json;

pub(crate) struct Chance {
    pub(crate) world: World,
    pub(crate) now_ms: i64,
    /// Cuts lie between turns, as the store appends; else anywhere, as the contract of the log allows.
    whole_turns: bool,
    /// Events that a crash cannot lose: something that happened outside rests on them.
    owed: usize,
}

type Place = (String, Option<u32>, u32);

impl Chance {
    pub(crate) fn run(draft: &PlanDraft, schedule: &[(u8, Act)], whole_turns: bool) -> Self {
        let plan = plan_of(&draft.document());
        let how = Begin {
            ask: draft.ask,
            deadline_ms: draft.deadline_ms,
            expires_ms: draft.expires_ms,
            seed: 7,
            ..Begin::default()
        };
        let (world, turned) = World::begin(plan, 0, &how);
        let mut chance = Self {
            world,
            now_ms: 0,
            whole_turns,
            owed: 1,
        };
        chance.carry_out(Some(turned));
        for (wait_ms, act) in schedule {
            chance.now_ms += i64::from(*wait_ms);
            chance.fire_due();
            chance.act(act);
        }
        chance
    }

    /// What a host does with a turn: has the plan admitted, drops calls.
    fn carry_out(&mut self, turned: Option<Turned>) {
        let Some(turned) = turned else { return };
        if turned.admit {
            let body = Body::ExecutionStarted {
                approval: None,
                reserved: None,
            };
            let turned = self.world.take(self.now_ms, body);
            assert!(
                turned.is_some(),
                "the engine asked for admission and does not take it"
            );
            self.carry_out(turned);
        }
        for abort in turned.aborts {
            let place = (abort.step, abort.item, abort.attempt);
            self.outcome(&place, Some(FailureKind::Unknown), ErrorCode::Cancelled, 0);
        }
        self.named();
    }

    /// Nothing just stops: it has ended, a call is under way, something is due, or it says what it waits for.
    fn named(&self) {
        let state = &self.world.state;
        let due = state
            .next_due()
            .is_some_and(|(due_ms, _)| due_ms <= state.at_ms);
        let runs = state.driven && state.is_running();
        let named = state.phase == Phase::Ended || runs || due || state.waiting_for().is_some();
        assert!(
            named,
            "{} waits for nothing: {:#}",
            state.shown_state(),
            state.snapshot()
        );
        assert_eq!(
            decide(state),
            decide(&state.clone()),
            "decide is a function of the state"
        );
    }

    fn fire_due(&mut self) {
        while let Some(turned) = self.world.fire(self.now_ms) {
            self.carry_out(Some(turned));
        }
    }

    fn outcome(&mut self, place: &Place, kind: Option<FailureKind>, code: ErrorCode, output: u8) {
        let (step, item, attempt) = place;
        let outcome = call_outcome(kind, code, Some(json!(output % 5)));
        // What came of a call proves that its start was durable.
        self.owed = self.owed.max(started_at(&self.world, place));
        let turned = self
            .world
            .outcome(self.now_ms, (step, *item, *attempt), outcome);
        self.carry_out(turned);
    }

    fn act(&mut self, act: &Act) {
        let body = match act {
            Act::Outcome(which, how) => {
                let mut open = self.world.state.open_attempts();
                open.extend(self.world.state.open_undos());
                let Some(place) = open.get(usize::from(*which) % open.len().max(1)).cloned() else {
                    return;
                };
                let kind = match how % 8 {
                    0..=3 => None,
                    4 => Some(FailureKind::Refused),
                    5 => Some(FailureKind::Failed),
                    6 => Some(FailureKind::Unknown),
                    _ => Some(FailureKind::Invalid),
                };
                let codes = [
                    ErrorCode::ToolFailed,
                    ErrorCode::StepTimeout,
                    ErrorCode::InvalidPayload,
                ];
                return self.outcome(&place, kind, codes[usize::from(*how / 8) % 3], *how / 8);
            }
            Act::Fire(wait_ms) => {
                self.now_ms += i64::from(*wait_ms);
                return self.fire_due();
            }
            Act::Crash(lose) => return self.crash(*lose),
            Act::Pause => Body::ExecutionPaused { by: "ann".into() },
            Act::Resume => Body::ExecutionResumed { by: "ann".into() },
            Act::Cancel(force) => Body::CancelRequested {
                by: "ann".into(),
                reason: None,
                force: *force,
            },
            Act::Revoke => Body::ApprovalRevoked {
                by: "ann".into(),
                reason: None,
            },
            Act::Resolve(which, how) => {
                let doubts = doubts(&self.world.state);
                let Some((step, item, _)) = doubts.get(usize::from(*which) % doubts.len().max(1))
                else {
                    return;
                };
                let resolution = match how % 3 {
                    0 => Resolution::Done { output: json!(how) },
                    1 => Resolution::NotDone,
                    _ => Resolution::Fail {
                        reason: "looked".into(),
                    },
                };
                resolve(step, *item, resolution)
            }
            Act::Answer(which, how) => match self.answer(*which, *how) {
                Some(body) => body,
                None => return,
            },
            Act::Freeze(freeze) => {
                self.world.gate.frozen = *freeze;
                if *freeze {
                    return;
                }
                Body::Thawed { by: "ann".into() }
            }
            Act::HostLeaving => Body::HostLeaving { host: "h".into() },
            Act::HostStopped => Body::HostStopped {
                reason: "asked to".into(),
            },
            Act::HostStarted => Body::HostStarted { host: "h".into() },
        };
        let people_saw = !matches!(act, Act::HostStarted | Act::HostLeaving | Act::HostStopped);
        let turned = self.world.take(self.now_ms, body);
        if turned.is_some() && people_saw {
            self.owed = self.world.events.len();
        }
        self.carry_out(turned);
    }

    /// An answer to one of the open requests: the plan is mostly approved, data is mostly right.
    fn answer(&self, which: u8, how: u8) -> Option<Body> {
        let state = &self.world.state;
        let open: Vec<_> = state.open_requests().collect();
        let request = &open.get(usize::from(which) % open.len().max(1))?.request;
        let how = match request.kind {
            RequestKind::Plan => how / 230,
            _ => how,
        };
        let choice = &request.choices[usize::from(how) % request.choices.len()];
        let data = match (request.takes(choice), request.kind) {
            (Takes::Nothing, _) => None,
            (_, RequestKind::Budget) => Some(json!(how % 4)),
            (_, RequestKind::Failure) => state
                .step(request.step.as_deref()?)?
                .1
                .items
                .as_ref()
                .map_or(Some(json!(how % 5)), |items| {
                    Some(items.iter().map(|_| json!(how % 5)).collect())
                }),
            _ => Some(json!(how)),
        };
        let answer = Answer {
            data,
            ..Answer::new(&request.request_id, choice, "ann", "terminal")
        };
        state.given(answer, self.now_ms).ok()
    }

    /// The process is gone, with what was not owed to the disk; a new one folds the rest.
    fn crash(&mut self, lose: u8) {
        let events = &self.world.events;
        let cut = events
            .len()
            .saturating_sub(usize::from(lose) % 8)
            .max(self.owed);
        let cut = if self.whole_turns {
            let turns = self.world.turns.iter();
            turns
                .copied()
                .find(|end| *end >= cut)
                .unwrap_or(events.len())
        } else {
            cut
        };
        let durable = events[..cut].to_vec();
        let old = &self.world;
        let mut recovered = World::recover(old.plan.clone(), &durable);
        assert_eq!(
            recovered.state.snapshot(),
            old.snapshots[cut - 1],
            "fold of a prefix"
        );
        recovered.snapshots = old.snapshots[..cut].to_vec();
        recovered.turns = old
            .turns
            .iter()
            .copied()
            .filter(|end| *end <= cut)
            .collect();
        self.world = recovered;
        if self.world.state.phase == Phase::Ended {
            return;
        }
        let turned = self
            .world
            .take(self.now_ms, Body::HostStarted { host: "h2".into() });
        assert!(turned.is_some(), "a host is always taken");
        self.carry_out(turned);
    }

    /// Gives what is waited for until the execution ends. That it does is the property.
    pub(crate) fn drain(&mut self) {
        for _ in 0..400 {
            let state = &self.world.state;
            if state.phase == Phase::Ended {
                return;
            }
            let act = if !state.driven || state.leaving {
                Act::HostStarted
            } else if state.paused.is_some() {
                Act::Resume
            } else if state
                .next_due()
                .is_some_and(|(due, _)| due <= state.at_ms.max(self.now_ms))
            {
                Act::Fire(0)
            } else if state.is_frozen() {
                Act::Freeze(false)
            } else if state.is_running() {
                Act::Outcome(0, 0)
            } else if state.open_request().is_some() {
                self.world.gate.frozen = false;
                // The first choice is the one that goes on; a number of calls must not be none.
                let budget = state.open_request().unwrap().request.kind == RequestKind::Budget;
                Act::Answer(0, if budget { 2 } else { 0 })
            } else {
                let due_ms = state.next_due().map_or(0, |(due_ms, _)| due_ms);
                Act::Fire(u16::try_from(due_ms - self.now_ms).expect("soon"))
            };
            self.act(&act);
        }
        panic!("it does not end: {:#}", self.world.state.snapshot());
    }
}

fn started_at(world: &World, (step, item, attempt): &Place) -> usize {
    let is_start = |body: &Body| matches!(body, Body::StepStarted { step: s, item: i, attempt: a, .. } | Body::CompensationStarted { step: s, item: i, attempt: a, .. } if s == step && i == item && a == attempt);
    world
        .events
        .iter()
        .rposition(|event| is_start(&event.body))
        .map_or(1, |at| at + 1)
}

/// What a person can resolve now.
fn doubts(state: &State) -> Vec<Place> {
    let undoes = state.phase == Phase::Compensating;
    if undoes {
        state.undo_doubts()
    } else {
        state.doubts()
    }
}

/// Never again after nobody knew: between two starts of one effect lies an answer, or a person's word.
pub(crate) fn no_effect_twice(world: &World) {
    use std::collections::BTreeMap;
    let mut open: BTreeMap<(String, Option<u32>), bool> = BTreeMap::new();
    for event in &world.events {
        match &event.body {
            // Undoing is another effect than the one undone, and comes after it.
            Body::CompensationStarted {
                step,
                item,
                tool,
                attempt,
                ..
            } if !facts(tool).repeatable() => {
                let unknown = open.insert((step.clone(), *item), true).unwrap_or(false);
                assert!(
                    !unknown || *attempt == 1,
                    "{step} {item:?} undone again at seq {}",
                    event.seq
                );
            }
            Body::StepStarted {
                step, item, tool, ..
            } if !facts(tool).repeatable() => {
                let unknown = open.insert((step.clone(), *item), true).unwrap_or(false);
                assert!(
                    !unknown,
                    "{step} {item:?} started again at seq {}",
                    event.seq
                );
            }
            Body::StepCompleted { step, item, .. }
            | Body::CompensationCompleted { step, item, .. } => {
                open.insert((step.clone(), *item), false);
            }
            Body::StepFailed {
                step,
                item,
                outcome,
                ..
            }
            | Body::CompensationFailed {
                step,
                item,
                outcome,
                ..
            } if *outcome != FailureKind::Unknown => {
                open.insert((step.clone(), *item), false);
            }
            Body::StepResolved { step, item, .. } => {
                open.insert((step.clone(), *item), false);
            }
            _ => {}
        }
    }
}

/// The counters that `apply` keeps are what counting gives.
pub(crate) fn counters_hold(state: &State) {
    use mandate_engine::StepState as S;
    let units = || state.steps.iter().flat_map(|step| &step.units);
    let undos = || units().filter_map(|unit| unit.undo.as_deref());
    let count = |wanted: S| {
        let calls = units().chain(undos());
        calls.filter(|unit| unit.state == wanted).count() as u32
    };
    assert_eq!(state.running, count(S::Running));
    assert_eq!(state.waiting, count(S::Waiting));
    assert_eq!(state.doubtful, count(S::InDoubt));
    let own = state.steps.iter().take(state.plan().steps().len());
    let settled = own.filter(|data| data.state.settled()).count();
    assert_eq!(state.settled(), settled);
    // Where nothing can follow nobody needs to look.
    assert_eq!(decide(state), decide(&state.looking_everywhere()));
}
