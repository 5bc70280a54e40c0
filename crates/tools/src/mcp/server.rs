//! One configured server: started when it is needed, kept, started anew when it died.

use super::{
    McpServerConfig, McpSettings,
    answer::outcome,
    cache::Cache,
    catalogue::Catalogue,
    connection::{Connection, RequestError},
    era::{Era, IDEMPOTENCY_KEY, Unready},
    launch::Launch,
    listener::Listener,
    listing::list,
    process,
    remote::{Repeated, repeated},
    stderr::{GivenSecrets, Stderr},
    wire,
};
use crate::{
    CallContext, Callers, Destination, FactsFrom, Fault, Outcome, Pass, Passes, Standing, ToolLock,
    builtin::process::confinement::{self, Confinement},
    look_up::LOOK_UP,
    secret::{Scrubber, SecretSource, SecretText, SecretUse, SecretValue, resolve_all},
    trace::TRACEPARENT,
};
use futures_util::{FutureExt as _, future::BoxFuture};
use mandate_plan::{ErrorCode, Facts};
use serde_json::{Map, Value, json};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError, RwLock, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::Notify;

/// One configured server.
pub(super) struct Server {
    pub(super) name: String,
    config: McpServerConfig,
    pub(super) launch: Result<Launch, String>,
    cache: Option<Cache>,
    /// See [`super::McpSettings`].
    patience: Duration,
    live: tokio::sync::Mutex<Option<Live>>,
    /// What of its tools' arguments is repeated in headers.
    repeated: Repeated,
    /// When it was last called.
    called_at: Mutex<Option<Instant>>,
    catalogue: RwLock<Arc<Catalogue>>,
    /// How often the catalogue was replaced.
    revision: AtomicU64,
    /// Why it did not start when that was last tried.
    problem: Mutex<Option<String>>,
    /// Where those of its configuration come from.
    source: Arc<dyn SecretSource>,
    lock: Arc<ToolLock>,
    pub(super) secrets: Arc<GivenSecrets>,
    /// What of it is passed on to those who call its tools.
    pub(super) passes: Arc<Passes>,
    pub(super) callers: Arc<Callers>,
}

#[derive(Clone)]
pub(super) struct Live {
    pub(super) connection: Arc<Connection>,
    pub(super) era: Era,
    /// When its tools were asked for.
    asked_at: Instant,
}

/// How long what a server said of its tools is believed where nothing is set.
const AGAIN: Duration = Duration::from_secs(10);
/// For how long after a call its tools are asked for beside the calls, so that the next one need not wait for that.
const WARM: Duration = Duration::from_secs(60);
/// How often that is looked at, at least and at most.
const LOOK: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(60));

impl Server {
    pub(super) fn new(
        name: String,
        config: McpServerConfig,
        launch: Result<Launch, String>,
        cache: Option<Cache>,
        settings: &McpSettings<'_>,
    ) -> Self {
        let kept = cache.as_ref().and_then(Cache::read);
        let known = u64::from(kept.is_some());
        let server = Self {
            problem: Mutex::new(launch.as_ref().err().cloned()),
            name,
            passes: Arc::new(config.pass.iter().copied().collect()),
            callers: Arc::clone(&settings.callers),
            config,
            launch,
            cache,
            patience: settings.patience,
            live: tokio::sync::Mutex::default(),
            repeated: Repeated::default(),
            called_at: Mutex::default(),
            catalogue: RwLock::default(),
            revision: AtomicU64::new(known),
            source: Arc::clone(&settings.secrets),
            lock: Arc::clone(&settings.lock),
            secrets: Arc::default(),
        };
        let catalogue = server.read(&kept.unwrap_or_default());
        *server
            .catalogue
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(catalogue);
        server
    }

    /// Whether it was ever heard what its tools are.
    pub(super) fn is_known(&self) -> bool {
        self.revision() > 0
    }

    pub(super) fn revision(&self) -> u64 {
        self.revision.load(Ordering::Acquire)
    }

    /// Whether it is no process of this machine's that is started here.
    fn is_remote(&self) -> bool {
        self.launch
            .as_ref()
            .is_ok_and(|launch| launch.address.is_some())
    }

    /// What confines it, in one word; none if nothing is started for it.
    pub(super) fn sandbox(&self) -> Option<String> {
        match self.confinement() {
            _ if self.is_remote() => None,
            Some(_) => Some(confinement::word()),
            None => Some("none".to_owned()),
        }
    }

    /// What it may touch; none if that is what its user may.
    pub(super) fn profile(&self) -> Option<Value> {
        self.confinement().map(Confinement::shown)
    }

    fn confinement(&self) -> Option<&Confinement> {
        self.launch.as_ref().ok()?.confinement.as_ref()
    }

    pub(super) fn problem(&self) -> Option<String> {
        self.problem
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn catalogue(&self) -> Arc<Catalogue> {
        let catalogue = self
            .catalogue
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&catalogue)
    }

    pub(super) fn facts(&self, tool: &str) -> Facts {
        self.catalogue().facts(tool, &self.lock)
    }

    /// Whether other parties may have a say in what it says: one of its tools reaches them, or none is known.
    pub(super) fn is_open(&self) -> bool {
        let catalogue = self.catalogue();
        let mut tools = catalogue.names().peekable();
        tools.peek().is_none() || tools.any(|tool| self.facts(tool).open_world)
    }

    pub(super) fn sinks(&self, tool: &str) -> std::collections::BTreeMap<String, String> {
        self.catalogue().sinks(tool)
    }

    pub(super) fn facts_from(&self, tool: &str) -> FactsFrom {
        self.catalogue().facts_from(tool, &self.lock)
    }

    /// Replaces the process; calls under way end with the old one. False if none runs.
    pub(super) async fn restart(self: Arc<Self>) -> Result<bool, String> {
        {
            let slot = self.live.lock().await;
            match slot.as_ref().filter(|live| live.connection.usable()) {
                None => return Ok(false),
                Some(live) => live.connection.retire("it was restarted"),
            }
        }
        self.ready().await.map(|()| true)
    }

    /// Has it running, with its tools as they are now.
    ///
    /// # Errors
    /// Why it does not run.
    pub(super) fn ready(self: Arc<Self>) -> BoxFuture<'static, Result<(), String>> {
        async move { self.live().await.map(drop) }.boxed()
    }

    /// The tool that tells what became of calls of `tool`, by their names in plans.
    pub(super) fn status_tool(&self, tool: &str) -> Option<String> {
        let (_, own) = tool.split_once('.')?;
        let status = self.config.tools.get(own)?.status.as_ref()?;
        Some(format!("{}.{status}", self.name))
    }

    /// How long that may take: it may have to start the server first.
    pub(super) fn look_up_limit(&self) -> Duration {
        let start = self.launch.as_ref().map(|launch| launch.start_timeout);
        start.unwrap_or_default().saturating_add(LOOK_UP)
    }

    /// Asks what became of a call.
    pub(super) async fn look_up(self: Arc<Self>, mut call: CallContext) -> Outcome {
        let refused = |code, message: String| Outcome::Refused(Fault::new(code, message));
        let Some(status) = self.status_tool(&call.tool) else {
            let message = format!("`{}` has no status look-up", call.tool);
            return refused(ErrorCode::NotSupported, message);
        };
        if let Err(why) = Arc::clone(&self).ready().await {
            return refused(ErrorCode::ToolFailed, why);
        }
        let catalogue = self.catalogue();
        let Some(digest) = catalogue.digest(&status) else {
            let message = format!("there is no tool `{status}`");
            return refused(ErrorCode::ActionNotFound, message);
        };
        if let Some((name, _)) = self.lock.switched_off(&status) {
            let message = format!("`{name}` is switched off");
            return refused(ErrorCode::ActionNotFound, message);
        }
        if !matches!(
            self.lock.standing(&status, &digest),
            Standing::Accepted | Standing::New
        ) {
            let message = format!(
                "the definition of `{status}` is not accepted; `mandate tools diff {status}` shows it"
            );
            return refused(ErrorCode::ToolChanged, message);
        }
        if !catalogue.facts(&status, &self.lock).read_only() {
            let own = status.split_once('.').map_or("", |(_, own)| own);
            let message = format!(
                "`{status}` may do more than read; say `tools.{own} = {{ effect = \"read\" }}` if it does not"
            );
            return refused(ErrorCode::PolicyDenied, message);
        }
        (call.tool, call.tool_digest) = (status, digest);
        self.call(call).await
    }

    /// Carries out one call.
    pub(super) async fn call(self: Arc<Self>, call: CallContext) -> Outcome {
        self.secrets.remember(&call.scrubber);
        let mut outcome = self.try_call(&call).await;
        for scrubber in self.secrets.all() {
            scrubber.scrub_outcome(&mut outcome);
        }
        outcome
    }

    async fn try_call(self: &Arc<Self>, call: &CallContext) -> Outcome {
        let mut tries = 0;
        let listener = self.listener(call);
        *self
            .called_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        loop {
            tries += 1;
            let server = Arc::clone(self);
            let live = match self.live_at_once() {
                Some(live) => Ok(live),
                // A start goes on when the call is stopped: the next call finds it done.
                None => tokio::spawn(async move { server.live().await })
                    .await
                    .unwrap_or_else(|error| Err(error.to_string())),
            };
            let live = match live {
                Ok(live) => live,
                Err(why) => {
                    return Outcome::Refused(Fault::new(ErrorCode::ToolFailed, why));
                }
            };
            if self.catalogue().digest(&call.tool) != Some(call.tool_digest) {
                return Outcome::Refused(Fault::new(
                    ErrorCode::ToolChanged,
                    format!("the tool `{}` is not the one that was approved", call.tool),
                ));
            }
            match self.ask(&live, call, &listener).await {
                // It died between two calls: nothing was sent, so that another one may be asked.
                Err(RequestError::NotSent(_)) if tries < 2 => {}
                answer => return outcome(&call.tool, answer),
            }
        }
    }

    async fn ask(
        self: &Arc<Self>,
        live: &Live,
        call: &CallContext,
        listener: &Option<Listener>,
    ) -> Result<Value, RequestError> {
        let own = call.tool.split_once('.').map_or("", |(_, own)| own);
        let mut watch = Watch {
            server: Arc::downgrade(self),
            live: Some(live.clone()),
            runtime: tokio::runtime::Handle::current(),
        };
        let params = |id: u64| {
            let mut meta = live.era.meta();
            meta.insert("progressToken".to_owned(), json!(id));
            meta.insert(IDEMPOTENCY_KEY.to_owned(), json!(call.idempotency_key));
            if let Some(place) = &call.trace {
                meta.insert(TRACEPARENT.to_owned(), json!(place.traceparent()));
                place.went(self.wire(live, id));
            }
            if let (Era::Stateless, Some(listener)) = (live.era, listener) {
                meta.extend(listener.meta());
            }
            Map::from_iter([
                ("name".to_owned(), json!(own)),
                ("arguments".to_owned(), call.args.clone()),
                ("_meta".to_owned(), Value::Object(meta)),
            ])
        };
        let answer = self.call_with(live, listener.clone(), &params).await;
        watch.live = None;
        if let Some(place) = &call.trace {
            place.ended(wire::error(&answer));
        }
        answer
    }

    /// The server as it runs, where nothing has to be waited for or asked first.
    fn live_at_once(&self) -> Option<Live> {
        let slot = self.live.try_lock().ok()?;
        let live = slot.as_ref()?;
        let long_ago = live.asked_at.elapsed() >= self.recheck();
        let good = live.connection.usable() && !live.connection.is_stale() && !long_ago;
        good.then(|| live.clone())
    }

    pub(super) async fn live(self: &Arc<Self>) -> Result<Live, String> {
        let mut slot = self.live.lock().await;
        if let Some(live) = slot.as_mut().filter(|live| live.connection.usable()) {
            // It may change without a word, or without one that reaches us.
            let long_ago = live.asked_at.elapsed() >= self.recheck();
            if !live.connection.take_stale() && !long_ago {
                return Ok(live.clone());
            }
            // One that does one thing at a time answers when it has done that, and would do the call no sooner.
            let limit = match (live.connection.is_busy(), &self.launch) {
                (true, Ok(launch)) => launch.start_timeout.max(self.patience),
                _ => self.patience,
            };
            let begun = Instant::now();
            match tokio::time::timeout(limit, self.learn(live)).await {
                Ok(Ok(())) => {
                    live.asked_at = begun;
                    return Ok(live.clone());
                }
                // Another one may do better.
                Ok(Err(why)) => live.connection.retire(&why),
                Err(_) => live.connection.retire("it did not list its tools in time"),
            }
        }
        // Ends it, unless calls still hold it.
        *slot = None;
        match self.start().await {
            Ok(live) => {
                *self.problem.lock().unwrap_or_else(PoisonError::into_inner) = None;
                Ok(slot.insert(live).clone())
            }
            Err(why) => Err(self.note(why)),
        }
    }

    /// How old the list of its tools may be at a call.
    fn recheck(&self) -> Duration {
        let set = self.config.recheck_ms.map(Duration::from_millis);
        set.unwrap_or(AGAIN)
    }

    /// Asks for its tools beside the calls, if it was called a moment ago and they were not asked for since half the time
    /// that they are believed for.
    async fn keep_fresh(self: Arc<Self>) {
        let called = *self
            .called_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // What is believed for no time is asked for at each call.
        if self.recheck() <= LOOK.0 || called.is_none_or(|at| at.elapsed() > WARM) {
            return;
        }
        let live = { self.live.lock().await.clone() }.filter(|live| {
            live.connection.usable() && live.asked_at.elapsed() >= self.recheck() / 2
        });
        let Some(live) = live else { return };
        let begun = Instant::now();
        // No call waits for this one; where it does not come to an end, the next call finds out why.
        if let Ok(Ok(())) = tokio::time::timeout(self.patience, self.learn(&live)).await
            && let Some(kept) = self.live.lock().await.as_mut()
            && Arc::ptr_eq(&kept.connection, &live.connection)
        {
            kept.asked_at = begun;
        }
    }

    fn note(&self, why: String) -> String {
        let why = self.secrets.scrub(why.as_bytes());
        let why = format!("the server `{}` does not work: {why}", self.name);
        tracing::warn!(server = %self.name, %why, "a tool server");
        let mut problem = self.problem.lock().unwrap_or_else(PoisonError::into_inner);
        problem.insert(why).clone()
    }

    async fn start(self: &Arc<Self>) -> Result<Live, String> {
        let launch = self.launch.as_ref().map_err(Clone::clone)?;
        let begun = async {
            let (connection, era) = match self.begin(launch, true).await {
                Err(Unready::DiedAtProbe(_)) => self.begin(launch, false).await,
                other => other,
            }
            .map_err(|unready| match unready {
                Unready::DiedAtProbe(why) | Unready::Other(why) => why,
            })?;
            let live = Live {
                connection,
                era,
                asked_at: Instant::now(),
            };
            self.learn(&live).await?;
            Ok(live)
        };
        let limit = launch.start_timeout;
        match tokio::time::timeout(limit, begun).await {
            Ok(live) => live,
            Err(_) => Err(format!(
                "it was not ready within {} ms (`start_timeout_ms`)",
                limit.as_millis()
            )),
        }
    }

    async fn begin(
        self: &Arc<Self>,
        launch: &Launch,
        probe: bool,
    ) -> Result<(Arc<Connection>, Era), Unready> {
        let values = self.own_secrets(launch).await.map_err(Unready::Other)?;
        let stderr = Arc::new(Stderr::new(Arc::clone(&self.secrets)));
        let changed = Arc::new(Notify::new());
        let connection = match &launch.address {
            Some(address) => {
                let poster = address.open(&values, Arc::clone(&self.repeated));
                let poster = poster.map_err(Unready::Other)?;
                Connection::remote(&self.name, poster, stderr, Arc::clone(&changed))
            }
            None => {
                let started = process::start(launch, &values).await;
                let started = started.map_err(Unready::Other)?;
                Connection::new(&self.name, started, stderr, Arc::clone(&changed))
            }
        };
        drop(values);
        let connection = Arc::new(connection);
        let probe = probe && !self.config.sessions;
        let can = { self.passes.iter() }.filter_map(|pass: &Pass| pass.capability());
        let can = can.map(|name| (name.to_owned(), json!({}))).collect();
        let era = Era::begin(&connection, launch.start_timeout, probe, can).await?;
        if era == Era::Stateless {
            // It tells of changes only who asks; one that cannot says so, and that is all.
            let wanted =
                json!({ "_meta": era.meta(), "notifications": { "toolsListChanged": true } });
            connection.post("subscriptions/listen", &wanted);
        }
        tokio::spawn(follow(Arc::downgrade(self), changed, self.recheck()));
        Ok((connection, era))
    }

    /// The secrets that its configuration hands it. Whatever it says from now on is searched for them.
    async fn own_secrets(&self, launch: &Launch) -> Result<BTreeMap<String, SecretValue>, String> {
        let names = launch.env.values().flat_map(SecretText::names);
        let wanted = SecretUse {
            // All of its tools can use what it has.
            tool: &format!("{}.*", self.name),
            destination: &match &launch.address {
                Some(address) => Destination::Host(address.host()),
                None => Destination::Local,
            },
        };
        let values = resolve_all(&*self.source, names, wanted).await;
        let values = values.map_err(|error| error.to_string())?;
        self.secrets.remember(&Arc::new(Scrubber::new(&values)));
        Ok(values)
    }

    /// Asks for its tools.
    async fn learn(&self, live: &Live) -> Result<(), String> {
        let mut raw = list(&live.connection, live.era).await?;
        for scrubber in self.secrets.all() {
            raw.iter_mut().for_each(|tool| scrubber.scrub_value(tool));
        }
        if self.is_remote() {
            self.heed_headers(&mut raw);
        }
        let catalogue = self.read(&raw);
        let changed = !self.is_known() || !self.catalogue().same(&catalogue);
        if changed {
            if let Some(cache) = &self.cache {
                cache.write(&raw);
            }
            let mut present = self
                .catalogue
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            *present = Arc::new(catalogue);
            self.revision.fetch_add(1, Ordering::AcqRel);
        }
        Ok(())
    }

    /// What is repeated in headers has to be said rightly, or whoever passes a call on could be told something else than the
    /// server. A tool of which it is not is left out.
    fn heed_headers(&self, raw: &mut Vec<Value>) {
        let (read, wrong) = repeated(raw);
        for (tool, why) in &wrong {
            tracing::warn!(server = %self.name, %tool, %why, "a tool is left out");
        }
        let name = |tool: &Value| tool.get("name").and_then(Value::as_str).map(str::to_owned);
        raw.retain(|tool| name(tool).is_none_or(|name| !wrong.contains_key(&name)));
        let mut repeated = { self.repeated.write() }.unwrap_or_else(PoisonError::into_inner);
        *repeated = read;
    }

    fn read(&self, raw: &[Value]) -> Catalogue {
        let config = &self.config;
        Catalogue::read(&self.name, raw, &config.tools, config.trust_annotations)
    }
}

/// Asks again for the tools whenever the server says that they have changed, and now and then where it does not.
async fn follow(server: Weak<Server>, changed: Arc<Notify>, recheck: Duration) {
    let pause = (recheck / 4).clamp(LOOK.0, LOOK.1);
    // With the connection goes the last other holder.
    while Arc::strong_count(&changed) > 1 {
        let told = tokio::time::timeout(pause, changed.notified()).await;
        match (server.upgrade(), told) {
            (Some(server), Ok(())) => drop(server.ready().await),
            (Some(server), Err(_)) => server.keep_fresh().await,
            (None, _) => return,
        }
    }
}

/// Looks after a server whose call was dropped: one that does not listen any more is given up.
struct Watch {
    server: Weak<Server>,
    live: Option<Live>,
    runtime: tokio::runtime::Handle,
}

impl Drop for Watch {
    fn drop(&mut self) {
        let Some(live) = self.live.take() else {
            return;
        };
        let server = self.server.clone();
        self.runtime.spawn(async move {
            let Some(patience) = server.upgrade().map(|server| server.patience) else {
                return;
            };
            tokio::time::sleep(patience).await;
            if server.upgrade().is_none() || !live.connection.usable() {
                return;
            }
            let answers = list(&live.connection, live.era);
            if tokio::time::timeout(patience, answers).await.is_err() {
                live.connection
                    .retire("it did not answer after a call was stopped");
            }
        });
    }
}
