//! Where MCP clients are let in: the way from the gateway to the host, which is in this process or in another one.

use crate::{config::Settings, daemon, read_only, toolbox, who};
use axum::{extract::Request, http::request::Parts, response::Response};
use mandate_engine::{Event, State};
use mandate_host::{
    AgentWish, Answered, Client, HostError, Issued, Local, Outlook, Proposal, Shown, Submitted,
    Update,
};
use mandate_mcp::{
    Answering, Desk, GatewaySettings, HostDesk, OfExecution, Reception, Traced, Traces, Visitor,
    Where,
};
use mandate_policy::Principal;
use mandate_server::{Beside, ServerSettings, Telemetry, telemetry::ClientCall};
use mandate_store::{Reader, SqliteStore};
use mandate_tools::{Registry, ToolStatus};
use std::{
    collections::BTreeSet,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc::Receiver},
    thread::sleep,
    time::{Duration, Instant},
};
use tokio::{runtime::Handle, sync::watch};

/// How long a host that leaves may take until another one takes its place.
const LEAVING: Duration = Duration::from_secs(60);
/// The longest arguments that are sent to the host by the task that awaits the answer.
const AT_ONCE: usize = 16 * 1024;
/// How often it is tried again.
const AGAIN: Duration = Duration::from_millis(20);

/// What MCP clients are shown; where people answer, unless the operator says so, is the console of this server.
pub(crate) fn mcp_settings(settings: &Settings, server: &ServerSettings) -> GatewaySettings {
    let mut shown = settings.mcp.clone();
    if shown.approval_url.is_none() && !server.listen.ends_with(":0") {
        shown.approval_url = Some(format!("http://{}/#/inbox/", server.listen));
    }
    shown
}

/// MCP over HTTP, beside the API.
pub(crate) struct McpBeside(pub(crate) mandate_mcp::http::Endpoint);

impl Beside for McpBeside {
    fn has(&self, path: &str) -> bool {
        mandate_mcp::http::Endpoint::has(path)
    }

    fn answer(self: Arc<Self>, request: Request) -> Pin<Box<dyn Future<Output = Response> + Send>> {
        Box::pin(async move { self.0.answer(request).await })
    }
}

/// Shows the calls of clients in traces.
pub(crate) struct InTraces(pub(crate) Arc<Telemetry>);

impl Traces for InTraces {
    fn place(&self, given: Option<&str>, execution: Option<OfExecution<'_>>) -> Option<Where> {
        let (own, above) = self.0.place_of_call(given, execution)?;
        Some(Where { own, above })
    }

    fn answered(&self, call: Traced) {
        self.0.called(ClientCall {
            place: call.place.own,
            above: call.place.above,
            execution_id: call.execution_id,
            tool: call.tool,
            request_id: call.request_id,
            protocol: call.protocol,
            protocol_session: call.protocol_session,
            session: call.session,
            over_http: call.over_http,
            from_ms: call.from_ms,
            until_ms: call.until_ms,
            code: call.code,
            rpc_code: call.rpc_code,
        });
    }
}

/// The gateway of a server: the host is in this process, and the server says who asks.
pub(crate) struct AtServer {
    host: Local,
    store: Arc<SqliteStore>,
    registry: Arc<Registry>,
    runtime: Handle,
}

impl AtServer {
    pub(crate) fn new(
        host: Local,
        store: Arc<SqliteStore>,
        registry: Arc<Registry>,
        runtime: Handle,
    ) -> Self {
        Self {
            host,
            store,
            registry,
            runtime,
        }
    }
}

impl Reception for AtServer {
    fn receive(&self, parts: Option<&Parts>) -> Result<Visitor, String> {
        let principal = parts.and_then(|parts| parts.extensions.get::<Principal>());
        let principal = principal.ok_or("nobody is known by this request")?;
        // Every plan names the session that it counts for.
        let host = self.host.speaking_as(principal.clone(), "mcp".to_owned());
        let (registry, runtime) = (self.registry.clone(), self.runtime.clone());
        let tools = move |named: Option<&BTreeSet<String>>| {
            if named.is_none() {
                // What does not work is listed as not working.
                runtime.block_on(registry.discover());
            }
            Ok(only(registry.list(), named))
        };
        let desk = HostDesk::new(host, self.store.clone(), Arc::new(tools));
        Ok(Visitor {
            desk: Arc::new(desk),
            principal: principal.name.clone(),
        })
    }
}

fn only(mut tools: Vec<ToolStatus>, named: Option<&BTreeSet<String>>) -> Vec<ToolStatus> {
    if let Some(named) = named {
        tools.retain(|tool| named.contains(&tool.name));
    }
    tools
}

/// The gateway of a process of its own: the host is in another one, which is started where there is none.
pub(crate) struct Visiting {
    visitor: Visitor,
}

impl Visiting {
    /// As whoever acts here.
    ///
    /// # Errors
    /// The host cannot be reached, or does not know the key.
    pub(crate) fn new(settings: Arc<Settings>) -> Result<Self, crate::errors::Failure> {
        let client = daemon::find_or_start(&settings)?;
        let reader = Arc::new(SqliteStore::open_readonly(&settings.data_dir)?);
        let principal = who::known(Some(&reader))?.name;
        let desk = Visit {
            settings,
            reader,
            client: Mutex::new(Some(Arc::new(client))),
        };
        let desk: Arc<dyn Desk> = Arc::new(desk);
        Ok(Self {
            visitor: Visitor { desk, principal },
        })
    }
}

impl Reception for Visiting {
    fn receive(&self, _: Option<&Parts>) -> Result<Visitor, String> {
        Ok(self.visitor.clone())
    }
}

struct Visit {
    settings: Arc<Settings>,
    reader: Arc<Reader>,
    client: Mutex<Option<Arc<Client>>>,
}

impl Visit {
    fn lock(&self) -> MutexGuard<'_, Option<Arc<Client>>> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn client(&self) -> Result<Arc<Client>, HostError> {
        let mut kept = self.lock();
        if let Some(client) = kept.as_ref().filter(|client| !client.is_over()) {
            return Ok(client.clone());
        }
        let found = daemon::find_or_start(&self.settings);
        let found =
            found.map_err(|failure| HostError::Unreachable(failure.message().to_owned()))?;
        let found = Arc::new(found);
        *kept = Some(found.clone());
        Ok(found)
    }

    fn forget(&self, client: &Arc<Client>) {
        let mut kept = self.lock();
        if kept
            .as_ref()
            .is_some_and(|known| Arc::ptr_eq(known, client))
        {
            *kept = None;
        }
    }

    /// Asks the host. One that leaves takes nothing up, and the next one is asked; one that went while it was asked may have
    /// done it, so that nobody is asked again.
    fn ask<T>(&self, ask: impl Fn(&Client) -> Result<T, HostError>) -> Result<T, HostError> {
        let begun = Instant::now();
        loop {
            let client = self.client()?;
            let answer = ask(&client);
            match &answer {
                Err(HostError::Leaving | HostError::Stopped) if begun.elapsed() < LEAVING => {
                    self.forget(&client);
                    sleep(AGAIN);
                }
                Err(HostError::Gone | HostError::Unreachable(_)) => {
                    self.forget(&client);
                    return answer;
                }
                _ => return answer,
            }
        }
    }
}

impl Desk for Visit {
    fn submit(&self, proposal: Proposal) -> Result<Submitted, HostError> {
        self.ask(|host| host.submit(proposal.clone()))
    }

    fn agent_soon(self: Arc<Self>, shown: Shown, wish: AgentWish) -> Answering {
        let known = self.lock().clone().filter(|client| !client.is_over());
        // What does not fit into the socket at once is written by a thread that may wait for the host to read it.
        let small =
            matches!(&wish, AgentWish::Call { arguments, .. } if arguments.len() <= AT_ONCE);
        let at_once = known.filter(|_| small).map(|client| {
            let answer = client.agent_soon(shown.clone(), wish.clone());
            (client, answer)
        });
        Box::pin(async move {
            if let Some((client, answer)) = at_once {
                match answer.await {
                    // It takes nothing up any more, and the next one is asked.
                    Err(HostError::Leaving | HostError::Stopped) => self.forget(&client),
                    Err(error @ (HostError::Gone | HostError::Unreachable(_))) => {
                        self.forget(&client);
                        return Err(error);
                    }
                    answer => return answer,
                }
            }
            let asked = move || self.ask(|host| host.agent(shown.clone(), wish.clone()));
            let answer = tokio::task::spawn_blocking(asked).await;
            answer.unwrap_or(Err(HostError::Stopped))
        })
    }

    fn token(&self, execution_id: &str) -> Result<Issued, HostError> {
        self.ask(|host| host.token(execution_id, None))
    }

    fn answer(&self, execution_id: &str, answer: Answered) -> Result<(), HostError> {
        self.ask(|host| host.answer(execution_id, answer.clone()))
    }

    fn watch(&self, execution_id: &str) -> Result<Receiver<Update>, HostError> {
        self.ask(|host| host.watch(execution_id))
    }

    fn outlook(&self, execution_id: &str) -> Result<watch::Receiver<Outlook>, HostError> {
        self.ask(|host| host.outlook(execution_id))
    }

    fn state(&self, execution_id: &str) -> Result<State, HostError> {
        mandate_host::recovery::load(&read_only::ReadOnly(&self.reader), execution_id)
    }

    fn events(&self, execution_id: &str) -> Result<Vec<Event>, HostError> {
        mandate_host::recovery::events(&read_only::ReadOnly(&self.reader), execution_id)
    }

    fn cancel(&self, execution_id: &str, reason: &str) -> Result<(), HostError> {
        self.ask(|host| host.cancel(execution_id, Some(reason.to_owned()), false))
    }

    /// Nothing of a server is passed on from here.
    fn note(&self, _: &'static str, _: serde_json::Value) {}

    fn tools(&self, named: Option<&BTreeSet<String>>) -> Result<Vec<ToolStatus>, HostError> {
        let told =
            |failure: crate::errors::Failure| HostError::ToolServer(failure.message().to_owned());
        let registry = toolbox::registry(&self.settings).map_err(told)?;
        let here = only(registry.list(), named);
        if named.is_some_and(|named| named.len() == here.len()) {
            return Ok(here);
        }
        // What does not work is listed as not working.
        toolbox::discover(&registry).map_err(told)?;
        Ok(only(registry.list(), named))
    }
}
