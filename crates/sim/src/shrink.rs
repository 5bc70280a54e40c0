//! Cutting a failing scenario down: whatever can go while the same check still fails, goes.

use crate::scenario::{How, Run, Scenario};
use crate::{Outcome, run};
use serde_json::Value;

/// Runs that cutting down may take.
const MOST_RUNS: usize = 2_000;

/// The smallest scenario found that violates the same check, and what came of it.
pub fn shrink(scenario: &Scenario, check: &str) -> (Scenario, Outcome) {
    let mut best = scenario.clone();
    let mut outcome = run(&best, false);
    let mut left = MOST_RUNS;
    loop {
        let before = best.clone();
        let mut place = 0;
        // Candidates are made anew after each success; those before the place were tried already.
        while let Some(candidate) = candidates(&best).into_iter().nth(place) {
            if left == 0 {
                return (best, outcome);
            }
            left = left.saturating_sub(1);
            let came = run(&candidate, false);
            let same = came.violations.iter().any(|found| found.check == check);
            if same {
                best = candidate;
                outcome = came;
            } else {
                place = place.saturating_add(1);
            }
        }
        if best == before {
            return (best, outcome);
        }
    }
}

/// Every scenario that has one thing less.
fn candidates(of: &Scenario) -> Vec<Scenario> {
    let mut all = Vec::new();
    let mut add = |change: &dyn Fn(&mut Scenario)| {
        let mut candidate = of.clone();
        change(&mut candidate);
        if candidate != *of {
            all.push(candidate);
        }
    };
    if of.runs.len() > 1 {
        for place in 0..of.runs.len() {
            // The others keep their places, which deeds refer to.
            add(&|scenario| {
                if let Some(run) = scenario.runs.get_mut(place) {
                    *run = nothing(run.at);
                }
            });
        }
    }
    for place in 0..of.acts.len() {
        add(&|scenario| {
            scenario.acts.remove(place);
        });
    }
    add(&|scenario| scenario.calls.clear());
    for step in of.calls.keys() {
        add(&|scenario| {
            scenario.calls.remove(step);
        });
    }
    add(&|scenario| scenario.calls_per_minute = None);
    add(&|scenario| scenario.calls_per_session = None);
    add(&|scenario| scenario.max_active = 256);
    for place in 0..of.runs.len() {
        add(&|scenario| {
            if let Some(run) = scenario.runs.get_mut(place) {
                run.deadline_in_ms = None;
            }
        });
        add(&|scenario| {
            if let Some(run) = scenario.runs.get_mut(place) {
                run.watched = false;
            }
        });
        let plans = of.runs.get(place).map(|run| smaller(&run.plan));
        for plan in plans.into_iter().flatten() {
            add(&|scenario| {
                if let Some(run) = scenario.runs.get_mut(place) {
                    run.plan = plan.clone();
                }
            });
        }
    }
    for (step, hows) in &of.calls {
        for place in 0..hows.len() {
            add(&|scenario| {
                if let Some(how) = scenario
                    .calls
                    .get_mut(step)
                    .and_then(|hows| hows.get_mut(place))
                {
                    *how = How::Well {
                        before: 0,
                        after: 0,
                    };
                }
            });
        }
    }
    all
}

/// A run that does next to nothing.
fn nothing(at: u64) -> Run {
    Run {
        at,
        plan: serde_json::json!({
            "version": 1,
            "name": "nothing",
            "steps": [{ "id": "nothing", "tool": "data.value", "args": { "value": 1 } }],
        }),
        inputs: serde_json::Map::new(),
        approval: crate::Approval::Approve,
        deadline_in_ms: None,
        watched: false,
    }
}

/// The same plan with one step, or one thing that is said of it, less. What is not valid any more violates another check.
fn smaller(plan: &Value) -> Vec<Value> {
    let mut all = Vec::new();
    let Some(fields) = plan.as_object() else {
        return all;
    };
    for key in ["finally", "constraints", "invariants", "priority", "inputs"] {
        if fields.contains_key(key) {
            let mut fields = fields.clone();
            fields.remove(key);
            all.push(Value::Object(fields));
        }
    }
    let steps = fields.get("steps").and_then(Value::as_array);
    for (place, step) in steps.into_iter().flatten().enumerate() {
        let with = |step: Option<Value>| {
            let mut plan = plan.clone();
            if let Some(steps) = plan.get_mut("steps").and_then(Value::as_array_mut) {
                match (step, steps.get_mut(place)) {
                    (Some(step), Some(at)) => *at = step,
                    _ => {
                        steps.remove(place);
                    }
                }
            }
            plan
        };
        if steps.is_some_and(|steps| steps.len() > 1) {
            all.push(with(None));
        }
        let Some(said) = step.as_object() else {
            continue;
        };
        for key in said
            .keys()
            .filter(|key| !matches!(key.as_str(), "id" | "tool" | "args"))
        {
            let mut said = said.clone();
            said.remove(key);
            all.push(with(Some(Value::Object(said))));
        }
        if let Some(inner) = step.pointer("/args/plan") {
            for inner in smaller(inner) {
                let mut step = step.clone();
                if let Some(place) = step.pointer_mut("/args/plan") {
                    *place = inner;
                }
                all.push(with(Some(step)));
            }
        }
    }
    all
}
