//! The workloads: so many workflows of so many steps, so many at a time.

use crate::{arguments::Arguments, cpu, failure::Failure, rows};
use dbos::{Children, Config, DBOS, RunOptions, WorkflowRef, step};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Instant,
};
use tokio::task::JoinSet;

/// By name, each name with its unit.
pub(crate) type Figures = BTreeMap<String, f64>;

/// Bytes of what one step answers.
const OUTPUT_BYTES: usize = 200;

/// Steps of one workflow that runs before anything is measured: enough that each connection has prepared each statement.
const WARM_UP_STEPS: u32 = 20;

/// Milliseconds from one step of a workflow to its next one.
type Apart = Arc<Mutex<Vec<f64>>>;

pub(crate) async fn run(arguments: &Arguments) -> Result<Figures, Failure> {
    let apart = Apart::default();
    let dbos = DBOS::new(Config {
        app_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        max_connections: arguments.connections,
        ..Config::new("peer-dbos", &arguments.url)
    });
    let sequence = register(&dbos, &apart)?;
    dbos.launch().await?;
    let measured = measure(&dbos, &sequence, arguments, &apart).await;
    dbos.shutdown().await;
    let figures = measured?;
    rows::hold_to(arguments, OUTPUT_BYTES).await?;
    Ok(figures)
}

/// The workflow of so many steps, one after the other.
fn register(dbos: &DBOS, apart: &Apart) -> Result<WorkflowRef<u32, ()>, Failure> {
    let apart = Arc::clone(apart);
    let sequence = move |steps: u32| {
        let apart = Arc::clone(&apart);
        async move {
            // A body takes no time, so that one moment stands for its begin and its end.
            let mut begun = Vec::new();
            for _ in 0..steps {
                step("answer", || {
                    begun.push(Instant::now());
                    async { dbos::Result::Ok("x".repeat(OUTPUT_BYTES)) }
                })
                .await?;
            }
            let pairs = begun.iter().zip(begun.iter().skip(1));
            let mine = pairs.map(|(one, next)| next.duration_since(*one).as_secs_f64() * 1e3);
            apart
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extend(mine);
            Ok(())
        }
    };
    Ok(dbos.register_workflow("sequence", sequence)?)
}

async fn measure(
    dbos: &DBOS,
    sequence: &WorkflowRef<u32, ()>,
    arguments: &Arguments,
    apart: &Apart,
) -> Result<Figures, Failure> {
    warm_up(dbos, sequence, arguments.at_a_time).await?;
    std::mem::take(&mut *apart.lock().unwrap_or_else(PoisonError::into_inner));

    let server_s = || arguments.postmaster.map(cpu::server_s).transpose();
    let server_before = server_s()?;
    let (own_before, begun) = (cpu::own_s(), Instant::now());
    side_by_side(sequence, arguments).await?;
    let (wall_s, own_s) = (begun.elapsed().as_secs_f64(), cpu::own_s() - own_before);
    let server_after = server_s()?;

    let apart = std::mem::take(&mut *apart.lock().unwrap_or_else(PoisonError::into_inner));
    let gaps = u64::from(arguments.executions) * u64::from(arguments.steps.saturating_sub(1));
    if apart.len() as u64 != gaps {
        let (ran, wanted) = (apart.len(), gaps);
        return Err(Failure::Wrong(format!(
            "{ran} steps came after another one instead of {wanted}"
        )));
    }
    let steps = arguments.all_steps() as f64;
    let at_a_time = f64::from(arguments.at_a_time.min(arguments.executions));
    let mut figures = vec![
        ("wall_s", wall_s),
        ("steps_per_s", steps / wall_s),
        ("step_ms_mean", wall_s * 1e3 * at_a_time / steps),
        ("cpu_us_per_step", own_s * 1e6 / steps),
    ];
    figures.extend(median(apart).map(|p50| ("step_ms_p50", p50)));
    if let (Some(before), Some(after)) = (server_before, server_after) {
        figures.push(("postgres_cpu_us_per_step", (after - before) * 1e6 / steps));
    }
    let named = figures.into_iter();
    Ok(named
        .map(|(name, value)| (name.to_owned(), value))
        .collect())
}

/// Opens the connections that the workload will use and has them prepare what they will be asked. Mandate's store is open
/// before its measurement begins, too. Nothing of it stays in the database.
async fn warm_up(
    dbos: &DBOS,
    sequence: &WorkflowRef<u32, ()>,
    at_a_time: u32,
) -> Result<(), Failure> {
    let ids: Vec<String> = (0..at_a_time).map(|n| format!("warm-up-{n}")).collect();
    let mut running = JoinSet::new();
    for id in ids.clone() {
        let sequence = sequence.clone();
        running.spawn(async move {
            let options = RunOptions {
                workflow_id: Some(&id),
                ..RunOptions::default()
            };
            sequence.run_with(WARM_UP_STEPS, options).await
        });
    }
    all_of(running).await?;
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    dbos.delete_all(&ids, Children::Skip).await?;
    Ok(())
}

/// Starts the next workflow whenever one has ended.
async fn side_by_side(
    sequence: &WorkflowRef<u32, ()>,
    arguments: &Arguments,
) -> Result<(), Failure> {
    let (executions, steps) = (arguments.executions, arguments.steps);
    let taken = Arc::new(AtomicU32::new(0));
    let mut running = JoinSet::new();
    for _ in 0..arguments.at_a_time.min(executions) {
        let (sequence, taken) = (sequence.clone(), Arc::clone(&taken));
        running.spawn(async move {
            while taken.fetch_add(1, Ordering::Relaxed) < executions {
                sequence.run(steps).await?;
            }
            Ok(())
        });
    }
    all_of(running).await
}

async fn all_of(mut running: JoinSet<dbos::Result<()>>) -> Result<(), Failure> {
    while let Some(ended) = running.join_next().await {
        ended.map_err(|error| {
            Failure::Wrong(format!("a task of the measurement died: {error}"))
        })??;
    }
    Ok(())
}

/// The middle one; of an even number, the mean of the two in the middle.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    let (below, above) = (values.get(last / 2)?, values.get(last.div_ceil(2))?);
    Some(f64::midpoint(*below, *above))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_lies_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(Vec::new()), None);
    }
}
