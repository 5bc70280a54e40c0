//! What of the tool servers is passed on besides calls: prompts, resources, completions, log levels. Only what the operator
//! lets be, and only to a session that drives an approved plan which calls that server.

use crate::acts::Act;
use crate::following::hear;
use crate::handler::{Gateway, PLAN_PROMPT, Placed, QUIETLY, is_stateless};
use crate::shapes::error_data;
use crate::under::Note;
use mandate_engine::Phase;
use mandate_engine::event::PassedOn;
use mandate_policy::suspicions;
use mandate_tools::{Caller, NotPassed, Pass, Registry};
use rmcp::ErrorData;
use rmcp::model::{
    CompleteRequestParams, CompleteResult, GetPromptRequestParams, GetPromptResponse, JsonObject,
    Prompt, ReadResourceRequestParams, ReadResourceResponse, ServerCapabilities,
};
use rmcp::service::{RequestContext, RoleServer};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

/// How many pages of a list are asked for.
const PAGES: usize = 100;

type Context = RequestContext<RoleServer>;

/// The servers that the approved plan in force calls.
fn called(act: &Act<'_>) -> BTreeSet<String> {
    let Some((bound, state)) = act.seated() else {
        return BTreeSet::new();
    };
    if state.phase != Phase::Active || state.ending.is_some() {
        return BTreeSet::new();
    }
    let servers = { bound.names.tools() }.filter_map(|tool| tool.split_once('.'));
    servers.map(|(server, _)| server.to_owned()).collect()
}

/// The errors of servers that do not have what is asked for.
fn is_absent(no: &NotPassed) -> bool {
    matches!(no.code, -32002 | -32601 | -32602)
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn unreadable(error: &serde_json::Error) -> ErrorData {
    ErrorData::internal_error(format!("the server's answer cannot be read: {error}"), None)
}

impl Gateway {
    /// Says what is passed on.
    pub(crate) fn declare_below(&self, capabilities: &mut ServerCapabilities) {
        let passes = |pass| self.shared.passes(pass);
        if passes(Pass::Completions) {
            capabilities.completions = Some(JsonObject::new());
        }
        if passes(Pass::Logging) {
            capabilities.logging = Some(JsonObject::new());
        }
        if passes(Pass::Resources)
            && let Some(resources) = &mut capabilities.resources
        {
            resources.subscribe = Some(true);
        }
    }

    /// The servers of which that is passed on to whoever asks.
    async fn servers(&self, pass: Pass, context: &Context) -> Result<Vec<String>, ErrorData> {
        let Some(registry) = self
            .shared
            .below
            .as_ref()
            .filter(|_| self.shared.passes(pass))
        else {
            return Ok(Vec::new());
        };
        let called = self.waiting(context, called).await?;
        let all = registry.passing().into_iter();
        let all = all.filter(|(server, passes)| called.contains(server) && passes.contains(&pass));
        Ok(all.map(|(server, _)| server).collect())
    }

    /// Passes a request on, and meanwhile what the server says.
    async fn passed(
        &self,
        (server, method): (&str, &str),
        params: Map<String, Value>,
        context: &Context,
    ) -> Result<Value, NotPassed> {
        let Some(registry) = &self.shared.below else {
            return Err(NotPassed::unknown(method));
        };
        let placed: Arc<Placed> = self.placed(context).await.map_err(|error| NotPassed {
            code: error.code.0.into(),
            message: error.message.into_owned(),
            data: error.data,
        })?;
        placed.note_passed(server, method, &params);
        let told = PassedOn {
            server: server.to_owned(),
            method: method.to_owned(),
            name: { ["name", "uri"].iter() }
                .find_map(|key| params.get(*key)?.as_str())
                .map(str::to_owned),
            untrusted: is_open(registry, server),
            ..PassedOn::default()
        };
        let silent = says_nothing(method);
        if told.untrusted && !silent {
            placed.note_passed_on(told.clone()).await?;
        }
        let (line, mut words) = placed.line(context);
        let caller: Arc<dyn Caller> = line;
        let passed = registry.pass(server, method, params, caller);
        tokio::pin!(passed);
        loop {
            tokio::select! {
                biased;
                Some(word) = words.recv() => drop(hear(word, context).await),
                answer = &mut passed => {
                    let answer = answer?;
                    let suspicions = suspicions(&answer);
                    if !suspicions.is_empty() && !silent {
                        placed.note_passed_on(PassedOn { suspicions, ..told }).await?;
                    }
                    return Ok(answer);
                }
            }
        }
    }

    /// The first of these servers that has it.
    async fn first(
        &self,
        servers: &[String],
        method: &str,
        params: &Map<String, Value>,
        context: &Context,
    ) -> Result<Value, NotPassed> {
        let mut last = NotPassed::unknown(method);
        for server in servers {
            match self.passed((server, method), params.clone(), context).await {
                Err(no) if is_absent(&no) => last = no,
                answer => return answer,
            }
        }
        Err(last)
    }

    /// Everything that is listed, server by server.
    async fn gathered<T: DeserializeOwned>(
        &self,
        pass: Pass,
        (method, key): (&str, &str),
        context: &Context,
    ) -> Result<Vec<(String, T)>, ErrorData> {
        let mut all = Vec::new();
        for server in self.servers(pass, context).await? {
            let mut params = Map::new();
            for _ in 0..PAGES {
                let page = self
                    .passed((&server, method), params.clone(), context)
                    .await;
                let page = match page {
                    Ok(page) => page,
                    Err(no) => {
                        tracing::warn!(server, method, error = no.message, "it is left out");
                        break;
                    }
                };
                let found = page.get(key).and_then(Value::as_array);
                for item in found.into_iter().flatten() {
                    if let Ok(item) = serde_json::from_value(item.clone()) {
                        all.push((server.clone(), item));
                    }
                }
                let Some(next) = page.get("nextCursor").filter(|next| next.is_string()) else {
                    break;
                };
                params.insert("cursor".to_owned(), next.clone());
            }
        }
        Ok(all)
    }

    /// Resources and what is like them.
    pub(crate) async fn listed_below<T: DeserializeOwned>(
        &self,
        context: &Context,
        method: &str,
        key: &str,
    ) -> Result<Vec<T>, ErrorData> {
        let found = self
            .gathered(Pass::Resources, (method, key), context)
            .await?;
        Ok(found.into_iter().map(|(_, item)| item).collect())
    }

    /// The prompts, by the names that they have here.
    pub(crate) async fn prompts_below(&self, context: &Context) -> Result<Vec<Prompt>, ErrorData> {
        let place = ("prompts/list", "prompts");
        let found = self
            .gathered::<Prompt>(Pass::Prompts, place, context)
            .await?;
        let named = found.into_iter().map(|(server, mut prompt)| {
            let bare = self.shared.settings.plain.contains(&server) && prompt.name != PLAN_PROMPT;
            if !bare {
                prompt.name = format!("{server}__{}", prompt.name);
            }
            prompt
        });
        Ok(named.collect())
    }

    /// The servers that may have a prompt of that name, and what they call it.
    async fn prompt_named(
        &self,
        (pass, name): (Pass, &str),
        context: &Context,
    ) -> Result<(Vec<String>, String), ErrorData> {
        let servers = self.servers(pass, context).await?;
        let prefixed = servers.iter().find_map(|server| {
            let own = name.strip_prefix(server.as_str())?.strip_prefix("__")?;
            Some((server.clone(), own.to_owned()))
        });
        if let Some((server, own)) = prefixed {
            return Ok((vec![server], own));
        }
        let plain = &self.shared.settings.plain;
        let bare = servers.into_iter().filter(|server| plain.contains(server));
        Ok((bare.collect(), name.to_owned()))
    }

    /// A prompt of a server.
    pub(crate) async fn prompt_below(
        &self,
        request: GetPromptRequestParams,
        context: &Context,
    ) -> Result<GetPromptResponse, ErrorData> {
        let asked = (Pass::Prompts, request.name.as_str());
        let (servers, own) = self.prompt_named(asked, context).await?;
        if servers.is_empty() {
            let message = format!(
                "there is no prompt `{}`; there is `{PLAN_PROMPT}`",
                request.name
            );
            return Err(ErrorData::invalid_params(message, None));
        }
        let mut params = object(json!(request));
        params.insert("name".to_owned(), own.into());
        let answer = self.first(&servers, "prompts/get", &params, context).await;
        let answer = answer.map_err(error_data)?;
        match asks(&answer, context)? {
            true => { serde_json::from_value(answer) }
                .map(GetPromptResponse::InputRequired)
                .map_err(|error| unreadable(&error)),
            false => { serde_json::from_value(answer) }
                .map(GetPromptResponse::Complete)
                .map_err(|error| unreadable(&error)),
        }
    }

    /// A resource of a server.
    pub(crate) async fn resource_below(
        &self,
        request: ReadResourceRequestParams,
        context: &Context,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let servers = self.servers(Pass::Resources, context).await?;
        let params = object(json!(request));
        let answer = self
            .first(&servers, "resources/read", &params, context)
            .await;
        let answer = answer.map_err(|no| match is_absent(&no) {
            true => {
                let message = format!("there is no resource `{}`", request.uri);
                ErrorData::resource_not_found(message, Some(json!({ "uri": request.uri })))
            }
            false => error_data(no),
        })?;
        match asks(&answer, context)? {
            true => { serde_json::from_value(answer) }
                .map(ReadResourceResponse::InputRequired)
                .map_err(|error| unreadable(&error)),
            false => { serde_json::from_value(answer) }
                .map(ReadResourceResponse::Complete)
                .map_err(|error| unreadable(&error)),
        }
    }

    /// What a server proposes to complete an argument with.
    pub(crate) async fn completed_below(
        &self,
        request: CompleteRequestParams,
        context: &Context,
    ) -> Result<CompleteResult, ErrorData> {
        let mut params = object(json!(request));
        let name = params.get("ref").and_then(|about| about.get("name"));
        let name = name.and_then(Value::as_str).map(str::to_owned);
        let servers = match name {
            Some(name) => {
                let asked = (Pass::Completions, name.as_str());
                let (servers, own) = self.prompt_named(asked, context).await?;
                if let Some(Value::Object(about)) = params.get_mut("ref") {
                    about.insert("name".to_owned(), own.into());
                }
                servers
            }
            None => self.servers(Pass::Completions, context).await?,
        };
        if servers.is_empty() {
            return Ok(CompleteResult::default());
        }
        let answer = self
            .first(&servers, "completion/complete", &params, context)
            .await;
        let answer = answer.map_err(error_data)?;
        serde_json::from_value(answer).map_err(|error| unreadable(&error))
    }

    /// From which level on the client wants to be told what is logged.
    pub(crate) async fn level_below(
        &self,
        params: Map<String, Value>,
        context: &Context,
    ) -> Result<(), ErrorData> {
        if !self.shared.passes(Pass::Logging) {
            return Err(error_data(NotPassed::unknown("logging/setLevel")));
        }
        let level = params.get("level").and_then(Value::as_str);
        *self.level.lock().unwrap_or_else(PoisonError::into_inner) = level.map(str::to_owned);
        for server in self.servers(Pass::Logging, context).await? {
            let place = (server.as_str(), "logging/setLevel");
            let told = self.passed(place, params.clone(), context).await;
            told.map_err(error_data)?;
        }
        Ok(())
    }

    /// Begins or ends to be told when a resource changes.
    pub(crate) async fn subscribed_below(
        &self,
        method: &str,
        uri: String,
        context: &Context,
    ) -> Result<(), ErrorData> {
        let servers = self.servers(Pass::Resources, context).await?;
        let params = object(json!({ "uri": uri }));
        let answer = self.first(&servers, method, &params, context).await;
        answer.map(drop).map_err(error_data)
    }
}

/// What nothing comes back of.
fn says_nothing(method: &str) -> bool {
    matches!(
        method,
        "logging/setLevel" | "resources/subscribe" | "resources/unsubscribe"
    )
}

/// Whether other parties may have a say in what a server says: one of its tools reaches them, or none is known.
fn is_open(registry: &Registry, server: &str) -> bool {
    let all = registry.list();
    let own = |name: &str| { name.split_once('.') }.is_some_and(|(of, _)| of == server);
    let mut tools = all.iter().filter(|tool| own(&tool.name)).peekable();
    tools.peek().is_none() || tools.any(|tool| tool.facts.open_world)
}

impl Placed {
    /// Writes down what servers ask in the name of whoever sits here.
    pub(crate) fn note(self: &Arc<Self>) -> Note {
        let placed = self.clone();
        Arc::new(move |about, requests, answers| {
            let noted = placed.act(QUIETLY, None, |act| {
                act.note_asked(about, requests, answers)
            });
            if let Err(error) = &noted {
                tracing::warn!(%error, server = about.server, "what it asks is not answered");
            }
            noted.is_ok()
        })
    }

    /// Writes down, in the execution, what is about to be passed on.
    async fn note_passed_on(self: &Arc<Self>, what: PassedOn) -> Result<(), NotPassed> {
        let work = move |act: &Act<'_>| act.note_passed(what);
        let noted = self.on_thread(work).await;
        let broken = |message: String| NotPassed {
            code: -32603,
            message,
            data: None,
        };
        let noted = noted.map_err(|error| broken(error.message.into_owned()))?;
        noted.map_err(|error| {
            broken(format!(
                "it cannot be written down that it is passed on: {error}"
            ))
        })
    }

    /// Writes down what is passed on in whose name.
    pub(crate) fn note_passed(
        &self,
        server: &str,
        method: &str,
        params: &serde_json::Map<String, Value>,
    ) {
        let bound = self.seat.bound(&self.visitor);
        let what = ["name", "uri", "level"]
            .iter()
            .find_map(|key| params.get(*key));
        let payload = serde_json::json!({
            "execution_id": bound.map(|bound| bound.execution_id),
            "by": self.visitor.principal,
            "session": self.seat.session,
            "server": server,
            "method": method,
            "what": what,
        });
        self.visitor.desk.note("passed_on", payload);
    }
}

/// Whether the server wants to know something first. Only a client of 2026-07-28 can be told so.
fn asks(answer: &Value, context: &Context) -> Result<bool, ErrorData> {
    let asks = answer.get("resultType") == Some(&json!("input_required"));
    match asks && !is_stateless(context) {
        true => {
            let message =
                "the server wants to know something first, which this client cannot be asked";
            Err(ErrorData::internal_error(message, None))
        }
        false => Ok(asks),
    }
}
