//! A journal that was altered by hand and chained again: the replay names the place.

use crate::chance::Chance;
use crate::generate::{config, plan, schedule};
use mandate_engine::{Event, replay};
use proptest::prelude::*;
use serde_json::{Value, json};

const WATCHED: [&str; 7] = [
    "step_started",
    "step_completed",
    "execution_finished",
    "request_opened",
    "request_answered",
    "step_resolved",
    "invariant_checked",
];

/// Every leaf of a payload, as JSON pointers.
fn leaves(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                leaves(
                    value,
                    &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")),
                    found,
                );
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, value) in items.iter().enumerate() {
                leaves(value, &format!("{at}/{index}"), found);
            }
        }
        _ => found.push(at.to_owned()),
    }
}

/// Another value of the same kind, such that it has a chance to be read as the same type.
fn other(value: &Value, how: u8) -> Value {
    match value {
        Value::Null => json!(how),
        Value::Bool(is) => json!(!is),
        Value::Number(n) => json!(n.as_i64().unwrap_or(0) + 1 + i64::from(how % 3)),
        Value::String(text) => json!(match text.as_str() {
            "s0" => "s1".to_owned(),
            "read" => "write".to_owned(),
            "execute" | "write" => "read".to_owned(),
            "success" => "partial".to_owned(),
            "failure" | "partial" => "success".to_owned(),
            hex if hex.len() == 64 => {
                let first = if hex.starts_with('0') { "1" } else { "0" };
                format!("{first}{}", &hex[1..])
            }
            text => format!("{text}x"),
        }),
        Value::Array(_) => json!([how]),
        Value::Object(_) => json!({ "x": how }),
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn replay_names_the_altered_event((draft, acts) in (plan(), schedule()), picks in prop::collection::vec(any::<(u16, u16, u8)>(), 12)) {
        let mut chance = Chance::run(&draft, &acts, true);
        chance.drain();
        let world = &chance.world;
        let watched: Vec<usize> = (0..world.events.len())
            .filter(|at| WATCHED.contains(&world.events[*at].body.kind()))
            .collect();
        for (event, leaf, how) in picks {
            let at = watched[usize::from(event) % watched.len()];
            let old = &world.events[at];
            let mut payload: Value = serde_json::from_slice(&old.payload()).unwrap();
            let mut places = Vec::new();
            leaves(&payload, "", &mut places);
            let place = &places[usize::from(leaf) % places.len()];
            let slot = payload.pointer_mut(place).unwrap();
            *slot = other(slot, how);
            let bytes = serde_json::to_vec(&payload).unwrap();
            let Ok(new) = Event::from_row(old.seq, old.at_ms, old.body.kind(), &bytes) else {
                continue; // refused as no event at all
            };
            if new == *old {
                continue;
            }
            let mut events = world.events.clone();
            events[at] = new;
            let found = replay(world.plan.clone(), &events);
            let seq = found.as_ref().err().map(|difference| difference.seq);
            prop_assert_eq!(seq, Some(old.seq), "{} {}", old.body.kind(), place);
        }
    }

    /// An event that is left out, put in twice, or exchanged with its neighbour.
    #[test]
    fn replay_sees_missing_and_moved_events((draft, acts) in (plan(), schedule()), pick in any::<u16>(), how in 0..3_u8) {
        let mut chance = Chance::run(&draft, &acts, true);
        chance.drain();
        let mut events = chance.world.events.clone();
        let at = 1 + usize::from(pick) % (events.len() - 1);
        match how {
            0 => drop(events.remove(at)),
            1 => events.insert(at, events[at].clone()),
            _ if at + 1 < events.len() && events[at].body != events[at + 1].body => {
                let (a, b) = (events[at].body.clone(), events[at + 1].body.clone());
                (events[at].body, events[at + 1].body) = (b, a);
            }
            _ => return Ok(()),
        }
        prop_assert!(replay(chance.world.plan.clone(), &events).is_err() || how == 2);
    }
}
