//! Whether the process lives, and whether it can take work.

use crate::problem::Problem;
use crate::site::Site;
use axum::extract::State;
use mandate_host::{HostError, Kind};
use mandate_store::{Journal as _, StoreError};
use rustix::fs::{StatVfsMountFlags, statvfs};
use serde::Serialize;
use std::path::Path;
use std::sync::Arc;
use utoipa::ToSchema;

/// With less than this the journal's log may not grow by its next piece.
const FULL_BYTES: u64 = 1024 * 1024;

/// How it stands.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// `live` or `ready`.
    status: &'static str,
}

/// Says that the process answers.
#[utoipa::path(get, operation_id = "health_live", path = "/health/live", tag = "health", responses((status = 200, body = Health)))]
pub(crate) async fn live() -> axum::Json<Health> {
    axum::Json(Health { status: "live" })
}

/// Says whether work is taken: the host answers, and the journal can be written.
#[utoipa::path(get, operation_id = "health_ready", path = "/health/ready", tag = "health", responses((status = 200, body = Health), (status = 503, description = "no work is taken")))]
pub(crate) async fn ready(State(site): State<Arc<Site>>) -> Result<axum::Json<Health>, Problem> {
    if site.is_stopping() {
        return Err(HostError::Leaving.into());
    }
    site.waiting(|site| {
        if let Some(error) = site.store.failure() {
            return Err(error.into());
        }
        site.host.answers().map_err(|error| {
            Problem::new(Kind::Locked, format!("the host does not answer: {error}"))
        })?;
        takes_more(site.reader().dir())?;
        site.reader().head().map_err(Problem::from)
    })
    .await?;
    Ok(axum::Json(Health { status: "ready" }))
}

/// Whether the disk takes more, which is asked of it: that nothing failed so far says nothing of what is written next.
fn takes_more(dir: &Path) -> Result<(), StoreError> {
    let Ok(disk) = statvfs(dir) else {
        return Ok(());
    };
    if disk.f_flag.contains(StatVfsMountFlags::RDONLY) {
        let text = "the disk of the data directory is mounted read-only";
        return Err(StoreError::ReadOnly(text.to_owned()));
    }
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if free < FULL_BYTES {
        let text = format!(
            "{} KiB are free on the disk of the data directory",
            free / 1024
        );
        return Err(StoreError::Full(text));
    }
    Ok(())
}
