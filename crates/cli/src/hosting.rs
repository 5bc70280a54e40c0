//! Being the host: the store open for writing, the thread that drives executions, and the socket that others ask over.

use crate::gateway::{AtServer, InTraces, McpBeside, mcp_settings};
use crate::{config::Settings, drive::Word, errors::Failure, toolbox, when, who};
use mandate_engine::{Body, State};
use mandate_host::{
    Connection, Doings, Farewell, HostError, Intake, Keys, Local, LocalHost, Overriding,
    PolicyTerms, Server, Terms, Witness,
    keys::{may_override, may_revoke, may_steer},
    notify::{Notify, Webhook},
    record,
};
use mandate_mcp::Traces;
use mandate_policy::Rules;
use mandate_server::{Live, Parts, ServerSettings, Telemetry, serving::TellsLink};
use mandate_store::{Journal, PublicKey, SigningKey, SqliteStore, StoreError, TokenKeys};
use mandate_tools::Registry;
use std::{
    io::Write as _,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::Receiver,
    },
    time::Duration,
};
use tokio::runtime::Handle;

/// How long a process that ends may stay to tell of what happened last.
const LAST_NOTICES: Duration = Duration::from_secs(2);
/// How long it waits after the first notice that was not taken.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// Where the end of leaving is told.
pub(crate) type Left = Receiver<Result<(), HostError>>;

/// This process as the host of a data directory.
pub(crate) struct Hosting {
    farewell: Farewell,
    /// What is unfinished is about to be looked at.
    about_to_recover: Arc<AtomicBool>,
    server: Server,
    host: LocalHost,
    webhook: Option<Arc<Webhook>>,
    telemetry: Option<Arc<Telemetry>>,
    store: Arc<SqliteStore>,
    intake: Arc<Intake>,
    asked: Local,
}

impl Hosting {
    /// Starts driving, and serves the socket on `conversing`; everything else is on `runtime`. With `recover`, everything unfinished is taken up in the background.
    ///
    /// # Errors
    /// The system gives no thread or no socket.
    pub(crate) fn start(
        settings: &Settings,
        store: SqliteStore,
        registry: Arc<Registry>,
        (runtime, conversing): (&Handle, &Handle),
        recover: bool,
    ) -> Result<(Self, Connection), Failure> {
        // Who is not asked for what is counted need not count.
        let telemetry = match settings.traces {
            Some(_) => Some(telemetry(settings, runtime)?),
            None => None,
        };
        let unseen = |journal| journal;
        Self::start_observed(
            settings,
            store,
            registry,
            (runtime, conversing),
            recover,
            telemetry,
            unseen,
        )
    }

    /// The same; the journal goes through `observe`, so that somebody else is told of what is on the disk.
    ///
    /// # Errors
    /// The same.
    pub(crate) fn start_observed(
        settings: &Settings,
        store: SqliteStore,
        registry: Arc<Registry>,
        (runtime, conversing): (&Handle, &Handle),
        recover: bool,
        telemetry: Option<Arc<Telemetry>>,
        observe: impl FnOnce(Arc<dyn Journal>) -> Arc<dyn Journal>,
    ) -> Result<(Self, Connection), Failure> {
        let principal = who::principal(&store)?;
        let store = Arc::new(store);
        let journal = observe(store.clone());
        // Only now does nobody else write it.
        let fresh = registry.lock().reload();
        fresh.map_err(|error| Failure::config(error.to_string()))?;
        let runner = toolbox::runner(settings, registry.clone());
        let intake = Arc::new(Intake::new(registry.clone()).keeping(journal.clone()));
        let webhook = webhook(settings, runtime)?.map(Arc::new);
        let notify = webhook
            .clone()
            .map(|webhook| -> Arc<dyn Notify> { webhook });
        let witness = telemetry
            .clone()
            .map(|telemetry| -> Arc<dyn Witness> { telemetry });
        let terms = Terms {
            notify,
            witness,
            max_active: settings.max_active,
            rules: settings.rules.clone(),
            tokens: Arc::new(TokenKeys::of(&settings.data_dir)),
            signing_key: signing_key(&settings.data_dir),
            shadow: shadow(settings),
            policies: PolicyTerms {
                on_change: settings.on_change,
                restore: Arc::new(|kept| {
                    let restored = mandate_rules::Active::restored(kept)?;
                    Ok(Arc::new(restored))
                }),
            },
            gateway: settings.gateway,
            report: Arc::new(report),
            ..Terms::default()
        };
        let host = LocalHost::start_with(journal.clone(), runner, runtime.clone(), terms)?;
        let server = Server::start(
            &settings.data_dir,
            host.handle(),
            journal.clone(),
            intake.clone(),
            conversing,
        )?;
        let keys = Keys::new(journal);
        let local = Local::new(
            host.handle(),
            intake.clone(),
            runtime.clone(),
            principal,
            keys,
        );
        let this = Self {
            farewell: Farewell::Stop,
            about_to_recover: Arc::default(),
            server,
            host,
            webhook,
            telemetry,
            store,
            intake,
            asked: local.clone(),
        };
        if recover {
            this.recover(registry, runtime)?;
        }
        Ok((this, Connection::Local(local)))
    }

    /// Takes up what is unfinished, once the tools that were never heard of are known.
    fn recover(&self, registry: Arc<Registry>, runtime: &Handle) -> Result<(), Failure> {
        if self.store.reader().unfinished()?.is_empty() {
            return Ok(());
        }
        let (host, about_to) = (self.host.handle(), self.about_to_recover.clone());
        about_to.store(true, Ordering::Release);
        runtime.spawn(async move {
            // A server that does not work fails its own steps, not the others.
            registry.discover().await;
            let recovered = tokio::task::spawn_blocking(move || host.recover()).await;
            if let Ok(Err(error)) = recovered {
                report(&format!("what is unfinished cannot be taken up: {error}"));
            }
            about_to.store(false, Ordering::Release);
        });
        Ok(())
    }

    /// What an HTTP server over this host is made of.
    pub(crate) fn served(
        &self,
        settings: &Settings,
        server: ServerSettings,
        (live, telemetry): (Arc<Live>, Arc<Telemetry>),
        tells_link: TellsLink,
        runtime: &Handle,
    ) -> Parts {
        let reception = AtServer::new(
            self.asked.clone(),
            self.store.clone(),
            self.intake.registry().clone(),
            runtime.clone(),
        );
        let endpoint = mandate_mcp::http::Endpoint::new(
            Arc::new(reception),
            mcp_settings(settings, &server),
            self.intake.registry().clone(),
            telemetry
                .sends_spans()
                .then(|| -> Arc<dyn Traces> { Arc::new(InTraces(telemetry.clone())) }),
        );
        Parts {
            host: self.asked.clone(),
            store: self.store.clone(),
            intake: self.intake.clone(),
            policy: settings.policy.clone(),
            limits: settings.limits,
            settings: server,
            live,
            telemetry,
            tells_link,
            beside: Some(Arc::new(McpBeside(endpoint))),
        }
    }

    /// Whether another process wants to take this one's place.
    pub(crate) fn is_to_hand_over(&self) -> bool {
        self.server.is_to_hand_over()
    }

    /// Lets others have it hand over.
    pub(crate) fn may_hand_over(&self) {
        self.server.may_hand_over();
    }

    /// Whether it is not known yet what of the unfinished goes on.
    ///
    /// # Errors
    /// The host has stopped.
    pub(crate) fn is_recovering(&self) -> Result<bool, HostError> {
        Ok(self.about_to_recover.load(Ordering::Acquire) || self.host.doings_but(&[])?.unknown > 0)
    }

    /// What goes on here, the executions `but` left out.
    ///
    /// # Errors
    /// The host has stopped.
    pub(crate) fn doings_but(&self, but: &[String]) -> Result<Doings, HostError> {
        self.host.doings_but(but)
    }

    /// Why the journal accepts nothing any more, if it is so.
    pub(crate) fn failure(&self) -> Option<StoreError> {
        self.store.failure()
    }

    /// How many other processes talk to this one.
    pub(crate) fn conversations(&self) -> usize {
        self.server.conversations()
    }

    /// Takes nothing up any more, and lets calls under way end. The answer comes when they have.
    ///
    /// # Errors
    /// The host has stopped.
    pub(crate) fn leave(&self, only_if_idle: bool) -> Result<Left, HostError> {
        self.host.leave(only_if_idle)
    }

    /// Another process takes over: that is what others are told at the end.
    pub(crate) fn hands_over(&mut self) {
        self.farewell = Farewell::HandOver;
    }

    /// Stops serving and driving. The store is to be dropped when nothing of it runs any more.
    pub(crate) fn stop(mut self) -> Arc<SqliteStore> {
        drop(self.host);
        if let Some(webhook) = &self.webhook {
            webhook.settle(LAST_NOTICES);
        }
        if let Some(telemetry) = &self.telemetry {
            telemetry.settle(LAST_NOTICES);
        }
        self.server.stop(self.farewell);
        drop(self.server);
        self.store
    }
}

/// What counts and shows what is done here; traces are sent where that is configured.
///
/// # Errors
/// Traces are to be sent to an address that cannot be used.
pub(crate) fn telemetry(settings: &Settings, runtime: &Handle) -> Result<Arc<Telemetry>, Failure> {
    let telemetry = Telemetry::start(settings.traces.clone(), runtime);
    telemetry.map(Arc::new).map_err(|error| {
        Failure::config(error.to_string())
            .remedy("mend `[telemetry]` or the variables `OTEL_EXPORTER_OTLP_…`, or unset them")
    })
}

/// What tells people of requests and ends, where that is configured.
fn webhook(settings: &Settings, runtime: &Handle) -> Result<Option<Webhook>, Failure> {
    let Some(notify) = &settings.notify else {
        return Ok(None);
    };
    let secret = runtime
        .block_on(notify.secret.value(&notify.secret_name))
        .map_err(|error| {
            Failure::config(format!("`[notify]`: {error}"))
                .remedy("notices are signed: without the secret no host starts")
        })?;
    let webhook = Webhook::start(&notify.url, secret.trim_ascii(), FIRST_PAUSE, runtime);
    webhook
        .map(Some)
        .map_err(|error| Failure::config(format!("`[notify]`: {error}")))
}

/// The public half of the key that signs: made now if there is none, so that the journal says so from the first row on. That
/// nothing can be signed keeps nothing from running.
fn signing_key(data_dir: &Path) -> Option<PublicKey> {
    match SigningKey::of_directory(data_dir) {
        Ok(key) => Some(key.public_key()),
        Err(error) => {
            tracing::warn!(%error, "nothing can be signed here");
            None
        }
    }
}

/// What people should know about executions that nobody follows.
fn report(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// The policy that is asked beside the one in force. One that cannot be asked is told of, and keeps nothing from running.
fn shadow(settings: &Settings) -> Option<Arc<dyn Rules>> {
    match &settings.shadow.as_ref()?.rules {
        Ok(rules) => Some(rules.clone()),
        Err(why) => {
            report(&format!("the shadow policy is not asked: {why}"));
            None
        }
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
    let grants = !matches!(word, Word::Pause | Word::Revoke { .. });
    if grants && std::env::var_os(mandate_tools::CHILD_MARK).is_some() {
        let pid = std::process::id();
        return Err(HostError::FromATool { pid }.into());
    }
    let who = who::principal(store)?;
    let now_ms = when::now_ms();
    let steers = || may_steer(store, &who, execution_id).map(|()| who.name.clone());
    let body = match word {
        Word::Answer(answer) => {
            let answer = answer.by(&who);
            return Ok(record::record_answer(store, execution_id, now_ms, answer)?);
        }
        Word::Override { step, item, reason } => {
            may_override(&who)?;
            let overriding = Overriding {
                step,
                item,
                by: who.name.clone(),
                reason,
            };
            return Ok(record::record_override(
                store,
                execution_id,
                now_ms,
                overriding,
            )?);
        }
        Word::Pause => Body::ExecutionPaused { by: steers()? },
        Word::Resume => Body::ExecutionResumed { by: steers()? },
        Word::Revoke { reason } => Body::ApprovalRevoked {
            by: may_revoke(store, &who, execution_id).map(|()| who.name.clone())?,
            reason,
        },
        Word::Resolve {
            step,
            item,
            resolution,
        } => Body::StepResolved {
            step,
            item,
            by: steers()?,
            resolution,
            channel: Some("cli".to_owned()),
            answer_digest: None,
        },
    };
    Ok(record::record(store, execution_id, now_ms, body)?)
}
