//! What every route has at hand.

use crate::access::{Link, Rates, Sessions};
use crate::live::Live;
use crate::problem::Problem;
use crate::settings::ServerSettings;
use crate::telemetry::Telemetry;
use mandate_engine::State;
use mandate_host::{HostError, Intake, Keys, Local, recovery};
use mandate_policy::{Limits, Principal};
use mandate_rules::Active;
use mandate_store::{ExecutionRow, Reader, SqliteStore};
use mandate_tools::Registry;
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};

/// Where the link is told that somebody can log in with.
pub type TellsLink = Arc<dyn Fn(&str) + Send + Sync>;

/// What every route has at hand.
pub(crate) struct Site {
    pub(crate) host: Local,
    pub(crate) store: Arc<SqliteStore>,
    pub(crate) intake: Arc<Intake>,
    pub(crate) policy: Arc<Active>,
    /// The limits of the configuration, which a policy that is tried out keeps, too.
    pub(crate) limits: Limits,
    pub(crate) settings: ServerSettings,
    pub(crate) uid: u32,
    pub(crate) live: Arc<Live>,
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) sessions: Sessions,
    pub(crate) link: Link,
    pub(crate) tells_link: TellsLink,
    pub(crate) rates: Rates,
    /// How many log-ins somebody may try in a minute.
    pub(crate) tries: Rates,
    /// How many refusals are put on record in a minute.
    pub(crate) refusals: Rates,
    pub(crate) creating: crate::idempotency::Creating,
    /// Work that reads the whole journal: one at a time.
    pub(crate) heavy: Arc<Semaphore>,
    pub(crate) stopping: watch::Receiver<bool>,
}

impl Site {
    /// The keys.
    pub(crate) fn keys(&self) -> &Arc<Keys> {
        self.host.keys()
    }

    /// The tools.
    pub(crate) fn registry(&self) -> &Arc<Registry> {
        self.intake.registry()
    }

    /// The journal, for reading.
    pub(crate) fn reader(&self) -> &Reader {
        self.store.reader()
    }

    /// Looks at the keys: at once where the journal has nothing new, else on a thread that may wait for it.
    pub(crate) async fn of_keys<T, E>(
        self: &Arc<Self>,
        work: impl FnOnce(&Site) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<HostError> + Send + 'static,
    {
        match self.keys().are_current() {
            true => work(self),
            false => self.waiting(work).await,
        }
    }

    /// Does what waits for the disk or the host on a thread that may wait.
    pub(crate) async fn waiting<T, E>(
        self: &Arc<Self>,
        work: impl FnOnce(&Site) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<HostError> + Send + 'static,
    {
        let site = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&site)).await;
        match done {
            Ok(done) => done,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(HostError::Stopped.into()),
        }
    }

    /// The host, asked in the name of somebody. What says of no session has one of its own.
    pub(crate) fn speaking_as(&self, who: &Principal) -> Local {
        let session = format!("http-{}", uuid::Uuid::now_v7());
        self.host.speaking_as(who.clone(), session)
    }

    /// Where an execution is.
    ///
    /// # Errors
    /// There is none of that id, or its journal does not fold.
    pub(crate) fn state(&self, execution_id: &str) -> Result<State, HostError> {
        recovery::load(self.store.as_ref(), execution_id)
    }

    /// An execution's row.
    ///
    /// # Errors
    /// There is none of that id.
    pub(crate) fn row(&self, execution_id: &str) -> Result<ExecutionRow, Problem> {
        let row = self.reader().execution(execution_id)?;
        row.ok_or_else(|| self.absent(execution_id))
    }

    /// That there is no such execution, or where it went.
    pub(crate) fn absent(&self, execution_id: &str) -> Problem {
        let problem = Problem::not_found("execution", execution_id);
        match self.reader().archived(execution_id) {
            Ok(Some((_, tombstone, at_ms))) => Problem::new(
                mandate_host::Kind::NotFound,
                format!(
                    "execution `{execution_id}` was archived {}",
                    crate::when::show_time(at_ms)
                ),
            )
            .status(axum::http::StatusCode::GONE)
            .remedy(format!("it is in `{}`", tombstone.archive.file)),
            _ => problem,
        }
    }

    /// Tells the next link.
    pub(crate) fn print_link(&self) {
        if let Some(token) = self.link.renew(crate::when::now_ms()) {
            (self.tells_link)(&token);
        }
    }

    /// Whether the server is about to stop.
    pub(crate) fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }
}
