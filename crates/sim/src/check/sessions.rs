//! A session makes no more calls than it may.

use super::{Faults, Found};
use crate::hold::hold;
use crate::world::World;
use mandate_engine::Body;
use mandate_host::SESSION_IDLE_MS;
use mandate_policy::{Purpose, counts_as_call};

/// Over all executions: they share one session.
pub(super) fn check(world: &World<'_>, all: &[Found], faults: &mut Faults) {
    let Some(limit) = world.scenario().calls_per_session else {
        return;
    };
    // What undoes a step is counted and not held back.
    let mut calls: Vec<(Option<u64>, i64, bool, &str)> = Vec::new();
    let acknowledged = hold(&world.acknowledged);
    for found in all {
        for event in &found.events {
            let (step, tool, limited) = match &event.body {
                Body::StepStarted { step, tool, .. } => (step, tool, true),
                Body::CompensationStarted { step, tool, .. } => (step, tool, false),
                _ => continue,
            };
            if counts_as_call(tool, Purpose::Run) {
                let place = acknowledged.place(&found.id, event.seq);
                calls.push((place, event.at_ms, limited, step));
            }
        }
    }
    // A clock that is set back has the calls in another order than they began in. A process that goes on counts by the one, a
    // process that begins by the other.
    calls.sort_unstable();
    let began = too_many(&calls, limit);
    calls.sort_unstable_by_key(|(place, at_ms, ..)| (*at_ms, *place));
    let by_time = too_many(&calls, limit);
    faults.extend(began.zip(by_time).map(|(what, _)| (CHECK, what)));
}

const CHECK: &str = "a session makes no more calls than it may";

/// The first call that is one too many, of calls in an order.
fn too_many(calls: &[(Option<u64>, i64, bool, &str)], limit: u64) -> Option<String> {
    let (mut count, mut last_ms) = (0_u64, None);
    for (_, at_ms, limited, step) in calls {
        let idle = |last_ms: i64| at_ms.saturating_sub(last_ms) > SESSION_IDLE_MS;
        if last_ms.is_some_and(idle) {
            count = 0;
        }
        count = count.saturating_add(1);
        last_ms = last_ms.max(Some(*at_ms));
        if *limited && count > limit {
            return Some(format!("`{step}` begins the {count}th call of {limit}"));
        }
    }
    None
}
