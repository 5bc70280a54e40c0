//! Who has which key.

use super::seen::At;
use crate::access::Caller;
use crate::asked::Asked;
use crate::body::{Given, MayBeGiven};
use crate::forms::{MakeKey, Nothing};
use crate::problem::Problem;
use crate::site::Site;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use mandate_host::{KeyAct, KnownKey};
use serde::Serialize;
use std::collections::BTreeSet;
use std::sync::Arc;
use utoipa::ToSchema;

/// The keys there are.
#[derive(Serialize, ToSchema)]
pub(crate) struct KeyList {
    /// The oldest first; the keys themselves are kept nowhere.
    #[schema(value_type = Vec<KeyShape>)]
    keys: Vec<KnownKey>,
}

/// A key as lists show it.
#[derive(ToSchema)]
#[schema(as = Key)]
#[expect(dead_code, reason = "describes a type of another crate")]
pub(crate) struct KeyShape {
    /// Its id.
    key_id: String,
    /// Whose it is.
    name: String,
    /// What it may do.
    roles: BTreeSet<String>,
    /// Who made it.
    created_by: String,
    /// Unix milliseconds.
    created_at_ms: i64,
    /// Who revoked it.
    revoked_by: Option<String>,
    /// Unix milliseconds.
    revoked_at_ms: Option<i64>,
}

/// A key that was made.
#[derive(Serialize, ToSchema)]
pub(crate) struct MadeKey {
    /// Its id.
    key_id: String,
    /// Whose it is.
    name: String,
    /// What it may do.
    roles: BTreeSet<String>,
    /// The key: shown now, and never again.
    key: String,
}

/// What was revoked.
#[derive(Serialize, ToSchema)]
pub(crate) struct RevokedKeys {
    /// The ids of the keys.
    revoked: Vec<String>,
}

/// Lists the keys.
#[utoipa::path(get, operation_id = "list_keys", path = "/v1/keys", tag = "keys", params(("all" = Option<bool>, Query, description = "also those that were revoked")), responses((status = 200, body = KeyList)))]
pub(crate) async fn list(
    State(site): State<Arc<Site>>,
    mut asked: Asked,
) -> Result<Json<KeyList>, Problem> {
    let all = asked.flag("all")?;
    asked.end()?;
    let mut keys = site.waiting(|site| site.keys().all()).await?;
    keys.retain(|key| all || key.revoked_at_ms.is_none());
    Ok(Json(KeyList { keys }))
}

/// Makes a key.
#[utoipa::path(post, operation_id = "create_key", path = "/v1/keys", tag = "keys", request_body = MakeKey, responses((status = 201, body = MadeKey)))]
pub(crate) async fn create(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Given(form): Given<MakeKey>,
) -> Result<(StatusCode, Json<MadeKey>), Problem> {
    let (name, roles) = (form.name.clone(), form.roles.clone());
    let act = KeyAct::Create {
        name: form.name,
        roles: form.roles,
    };
    let acted = site
        .waiting(move |site| site.speaking_as(&caller.principal).act_on_keys(act))
        .await?;
    let made = MadeKey {
        key_id: acted.key_ids.into_iter().next().unwrap_or_default(),
        name,
        roles,
        key: { acted.key.as_ref() }.map_or_else(String::new, |key| key.reveal().to_owned()),
    };
    Ok((StatusCode::CREATED, Json(made)))
}

/// Lets a key hold no longer; with a name, all its keys.
#[utoipa::path(post, operation_id = "revoke_key", path = "/v1/keys/{key_id}:revoke", tag = "keys", params(("key_id" = String, Path, description = "the key's id, or a name")), request_body(content = Nothing, description = "may be left out"), responses((status = 200, body = RevokedKeys)))]
pub(crate) async fn revoke(
    State(site): State<Arc<Site>>,
    caller: Caller,
    At(which): At<String>,
    MayBeGiven(Nothing {}): MayBeGiven<Nothing>,
) -> Result<Json<RevokedKeys>, Problem> {
    let revoked = which.clone();
    let act = KeyAct::Revoke { which };
    let acted = site
        .waiting(move |site| site.speaking_as(&caller.principal).act_on_keys(act))
        .await
        .map_err(|error| match error {
            mandate_host::HostError::NoSuchKey(_) => Problem::not_found("key", &revoked),
            error => error.into(),
        })?;
    Ok(Json(RevokedKeys {
        revoked: acted.key_ids,
    }))
}
