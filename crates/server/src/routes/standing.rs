//! Approvals that stand for further executions.

use super::seen::{self, At};
use crate::access::Caller;
use crate::asked::Asked;
use crate::body::{Given, MayBeGiven};
use crate::forms::{Stand, Why};
use crate::problem::Problem;
use crate::site::Site;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use mandate_host::{HostError, Ledger, StandingAct, StandingApproval, StandingTerms};
use mandate_plan::ErrorCode;
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;
use utoipa::ToSchema;

/// The standing approvals there are.
#[derive(Serialize, ToSchema)]
pub(crate) struct StandingList {
    /// Those that hold; with `all`, the others too.
    #[schema(value_type = Vec<Object>)]
    standing: Vec<Value>,
}

/// A standing approval that something was done to.
#[derive(Serialize, ToSchema)]
pub(crate) struct StandingOne {
    /// Its id.
    standing_id: String,
}

/// Lists approvals that stand for further executions.
#[utoipa::path(get, operation_id = "list_standing_approvals", path = "/v1/approvals/standing", tag = "inbox",
    params(("all" = Option<bool>, Query, description = "also those that hold no longer")),
    responses((status = 200, body = StandingList)))]
pub(crate) async fn list(
    State(site): State<Arc<Site>>,
    mut asked: Asked,
) -> Result<Json<StandingList>, Problem> {
    let all = asked.flag("all")?;
    asked.end()?;
    site.waiting(move |site| {
        let ledger = Ledger::of(site.store.as_ref())?;
        let now_ms = crate::when::now_ms();
        let shown = ledger.all();
        let shown = shown.filter(|one: &&StandingApproval| all || one.over(now_ms).is_none());
        let shown = shown.map(|one| {
            let mut value = serde_json::to_value(one).unwrap_or_default();
            if let Some(map) = value.as_object_mut() {
                map.insert("over".to_owned(), one.over(now_ms).into());
            }
            value
        });
        Ok(Json(StandingList {
            standing: shown.collect(),
        }))
    })
    .await
}

/// Lets an approval that was given stand for further executions of the same plan.
#[utoipa::path(post, operation_id = "give_standing_approval", path = "/v1/inbox/{request_id}:stand", tag = "inbox",
    params(("request_id" = String, Path, description = "the request that was approved")),
    request_body = Stand,
    responses((status = 201, body = StandingOne)))]
pub(crate) async fn give(
    State(site): State<Arc<Site>>,
    caller: Caller,
    At(id): At<String>,
    Given(form): Given<Stand>,
) -> Result<(StatusCode, Json<StandingOne>), Problem> {
    let standing_id = site
        .waiting(move |site| {
            let row = seen::request(site, &caller, &id)?;
            let give = StandingAct::Give {
                execution_id: row.execution_id,
                request_id: id,
                terms: StandingTerms {
                    runs: form.runs,
                    until_ms: form.until_ms,
                    inputs: form.inputs,
                },
            };
            let host = site.speaking_as(&caller.principal);
            Ok::<_, Problem>(host.act_on_standing(give)?)
        })
        .await?;
    Ok((StatusCode::CREATED, Json(StandingOne { standing_id })))
}

/// Lets a standing approval hold no longer.
#[utoipa::path(post, operation_id = "revoke_standing_approval", path = "/v1/approvals/standing/{standing_id}:revoke", tag = "inbox",
    params(("standing_id" = String, Path, description = "its id")),
    request_body(content = Why, description = "may be left out"),
    responses((status = 200, body = StandingOne)))]
pub(crate) async fn revoke(
    State(site): State<Arc<Site>>,
    caller: Caller,
    At(standing_id): At<String>,
    MayBeGiven(why): MayBeGiven<Why>,
) -> Result<Json<StandingOne>, Problem> {
    let id = standing_id.clone();
    let revoke = StandingAct::Revoke {
        standing_id,
        reason: why.reason,
    };
    let revoked = site
        .waiting(move |site| site.speaking_as(&caller.principal).act_on_standing(revoke))
        .await;
    let standing_id = revoked.map_err(|error| match &error {
        HostError::Tool(fault) if fault.code == ErrorCode::InvalidPayload => {
            Problem::not_found("standing approval", &id)
        }
        _ => error.into(),
    })?;
    Ok(Json(StandingOne { standing_id }))
}
