//! Being the host: the store open for writing, the thread that drives executions, and the socket that others ask over.

use crate::{config::Settings, context, drive::Word, errors::Failure, toolbox, when};
use mandate_engine::{Body, State};
use mandate_host::{Connection, Farewell, HostError, Intake, Local, LocalHost, Server, record};
use mandate_store::{SqliteStore, StoreError};
use mandate_tools::Registry;
use std::{path::Path, sync::Arc};
use tokio::runtime::Handle;

/// This process as the host of a data directory.
pub(crate) struct Hosting {
    server: Server,
    host: LocalHost,
    store: Arc<SqliteStore>,
}

impl Hosting {
    /// Starts driving, and serves the socket.
    ///
    /// # Errors
    /// The system gives no thread or no socket.
    pub(crate) fn start(
        settings: &Settings,
        store: SqliteStore,
        registry: Arc<Registry>,
        runtime: &Handle,
    ) -> Result<(Self, Connection), Failure> {
        let store = Arc::new(store);
        // Only now does nobody else write it.
        let fresh = registry.lock().reload();
        fresh.map_err(|error| Failure::config(error.to_string()))?;
        let runner = toolbox::runner(settings, registry.clone());
        let intake = Arc::new(Intake::new(registry).keeping(store.clone()));
        let host = LocalHost::start(store.clone(), runner, runtime.clone())?;
        let server = Server::start(
            &settings.data_dir,
            host.handle(),
            store.clone(),
            intake.clone(),
            runtime,
        )?;
        let local = Local::new(host.handle(), intake, runtime.clone(), context::principal());
        let this = Self {
            server,
            host,
            store,
        };
        Ok((this, Connection::Local(local)))
    }

    /// How many executions have something under way.
    ///
    /// # Errors
    /// The host has stopped.
    pub(crate) fn busy(&self) -> Result<usize, HostError> {
        self.host.busy()
    }

    /// Stops serving and driving. The store is to be dropped when nothing of it runs any more.
    pub(crate) fn stop(mut self) -> Arc<SqliteStore> {
        drop(self.host);
        self.server.stop(Farewell::Stop);
        drop(self.server);
        self.store
    }
}

/// Opens the store for writing, and says at what a directory is there for.
///
/// # Errors
/// Another process has it, or it cannot be opened.
pub(crate) fn open(settings: &Settings) -> Result<SqliteStore, StoreError> {
    let fresh = !mandate_store::Reader::has_journal(&settings.data_dir);
    let store = SqliteStore::open(&settings.data_dir)?;
    if fresh && settings.data_dir.ends_with(crate::config::DATA_NAME) {
        keep_out_of_git(&settings.data_dir);
    }
    Ok(store)
}

/// The journal belongs to this machine: a project's history must not swallow it. That it cannot be written harms nothing.
pub(crate) fn keep_out_of_git(data_dir: &Path) {
    let ignore = data_dir.join(".gitignore");
    if !ignore.exists() {
        let _ = std::fs::write(
            ignore,
            "# The journal and everything else here belong to this machine.\n*\n",
        );
    }
}

/// Records what a person says without driving the execution: nothing follows from it until a host takes it up.
///
/// # Errors
/// It does not fit.
pub(crate) fn record_only(
    store: &SqliteStore,
    execution_id: &str,
    word: Word,
) -> Result<State, Failure> {
    // A program that a plan started cannot speak for a human, whether or not its host still runs.
    let grants = !matches!(word, Word::Pause);
    if grants && std::env::var_os(mandate_tools::CHILD_MARK).is_some() {
        let pid = std::process::id();
        return Err(HostError::FromATool { pid }.into());
    }
    let by = context::principal();
    let now_ms = when::now_ms();
    let body = match word {
        Word::Answer(answer) => {
            let answer = answer.by(&by);
            return Ok(record::record_answer(store, execution_id, now_ms, answer)?);
        }
        Word::Pause => Body::ExecutionPaused { by },
        Word::Resume => Body::ExecutionResumed { by },
        Word::Resolve {
            step,
            item,
            resolution,
        } => Body::StepResolved {
            step,
            item,
            by,
            resolution,
            channel: Some("cli".to_owned()),
            answer_digest: None,
        },
    };
    Ok(record::record(store, execution_id, now_ms, body)?)
}
