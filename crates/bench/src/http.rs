//! `mandate-bench http` and `mandate-bench sse`: the server as it ships, asked over TCP, beside a handler that does nothing.

mod bare;
mod client;
mod readers;
mod served;

use crate::{
    arguments::{HttpArguments, SseArguments},
    failure::Failure,
    figures::{Figures, quantile, spreads, table},
    machine::Machine,
    measure::figures,
};
use bare::Bare;
use client::Connection;
use serde_json::{Value, json};
use served::Served;
use std::{
    net::SocketAddr,
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

/// The rows of a list that is asked for.
const ROWS: u32 = 50;

/// How something is asked for, so many times, from so many connections.
#[derive(Clone, Copy)]
struct Load {
    times: u32,
    connections: u32,
}

/// Measures submitting, looking at one, and listing, beside the same over a handler that does nothing.
pub(crate) fn run(arguments: &HttpArguments) -> Result<(), Failure> {
    let machine = Machine::here(&arguments.dir);
    let mut all = Vec::new();
    for _ in 0..arguments.runs {
        all.push(one_run(arguments)?);
    }
    print(&machine, &all);
    Ok(())
}

fn one_run(arguments: &HttpArguments) -> Result<Figures, Failure> {
    let served = Served::start(&arguments.mandate, &arguments.dir)?;
    let bare = Bare::start()?;
    let address = served.address();
    let (alone, together) = (
        Load {
            times: arguments.times,
            connections: 1,
        },
        Load {
            times: arguments.times,
            connections: arguments.connections,
        },
    );
    let plan = json!({ "plan": reads(1) }).to_string();
    let submit = |connection: &mut Connection| connection.post("/v1/executions", &plan).map(drop);
    // So many are there before anything is measured.
    let fill = Load {
        times: arguments.executions,
        connections: 16,
    };
    load(address, fill, &submit)?;
    let mut connection = Connection::open(address)?;
    let listed = connection.get(&format!("/v1/executions?limit={ROWS}"))?;
    let id = listed
        .pointer("/executions/0/execution_id")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let mut found = Figures::new();
    let get =
        |connection: &mut Connection| connection.get(&format!("/v1/executions/{id}")).map(drop);
    let list = |connection: &mut Connection| {
        connection
            .get(&format!("/v1/executions?limit={ROWS}"))
            .map(drop)
    };
    let nothing = |connection: &mut Connection| connection.get("/").map(drop);
    let echo = |connection: &mut Connection| connection.post("/", &plan).map(drop);
    type Ask<'a> = &'a (dyn Fn(&mut Connection) -> Result<(), Failure> + Sync);
    let asks: [(&str, SocketAddr, Ask<'_>); 5] = [
        ("submit", address, &submit),
        ("get", address, &get),
        ("list", address, &list),
        ("bare_post", bare.address(), &echo),
        ("bare_get", bare.address(), &nothing),
    ];
    for (name, address, ask) in asks {
        let took = load(address, alone, ask)?.1;
        let (wall, _) = load(address, together, ask)?;
        found.insert(format!("{name}_ms_p50"), quantile(&took, 0.5));
        found.insert(format!("{name}_ms_p99"), quantile(&took, 0.99));
        let per_s = f64::from(together.times) / wall.as_secs_f64();
        found.insert(format!("{name}_per_s"), per_s);
    }
    Ok(found)
}

/// Asks so often, from so many connections; how long all took, and each, in milliseconds.
fn load(
    address: SocketAddr,
    load: Load,
    ask: &(dyn Fn(&mut Connection) -> Result<(), Failure> + Sync),
) -> Result<(Duration, Vec<f64>), Failure> {
    let taken = AtomicU32::new(0);
    let work = || {
        let mut connection = Connection::open(address)?;
        let mut took = Vec::new();
        while taken.fetch_add(1, Ordering::Relaxed) < load.times {
            let begun = Instant::now();
            ask(&mut connection)?;
            took.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        Ok(took)
    };
    let begun = Instant::now();
    let took = side_by_side(load.connections, &work)?;
    Ok((begun.elapsed(), took.into_iter().flatten().collect()))
}

fn side_by_side<T: Send>(
    threads: u32,
    work: &(dyn Fn() -> Result<T, Failure> + Sync),
) -> Result<Vec<T>, Failure> {
    let crashed = || Failure::Wrong("a thread of the measurement panicked".to_owned());
    thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        { threads.into_iter() }
            .map(|thread| thread.join().map_err(|_| crashed())?)
            .collect()
    })
}

/// Measures what it costs others that many read one execution's events as they happen.
pub(crate) fn sse(arguments: &SseArguments) -> Result<(), Failure> {
    let machine = Machine::here(&arguments.dir);
    let mut all = Vec::new();
    for _ in 0..arguments.runs {
        let alone = beside(arguments, 0)?;
        let read = beside(arguments, arguments.readers)?;
        all.push(figures([
            ("alone_steps_per_s", alone),
            ("read_steps_per_s", read),
            ("loss_percent", (1.0 - read / alone) * 100.0),
        ]));
    }
    print(&machine, &all);
    Ok(())
}

/// Steps a second of many executions, while so many read the events of one more. Fails unless each of them got every event
/// once and in order.
fn beside(arguments: &SseArguments, readers: u32) -> Result<f64, Failure> {
    let served = Served::start(&arguments.mandate, &arguments.dir)?;
    let address = served.address();
    let mut connection = Connection::open(address)?;
    let watched = json!({ "plan": naps(arguments.events.div_ceil(4)) });
    let made = connection.post("/v1/executions", &watched.to_string())?;
    let id = made.get("execution_id").and_then(Value::as_str);
    let id = id.unwrap_or_default().to_owned();
    let reading = readers::start(address, &id, readers)?;
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
    let rate = loop {
        side_by_side(arguments.executions, &submit)?;
        rounds = rounds.saturating_add(1);
        let shown = connection.get(&format!("/v1/executions/{id}"))?;
        if shown.get("status").is_some_and(|status| !status.is_null()) {
            let steps = f64::from(arguments.executions) * f64::from(arguments.steps);
            break f64::from(rounds) * steps / begun.elapsed().as_secs_f64();
        }
    };
    let last = connection.get(&format!("/v1/executions/{id}"))?;
    let last = last.get("seq").and_then(Value::as_u64).unwrap_or_default();
    reading.hold_to(last)?;
    Ok(rate)
}

/// A plan of so many reads.
fn reads(steps: u32) -> Value {
    let steps: Vec<Value> = (0..steps)
        .map(|n| json!({ "id": format!("s{n}"), "tool": "data.value", "args": { "value": n } }))
        .collect();
    json!({ "version": 1, "name": "bench", "steps": steps })
}

/// A plan that goes on for a while: so many short naps.
fn naps(steps: u32) -> Value {
    let steps: Vec<Value> = (0..steps)
        .map(|n| json!({ "id": format!("s{n}"), "tool": "time.sleep", "args": { "duration_ms": 100 } }))
        .collect();
    json!({ "version": 1, "name": "watched", "steps": steps })
}

fn print(machine: &Machine, runs: &[Figures]) {
    println!("{machine}");
    if cfg!(debug_assertions) {
        println!("built without optimisation: these figures say nothing about speed");
    }
    print!("\n{}", table(&spreads(runs)));
}

/// Where the program is that is measured: beside this one.
pub(crate) fn beside_this() -> std::path::PathBuf {
    let this = std::env::current_exe().unwrap_or_default();
    this.parent().unwrap_or(Path::new(".")).join("mandate")
}
