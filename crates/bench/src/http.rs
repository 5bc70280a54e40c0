//! `mandate-bench http` and `mandate-bench sse`: the server as it ships, asked over TCP, beside a handler that does nothing.

mod bare;
mod client;
mod readers;
mod served;
mod sse;

use crate::{
    arguments::HttpArguments,
    failure::Failure,
    figures::{Figures, quantile, spreads, table},
    machine::Machine,
};
pub(crate) use readers::run as read;
pub(crate) use sse::run as sse;

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

/// A plan of so many reads.
fn reads(steps: u32) -> Value {
    let steps: Vec<Value> = (0..steps)
        .map(|n| json!({ "id": format!("s{n}"), "tool": "data.value", "args": { "value": n } }))
        .collect();
    json!({ "version": 1, "name": "bench", "steps": steps })
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
