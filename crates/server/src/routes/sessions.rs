//! What the calls of sessions add up to.

use super::seen::At;
use crate::access::{Caller, Right};
use crate::asked::Asked;
use crate::problem::Problem;
use crate::site::Site;
use crate::view::{self, SessionRowView, SessionStanding, SessionView};
use crate::when;
use axum::Json;
use axum::extract::State;
use mandate_policy::Rules as _;
use mandate_store::{ExecutionFilter, Page};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// Sessions, the one first in which something happened last.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionList {
    sessions: Vec<SessionRowView>,
}

/// A session, of each principal who names it so.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionOf {
    /// Its id.
    session: String,
    /// One for each principal: a second one that names the same id has a session of its own.
    of_principals: Vec<SessionView>,
}

/// Lists sessions.
#[utoipa::path(get, operation_id = "list_sessions", path = "/v1/sessions", tag = "sessions", params(("limit" = Option<u32>, Query, description = "rows at most, 1 to 500", minimum = 1, maximum = 500)), responses((status = 200, body = SessionList)))]
pub(crate) async fn list(
    State(site): State<Arc<Site>>,
    mut asked: Asked,
) -> Result<Json<SessionList>, Problem> {
    let limit = asked.limit(50, 500)?;
    asked.end()?;
    let sessions = site
        .waiting(move |site| {
            let now_ms = when::now_ms();
            let mut rows = Vec::new();
            for summary in site.reader().sessions(limit)? {
                let journal = site.store.as_ref();
                let (who, id) = (&summary.principal, &summary.session);
                let standing = SessionStanding::of(journal, who, id, now_ms)?;
                rows.push(view::session_row(&summary, &standing));
            }
            Ok::<_, Problem>(rows)
        })
        .await?;
    Ok(Json(SessionList { sessions }))
}

/// Shows a session.
#[utoipa::path(get, operation_id = "show_session", path = "/v1/sessions/{session}", tag = "sessions", params(("session" = String, Path, description = "its id")), responses((status = 200, body = SessionOf)))]
pub(crate) async fn show(
    State(site): State<Arc<Site>>,
    caller: Caller,
    At(session): At<String>,
    asked: Asked,
) -> Result<Json<SessionOf>, Problem> {
    asked.end()?;
    let shown = site
        .waiting(move |site| {
            let own = (!caller.may(Right::ViewAll)).then(|| caller.principal.name.clone());
            let filter = ExecutionFilter {
                session: Some(session.clone()),
                principal: own,
                ..ExecutionFilter::default()
            };
            let rows = site.reader().executions(&filter, &Page::default())?.rows;
            let mut principals: Vec<&str> = rows.iter().map(|row| row.principal.as_str()).collect();
            principals.sort_unstable();
            principals.dedup();
            if principals.is_empty() {
                return Err(Problem::not_found("session", &session));
            }
            let (now_ms, limits) = (when::now_ms(), site.policy.limits());
            let mut of_principals = Vec::new();
            for principal in principals {
                let standing =
                    SessionStanding::of(site.store.as_ref(), principal, &session, now_ms)?;
                let theirs = rows.iter().filter(|row| row.principal == principal);
                let ids: Vec<&str> = theirs.map(|row| row.execution_id.as_str()).collect();
                of_principals.push(view::session(&session, principal, &standing, limits, &ids));
            }
            Ok(SessionOf {
                session,
                of_principals,
            })
        })
        .await?;
    Ok(Json(shown))
}
