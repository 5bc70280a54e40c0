//! Steering executions.

use super::executions::shown;
use super::seen::{self, At};
use crate::access::Caller;
use crate::body::{Given, MayBeGiven};
use crate::forms::{Cancel, Nothing, Override, Why};
use crate::problem::Problem;
use crate::site::Site;
use crate::view::Execution;
use axum::Json;
use axum::extract::State;
use mandate_host::{HostError, Local, keys::may_steer};
use std::sync::Arc;

/// Has the host do something to an execution that whoever asks may know of, and shows it then.
async fn steer(
    site: Arc<Site>,
    caller: Caller,
    id: String,
    act: impl FnOnce(&Local, &str) -> Result<(), HostError> + Send + 'static,
) -> Result<Json<Execution>, Problem> {
    site.waiting(move |site| {
        seen::execution(site, &caller, &id)?;
        let host = site.speaking_as(&caller.principal);
        act(&host, &id).map_err(|error| Problem::from(error).about(&id))?;
        shown(site, &id)
    })
    .await
}

/// Ends an execution: no step starts any more, calls under way get a grace period, and what was done is undone.
#[utoipa::path(post, operation_id = "cancel_execution", path = "/v1/executions/{execution_id}:cancel", tag = "executions",
    params(("execution_id" = String, Path, description = "its id")),
    request_body(content = Cancel, description = "may be left out"),
    responses((status = 200, body = Execution)))]
pub(crate) async fn cancel(
    State(site): State<Arc<Site>>,
    caller: Caller,
    At(id): At<String>,
    MayBeGiven(form): MayBeGiven<Cancel>,
) -> Result<Json<Execution>, Problem> {
    if form.force {
        caller.must(crate::access::Right::LetGoOn)?;
    }
    steer(site, caller, id, move |host, id| {
        host.cancel(id, form.reason, form.force)
    })
    .await
}

/// Lets no more steps start.
#[utoipa::path(post, operation_id = "pause_execution", path = "/v1/executions/{execution_id}:pause", tag = "executions",
    params(("execution_id" = String, Path, description = "its id")),
    request_body(content = Nothing, description = "may be left out"),
    responses((status = 200, body = Execution)))]
pub(crate) async fn pause(
    State(site): State<Arc<Site>>,
    caller: Caller,
    At(id): At<String>,
    MayBeGiven(Nothing {}): MayBeGiven<Nothing>,
) -> Result<Json<Execution>, Problem> {
    steer(site, caller, id, |host, id| host.pause(id)).await
}

/// Lets steps start again.
#[utoipa::path(post, operation_id = "resume_execution", path = "/v1/executions/{execution_id}:resume", tag = "executions",
    params(("execution_id" = String, Path, description = "its id")),
    request_body(content = Nothing, description = "may be left out"),
    responses((status = 200, body = Execution)))]
pub(crate) async fn resume(
    State(site): State<Arc<Site>>,
    caller: Caller,
    At(id): At<String>,
    MayBeGiven(Nothing {}): MayBeGiven<Nothing>,
) -> Result<Json<Execution>, Problem> {
    steer(site, caller, id, |host, id| host.resume(id)).await
}

/// Takes an unfinished execution up that nobody drives.
#[utoipa::path(post, operation_id = "continue_execution", path = "/v1/executions/{execution_id}:continue", tag = "executions",
    params(("execution_id" = String, Path, description = "its id")),
    request_body(content = Nothing, description = "may be left out"),
    responses((status = 200, body = Execution)))]
pub(crate) async fn carry_on(
    State(site): State<Arc<Site>>,
    caller: Caller,
    At(id): At<String>,
    MayBeGiven(Nothing {}): MayBeGiven<Nothing>,
) -> Result<Json<Execution>, Problem> {
    let journal = site.store.clone();
    steer(site, caller, id, move |host, id| {
        may_steer(journal.as_ref(), host.principal(), id)?;
        host.take_up(id)
    })
    .await
}

/// Takes the approval back that an execution runs on.
#[utoipa::path(post, operation_id = "revoke_approval", path = "/v1/executions/{execution_id}:revoke", tag = "executions",
    params(("execution_id" = String, Path, description = "its id")),
    request_body(content = Why, description = "may be left out"),
    responses((status = 200, body = Execution)))]
pub(crate) async fn revoke(
    State(site): State<Arc<Site>>,
    caller: Caller,
    At(id): At<String>,
    MayBeGiven(why): MayBeGiven<Why>,
) -> Result<Json<Execution>, Problem> {
    steer(site, caller, id, move |host, id| {
        host.revoke(id, why.reason)
    })
    .await
}

/// Lets one call of a step pass a policy deny.
#[utoipa::path(post, operation_id = "override_step", path = "/v1/executions/{execution_id}:override", tag = "executions",
    params(("execution_id" = String, Path, description = "its id")),
    request_body = Override,
    responses((status = 200, body = Execution)))]
pub(crate) async fn override_step(
    State(site): State<Arc<Site>>,
    caller: Caller,
    At(id): At<String>,
    Given(form): Given<Override>,
) -> Result<Json<Execution>, Problem> {
    steer(site, caller, id, move |host, id| {
        host.override_step(id, (&form.step, form.item), &form.reason)
    })
    .await
}
