//! The world outside: tools that do what the scenario says, and a witness who counts what really happened.
//!
//! They are behind the real registry and the real runner, which check permits and schemas, put secrets in, scrub, and
//! catch panics. A call moves on by one stage each time it is polled, so that it can be cut off before its effect,
//! between effect and answer, and after both.

mod tools;

pub(crate) use tools::{SECRET_NAME, SimSecrets, registry};

use crate::hold::hold;
use crate::scenario::How;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Mutex;

/// What happened outside under one idempotency key.
#[derive(Debug, Clone)]
pub(crate) struct Effect {
    pub(crate) execution_id: String,
    pub(crate) step: String,
    pub(crate) item: Option<u32>,
    /// Doing it again does nothing more.
    pub(crate) idempotent: bool,
    /// How often it happened.
    pub(crate) times: u32,
}

/// The witness, and the script that tools follow. It outlives every host.
#[derive(Default)]
pub(crate) struct Outside {
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    effects: BTreeMap<String, Effect>,
    script: BTreeMap<String, VecDeque<How>>,
    /// Starts that the disk has, by idempotency key and attempt.
    started: BTreeSet<(String, u32)>,
    /// Effects that began before the disk had their start.
    early: Vec<String>,
    met: Vec<&'static str>,
    /// Answers that are to arrive twice: execution, step, item, attempt.
    twice: BTreeSet<(String, String, Option<u32>, u32)>,
    order: Vec<String>,
}

impl Outside {
    pub(crate) fn new(script: &BTreeMap<String, Vec<How>>) -> Self {
        let script = script
            .iter()
            .map(|(step, hows)| (step.clone(), hows.iter().copied().collect()));
        let seen = Seen {
            script: script.collect(),
            ..Seen::default()
        };
        Self {
            seen: Mutex::new(seen),
        }
    }

    /// How the next call of a step goes.
    fn next(&self, step: &str) -> How {
        let mut seen = hold(&self.seen);
        let how = seen.script.get_mut(step).and_then(VecDeque::pop_front);
        let how = how.unwrap_or(How::Well {
            before: 0,
            after: 0,
        });
        seen.met.push(how.name());
        how
    }

    /// It happens.
    pub(crate) fn happen(&self, key: &str, attempt: u32, effect: Effect) {
        let mut seen = hold(&self.seen);
        if !seen.started.contains(&(key.to_owned(), attempt)) {
            let what = format!(
                "step `{}` of {}, attempt {attempt}",
                effect.step, effect.execution_id
            );
            seen.early.push(what);
        }
        seen.order.push(format!("{key}/{attempt}"));
        let known = seen.effects.entry(key.to_owned()).or_insert(effect);
        known.times = known.times.saturating_add(1);
    }

    /// The disk has the start of this attempt.
    pub(crate) fn note_start(&self, key: &str, attempt: u32) {
        hold(&self.seen).started.insert((key.to_owned(), attempt));
    }

    /// A new disk: what was started before is told anew.
    pub(crate) fn forget_starts(&self) {
        hold(&self.seen).started.clear();
    }

    /// How often the effect under this key happened.
    pub(crate) fn times(&self, key: &str) -> u32 {
        let seen = hold(&self.seen);
        seen.effects.get(key).map_or(0, |effect| effect.times)
    }

    /// Everything that happened, by idempotency key.
    pub(crate) fn effects(&self) -> BTreeMap<String, Effect> {
        hold(&self.seen).effects.clone()
    }

    /// Effects that began before the disk had their start.
    pub(crate) fn early(&self) -> Vec<String> {
        hold(&self.seen).early.clone()
    }

    /// Keys and attempts in the order in which they happened.
    pub(crate) fn order(&self) -> Vec<String> {
        hold(&self.seen).order.clone()
    }

    /// What was met since it was last asked.
    pub(crate) fn take_met(&self) -> Vec<&'static str> {
        std::mem::take(&mut hold(&self.seen).met)
    }

    /// Whether this answer is to arrive twice.
    pub(crate) fn arrives_twice(
        &self,
        execution_id: &str,
        step: &str,
        item: Option<u32>,
        attempt: u32,
    ) -> bool {
        let place = (execution_id.to_owned(), step.to_owned(), item, attempt);
        hold(&self.seen).twice.remove(&place)
    }
}
