//! The tools that plans can call, and what operators do to them.

use super::seen::At;
use crate::access::Caller;
use crate::asked::Asked;
use crate::body::MayBeGiven;
use crate::forms::{Accept, Nothing};
use crate::problem::Problem;
use crate::site::Site;
use axum::Json;
use axum::extract::State;
use mandate_host::{HostError, ToolAct};
use mandate_plan::ErrorCode;
use mandate_tools::ToolStatus;
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use utoipa::ToSchema;

/// The tools there are.
#[derive(Serialize, ToSchema)]
pub(crate) struct ToolList {
    /// By name.
    #[schema(value_type = Vec<ToolShape>)]
    tools: Vec<ToolStatus>,
    /// Why a server does not work, by server.
    broken_servers: BTreeMap<String, String>,
}

/// A tool: what it takes and gives, what it does to the world, and how it has fared.
#[derive(ToSchema)]
#[schema(as = Tool)]
#[expect(dead_code, reason = "describes a type of another crate")]
pub(crate) struct ToolShape {
    /// `server.tool`.
    name: String,
    /// Who provides it.
    provider: String,
    /// For people.
    description: String,
    /// Digest over the definition.
    digest: String,
    /// The definition as its provider gave it.
    #[schema(value_type = Object)]
    definition: Value,
    /// JSON Schema of the arguments.
    #[schema(value_type = Object)]
    input_schema: Value,
    /// JSON Schema of the output.
    #[schema(value_type = Option<Object>)]
    output_schema: Option<Value>,
    /// The worst that a call can do.
    #[schema(value_type = Object)]
    facts: Value,
    /// Where that comes from.
    facts_from: String,
    /// How its definition stands to what was accepted.
    standing: Option<String>,
    /// Who accepted what.
    #[schema(value_type = Option<Object>)]
    accepted: Option<Value>,
    /// What confines its program.
    #[schema(required = false)]
    sandbox: Option<String>,
    /// What its program may touch.
    #[schema(required = false, value_type = Option<Object>)]
    profile: Option<Value>,
    /// The engine carries it out itself.
    engine_handled: bool,
    /// `LOADED`, `INITIALIZED`, `RUNNING`, `FAILED` or `UNAVAILABLE`.
    lifecycle: String,
    /// Why it cannot be called.
    lifecycle_reason: Option<String>,
    /// What was counted since the process started.
    #[schema(value_type = Object)]
    metrics: Value,
}

/// What was done.
#[derive(Serialize, ToSchema)]
pub(crate) struct ToolsActed {
    /// The tools and servers that it was done to.
    tools: Vec<String>,
    /// Tools that were left as they are because their definition has changed.
    changed: Vec<String>,
}

/// Lists the tools.
#[utoipa::path(get, operation_id = "list_tools", path = "/v1/tools", tag = "tools", responses((status = 200, body = ToolList)))]
pub(crate) async fn list(
    State(site): State<Arc<Site>>,
    asked: Asked,
) -> Result<Json<ToolList>, Problem> {
    asked.end()?;
    // Only servers that were never heard of are started.
    let broken_servers = site.registry().discover().await;
    let tools = site.registry().list();
    Ok(Json(ToolList {
        tools,
        broken_servers,
    }))
}

/// Shows a tool.
#[utoipa::path(get, operation_id = "show_tool", path = "/v1/tools/{name}", tag = "tools", params(("name" = String, Path, description = "`server.tool`")), responses((status = 200, body = ToolShape)))]
pub(crate) async fn show(
    State(site): State<Arc<Site>>,
    At(name): At<String>,
    asked: Asked,
) -> Result<Json<ToolStatus>, Problem> {
    asked.end()?;
    let status = site.registry().status(&name);
    status
        .map(Json)
        .ok_or_else(|| Problem::not_found("tool", &name))
}

async fn act(
    site: &Arc<Site>,
    caller: Caller,
    name: &str,
    act: ToolAct,
) -> Result<Json<ToolsActed>, Problem> {
    let acted = site
        .waiting(move |site| site.speaking_as(&caller.principal).act_on_tools(act))
        .await;
    let acted = acted.map_err(|error| match &error {
        // Of what is there not everything has a program to be started again.
        HostError::NoSuchTool { .. } if site.registry().status(name).is_some() => Problem::new(
            mandate_host::Kind::NotNow,
            format!("`{name}` has no program of its own"),
        )
        .remedy("name the server that it is of, or the tool whose program it is"),
        HostError::NoSuchTool { .. } => {
            Problem::not_found("tool", name).remedy("`mandate tools list` shows what there is")
        }
        HostError::Tool(fault) if fault.code == ErrorCode::ActionNotFound => {
            Problem::not_found("tool", name).remedy(error.to_string())
        }
        HostError::Tool(fault) if fault.code == ErrorCode::InvalidPayload => {
            Problem::new(mandate_host::Kind::NotNow, error.to_string())
        }
        _ => error.into(),
    })?;
    Ok(Json(ToolsActed {
        tools: acted.names,
        changed: acted.changed,
    }))
}

/// Lets no plan use a tool or a whole server.
#[utoipa::path(post, operation_id = "disable_tool", path = "/v1/tools/{name}:disable", tag = "tools", params(("name" = String, Path, description = "a tool, or a server")), request_body(content = Nothing, description = "may be left out"), responses((status = 200, body = ToolsActed)))]
pub(crate) async fn disable(
    State(site): State<Arc<Site>>,
    caller: Caller,
    At(name): At<String>,
    MayBeGiven(Nothing {}): MayBeGiven<Nothing>,
) -> Result<Json<ToolsActed>, Problem> {
    act(&site, caller, &name.clone(), ToolAct::Disable { name }).await
}

/// Lets plans use it again.
#[utoipa::path(post, operation_id = "enable_tool", path = "/v1/tools/{name}:enable", tag = "tools", params(("name" = String, Path, description = "a tool, or a server")), request_body(content = Nothing, description = "may be left out"), responses((status = 200, body = ToolsActed)))]
pub(crate) async fn enable(
    State(site): State<Arc<Site>>,
    caller: Caller,
    At(name): At<String>,
    MayBeGiven(Nothing {}): MayBeGiven<Nothing>,
) -> Result<Json<ToolsActed>, Problem> {
    act(&site, caller, &name.clone(), ToolAct::Enable { name }).await
}

/// Replaces a server's process.
#[utoipa::path(post, operation_id = "restart_tool_server", path = "/v1/tools/{name}:restart", tag = "tools", params(("name" = String, Path, description = "the server")), request_body(content = Nothing, description = "may be left out"), responses((status = 200, body = ToolsActed)))]
pub(crate) async fn restart(
    State(site): State<Arc<Site>>,
    caller: Caller,
    At(server): At<String>,
    MayBeGiven(Nothing {}): MayBeGiven<Nothing>,
) -> Result<Json<ToolsActed>, Problem> {
    act(&site, caller, &server.clone(), ToolAct::Restart { server }).await
}

/// Accepts the definition of a tool, or of a server's tools, as it is now.
#[utoipa::path(post, operation_id = "accept_tool", path = "/v1/tools/{name}:accept", tag = "tools", params(("name" = String, Path, description = "a tool, or a server")), request_body(content = Accept, description = "may be left out"), responses((status = 200, body = ToolsActed)))]
pub(crate) async fn accept(
    State(site): State<Arc<Site>>,
    caller: Caller,
    At(name): At<String>,
    MayBeGiven(form): MayBeGiven<Accept>,
) -> Result<Json<ToolsActed>, Problem> {
    let effects: BTreeMap<_, _> = { form.effect.into_iter() }
        .map(|effect| (name.clone(), effect))
        .collect();
    let accept = ToolAct::Accept {
        names: BTreeSet::from([name.clone()]),
        changes: form.changes,
        effects,
    };
    act(&site, caller, &name, accept).await
}
