//! Requests of MCP clients, of every revision from 2024-11-05 to 2026-07-28: from the library's types to ours, and back.
//!
//! Clients of the older revisions have a session that lives as long as their connection; those of 2026-07-28 say who they
//! are with every request. A session of the first kind is kept with this value, one of the second by principal and name.

use crate::acts::{Act, Besides, Client, Progress, definitions};
use crate::approving::{Questions, Words};
use crate::desk::{Reception, Visitor};
use crate::live::Lives;
use crate::named_session::session_name;
use crate::own_tools::{OWN_TOOLS, own_tool};
use crate::seat::{Seat, Seats, fresh_session};
use crate::settings::GatewaySettings;
use crate::shapes::{listed, planned_tool};
use crate::shown::{prompt, visible_tools};
use crate::traces::{Traces, Tracing};
use crate::under::{Line, Parked, Word};
use axum::http::request::Parts;
use mandate_host::Outlook;
use mandate_tools::{Callers, Pass, Registry};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CancelTaskParams, CompleteRequestParams,
    CompleteResult, GetPromptRequestParams, GetPromptResponse, GetPromptResult, GetTaskParams,
    GetTaskResult, Implementation, ListPromptsResult, ListResourceTemplatesResult,
    ListResourcesResult, ListToolsResult, PaginatedRequestParams, Prompt, PromptMessage,
    ProtocolVersion, ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, Resource,
    ResourceContents, Role, ServerCapabilities, ServerConfig, SubscribeRequestParams,
    SubscriptionFilter, Tool, UnsubscribeRequestParams, UpdateTaskParams,
};
use rmcp::service::{NotificationContext, RequestContext, RoleServer, SubscriptionContext};
use rmcp::{ErrorData, ServerHandler};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc::UnboundedReceiver;

/// The header of sessions that the protocol itself keeps.
pub(crate) const PROTOCOL_SESSION: &str = "mcp-session-id";
/// What comes before the execution that a client came for, in the URL.
pub(crate) const BENEATH: &str = "/mcp/";
/// Where the plan can be read.
pub(crate) const PLAN_URI: &str = "mandate://plan";
/// The prompt with the plan.
pub(crate) const PLAN_PROMPT: &str = "plan";

const INSTRUCTIONS: &str = "Mandate lets through what an approved plan says, and nothing else. First call `list_tools` to see \
what plans can call, then `propose_plan`. A human may have to approve the plan. Once it is approved, its tools appear beside \
these: call them in the plan's order, each with exactly the arguments that the plan gives. A refusal says what would have been \
right. `status` shows what may be called now; `replan` proposes another plan; `finish` ends early.";

/// What all clients of one process have in common.
pub(crate) struct Shared {
    reception: Arc<dyn Reception>,
    pub(crate) settings: GatewaySettings,
    seats: Seats,
    pub(crate) questions: Questions,
    /// Calls that wait for their client's answers.
    pub(crate) parked: Words<Parked>,
    /// Tasks whose calls are under way here.
    pub(crate) lives: Lives,
    /// The tools' servers, where something of them is passed on.
    pub(crate) below: Option<Arc<Registry>>,
    bare: Arc<BTreeSet<String>>,
    /// Where calls are shown in traces, if they are.
    pub(crate) traces: Option<Arc<dyn Traces>>,
}

impl Shared {
    pub(crate) fn new(
        reception: Arc<dyn Reception>,
        settings: GatewaySettings,
        below: Option<Arc<Registry>>,
        traces: Option<Arc<dyn Traces>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            reception,
            bare: Arc::new(settings.plain.clone()),
            settings,
            seats: Seats::default(),
            questions: Questions::default(),
            parked: Words::default(),
            lives: Lives::default(),
            below: below.filter(|registry| !registry.passing().is_empty()),
            traces,
        })
    }

    fn seat(&self, session: String) -> Arc<Seat> {
        Seat::new(session, self.settings.tools_list, self.bare.clone())
    }

    /// Whether that of any server is passed on.
    pub(crate) fn passes(&self, pass: Pass) -> bool {
        let all = self.below.as_ref().map(|registry| registry.passing());
        all.is_some_and(|all| all.iter().any(|(_, passes)| passes.contains(&pass)))
    }
}

/// One client's end of the gateway.
pub(crate) struct Gateway {
    pub(crate) shared: Arc<Shared>,
    own: Arc<Seat>,
    /// The execution that this client drives from the start.
    execution: Option<String>,
    tells: AtomicBool,
    /// From which level on it wants to be told what is logged.
    pub(crate) level: Mutex<Option<String>>,
}

/// Told of progress, and whether nobody waits for the answer any more.
type Watching<'a> = (Progress<'a>, &'a dyn Fn() -> bool);

/// Nobody is told, and somebody waits.
pub(crate) const QUIETLY: Watching<'static> = (&|_, _, _| {}, &|| false);

/// Somebody who asks, and where they sit.
#[derive(Clone)]
pub(crate) struct Placed {
    pub(crate) shared: Arc<Shared>,
    pub(crate) seat: Arc<Seat>,
    pub(crate) visitor: Visitor,
    pub(crate) client: Client,
    /// Where in a trace they ask.
    pub(crate) within: Option<String>,
    /// From which level on its connection wants to be told what is logged.
    level: Option<String>,
}

impl Placed {
    /// Does something that may wait.
    pub(crate) fn act<T>(
        &self,
        watching: Watching<'_>,
        line: Option<&Arc<Line>>,
        work: impl FnOnce(&Act<'_>) -> T,
    ) -> T {
        let besides = Besides {
            line,
            ..Besides::default()
        };
        self.act_with(watching, besides, work)
    }

    /// The same with more that goes with it.
    pub(crate) fn act_with<T>(
        &self,
        (progress, abandoned): Watching<'_>,
        besides: Besides<'_>,
        work: impl FnOnce(&Act<'_>) -> T,
    ) -> T {
        let callers = self.callers();
        work(&Act {
            seat: &self.seat,
            visitor: &self.visitor,
            settings: &self.shared.settings,
            client: &self.client,
            progress,
            abandoned,
            line: callers.zip(besides.line),
            spots: besides.spots,
            within: self.within.as_deref(),
        })
    }

    /// Does something that may wait, on a thread that may.
    pub(crate) async fn on_thread<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Act<'_>) -> T + Send + 'static,
    ) -> Result<T, ErrorData> {
        let placed = self.clone();
        let work = move || placed.act(QUIETLY, None, work);
        let done = tokio::task::spawn_blocking(work).await;
        done.map_err(|error| ErrorData::internal_error(error.to_string(), None))
    }

    /// Those whose calls are under way, where something of tool servers is passed on to them.
    pub(crate) fn callers(&self) -> Option<&Arc<Callers>> {
        let registry = self.shared.below.as_ref();
        registry.map(|registry| registry.callers())
    }

    /// The client's end of what is asked with that context.
    pub(crate) fn line(
        self: &Arc<Self>,
        context: &RequestContext<RoleServer>,
    ) -> (Arc<Line>, UnboundedReceiver<Word>) {
        Line::new(context, self.level.clone(), self.note())
    }
}

impl Gateway {
    /// For a client whose session, if it keeps one, is called that, and which drives that execution from the start.
    pub(crate) fn new(
        shared: Arc<Shared>,
        session: Option<String>,
        execution: Option<String>,
    ) -> Self {
        let session = session.unwrap_or_else(fresh_session);
        let own = shared.seat(session);
        Self {
            shared,
            own,
            execution,
            tells: AtomicBool::new(false),
            level: Mutex::default(),
        }
    }

    /// Whoever asks, where they sit; at the execution that they came for, where they came for one.
    pub(crate) async fn placed(
        &self,
        context: &RequestContext<RoleServer>,
    ) -> Result<Arc<Placed>, ErrorData> {
        let placed = self.seated(context)?;
        let parts = context.extensions.get::<Parts>();
        let path = parts.map(|parts| parts.uri.path());
        let named = path.and_then(|path| path.strip_prefix(BENEATH));
        let Some(id) = named.or(self.execution.as_deref()) else {
            return Ok(placed);
        };
        if placed.seat.drives(id) && placed.seat.bound(&placed.visitor).is_some() {
            return Ok(placed);
        }
        let id = id.to_owned();
        match placed.on_thread(move |act| act.take_up(&id)).await? {
            Ok(()) => Ok(placed),
            Err(told) => Err(ErrorData::invalid_request(told.text, None)),
        }
    }

    fn seated(&self, context: &RequestContext<RoleServer>) -> Result<Arc<Placed>, ErrorData> {
        let parts = context.extensions.get::<Parts>();
        let visitor = self.shared.reception.receive(parts);
        let visitor = visitor.map_err(|why| ErrorData::invalid_request(why, None))?;
        let seat = match parts {
            Some(parts) if !parts.headers.contains_key(PROTOCOL_SESSION) => {
                let name = session_name(parts, &context.meta)?;
                let fresh = |session| self.shared.seat(session);
                // One execution after the other is driven in a session: those that came for another one have another.
                let name = match parts.uri.path().strip_prefix(BENEATH) {
                    Some(execution) => format!("{name}/{execution}"),
                    None => name,
                };
                self.shared.seats.of(&visitor.principal, &name, fresh)
            }
            _ => self.own.clone(),
        };
        let said = context.client_info();
        let client = Client {
            name: said
                .as_ref()
                .map_or_else(String::new, |said| said.name.clone()),
            version: said.map_or_else(String::new, |said| said.version),
            protocol: context
                .protocol_version()
                .map_or_else(String::new, |it| it.to_string()),
        };
        Ok(Arc::new(Placed {
            shared: self.shared.clone(),
            seat,
            visitor,
            client,
            within: None,
            level: { self.level.lock() }
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        }))
    }

    /// Does what waits on a thread that may wait.
    pub(crate) async fn waiting<T: Send + 'static>(
        &self,
        context: &RequestContext<RoleServer>,
        work: impl FnOnce(&Act<'_>) -> T + Send + 'static,
    ) -> Result<T, ErrorData> {
        self.placed(context).await?.on_thread(work).await
    }
}

/// Whether the client says with each request who it is, and cannot be asked over its connection.
pub(crate) fn is_stateless(context: &RequestContext<RoleServer>) -> bool {
    let version = context.protocol_version();
    version.is_some_and(|version| version.as_str() >= ProtocolVersion::V_2026_07_28.as_str())
}

/// What is done is boxed: the library moves it from one place to another several times, as large as the largest of all, which
/// would be 13 KB for every request.
impl ServerHandler for Gateway {
    fn get_info(&self) -> ServerConfig {
        let mut capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_tool_list_changed()
            .enable_prompts()
            .enable_resources()
            .build();
        self.declare_tasks(&mut capabilities);
        self.declare_below(&mut capabilities);
        let implementation = Implementation::new("mandate", env!("CARGO_PKG_VERSION"));
        ServerConfig::new(capabilities)
            .with_server_info(implementation)
            .with_instructions(INSTRUCTIONS)
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        if self.tells.swap(true, Ordering::Relaxed) {
            return;
        }
        let (mut changes, peer) = (self.own.changes(), context.peer);
        tokio::spawn(async move {
            while changes.changed().await.is_ok() {
                if peer.notify_tool_list_changed().await.is_err() {
                    return;
                }
            }
        });
    }

    fn accepted_subscription_filter(
        &self,
        requested: &SubscriptionFilter,
    ) -> Option<SubscriptionFilter> {
        let told = SubscriptionFilter::builder().tools_list_changed().build();
        Some(requested.intersection(&told))
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let seat = self.placed(context.request_context()).await?.seat.clone();
        let mut changes = seat.changes();
        loop {
            tokio::select! {
                () = context.cancelled() => return Ok(()),
                changed = changes.changed() => {
                    if changed.is_err() || context.sink().notify_tool_list_changed().await.is_err() {
                        return Ok(());
                    }
                }
            }
        }
    }

    fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<ListToolsResult, ErrorData>> + Send {
        Box::pin(async move {
            let list = self.shared.settings.tools_list;
            let planned = self.waiting(&context, move |act| {
                let (bound, state) = act.seated()?;
                let known = definitions(act, visible_tools(&Outlook::of(&state), list));
                let known = known.unwrap_or_else(|error| {
                    tracing::warn!(%error, "the tools of the plan cannot be listed");
                    Vec::new()
                });
                let named = known
                    .iter()
                    .map(|tool| (bound.names.name(&tool.name), tool));
                Some(
                    named
                        .map(|(name, tool)| planned_tool(name, tool))
                        .collect::<Vec<Tool>>(),
                )
            });
            let mut tools: Vec<Tool> = OWN_TOOLS.iter().map(listed).collect();
            tools.extend(planned.await?.unwrap_or_default());
            Ok(ListToolsResult::with_all_items(tools))
        })
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        own_tool(name).map(listed)
    }

    fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<CallToolResponse, ErrorData>> + Send {
        Box::pin(async move {
            let mut placed = self.placed(&context).await?;
            let mut tracing = None;
            if self.shared.traces.is_some() {
                let mut traced = (*placed).clone();
                tracing = Tracing::begin(&mut traced, &request.name, &context);
                placed = Arc::new(traced);
            }
            let answer = self.called(&placed, request, &context).await;
            if let Some(tracing) = tracing {
                tracing.end(&placed, &answer);
            }
            answer
        })
    }

    fn get_task(
        &self,
        request: GetTaskParams,
        context: RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<GetTaskResult, ErrorData>> + Send {
        Box::pin(async move { self.task_got(&request.task_id, &context).await })
    }

    fn update_task(
        &self,
        request: UpdateTaskParams,
        context: RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<(), ErrorData>> + Send {
        Box::pin(async move { self.task_updated(request, &context).await })
    }

    fn cancel_task(
        &self,
        request: CancelTaskParams,
        context: RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<(), ErrorData>> + Send {
        Box::pin(async move { self.task_cancelled(&request.task_id, &context).await })
    }

    fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<ListPromptsResult, ErrorData>> + Send {
        Box::pin(async move {
            let about = "The plan that is in force: constraints, steps with their states, what may be called now";
            let own = Prompt::new(PLAN_PROMPT, Some(about), None).with_title("The plan in force");
            let mut prompts = vec![own];
            prompts.extend(self.prompts_below(&context).await?);
            Ok(ListPromptsResult::with_all_items(prompts))
        })
    }

    fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        context: RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<GetPromptResponse, ErrorData>> + Send {
        Box::pin(async move {
            if request.name != PLAN_PROMPT {
                return self.prompt_below(request, &context).await;
            }
            let shown = self.waiting(&context, |act| act.current()).await?;
            let message = PromptMessage::new_text(Role::User, prompt(shown.as_ref()));
            Ok(GetPromptResult::new(vec![message]).into())
        })
    }

    fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<ListResourcesResult, ErrorData>> + Send {
        Box::pin(async move {
            let plan = Resource::new(PLAN_URI, "plan")
                .with_title("The plan in force")
                .with_description("Constraints, steps with their states, what may be called now, what people are asked")
                .with_mime_type("application/json");
            let mut resources = vec![plan];
            resources.extend(
                self.listed_below(&context, "resources/list", "resources")
                    .await?,
            );
            Ok(ListResourcesResult::with_all_items(resources))
        })
    }

    fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<ListResourceTemplatesResult, ErrorData>> + Send {
        Box::pin(async move {
            let method = "resources/templates/list";
            let found = self
                .listed_below(&context, method, "resourceTemplates")
                .await?;
            Ok(ListResourceTemplatesResult::with_all_items(found))
        })
    }

    fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<ReadResourceResponse, ErrorData>> + Send {
        Box::pin(async move {
            if request.uri != PLAN_URI {
                return self.resource_below(request, &context).await;
            }
            let shown = self.waiting(&context, |act| act.current()).await?;
            let text = shown.unwrap_or(Value::Null).to_string();
            let contents =
                ResourceContents::text(text, PLAN_URI).with_mime_type("application/json");
            Ok(ReadResourceResult::new(vec![contents]).into())
        })
    }

    fn complete(
        &self,
        request: CompleteRequestParams,
        context: RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<CompleteResult, ErrorData>> + Send {
        Box::pin(async move { self.completed_below(request, &context).await })
    }

    #[expect(deprecated, reason = "clients of older revisions set it")]
    fn set_level(
        &self,
        request: rmcp::model::SetLevelRequestParams,
        context: RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<(), ErrorData>> + Send {
        Box::pin(async move {
            let params = match serde_json::json!(request) {
                Value::Object(params) => params,
                _ => serde_json::Map::new(),
            };
            self.level_below(params, &context).await
        })
    }

    fn subscribe(
        &self,
        request: SubscribeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<(), ErrorData>> + Send {
        Box::pin(async move {
            self.subscribed_below("resources/subscribe", request.uri, &context)
                .await
        })
    }

    fn unsubscribe(
        &self,
        request: UnsubscribeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<(), ErrorData>> + Send {
        Box::pin(async move {
            self.subscribed_below("resources/unsubscribe", request.uri, &context)
                .await
        })
    }

    fn supported_protocol_versions(&self) -> std::borrow::Cow<'static, [ProtocolVersion]> {
        std::borrow::Cow::Borrowed(ProtocolVersion::KNOWN_VERSIONS)
    }
}
