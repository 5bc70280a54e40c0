//! `mandate __host`: drives executions in the background, until nothing goes on any more.

use crate::{
    context::Context,
    daemon::{self, IDLE_VARIABLE},
    errors::{Exit, Failure},
    hosting::{Hosting, open},
    interrupt::Interrupts,
    lanes::Lanes,
    toolbox, when,
};
use clap::Args;
use mandate_host::HostError;
use mandate_store::{SqliteStore, StoreError};
use std::{
    io::Write as _,
    thread::sleep,
    time::{Duration, Instant},
};

/// How long it stays when nothing goes on.
const IDLE: Duration = Duration::from_secs(60);
/// How long calls under way may take to end when it is asked to go.
const GRACE: Duration = Duration::from_secs(10);
/// How long it waits for a lock that nobody said would be given up.
const OTHERS: Duration = Duration::from_secs(3);
/// How often it looks at what goes on.
const LOOK: Duration = Duration::from_millis(50);
/// How often it tries the lock.
const AGAIN: Duration = Duration::from_millis(10);
/// How long work on other threads that cannot be stopped may hold the process up.
const SHUTDOWN: Duration = Duration::from_secs(2);

/// What `__host` takes.
#[derive(Debug, Args)]
pub(crate) struct HostArgs {
    /// Start it in the background, and print the number of its process
    #[arg(long)]
    launch: bool,
    /// The process that hands over to it
    #[arg(long, value_name = "PID")]
    after: Option<u32>,
}

pub(crate) fn run(args: &HostArgs, context: &Context) -> Result<Exit, Failure> {
    let settings = context.settings()?;
    if args.launch {
        let launched = daemon::launch(settings, args.after);
        let pid = launched
            .map_err(|error| Failure::io("the host in the background cannot be started", &error))?;
        context.out().line(&pid.to_string());
        return Ok(Exit::Success);
    }
    // A session of its own, so that no terminal's end is its own. It fails for one that leads a group already.
    let _ = rustix::process::setsid();
    crate::open_files::enough()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("mandate-tools")
        .build()
        .map_err(|error| Failure::io("cannot start the threads that tools run on", &error))?;
    let lanes = Lanes::one()?;
    let registry = toolbox::registry_on(settings, Some(lanes.first().clone()))?;
    let interrupts = Interrupts::listen(&runtime);
    let Some(store) = wait_for_lock(|| open(settings), args.after, &interrupts)? else {
        log("goes, since another process drives the executions here");
        return Ok(Exit::Success);
    };
    let (mut hosting, connection) = Hosting::start(
        settings,
        store,
        registry,
        (runtime.handle(), lanes.first()),
        true,
    )?;
    log(&format!(
        "drives the executions in {}",
        settings.data_dir.display()
    ));
    hosting.may_hand_over();
    let why = stay(&mut hosting, &interrupts);
    drop(connection);
    let store = hosting.stop();
    runtime.shutdown_timeout(SHUTDOWN);
    drop(store);
    log(why?);
    Ok(Exit::Success)
}

/// The journal, once the process that hands it over has let go of it; none if another one has it.
fn wait_for_lock(
    lock: impl Fn() -> Result<SqliteStore, StoreError>,
    after: Option<u32>,
    interrupts: &Interrupts,
) -> Result<Option<SqliteStore>, Failure> {
    let mut since = Instant::now();
    loop {
        match lock() {
            Ok(store) => return Ok(Some(store)),
            Err(StoreError::Locked { pid, .. }) => {
                // It has calls under way that may take their time.
                if after.is_some_and(|after| pid == after.to_string()) {
                    since = Instant::now();
                }
            }
            Err(error) => return Err(error.into()),
        }
        if since.elapsed() > OTHERS || interrupts.all() > 0 {
            return Ok(None);
        }
        sleep(AGAIN);
    }
}

/// Stays until nothing goes on or somebody asks it to go; says which.
fn stay(hosting: &mut Hosting, interrupts: &Interrupts) -> Result<&'static str, Failure> {
    let set = std::env::var(IDLE_VARIABLE).ok();
    let idle = set.and_then(|text| text.parse().ok());
    let idle = idle.map_or(IDLE, Duration::from_millis);
    let mut since = Instant::now();
    loop {
        // Whoever is told `executions continue` must find the directory free, and open it anew.
        if let Some(error) = hosting.failure() {
            log("goes, since the journal has failed");
            return Err(error.into());
        }
        let signals = interrupts.all();
        let replaced = hosting.is_to_hand_over();
        if signals > 0 || replaced {
            if replaced {
                hosting.hands_over();
            }
            let (left, begun) = (hosting.leave(false)?, Instant::now());
            while left.recv_timeout(LOOK).is_err()
                && begun.elapsed() < GRACE
                && interrupts.all() == signals
            {}
            return Ok(match replaced {
                true => "goes, since another process takes over",
                false => "goes, since it was asked to",
            });
        }
        let busy = hosting.is_recovering()? || !hosting.doings_but(&[])?.is_idle();
        if busy || hosting.conversations() > 0 {
            since = Instant::now();
        } else if since.elapsed() >= idle {
            match hosting.leave(true)?.recv() {
                Ok(Ok(())) => return Ok("goes, since nothing goes on"),
                // Something came in between.
                Ok(Err(HostError::NotNow(_))) => since = Instant::now(),
                Ok(Err(error)) => return Err(error.into()),
                Err(_) => return Err(HostError::Stopped.into()),
            }
        }
        sleep(LOOK);
    }
}

fn log(text: &str) {
    let at = when::show_time(when::now_ms());
    let pid = std::process::id();
    let _ = writeln!(std::io::stderr(), "{at} process {pid} {text}");
}
