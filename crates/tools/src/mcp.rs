//! Tools of MCP servers, over standard input and output, or over HTTP.
//!
//! The client is small and our own, for the reasons in `docs/decisions`: the definitions that plans are approved with
//! must be kept as they came, and what may be sent, taken back and awaited is decided here call by call.

mod answer;
mod cache;
mod catalogue;
mod config;
mod connection;
mod era;
mod expand;
mod launch;
mod lines;
mod listener;
mod listing;
mod message;
mod names;
mod pass;
mod process;
mod remote;
mod runtime;
mod server;
mod stderr;
mod wire;

pub use config::{McpServerConfig, ToolFacts};
pub(crate) use names::is_name;
pub use names::{RESERVED_SERVERS, ServerNameError, server_names};

use crate::{
    Authorized, CallContext, Caller, Callers, Confining, Definition, FactsFrom, Fault, NotPassed,
    Outcome, Passes, Provider, SecretSource, ToolLock,
};
use cache::Cache;
use futures_util::{FutureExt as _, future::BoxFuture};
use launch::Launch;
use mandate_plan::{ErrorCode, Facts};
use runtime::ServerThread;
use serde_json::{Map, Value};
use server::Server;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// One MCP server as a provider of tools.
struct McpServer {
    server: Arc<Server>,
    thread: Arc<ServerThread>,
}

/// What servers of one configuration have in common.
pub struct McpSettings<'a> {
    /// Where they start unless they say otherwise.
    pub project: &'a Path,
    /// The variables of Mandate's own environment that they see; `NAME*` stands for a prefix.
    pub env: &'a [String],
    /// Where definitions are kept between two starts.
    pub cache: Option<PathBuf>,
    /// Where `${secrets.NAME}` in their `env` comes from.
    pub secrets: Arc<dyn SecretSource>,
    /// What those with a `sandbox` are kept from.
    pub confining: Confining,
    /// What was accepted of their tools.
    pub lock: Arc<ToolLock>,
    /// Who waits for which call, where something of servers is passed on.
    pub callers: Arc<Callers>,
    /// How long a server that was told to stop a call is left alone before it is asked whether it still listens, and
    /// how long it then has to answer. One that does not is replaced.
    pub patience: Duration,
    /// The runtime of several threads that they are on, which must live as long as they; none = one thread of their own.
    pub runtime: Option<tokio::runtime::Handle>,
}

/// The usual [`McpSettings::patience`].
pub const MCP_PATIENCE: Duration = Duration::from_secs(4);

/// The servers of a configuration, by the names that plans use. None is started.
pub fn mcp_servers(
    names: &BTreeMap<String, String>,
    servers: &BTreeMap<String, McpServerConfig>,
    settings: &McpSettings<'_>,
) -> Vec<Arc<dyn Provider>> {
    let thread = Arc::new(ServerThread::new(settings.runtime.clone()));
    let mut providers: Vec<Arc<dyn Provider>> = Vec::new();
    for (name, key) in names {
        let Some(config) = servers.get(key).filter(|config| !config.disabled) else {
            continue;
        };
        let launch = Launch::new(config, settings.project, settings.env, &settings.confining);
        let cache = settings.cache.as_deref().zip(launch.as_ref().ok());
        let cache = cache.map(|(dir, launch)| Cache::new(dir, name, launch.digest));
        providers.push(Arc::new(McpServer {
            server: Arc::new(Server::new(
                name.clone(),
                config.clone(),
                launch,
                cache,
                settings,
            )),
            thread: Arc::clone(&thread),
        }));
    }
    providers
}

impl Provider for McpServer {
    fn name(&self) -> &str {
        &self.server.name
    }

    fn definitions(&self) -> Vec<Definition> {
        self.server.catalogue().definitions()
    }

    fn revision(&self) -> u64 {
        self.server.revision()
    }

    fn problem(&self) -> Option<String> {
        self.server.problem()
    }

    fn is_known(&self) -> bool {
        self.server.is_known()
    }

    fn prepare(&self) -> BoxFuture<'static, Result<(), String>> {
        let server = Arc::clone(&self.server);
        let handle = self.thread.handle();
        async move {
            let ready = handle?.spawn(async move { server.ready().await });
            ready.await.unwrap_or_else(|error| Err(error.to_string()))
        }
        .boxed()
    }

    fn facts(&self, tool: &str, _: Option<&Value>) -> Facts {
        self.server.facts(tool)
    }

    fn sinks(&self, tool: &str) -> BTreeMap<String, String> {
        self.server.sinks(tool)
    }

    fn facts_from(&self, tool: &str) -> FactsFrom {
        self.server.facts_from(tool)
    }

    fn sandbox(&self, _: &str) -> Option<String> {
        self.server.sandbox()
    }

    fn profile(&self, _: &str) -> Option<Value> {
        self.server.profile()
    }

    fn is_foreign(&self) -> bool {
        true
    }

    fn restart(&self) -> BoxFuture<'static, Result<bool, String>> {
        let server = Arc::clone(&self.server);
        let handle = self.thread.handle();
        async move {
            let done = handle?.spawn(server.restart());
            done.await.unwrap_or_else(|error| Err(error.to_string()))
        }
        .boxed()
    }

    fn look_up_limit(&self, tool: &str) -> Option<Duration> {
        self.server.status_tool(tool)?;
        Some(self.server.look_up_limit())
    }

    fn look_up(&self, _: Authorized, call: CallContext) -> BoxFuture<'static, Outcome> {
        let server = Arc::clone(&self.server);
        self.on_thread(move || server.look_up(call))
    }

    fn passes(&self) -> Passes {
        (*self.server.passes).clone()
    }

    fn pass(
        &self,
        method: String,
        params: Map<String, Value>,
        caller: Arc<dyn Caller>,
    ) -> BoxFuture<'static, Result<Value, NotPassed>> {
        let server = Arc::clone(&self.server);
        let handle = self.thread.handle();
        let broken = |message: String| NotPassed {
            code: -32603,
            message,
            data: None,
        };
        async move {
            let passed = handle
                .map_err(broken)?
                .spawn(server.pass(method, params, caller));
            passed
                .await
                .unwrap_or_else(|error| Err(broken(error.to_string())))
        }
        .boxed()
    }

    fn runs_on(&self) -> Option<tokio::runtime::Handle> {
        self.thread.handle().ok()
    }

    fn call(&self, _: Authorized, call: CallContext) -> BoxFuture<'static, Outcome> {
        let server = Arc::clone(&self.server);
        self.on_thread(move || server.call(call))
    }
}

impl McpServer {
    /// Does what gives an outcome where the servers' pipes are; dropped with the future that it gives.
    fn on_thread<F>(&self, work: impl FnOnce() -> F + Send + 'static) -> BoxFuture<'static, Outcome>
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        let handle = self.thread.handle();
        async move {
            let handle = match handle {
                Ok(handle) => handle,
                Err(why) => return Outcome::Refused(Fault::new(ErrorCode::ToolFailed, why)),
            };
            let here = tokio::runtime::Handle::try_current();
            if here.is_ok_and(|here| here.id() == handle.id()) {
                return work().await;
            }
            // Dropping a task's handle lets it go on; this one must not.
            let mut task = AbortOnDrop(handle.spawn(work()));
            match (&mut task.0).await {
                Ok(outcome) => outcome,
                Err(error) => match error.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    Err(_) => Outcome::Unknown(Fault::new(
                        ErrorCode::UnknownError,
                        "the process is shutting down, and the call was dropped",
                    )),
                },
            }
        }
        .boxed()
    }
}

struct AbortOnDrop(tokio::task::JoinHandle<Outcome>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
