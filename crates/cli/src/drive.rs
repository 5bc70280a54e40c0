//! The way to the host: this process becomes it if nobody is, and asks the one that is otherwise.

use crate::{
    config::Settings,
    context::Context,
    daemon,
    errors::{Failure, Kind},
    hosting::{Hosting, open},
    interrupt::Interrupts,
    read_only, who,
};
use mandate_engine::event::Resolution;
use mandate_host::{
    AgentAnswer, AgentWish, Answered, Client, Connection, Farewell, HostError, Issued, Proposal,
    Shown, Submitted, Update,
};
use mandate_store::{Reader, SqliteStore, StoreError};
use mandate_tools::Registry;
use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
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
/// How long the process that a host hands over to may take to be there, before another one takes its place.
const HEIR: Duration = Duration::from_secs(5);
/// How long a command stays to find out whether what is unfinished goes on.
const LOOKING: Duration = Duration::from_secs(5);
/// What is over by then, such as the end of an execution that was rejected meanwhile, needs no other process.
const SHORTLY: Duration = Duration::from_millis(200);
/// How long calls under way may take to end before that is said.
const MOMENT: Duration = Duration::from_millis(300);
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
    /// As the host it takes up everything that is unfinished.
    recover: bool,
    way: RefCell<Option<Way>>,
    runtime: Option<Runtime>,
    interrupts: Interrupts,
}

impl<'s> Driver<'s> {
    /// Becomes the host and drives everything that is unfinished, or finds it.
    ///
    /// # Errors
    /// The store cannot be opened, or the process that has it does not answer.
    pub(crate) fn start(settings: &'s Settings, registry: Arc<Registry>) -> Result<Self, Failure> {
        let this = Self::new(settings, registry, true)?;
        this.way.replace(Some(this.find(PATIENCE, None)?));
        Ok(this)
    }

    /// Becomes the host for what is asked of it alone, or finds it.
    ///
    /// # Errors
    /// The same.
    pub(crate) fn start_for_one(
        settings: &'s Settings,
        registry: Arc<Registry>,
    ) -> Result<Self, Failure> {
        let this = Self::new(settings, registry, false)?;
        this.way.replace(Some(this.find(PATIENCE, None)?));
        Ok(this)
    }

    /// Finds the host, which is started in the background if there is none.
    ///
    /// # Errors
    /// It cannot be started, or does not answer.
    pub(crate) fn visit(settings: &'s Settings, registry: Arc<Registry>) -> Result<Self, Failure> {
        let this = Self::new(settings, registry, false)?;
        let client = daemon::find_or_start(settings)?;
        this.way.replace(Some(this.remote(client)?));
        Ok(this)
    }

    fn new(
        settings: &'s Settings,
        registry: Arc<Registry>,
        recover: bool,
    ) -> Result<Self, Failure> {
        crate::open_files::enough()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .thread_name("mandate-tools")
            .build()
            .map_err(|error| Failure::io("cannot start the threads that tools run on", &error))?;
        let interrupts = Interrupts::listen(&runtime);
        Ok(Self {
            settings,
            registry,
            recover,
            way: RefCell::new(None),
            runtime: Some(runtime),
            interrupts,
        })
    }

    /// Becomes the host, or finds it; tries again while one comes or goes. Where another process is about to become it,
    /// that one goes first.
    fn find(&self, patience: Duration, other_first: Option<Duration>) -> Result<Way, Failure> {
        let begun = Instant::now();
        while other_first.is_some_and(|wait| begun.elapsed() < wait) {
            if let Ok(client) = who::connect(self.settings) {
                return self.remote(client);
            }
            sleep(AGAIN);
        }
        loop {
            let locked = match open(self.settings) {
                Ok(store) => return self.here(store),
                Err(error @ StoreError::Locked { .. }) => error,
                Err(error) => return Err(error.into()),
            };
            match who::connect(self.settings) {
                Ok(client) => return self.remote(client),
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

    fn here(&self, store: SqliteStore) -> Result<Way, Failure> {
        let runtime = self.runtime.as_ref().ok_or(HostError::Stopped)?;
        let (hosting, connection) = Hosting::start(
            self.settings,
            store,
            self.registry.clone(),
            (runtime.handle(), runtime.handle()),
            self.recover,
        )?;
        Ok(Way {
            connection,
            reader: Arc::new(SqliteStore::open_readonly(&self.settings.data_dir)?),
            hosting: Some(hosting),
        })
    }

    fn remote(&self, client: Client) -> Result<Way, Failure> {
        let interrupts = self.interrupts.clone();
        let client = client.abandon_when(move || interrupts.must_leave());
        Ok(Way {
            connection: Connection::Remote(client),
            reader: Arc::new(SqliteStore::open_readonly(&self.settings.data_dir)?),
            hosting: None,
        })
    }

    /// Finds the next host, or becomes it, when the one that was asked is gone; the execution is taken up there.
    ///
    /// # Errors
    /// It ended without handing over, or there is none to be found.
    pub(crate) fn find_again(&self, execution_id: &str) -> Result<Where, Failure> {
        if self.move_on()? == Some(Farewell::Stop) {
            let id = crate::ids::short(execution_id);
            let failure = Failure::from(HostError::Gone);
            return Err(failure.remedy(format!("`mandate executions continue {id}` carries it on")));
        }
        self.take_up(execution_id)?;
        Ok(self.driven())
    }

    /// Lets go of a host that is gone, and finds the next one unless it ended without one.
    fn move_on(&self) -> Result<Option<Farewell>, Failure> {
        let before = self.way.take();
        let farewell = before.as_ref().and_then(|way| match &way.connection {
            Connection::Remote(client) => client.farewell(),
            Connection::Local(_) => Some(Farewell::Stop),
        });
        if farewell == Some(Farewell::Stop) {
            // What is on the disk can still be read.
            self.way.replace(before);
            return Ok(farewell);
        }
        drop(before);
        let heir = farewell.map(|_| HEIR);
        self.way.replace(Some(self.find(LEAVING, heir)?));
        Ok(farewell)
    }

    /// Who drives.
    pub(crate) fn driven(&self) -> Where {
        match self.way.borrow().as_ref().map(|way| &way.connection) {
            Some(Connection::Remote(client)) => Where::There(client.pid()),
            _ => Where::Here,
        }
    }

    /// Asks the host; one that leaves takes nothing up, and the next one is asked.
    fn ask<T>(&self, ask: impl Fn(&Connection) -> Result<T, HostError>) -> Result<T, HostError> {
        let begun = Instant::now();
        loop {
            let answer = {
                let way = self.way.borrow();
                ask(&way.as_ref().ok_or(HostError::Gone)?.connection)
            };
            let leaves = matches!(answer, Err(HostError::Leaving | HostError::Stopped));
            let may_wait = begun.elapsed() < LEAVING && !self.interrupts.must_leave();
            if !leaves || !may_wait || self.driven() == Where::Here {
                return answer;
            }
            sleep(AGAIN);
            let found = match who::connect(self.settings) {
                Ok(client) => self.remote(client),
                Err(_) => self.find(LEAVING, Some(HEIR)),
            };
            match found {
                Ok(way) => drop(self.way.replace(Some(way))),
                Err(_) => return answer,
            }
        }
    }

    /// Has a plan run.
    ///
    /// # Errors
    /// Why the host does not.
    pub(crate) fn submit(&self, proposal: &Proposal) -> Result<Submitted, HostError> {
        self.ask(|host| host.submit(proposal.clone()))
    }

    /// Has an execution taken up that was unfinished a moment ago.
    ///
    /// # Errors
    /// Why the host does not.
    pub(crate) fn take_up(&self, execution_id: &str) -> Result<(), Failure> {
        match self.ask(|host| host.take_up(execution_id)) {
            // Somebody drove it to its end meanwhile: following it tells how.
            Err(HostError::NoSuchExecution(_)) => Ok(()),
            taken => Ok(taken?),
        }
    }

    /// Tells where an execution is, and everything that happens from here on.
    ///
    /// # Errors
    /// Why the host does not.
    pub(crate) fn watch(&self, execution_id: &str) -> Result<Receiver<Update>, Failure> {
        Ok(self.ask(|host| host.watch(execution_id))?)
    }

    /// Answers a request.
    ///
    /// # Errors
    /// Why the host does not take it.
    pub(crate) fn answer(&self, execution_id: &str, answer: &Answered) -> Result<(), Failure> {
        let lost = Cell::new(false);
        let said = self.ask(|host| {
            let said = host.answer(execution_id, answer.clone());
            lost.set(lost.get() || is_lost(&said));
            said
        });
        match said {
            Err(_) if lost.get() && was_taken(self.settings, execution_id, answer) => Ok(()),
            said => Ok(said?),
        }
    }

    /// Does what somebody with a token wants.
    ///
    /// # Errors
    /// That it is refused, or why nothing can be done.
    pub(crate) fn agent(&self, shown: &Shown, wish: &AgentWish) -> Result<AgentAnswer, Failure> {
        Ok(self.ask(|host| host.agent(shown.clone(), wish.clone()))?)
    }

    /// The same; what the host says against it is not a failure yet.
    ///
    /// # Errors
    /// That it is refused, or why nothing can be done.
    pub(crate) fn ask_agent(
        &self,
        shown: &Shown,
        wish: &AgentWish,
    ) -> Result<AgentAnswer, HostError> {
        self.ask(|host| host.agent(shown.clone(), wish.clone()))
    }

    /// Gives a token for an execution.
    ///
    /// # Errors
    /// Why the host does not.
    pub(crate) fn token(
        &self,
        execution_id: &str,
        steps: Option<BTreeSet<String>>,
    ) -> Result<Issued, Failure> {
        Ok(self.ask(|host| host.token(execution_id, steps.clone()))?)
    }

    /// Makes a new key for tokens.
    ///
    /// # Errors
    /// It cannot be kept.
    pub(crate) fn rotate_tokens(&self, at_once: bool) -> Result<String, Failure> {
        Ok(self.ask(|host| host.rotate_tokens(at_once))?)
    }

    /// Ends an execution.
    ///
    /// # Errors
    /// Why the host does not.
    pub(crate) fn cancel(
        &self,
        execution_id: &str,
        reason: Option<&str>,
        force: bool,
    ) -> Result<(), Failure> {
        let reason = || reason.map(str::to_owned);
        Ok(self.ask(|host| host.cancel(execution_id, reason(), force))?)
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

    /// What this process came for, the executions `own`, is done or left. As the host it hands over to a process in the
    /// background while executions of others go on here.
    ///
    /// # Errors
    /// The host has stopped.
    pub(crate) fn finish(&self, context: &Context, own: &[String]) -> Result<(), Failure> {
        let mut way = self.way.borrow_mut();
        let Some(hosting) = way.as_mut().and_then(|way| way.hosting.as_mut()) else {
            return Ok(());
        };
        let signals = self.interrupts.all();
        let begun = Instant::now();
        loop {
            let recovers = hosting.is_recovering()?;
            if !recovers && hosting.doings_but(own)?.is_idle() {
                return Ok(());
            }
            let patience = if recovers { LOOKING } else { SHORTLY };
            if begun.elapsed() >= patience {
                break;
            }
            sleep(AGAIN);
        }
        let out = context.out();
        let note = |text: &str| out.note(&out.paint_notes().dim(text));
        match daemon::start(self.settings, Some(std::process::id())) {
            Ok(pid) => {
                note(&format!("other executions go on in process {pid}"));
                hosting.hands_over();
            }
            Err(failure) => {
                note(failure.message());
                note("other executions go on here: staying until they rest; Ctrl-C leaves");
                while !hosting.doings_but(own)?.is_idle() && self.interrupts.all() == signals {
                    sleep(AGAIN);
                }
            }
        }
        let left = hosting.leave(false)?;
        let mut told = false;
        while matches!(left.recv_timeout(MOMENT), Err(RecvTimeoutError::Timeout))
            && self.interrupts.all() == signals
        {
            if !told {
                told = true;
                note("waiting for calls under way to end; Ctrl-C leaves at once");
            }
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
#[derive(Clone)]
pub(crate) enum Word {
    Answer(Answered),
    Pause,
    Resume,
    Revoke {
        reason: Option<String>,
    },
    Override {
        step: String,
        item: Option<u32>,
        reason: String,
    },
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
    let here = |store: &SqliteStore| {
        crate::hosting::record_only(store, execution_id, word.clone()).map(|_| ())
    };
    let lost = Cell::new(false);
    let said = reach(settings, here, |host| match word.clone() {
        Word::Answer(answer) => {
            let said = host.answer(execution_id, answer);
            lost.set(lost.get() || is_lost(&said));
            said
        }
        Word::Pause => host.pause(execution_id),
        Word::Resume => host.resume(execution_id),
        Word::Revoke { reason } => host.revoke(execution_id, reason),
        Word::Override { step, item, reason } => {
            host.override_step(execution_id, (&step, item), &reason)
        }
        Word::Resolve {
            step,
            item,
            resolution,
        } => host.resolve(execution_id, (&step, item), resolution),
    });
    match (said, &word) {
        (Err(_), Word::Answer(answer))
            if lost.get() && was_taken(settings, execution_id, answer) =>
        {
            Ok(None)
        }
        (said, _) => said,
    }
}

/// Whether the host went while it was asked: what it was asked for may have been done, or not.
fn is_lost(said: &Result<(), HostError>) -> bool {
    matches!(said, Err(HostError::Gone | HostError::Stopped))
}

/// Whether the journal holds this answer: the host that took it went before it could say so.
fn was_taken(settings: &Settings, execution_id: &str, answer: &Answered) -> bool {
    let taken = || {
        let reader = Reader::open(&settings.data_dir).ok()?;
        let me = who::known(Some(&reader)).ok()?;
        let state = read_only::state(&reader, execution_id).ok()?;
        let open = state.requests.get(&answer.request_id)?;
        let said = open.said.last()?;
        let is_it = said.choice == answer.choice
            && said.assent.by == me.name
            && said.assent.channel == answer.channel;
        Some(is_it)
    };
    taken().unwrap_or_default()
}

/// Has something done by the host, and gives its process; `here` where there is none, in the journal that nobody has.
///
/// # Errors
/// It does not fit, or the process that has the journal does not answer.
pub(crate) fn reach(
    settings: &Settings,
    here: impl Fn(&SqliteStore) -> Result<(), Failure>,
    there: impl Fn(&Client) -> Result<(), HostError>,
) -> Result<Option<u32>, Failure> {
    let begun = Instant::now();
    loop {
        let locked = match open(settings) {
            Ok(store) => return here(&store).map(|()| None),
            Err(error @ StoreError::Locked { .. }) => error,
            Err(error) => return Err(error.into()),
        };
        match who::connect(settings) {
            Ok(host) => {
                let said = there(&host);
                let leaves = matches!(said, Err(HostError::Leaving | HostError::Stopped));
                if !leaves || begun.elapsed() > LEAVING {
                    said?;
                    return Ok(Some(host.pid()));
                }
                sleep(AGAIN);
            }
            Err(HostError::Unreachable(_)) if begun.elapsed() < PATIENCE => sleep(AGAIN),
            Err(HostError::Unreachable(why)) => return Err(unreachable(&locked, &why)),
            Err(error) => return Err(error.into()),
        }
    }
}

/// The host that another process is; none while there is none that answers.
///
/// # Errors
/// It is of another version.
pub(crate) fn find_client(settings: &Settings) -> Result<Option<Client>, Failure> {
    match who::connect(settings) {
        Ok(client) => Ok(Some(client)),
        Err(HostError::Unreachable(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
