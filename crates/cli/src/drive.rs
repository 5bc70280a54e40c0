//! The way to the host: this process becomes it if nobody is, and asks the one that is otherwise.

use crate::{
    config::Settings,
    context::Context,
    errors::{Failure, Kind},
    hosting::{Hosting, open},
    interrupt::Interrupts,
};
use mandate_engine::event::Resolution;
use mandate_host::{
    Answered, Client, Connection, Farewell, HostError, Proposal, Submitted, Update,
};
use mandate_store::{Reader, SqliteStore, StoreError};
use mandate_tools::Registry;
use std::{
    cell::RefCell,
    sync::{Arc, mpsc::Receiver},
    thread::sleep,
    time::{Duration, Instant},
};
use tokio::runtime::Runtime;

/// How long work on other threads that cannot be stopped may hold the process up.
const SHUTDOWN: Duration = Duration::from_secs(2);
/// How long a process may hold the lock without answering: it opens the journal, or it is about to end.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long one that leaves may take: calls under way may end.
const LEAVING: Duration = Duration::from_secs(60);
/// How often it is tried again.
const AGAIN: Duration = Duration::from_millis(20);

/// Whether this process drives, or another one does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Where {
    Here,
    /// In the process of that number.
    There(u32),
}

/// The way to the host as it is now.
struct Way {
    connection: Connection,
    reader: Arc<Reader>,
    // Dropped last: it ends what the connection leads to.
    hosting: Option<Hosting>,
}

/// This process beside, or as, the host of a data directory.
pub(crate) struct Driver<'s> {
    settings: &'s Settings,
    registry: Arc<Registry>,
    way: RefCell<Option<Way>>,
    runtime: Option<Runtime>,
    interrupts: Interrupts,
}

impl<'s> Driver<'s> {
    /// Becomes the host, or finds it.
    ///
    /// # Errors
    /// The store cannot be opened, or the process that has it does not answer.
    pub(crate) fn start(settings: &'s Settings, registry: Arc<Registry>) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .thread_name("mandate-tools")
            .build()
            .map_err(|error| Failure::io("cannot start the threads that tools run on", &error))?;
        let interrupts = Interrupts::listen(&runtime);
        let this = Self {
            settings,
            registry,
            way: RefCell::new(None),
            runtime: Some(runtime),
            interrupts,
        };
        let way = this.find(PATIENCE)?;
        this.way.replace(Some(way));
        Ok(this)
    }

    /// Becomes the host, or finds it; tries again while one comes or goes.
    fn find(&self, patience: Duration) -> Result<Way, Failure> {
        let Some(runtime) = &self.runtime else {
            return Err(HostError::Stopped.into());
        };
        let begun = Instant::now();
        loop {
            let locked = match open(self.settings) {
                Ok(store) => {
                    let runtime = runtime.handle();
                    let (hosting, connection) =
                        Hosting::start(self.settings, store, self.registry.clone(), runtime)?;
                    let reader = Arc::new(SqliteStore::open_readonly(&self.settings.data_dir)?);
                    return Ok(Way {
                        connection,
                        reader,
                        hosting: Some(hosting),
                    });
                }
                Err(error @ StoreError::Locked { .. }) => error,
                Err(error) => return Err(error.into()),
            };
            match Client::connect(&self.settings.data_dir) {
                Ok(client) => {
                    let reader = Arc::new(SqliteStore::open_readonly(&self.settings.data_dir)?);
                    return Ok(Way {
                        connection: Connection::Remote(client),
                        reader,
                        hosting: None,
                    });
                }
                Err(HostError::Unreachable(_)) if begun.elapsed() < patience => {
                    if self.interrupts.must_leave() {
                        return Err(locked.into());
                    }
                    sleep(AGAIN);
                }
                Err(HostError::Unreachable(why)) => return Err(unreachable(&locked, &why)),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Finds the next host, or becomes it, when the one that was asked is gone; the execution is taken up there.
    ///
    /// # Errors
    /// It ended without handing over, or there is none to be found.
    pub(crate) fn find_again(&self, execution_id: &str) -> Result<Where, Failure> {
        let before = self.way.take();
        let farewell = before.as_ref().and_then(|way| match &way.connection {
            Connection::Remote(client) => client.farewell(),
            Connection::Local(_) => Some(Farewell::Stop),
        });
        drop(before);
        if farewell == Some(Farewell::Stop) {
            let id = crate::ids::short(execution_id);
            let failure = Failure::from(HostError::Gone);
            return Err(failure.remedy(format!("`mandate executions continue {id}` carries it on")));
        }
        let way = self.find(LEAVING)?;
        self.way.replace(Some(way));
        self.ask(|connection| match connection.take_up(execution_id) {
            // It ended meanwhile: following it tells how.
            Err(HostError::NoSuchExecution(_)) => Ok(()),
            taken => taken,
        })?;
        Ok(self.driven())
    }

    /// Who drives.
    pub(crate) fn driven(&self) -> Where {
        match self.way.borrow().as_ref().map(|way| &way.connection) {
            Some(Connection::Remote(client)) => Where::There(client.pid()),
            _ => Where::Here,
        }
    }

    fn ask<T>(&self, ask: impl FnOnce(&Connection) -> Result<T, HostError>) -> Result<T, Failure> {
        let way = self.way.borrow();
        let way = way.as_ref().ok_or(HostError::Gone)?;
        Ok(ask(&way.connection)?)
    }

    /// Has a plan run.
    ///
    /// # Errors
    /// Why the host does not.
    pub(crate) fn submit(&self, proposal: Proposal) -> Result<Submitted, HostError> {
        let way = self.way.borrow();
        let way = way.as_ref().ok_or(HostError::Gone)?;
        way.connection.submit(proposal)
    }

    /// Has an unfinished execution taken up.
    ///
    /// # Errors
    /// Why the host does not.
    pub(crate) fn take_up(&self, execution_id: &str) -> Result<(), Failure> {
        self.ask(|host| host.take_up(execution_id))
    }

    /// Tells where an execution is, and everything that happens from here on.
    ///
    /// # Errors
    /// Why the host does not.
    pub(crate) fn watch(&self, execution_id: &str) -> Result<Receiver<Update>, Failure> {
        self.ask(|host| host.watch(execution_id))
    }

    /// Answers a request.
    ///
    /// # Errors
    /// Why the host does not take it.
    pub(crate) fn answer(&self, execution_id: &str, answer: Answered) -> Result<(), Failure> {
        self.ask(|host| host.answer(execution_id, answer))
    }

    /// Ends an execution.
    ///
    /// # Errors
    /// Why the host does not.
    pub(crate) fn cancel(
        &self,
        execution_id: &str,
        reason: Option<String>,
        force: bool,
    ) -> Result<(), Failure> {
        self.ask(|host| host.cancel(execution_id, reason, force))
    }

    /// The journal, for reading.
    ///
    /// # Errors
    /// There is no way to it any more.
    pub(crate) fn reader(&self) -> Result<Arc<Reader>, Failure> {
        let way = self.way.borrow();
        Ok(way.as_ref().ok_or(HostError::Gone)?.reader.clone())
    }

    pub(crate) fn interrupts(&self) -> &Interrupts {
        &self.interrupts
    }

    /// What this process came for is done. As the host it stays while executions of others run here.
    ///
    /// # Errors
    /// The host has stopped.
    pub(crate) fn finish(&self, context: &Context) -> Result<(), Failure> {
        let way = self.way.borrow();
        let Some(hosting) = way.as_ref().and_then(|way| way.hosting.as_ref()) else {
            return Ok(());
        };
        let presses = self.interrupts.presses();
        let mut told = false;
        while hosting.busy()? > 0
            && self.interrupts.presses() == presses
            && !self.interrupts.must_leave()
        {
            if !told {
                told = true;
                let text = "executions of others run here: staying until they rest; Ctrl-C leaves";
                context.out().note(&context.out().paint_notes().dim(text));
            }
            sleep(AGAIN);
        }
        Ok(())
    }
}

impl Drop for Driver<'_> {
    fn drop(&mut self) {
        // The host takes nothing up while the runtime goes away; the store is let go of after both.
        let store = self.way.take().and_then(|way| {
            drop(way.connection);
            way.hosting.map(Hosting::stop)
        });
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(SHUTDOWN);
        }
        drop(store);
    }
}

fn unreachable(locked: &StoreError, why: &str) -> Failure {
    let message = format!("{locked}; it does not answer: {why}");
    Failure::new(Kind::Locked, message)
        .remedy("`mandate executions watch @last` looks on; `mandate doctor` says who has it")
}

/// What a person says to an execution.
pub(crate) enum Word {
    Answer(Answered),
    Pause,
    Resume,
    Resolve {
        step: String,
        item: Option<u32>,
        resolution: Resolution,
    },
}

/// Says it to the host; the process that drives is told. Where nobody drives it is recorded, and nothing follows from
/// it until a host takes the execution up.
///
/// # Errors
/// It does not fit, or the process that has the journal does not answer.
pub(crate) fn say(
    settings: &Settings,
    execution_id: &str,
    word: Word,
) -> Result<Option<u32>, Failure> {
    let begun = Instant::now();
    loop {
        let locked = match open(settings) {
            Ok(store) => {
                crate::hosting::record_only(&store, execution_id, word)?;
                return Ok(None);
            }
            Err(error @ StoreError::Locked { .. }) => error,
            Err(error) => return Err(error.into()),
        };
        match Client::connect(&settings.data_dir) {
            Ok(host) => {
                match word {
                    Word::Answer(answer) => host.answer(execution_id, answer),
                    Word::Pause => host.pause(execution_id),
                    Word::Resume => host.resume(execution_id),
                    Word::Resolve {
                        step,
                        item,
                        resolution,
                    } => host.resolve(execution_id, (&step, item), resolution),
                }?;
                return Ok(Some(host.pid()));
            }
            Err(HostError::Unreachable(_)) if begun.elapsed() < PATIENCE => sleep(AGAIN),
            Err(HostError::Unreachable(why)) => return Err(unreachable(&locked, &why)),
            Err(error) => return Err(error.into()),
        }
    }
}
