//! `mandate serve`: drives executions and answers over HTTP, until it is asked to go.

use crate::{
    config::Settings,
    context::Context,
    daemon,
    drive::find_client,
    errors::{Exit, Failure, Kind},
    hosting::{Hosting, open, telemetry},
    interrupt::Interrupts,
    lanes::Lanes,
    output::Out,
    toolbox,
};
use clap::Args;
use mandate_host::{HostError, Observed};
use mandate_server::{Live, ServerSettings, Serving, Telemetry, serving::NoServer};
use mandate_store::{SqliteStore, StoreError};
use serde_json::json;
use std::{
    net::SocketAddr,
    sync::Arc,
    thread::sleep,
    time::{Duration, Instant},
};
use tokio::runtime::Runtime;

/// How long calls under way may take to end when it is asked to go.
const GRACE: Duration = Duration::from_secs(10);
/// How long requests under way may take to end.
const REQUESTS: Duration = Duration::from_secs(10);
/// How often it looks whether to go.
const LOOK: Duration = Duration::from_millis(50);
/// How often it tries the lock.
const AGAIN: Duration = Duration::from_millis(20);
/// How long it waits for the lock before it says so.
const MOMENT: Duration = Duration::from_millis(300);
/// How long work on other threads that cannot be stopped may hold the process up.
const SHUTDOWN: Duration = Duration::from_secs(2);

const EXAMPLES: &str = "\
Examples:
  mandate serve
  mandate serve --listen 127.0.0.1:8080
  mandate keys create ann --role admin && mandate serve --listen 0.0.0.0:7447

It drives executions, as `mandate run` does while it runs; other commands in the same folder ask it. Where another process \
drives them already, it waits until that one hands over. Without any key only this machine is served, and whoever opens \
the link that is printed speaks as your user.";

/// What `serve` takes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ServeArgs {
    /// Address and port; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
}

pub(crate) fn run(args: &ServeArgs, context: &Context) -> Result<Exit, Failure> {
    let settings = context.settings()?;
    crate::open_files::enough()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("mandate-tools")
        .build()
        .map_err(|error| Failure::io("cannot start the threads that tools run on", &error))?;
    let lanes = Lanes::start()?;
    let registry = toolbox::registry_on(settings, Some(lanes.first().clone()))?;
    let interrupts = Interrupts::listen(&runtime);
    let Some(store) = take_over(settings, context.out(), &interrupts)? else {
        return Ok(Exit::Success);
    };
    let live = Arc::new(Live::new());
    let telemetry = telemetry(settings, runtime.handle())?;
    let (told, counted) = (live.clone(), telemetry.clone());
    let observe = |journal| -> Arc<dyn mandate_store::Journal> {
        Arc::new(Observed::new(journal, move |committed| {
            told.note(&committed);
            counted.committed(&committed);
        }))
    };
    let (hosting, connection) = Hosting::start_observed(
        settings,
        store,
        registry,
        (runtime.handle(), lanes.first()),
        true,
        Some(telemetry.clone()),
        observe,
    )?;
    let mut server = settings.server.clone();
    if let Some(listen) = &args.listen {
        listen.clone_into(&mut server.listen);
    }
    let served = serve(
        &hosting,
        settings,
        server,
        (live, telemetry),
        context.out(),
        (&runtime, &lanes),
    );
    drop(connection);
    let gone = match served {
        Ok(serving) => {
            let why = stay(&hosting, &interrupts);
            // Nobody is to be told of something new while it goes.
            serving.stop(runtime.handle(), REQUESTS);
            why.and_then(|()| leave(hosting, settings, context.out(), &interrupts))
        }
        Err(failure) => {
            drop(hosting.stop());
            Err(failure)
        }
    };
    runtime.shutdown_timeout(SHUTDOWN);
    gone.map(|()| Exit::Success)
}

/// The journal, once no other process has it; none if it was asked to go before.
fn take_over(
    settings: &Settings,
    out: &Out,
    interrupts: &Interrupts,
) -> Result<Option<SqliteStore>, Failure> {
    let (begun, mut told, mut asked) = (Instant::now(), false, None);
    loop {
        let pid = match open(settings) {
            Ok(store) => return Ok(Some(store)),
            Err(StoreError::Locked { pid, .. }) => pid,
            Err(error) => return Err(error.into()),
        };
        if interrupts.all() > 0 {
            return Ok(None);
        }
        // A process in the background leaves for one that stays; one that somebody looks at does its work first.
        if asked.as_ref() != Some(&pid)
            && let Ok(Some(host)) = find_client(settings)
        {
            asked = Some(pid.clone());
            match host.hand_over() {
                Ok(()) | Err(HostError::NotNow(_) | HostError::Gone | HostError::Leaving) => {}
                Err(error) => return Err(error.into()),
            }
        }
        if !told && begun.elapsed() > MOMENT {
            told = true;
            let text =
                format!("process {pid} drives the executions here: waiting until it hands over");
            out.note(&out.paint_notes().dim(&text));
        }
        sleep(AGAIN);
    }
}

fn serve(
    hosting: &Hosting,
    settings: &Settings,
    server: ServerSettings,
    seen: (Arc<Live>, Arc<Telemetry>),
    out: &Out,
    (runtime, lanes): (&Runtime, &Lanes),
) -> Result<Serving, Failure> {
    let links = Links::new(out);
    let tells = links.clone();
    let parts = hosting.served(
        settings,
        server,
        seen,
        Arc::new(move |token| tells.tell(token)),
        runtime.handle(),
    );
    let serving =
        Serving::start(parts, runtime.handle(), lanes.all()).map_err(|error| match error {
            NoServer::Host(error) => error.into(),
            NoServer::Unkeyed(_) => Failure::usage(error.to_string()).remedy(
                "make a key with `mandate keys create NAME --role admin`, or listen on 127.0.0.1",
            ),
            NoServer::Address { .. } => Failure::new(Kind::Io, error.to_string())
                .remedy("choose another address with `--listen`"),
        })?;
    links.listens_at(serving.address());
    Ok(serving)
}

/// Where people read the link to log in with. The first one is made before it is known where the server listens.
#[derive(Clone)]
struct Links {
    json: bool,
    kept: Arc<std::sync::Mutex<(Option<SocketAddr>, Option<String>)>>,
}

impl Links {
    fn new(out: &Out) -> Self {
        Self {
            json: out.is_json(),
            kept: Arc::default(),
        }
    }

    fn tell(&self, token: &str) {
        let mut kept = self.lock();
        match kept.0 {
            Some(address) => say(self.json, address, token, false),
            None => kept.1 = Some(token.to_owned()),
        }
    }

    fn listens_at(&self, address: SocketAddr) {
        let mut kept = self.lock();
        kept.0 = Some(address);
        if let Some(token) = kept.1.take() {
            say(self.json, address, &token, true);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, (Option<SocketAddr>, Option<String>)> {
        self.kept
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn say(json: bool, address: SocketAddr, token: &str, first: bool) {
    use std::io::Write as _;
    let url = format!("http://{address}/");
    let link = format!("{url}#/login/{token}");
    if json {
        let line = json!({ "listening": url, "login": link, "pid": std::process::id() });
        let mut out = std::io::stdout();
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
        return;
    }
    let words = match first {
        true => format!("serving {url}\nlog in once with {link}"),
        false => format!("the link was used; the next one is {link}"),
    };
    let _ = writeln!(std::io::stderr(), "{words}");
}

/// Stays until somebody asks it to go, or the journal fails.
fn stay(hosting: &Hosting, interrupts: &Interrupts) -> Result<(), Failure> {
    while interrupts.all() == 0 {
        if let Some(error) = hosting.failure() {
            return Err(error.into());
        }
        sleep(LOOK);
    }
    Ok(())
}

/// Goes: what is under way may end, and what goes on is handed over to a process in the background.
fn leave(
    mut hosting: Hosting,
    settings: &Settings,
    out: &Out,
    interrupts: &Interrupts,
) -> Result<(), Failure> {
    let signals = interrupts.all();
    let note = |text: &str| out.note(&out.paint_notes().dim(text));
    if hosting.is_recovering()? || !hosting.doings_but(&[])?.is_idle() {
        match daemon::start(settings, Some(std::process::id())) {
            Ok(pid) => {
                note(&format!("executions go on in process {pid}"));
                hosting.hands_over();
            }
            Err(failure) => note(failure.message()),
        }
    }
    let (left, begun) = (hosting.leave(false)?, Instant::now());
    while left.recv_timeout(LOOK).is_err() && begun.elapsed() < GRACE && interrupts.all() == signals
    {
    }
    drop(hosting.stop());
    Ok(())
}
