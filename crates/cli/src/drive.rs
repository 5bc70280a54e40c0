//! Being the host: the store open for writing, the tools, and the thread that drives executions.

use crate::{config::Settings, context, errors::Failure, interrupt::Interrupts, toolbox, when};
use mandate_engine::{Body, State};
use mandate_host::{LocalHost, record};
use mandate_store::SqliteStore;
use mandate_tools::Registry;
use std::{path::Path, sync::Arc, time::Duration};
use tokio::runtime::Runtime;

/// How long work on other threads that cannot be stopped may hold the process up.
const SHUTDOWN: Duration = Duration::from_secs(2);

/// This process as the host of a data directory.
pub(crate) struct Driver {
    // Dropped first: it must not take anything up while the runtime goes away.
    host: Option<LocalHost>,
    runtime: Option<Runtime>,
    store: Arc<SqliteStore>,
    interrupts: Interrupts,
}

impl Driver {
    /// Becomes the host.
    ///
    /// # Errors
    /// Another process is it, or the store cannot be opened.
    pub(crate) fn start(settings: &Settings, registry: Arc<Registry>) -> Result<Self, Failure> {
        let store = Arc::new(open(settings)?);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .thread_name("mandate-tools")
            .build()
            .map_err(|error| Failure::io("cannot start the threads that tools run on", &error))?;
        let interrupts = Interrupts::listen(&runtime);
        let runner = toolbox::runner(settings, registry);
        let host = LocalHost::start(store.clone(), runner, runtime.handle().clone())?;
        Ok(Self {
            host: Some(host),
            runtime: Some(runtime),
            store,
            interrupts,
        })
    }

    /// The host.
    ///
    /// # Errors
    /// Never before this is dropped.
    pub(crate) fn host(&self) -> Result<&LocalHost, Failure> {
        self.host
            .as_ref()
            .ok_or_else(|| mandate_host::HostError::Stopped.into())
    }

    pub(crate) fn store(&self) -> &Arc<SqliteStore> {
        &self.store
    }

    pub(crate) fn interrupts(&self) -> &Interrupts {
        &self.interrupts
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        drop(self.host.take());
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(SHUTDOWN);
        }
    }
}

/// Opens the store for writing, and says at what a directory is there for.
fn open(settings: &Settings) -> Result<SqliteStore, Failure> {
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

/// Records an input of a person without driving the execution: nothing follows from it until a host takes it up.
///
/// # Errors
/// Another process is the host, or the input does not fit.
pub(crate) fn record_only(
    settings: &Settings,
    execution_id: &str,
    body: Body,
) -> Result<State, Failure> {
    let store = open(settings)?;
    Ok(record::record(&store, execution_id, when::now_ms(), body)?)
}

/// Who acts, for events.
pub(crate) fn actor() -> String {
    context::principal()
}
