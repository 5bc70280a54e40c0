//! The switch that stops every call.

use crate::access::Caller;
use crate::asked::Asked;
use crate::body::MayBeGiven;
use crate::forms::Why;
use crate::problem::Problem;
use crate::site::Site;
use crate::view::{self, schemas};
use axum::Json;
use axum::extract::State;
use mandate_host::{Freeze, Switch};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// How the switch stands.
#[derive(Serialize, ToSchema)]
pub(crate) struct Standing {
    /// The freeze that holds, if one does.
    #[schema(value_type = Option<schemas::Freeze>)]
    freeze: Option<Freeze>,
}

/// Says whether calls are frozen.
#[utoipa::path(get, operation_id = "show_freeze", path = "/v1/freeze", tag = "switch", responses((status = 200, body = Standing)))]
pub(crate) async fn show(
    State(site): State<Arc<Site>>,
    asked: Asked,
) -> Result<Json<Standing>, Problem> {
    asked.end()?;
    stands(&site).await
}

async fn stands(site: &Arc<Site>) -> Result<Json<Standing>, Problem> {
    let freeze = site.waiting(|site| view::freeze(site.reader())).await?;
    Ok(Json(Standing { freeze }))
}

/// Lets no new call of any execution be made.
#[utoipa::path(post, operation_id = "freeze", path = "/v1/freeze", tag = "switch", request_body(content = Why, description = "may be left out"), responses((status = 200, body = Standing)))]
pub(crate) async fn freeze(
    State(site): State<Arc<Site>>,
    caller: Caller,
    MayBeGiven(why): MayBeGiven<Why>,
) -> Result<Json<Standing>, Problem> {
    let reason = why.reason;
    throw(&site, caller, Switch::Freeze { reason }).await
}

/// Lets calls be made again.
#[utoipa::path(post, operation_id = "thaw", path = "/v1/thaw", tag = "switch", request_body(content = Why, description = "may be left out"), responses((status = 200, body = Standing)))]
pub(crate) async fn thaw(
    State(site): State<Arc<Site>>,
    caller: Caller,
    MayBeGiven(why): MayBeGiven<Why>,
) -> Result<Json<Standing>, Problem> {
    let reason = why.reason;
    throw(&site, caller, Switch::Thaw { reason }).await
}

async fn throw(
    site: &Arc<Site>,
    caller: Caller,
    switch: Switch,
) -> Result<Json<Standing>, Problem> {
    site.waiting(move |site| site.speaking_as(&caller.principal).throw(switch))
        .await?;
    stands(site).await
}
