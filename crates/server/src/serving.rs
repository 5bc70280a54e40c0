//! A server that runs: it is given the host and the journal, and accepts connections until it is stopped.

use crate::access::{Link, Rates, Sessions};
use crate::beside::{Answering, Beside};
use crate::idempotency::Creating;
use crate::lanes::Lanes;
use crate::listener;
use crate::live::Live;
use crate::quiet::Quiet;
use crate::routes;
use crate::settings::ServerSettings;
use crate::site::Site;
pub use crate::site::TellsLink;
use crate::telemetry::Telemetry;
use mandate_host::{HostError, Intake, Local};
use mandate_policy::Limits;
use mandate_rules::Active;
use mandate_store::SqliteStore;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tower::Layer as _;
use tower_http::compression::predicate::{
    And, DefaultPredicate, NotForContentType, Predicate as _,
};
use tower_http::compression::{Compression, CompressionLayer};

/// What answers requests: small answers, and those that go on, are not packed.
pub(crate) type Answers = Compression<Answering, And<DefaultPredicate, NotForContentType>>;

/// How many refusals are put on record in a minute.
const REFUSALS: u32 = 60;
/// Connections that may wait to be accepted.
const WAITING: i32 = 4_096;
/// How many log-ins somebody may try in a minute.
const TRIES: u32 = 60;

/// What a server is made of.
pub struct Parts {
    /// The host of this process.
    pub host: Local,
    /// The journal.
    pub store: Arc<SqliteStore>,
    /// What checks plans against the tools.
    pub intake: Arc<Intake>,
    /// The policy.
    pub policy: Arc<Active>,
    /// The limits of the configuration.
    pub limits: Limits,
    /// What the operator sets.
    pub settings: ServerSettings,
    /// What happens: the host tells it.
    pub live: Arc<Live>,
    /// What is counted: host and journal tell it, too.
    pub telemetry: Arc<Telemetry>,
    /// Where the link is told that somebody can log in with.
    pub tells_link: TellsLink,
    /// What is served beside the API, if anything is.
    pub beside: Option<Arc<dyn Beside>>,
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum NoServer {
    /// Nobody has a key, and others than this machine could come.
    #[error(
        "nobody has a key, and then only this machine is served: `{0}` is reached from elsewhere"
    )]
    Unkeyed(SocketAddr),
    /// The address cannot be used.
    #[error("`{listen}` cannot be listened on: {source}")]
    Address {
        /// What was given.
        listen: String,
        /// Why.
        source: io::Error,
    },
    /// The journal cannot be read.
    #[error(transparent)]
    Host(#[from] HostError),
}

/// A server that runs.
pub struct Serving {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    accepting: Option<JoinHandle<()>>,
}

impl Serving {
    /// Listens on `runtime`, and serves each connection on the one of `lanes` that has the fewest. Tells the first link to log
    /// in with.
    ///
    /// # Errors
    /// The address cannot be used, or may not because nobody has a key.
    pub fn start(parts: Parts, runtime: &Handle, lanes: &[Handle]) -> Result<Self, NoServer> {
        let listen = parts.settings.listen.clone();
        let failed = |source: io::Error| NoServer::Address {
            listen: listen.clone(),
            source,
        };
        let listener = TcpListener::bind(&listen).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        if !address.ip().is_loopback() && !parts.host.keys().any_holds()? {
            return Err(NoServer::Unkeyed(address));
        }
        // As many as may be held may wait to be taken up.
        let _ = rustix::net::listen(&listener, WAITING);
        listener.set_nonblocking(true).map_err(failed)?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener).map_err(failed)?
        };
        let quiet = Quiet::start().map_err(failed)?;
        let (stop, stopping) = watch::channel(false);
        let settings = parts.settings;
        let site = Arc::new(Site {
            sessions: Sessions::new(settings.session_idle, settings.session_lasts),
            rates: Rates::new(settings.requests_per_minute),
            tries: Rates::new(Some(TRIES)),
            refusals: Rates::new(Some(REFUSALS)),
            link: Link::default(),
            tells_link: parts.tells_link,
            creating: Creating::default(),
            heavy: Arc::new(Semaphore::new(1)),
            uid: rustix::process::getuid().as_raw(),
            host: parts.host,
            store: parts.store,
            intake: parts.intake,
            policy: parts.policy,
            limits: parts.limits,
            live: parts.live,
            telemetry: parts.telemetry,
            stopping: stopping.clone(),
            settings,
        });
        site.print_link();
        let lanes = Lanes::over(lanes, site.settings.read_timeout);
        let small = DefaultPredicate::new().and(NotForContentType::SSE);
        let answering = Answering {
            router: routes::router(&site),
            site: site.clone(),
            beside: parts.beside,
        };
        let packing = CompressionLayer::new().gzip(true).compress_when(small);
        let answers = packing.layer(answering);
        let accepting = runtime.spawn(listener::accept(
            listener,
            site,
            answers,
            stopping,
            (quiet, lanes),
        ));
        Ok(Self {
            address,
            stop,
            accepting: Some(accepting),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts nothing more, ends what goes on for ever, and waits for requests under way, but not longer than `patience`.
    pub fn stop(mut self, runtime: &Handle, patience: Duration) {
        self.stop.send_replace(true);
        if let Some(accepting) = self.accepting.take() {
            let _ = runtime.block_on(async { tokio::time::timeout(patience, accepting).await });
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}
