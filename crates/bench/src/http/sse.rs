//! `mandate-bench sse`: what it costs others that many read one execution's events as they happen.

use super::client::Connection;
use super::readers::Reading;
use super::served::Served;
use super::{print, reads, side_by_side};
use crate::arguments::SseArguments;
use crate::failure::Failure;
use crate::figures::Figures;
use crate::machine::Machine;
use serde_json::{Value, json};
use std::time::Instant;

/// What the processor does for those who read, beside everything else.
#[derive(Clone, Copy, PartialEq)]
enum Readers {
    None,
    /// They are a process like the others.
    Some,
    /// They are on another machine, as far as one can be that has no processor of its own: theirs is what is left over.
    Idle,
}

/// Each round has all of them, in an order that changes, so that none has the machine at a better hour than the others.
const ORDERS: [[Readers; 3]; 3] = [
    [Readers::None, Readers::Some, Readers::Idle],
    [Readers::Some, Readers::Idle, Readers::None],
    [Readers::Idle, Readers::None, Readers::Some],
];

/// What one run came to.
struct Run {
    steps_per_s: f64,
    /// Processor time of those who read, of one processor.
    readers_percent: f64,
}

/// Measures it.
pub(crate) fn run(arguments: &SseArguments) -> Result<(), Failure> {
    let machine = Machine::here(&arguments.dir);
    let mut all = Vec::new();
    for order in ORDERS.iter().cycle().take(arguments.runs as usize) {
        let mut found = Figures::new();
        for readers in order {
            let run = beside(arguments, *readers)?;
            let name = match readers {
                Readers::None => "alone",
                Readers::Some => "read",
                Readers::Idle => "read_by_idle",
            };
            found.insert(format!("{name}_steps_per_s"), run.steps_per_s);
            if *readers != Readers::None {
                found.insert(format!("{name}_readers_percent"), run.readers_percent);
            }
        }
        let of = |name: &str| found.get(name).copied().unwrap_or(f64::NAN);
        let lost = |name: &str| (1.0 - of(name) / of("alone_steps_per_s")) * 100.0;
        let (loss, loss_idle) = (lost("read_steps_per_s"), lost("read_by_idle_steps_per_s"));
        found.insert("loss_percent".to_owned(), loss);
        found.insert("loss_by_idle_percent".to_owned(), loss_idle);
        all.push(found);
    }
    print(&machine, &all);
    Ok(())
}

/// Steps a second of many executions, while some read the events of one more. Fails unless each of them got every event
/// once and in order.
fn beside(arguments: &SseArguments, readers: Readers) -> Result<Run, Failure> {
    let served = Served::start(&arguments.mandate, &arguments.dir)?;
    let address = served.address();
    let mut connection = Connection::open(address)?;
    let watched = json!({ "plan": naps(arguments.events.div_ceil(4)) });
    let made = connection.post("/v1/executions", &watched.to_string())?;
    let id = made.get("execution_id").and_then(Value::as_str);
    let id = id.unwrap_or_default().to_owned();
    let reading = match readers {
        Readers::None => None,
        kind => {
            let idle = kind == Readers::Idle;
            Some(Reading::start(address, &id, arguments.readers, idle)?)
        }
    };
    let plan = json!({ "plan": reads(arguments.steps) }).to_string();
    let submit = || -> Result<(), Failure> {
        let mut connection = Connection::open(address)?;
        let made = connection.post_with("/v1/executions", &plan, "prefer: wait=300\r\n")?;
        let ended = made.pointer("/execution/status").and_then(Value::as_str);
        match ended {
            Some("success") => Ok(()),
            _ => Err(Failure::Wrong(format!("it did not end well: {made}"))),
        }
    };
    let begun = Instant::now();
    let mut rounds = 0_u32;
    // As long as the one that is read goes on.
    let steps_per_s = loop {
        side_by_side(arguments.executions, &submit)?;
        rounds = rounds.saturating_add(1);
        // A connection on which nothing is said for long is closed.
        let shown = Connection::open(address)?.get(&format!("/v1/executions/{id}"))?;
        if shown.get("status").is_some_and(|status| !status.is_null()) {
            let steps = f64::from(arguments.executions) * f64::from(arguments.steps);
            break f64::from(rounds) * steps / begun.elapsed().as_secs_f64();
        }
    };
    let took_s = begun.elapsed().as_secs_f64();
    let last = Connection::open(address)?.get(&format!("/v1/executions/{id}"))?;
    let last = last.get("seq").and_then(Value::as_u64).unwrap_or_default();
    let cpu_s = match reading {
        Some(reading) => reading.hold_to(last)?,
        None => 0.0,
    };
    Ok(Run {
        steps_per_s,
        readers_percent: cpu_s / took_s * 100.0,
    })
}

/// A plan that goes on for a while: so many short naps.
fn naps(steps: u32) -> Value {
    let steps: Vec<Value> = (0..steps)
        .map(|n| json!({ "id": format!("s{n}"), "tool": "time.sleep", "args": { "duration_ms": 100 } }))
        .collect();
    json!({ "version": 1, "name": "watched", "steps": steps })
}
