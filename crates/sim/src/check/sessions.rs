//! A session makes no more calls than it may.

use super::{Faults, Found};
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
    let mut calls: Vec<(i64, bool, &str)> = Vec::new();
    for event in all.iter().flat_map(|found| &found.events) {
        match &event.body {
            Body::StepStarted { step, tool, .. } if counts_as_call(tool, Purpose::Run) => {
                calls.push((event.at_ms, true, step));
            }
            Body::CompensationStarted { step, tool, .. } if counts_as_call(tool, Purpose::Run) => {
                calls.push((event.at_ms, false, step));
            }
            _ => {}
        }
    }
    calls.sort_unstable();
    let (mut count, mut last_ms) = (0_u64, None);
    for (at_ms, limited, step) in calls {
        let idle = |last_ms: i64| at_ms.saturating_sub(last_ms) > SESSION_IDLE_MS;
        if last_ms.is_some_and(idle) {
            count = 0;
        }
        count = count.saturating_add(1);
        last_ms = Some(at_ms);
        if limited && count > limit {
            let what = format!("`{step}` begins the {count}th call of {limit}");
            faults.push(("a session makes no more calls than it may", what));
        }
    }
}
