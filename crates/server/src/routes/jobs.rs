//! The jobs facade: for callers that name a tool, give it a payload, and know nothing of plans. They are answered with 200
//! or 400, and every error is the envelope in which failed calls are shown.

use super::seen::{self, At};
use crate::access::Caller;
use crate::asked::Asked;
use crate::body::Fingerprinted;
use crate::examined::object;
use crate::forms::Analyze;
use crate::idempotency;
use crate::problem::Problem;
use crate::site::Site;
use crate::view::schemas;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use mandate_host::{Analysis, Job, NoResult, Repeatable};
use mandate_plan::Digest;
use mandate_tools::ErrorEnvelope;
use serde_json::Value;
use std::sync::Arc;

/// Has a tool called: a plan of one step, which is judged, approved and journaled as every other.
#[utoipa::path(post, operation_id = "analyze_execution", path = "/v1/analyze-execution", tag = "jobs",
    params(("Idempotency-Key" = Option<String>, Header, description = "the same key and body: the same job")),
    request_body = Analyze,
    responses(
        (status = 200, body = schemas::Job, description = "the job: with its result, or with `async` as it stands"),
        (status = 400, body = schemas::ErrorEnvelope, description = "why there is no result"),
    ))]
pub(crate) async fn analyze(
    State(site): State<Arc<Site>>,
    caller: Caller,
    headers: HeaderMap,
    body: Result<Fingerprinted<Analyze>, Problem>,
) -> Response {
    let wish = body.and_then(|Fingerprinted(form, digest)| wish(&caller, &headers, form, digest));
    let answered = match wish {
        Ok((analysis, repeatable)) => {
            let session = format!("http-{}", uuid::Uuid::now_v7());
            let jobs = site.host.jobs();
            let who = &caller.principal;
            jobs.analyze(who, &session, analysis, repeatable).await
        }
        Err(problem) => Err(Box::new(problem.envelope(""))),
    };
    told(answered)
}

fn wish(
    caller: &Caller,
    headers: &HeaderMap,
    form: Analyze,
    digest: Digest,
) -> Result<(Analysis, Option<Repeatable>), Problem> {
    let key = idempotency::key_of(headers)?;
    let repeatable = key.map(|key| Repeatable {
        execution_id: idempotency::execution_id(&caller.principal.name, &key),
        digest,
    });
    let analysis = Analysis {
        payload: Value::Object(object("payload", form.payload.as_deref())?),
        plugin: form.plugin,
        mode: form.mode,
    };
    Ok((analysis, repeatable))
}

fn told(answered: Result<Job, NoResult>) -> Response {
    match answered {
        Ok(job) => Json(job).into_response(),
        Err(envelope) => refused(*envelope),
    }
}

fn refused(envelope: ErrorEnvelope) -> Response {
    (StatusCode::BAD_REQUEST, Json(envelope)).into_response()
}

/// Shows a job.
#[utoipa::path(get, operation_id = "show_job", path = "/v1/jobs/{job_id}", tag = "jobs",
    params(("job_id" = String, Path, description = "its id")),
    responses(
        (status = 200, body = schemas::Job),
        (status = 400, body = schemas::ErrorEnvelope, description = "it cannot be read"),
    ))]
pub(crate) async fn show(
    State(site): State<Arc<Site>>,
    caller: Caller,
    At(id): At<String>,
    asked: Asked,
) -> Result<Response, Problem> {
    asked.end()?;
    let absent = Problem::not_found("job", &id);
    let named = id.clone();
    site.waiting(move |site| seen::execution(site, &caller, &named))
        .await?;
    match site.host.jobs().job(&id).await {
        Ok(Some(job)) => Ok(Json(job).into_response()),
        Ok(None) => Err(absent),
        Err(envelope) => Ok(refused(*envelope)),
    }
}
