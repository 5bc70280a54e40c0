//! Having plans run: new ones, ones that ran before, and ones in the place of another.

use super::executions::shown;
use super::seen::{self, At};
use crate::access::Caller;
use crate::body::{Fingerprinted, Given};
use crate::examined::{Text, inputs};
use crate::forms::{Replan, RerunFrom, Submit, SubmitContext};
use crate::idempotency::{self, REPLAYED};
use crate::problem::Problem;
use crate::request_id::REQUEST_ID;
use crate::site::Site;
use crate::telemetry::{TRACEPARENT, TraceContext};
use crate::view::{Execution, schemas};
use axum::Json;
use axum::extract::State;
use axum::http::header::{HeaderName, HeaderValue, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use mandate_engine::event::Asked;
use mandate_engine::{Body, Created, Event};
use mandate_host::{HostError, Kind, Proposal, Rerun, Revises, Submitted, recovery};
use mandate_plan::{Digest, Format};
use mandate_policy::{Outcome, decision::Decision};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use utoipa::ToSchema;

/// The longest that an answer waits for an execution, in seconds.
const LONGEST_WAIT_S: u64 = 300;
/// What a caller says of a request is short.
const MOST_CORRELATIONS: usize = 32;
const LONGEST_CORRELATION: usize = 256;

/// An execution that was made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Made {
    /// Its id.
    execution_id: String,
    /// The plan's hash.
    #[schema(value_type = String)]
    plan_hash: Digest,
    /// `allow`: it runs; `require_approval`: it waits.
    #[schema(value_type = String)]
    outcome: Outcome,
    /// The request that waits for approval.
    request_id: Option<String>,
    /// What policy said.
    #[schema(value_type = schemas::Decision)]
    decision: Arc<Decision>,
    /// Where it is, to whoever waited for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    execution: Option<Box<Execution>>,
}

/// What is asked for, and how it is known again.
struct Wish {
    text: Text,
    inputs: serde_json::Map<String, serde_json::Value>,
    session: Option<String>,
    deadline_ms: Option<i64>,
    rerun: Option<Rerun>,
    /// The id that it is to have.
    execution_id: Option<String>,
    /// Whether a key made that id, or the caller named it.
    by_key: bool,
    asked: Asked,
}

/// Has a plan run. `Idempotency-Key` makes it safe to send again; `Prefer: wait=N` waits so many seconds for its end.
#[utoipa::path(post, operation_id = "submit_execution", path = "/v1/executions", tag = "executions",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "the same key and body: the same execution"),
        ("Prefer" = Option<String>, Header, description = "`wait=N`: at most so many seconds for the end"),
    ),
    request_body = Submit,
    responses((status = 201, body = Made), (status = 202, body = Made, description = "it waits for approval, or did not end while it was waited for")))]
pub(crate) async fn create(
    State(site): State<Arc<Site>>,
    caller: Caller,
    headers: HeaderMap,
    Fingerprinted(form, digest): Fingerprinted<Submit>,
) -> Result<Response, Problem> {
    let context = form.context.unwrap_or_default();
    check(&context)?;
    let (execution_id, by_key) = wanted_id(&caller, &headers, context.execution_id.as_deref())?;
    let text = match (&form.plan, form.plan_hash) {
        (Some(raw), None) => Text::of(raw)?,
        (None, Some(hash)) => {
            let caller = caller.clone();
            site.waiting(move |site| super::plans::readable(site, &caller, &hash))
                .await?
        }
        _ => return Err(Problem::usage("give one of `plan` and `plan_hash`")),
    };
    let wish = Wish {
        text,
        inputs: inputs(form.inputs.as_deref())?,
        session: form.session,
        deadline_ms: context.deadline_ms,
        rerun: None,
        by_key,
        asked: Asked {
            digest: execution_id.is_some().then_some(digest),
            request_id: context.request_id.or_else(|| request_id(&headers)),
            parent_execution_id: context.parent_execution_id,
            correlation: traced(context.correlation, &headers),
        },
        execution_id,
    };
    made(&site, &caller, &headers, wish).await
}

/// What the request itself is called, where its context gives it no other name.
fn request_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
    id.map(str::to_owned)
}

/// The trace that the request belongs to is kept with the execution, which may outlive this process.
fn traced(
    mut correlation: BTreeMap<String, String>,
    headers: &HeaderMap,
) -> BTreeMap<String, String> {
    let given = headers.get(TRACEPARENT).and_then(|text| text.to_str().ok());
    if let Some(text) = given.filter(|text| TraceContext::parse(text).is_some()) {
        let kept = correlation.entry(TRACEPARENT.to_owned());
        kept.or_insert_with(|| text.trim().to_owned());
    }
    correlation
}

fn check(context: &SubmitContext) -> Result<(), Problem> {
    let texts = context
        .correlation
        .iter()
        .flat_map(|(name, text)| [name, text]);
    let texts = texts
        .chain(&context.request_id)
        .chain(&context.parent_execution_id);
    if context.correlation.len() > MOST_CORRELATIONS || { texts }
        .any(|text| text.len() > LONGEST_CORRELATION)
    {
        return Err(Problem::usage(format!(
            "`context` holds at most {MOST_CORRELATIONS} correlations, and texts of at most {LONGEST_CORRELATION} bytes"
        )));
    }
    Ok(())
}

fn wanted_id(
    caller: &Caller,
    headers: &HeaderMap,
    named: Option<&str>,
) -> Result<(Option<String>, bool), Problem> {
    let key = idempotency::key_of(headers)?;
    match (key, named) {
        (Some(_), Some(_)) => Err(Problem::usage(
            "give one of `Idempotency-Key` and `context.execution_id`: either makes the request known again",
        )),
        (Some(key), None) => {
            let id = idempotency::execution_id(&caller.principal.name, &key);
            Ok((Some(id), true))
        }
        (None, Some(named)) => match named.parse::<uuid::Uuid>() {
            // As it is written everywhere else.
            Ok(id) if id.to_string() == named && !id.is_nil() => {
                Ok((Some(named.to_owned()), false))
            }
            _ => Err(Problem::usage(
                "`context.execution_id` is a UUID in small letters",
            )),
        },
        (None, None) => Ok((None, false)),
    }
}

/// Runs the plan of an execution that has ended once more, without doing again what was done.
#[utoipa::path(post, operation_id = "rerun_execution", path = "/v1/executions/{execution_id}:rerun", tag = "executions",
    params(
        ("execution_id" = String, Path, description = "the execution that has ended"),
        ("Idempotency-Key" = Option<String>, Header, description = "the same key and body: the same execution"),
        ("Prefer" = Option<String>, Header, description = "`wait=N`: at most so many seconds for the end"),
    ),
    request_body(content = RerunFrom, description = "may be left out"),
    responses((status = 201, body = Made), (status = 202, body = Made, description = "it waits for approval, or did not end while it was waited for")))]
pub(crate) async fn rerun(
    State(site): State<Arc<Site>>,
    caller: Caller,
    At(id): At<String>,
    headers: HeaderMap,
    Fingerprinted(form, digest): Fingerprinted<RerunFrom>,
) -> Result<Response, Problem> {
    let (execution_id, by_key) = wanted_id(&caller, &headers, None)?;
    let (who, before) = (caller.clone(), id.clone());
    let state = site
        .waiting(move |site| {
            seen::execution(site, &who, &before)?;
            let state = site.state(&before)?;
            match &state.created.parent {
                None => Ok(state),
                Some(parent) => Err(Problem::new(
                    Kind::NotNow,
                    "the execution is a step of another one",
                )
                .about(&before)
                .remedy(format!(
                    "run `{}` once more: all of it",
                    parent.execution_id
                ))),
            }
        })
        .await?;
    let wish = Wish {
        text: Text {
            text: String::from_utf8_lossy(state.plan().canonical()).into_owned(),
            format: Format::Json,
        },
        inputs: state.created.inputs,
        session: None,
        deadline_ms: None,
        rerun: Some(Rerun {
            execution_id: id,
            from: form.from,
        }),
        by_key,
        asked: Asked {
            digest: execution_id.is_some().then_some(digest),
            request_id: request_id(&headers),
            correlation: traced(BTreeMap::new(), &headers),
            ..Asked::default()
        },
        execution_id,
    };
    made(&site, &caller, &headers, wish).await
}

async fn made(
    site: &Arc<Site>,
    caller: &Caller,
    headers: &HeaderMap,
    wish: Wish,
) -> Result<Response, Problem> {
    let wait = wait_of(headers)?;
    let in_flight = || {
        Problem::new(
            Kind::NotNow,
            "the same request is under way; ask again when it is answered",
        )
    };
    let _entered = match &wish.execution_id {
        None => None,
        Some(id) => Some(site.creating.enter(id).ok_or_else(in_flight)?),
    };
    let (who, by_key, digest) = (caller.clone(), wish.by_key, wish.asked.digest);
    let wanted = wish.execution_id.clone();
    let (submitted, plan_hash, again) = site
        .waiting(move |site| {
            let again = wanted.as_deref().map(|id| (id, digest, by_key));
            if let Some((id, digest, by_key)) = again
                && let Some(created) = created(site, id)?
            {
                return same(site, &who, created, digest, by_key);
            }
            let submitted = submit(site, &who, wish);
            match (submitted, again) {
                (Ok(submitted), _) => {
                    let row = site.row(&submitted.execution_id)?;
                    Ok((submitted, row.plan_hash, false))
                }
                // It was made a moment ago, or long ago and archived.
                (Err(HostError::Taken(id)), Some((_, digest, by_key))) => {
                    match created(site, &id)? {
                        Some(created) => same(site, &who, created, digest, by_key),
                        None => Err(HostError::Taken(id).into()),
                    }
                }
                (Err(error), _) => Err(error.into()),
            }
        })
        .await?;
    let id = submitted.execution_id.clone();
    let execution = match wait {
        None => None,
        Some(wait) => Some(rest(site, &id, wait).await?),
    };
    let ended = execution.as_ref().map(|shown| shown.shown.status.is_some());
    let status = match (ended, &submitted.request_id) {
        (Some(true), _) | (None, None) => StatusCode::CREATED,
        _ => StatusCode::ACCEPTED,
    };
    let made = Made {
        plan_hash,
        outcome: submitted.decision.outcome,
        request_id: submitted.request_id,
        decision: submitted.decision,
        execution: execution.map(Box::new),
        execution_id: submitted.execution_id,
    };
    let mut response = (status, Json(made)).into_response();
    let headers = response.headers_mut();
    if let Ok(location) = HeaderValue::from_str(&format!("/v1/executions/{id}")) {
        headers.insert(LOCATION, location);
    }
    if again {
        headers.insert(REPLAYED, HeaderValue::from_static("true"));
    }
    if let Some(wait) = wait {
        let applied = HeaderName::from_static("preference-applied");
        if let Ok(value) = HeaderValue::from_str(&format!("wait={}", wait.as_secs())) {
            headers.insert(applied, value);
        }
    }
    Ok(response)
}

fn submit(site: &Site, who: &Caller, wish: Wish) -> Result<Submitted, HostError> {
    let says = wish.asked != Asked::default();
    let proposal = Proposal {
        document: wish.text.text,
        json: wish.text.format == Format::Json,
        inputs: wish.inputs,
        deadline_ms: wish.deadline_ms,
        session: wish.session,
        rerun: wish.rerun,
        revises: None,
        execution_id: wish.execution_id,
        asked: says.then(|| Box::new(wish.asked)),
    };
    site.speaking_as(&who.principal).submit(proposal)
}

/// What an execution began with, if there is one of that id.
fn created(site: &Site, execution_id: &str) -> Result<Option<Box<Created>>, Problem> {
    let first = site.reader().read(execution_id, 1, 1)?;
    let Some(first) = first.first() else {
        return Ok(None);
    };
    match recovery::event(first)? {
        Event {
            body: Body::ExecutionCreated(created),
            ..
        } => Ok(Some(created)),
        _ => Ok(None),
    }
}

/// The answer that was given when the execution was made, if it was by this very request.
fn same(
    site: &Site,
    who: &Caller,
    created: Box<Created>,
    digest: Option<Digest>,
    by_key: bool,
) -> Result<(Submitted, Digest, bool), Problem> {
    let kept = created.asked.as_ref().and_then(|asked| asked.digest);
    if created.principal != who.principal.name || kept.is_none() || kept != digest {
        return Err(match by_key {
            true => Problem::usage("this `Idempotency-Key` was used for another request")
                .status(StatusCode::UNPROCESSABLE_ENTITY)
                .remedy("use a new key for a new request"),
            false => HostError::Taken(created.execution_id.clone()).into(),
        });
    }
    let asks = created.decision.outcome == Outcome::RequireApproval;
    let request_id = match asks {
        true => {
            // A standing approval answers at once, and that may not be on the disk yet. One that is over is followed by nobody.
            let _ = site.host.follow(&created.execution_id);
            site.host.unfollow(&created.execution_id);
            plan_request(site, &created.execution_id)?
        }
        false => None,
    };
    Ok((
        Submitted {
            execution_id: created.execution_id,
            decision: created.decision,
            request_id,
        },
        created.plan_hash,
        true,
    ))
}

/// The request for the plan's approval, unless a standing approval answered it at once.
fn plan_request(site: &Site, execution_id: &str) -> Result<Option<String>, Problem> {
    let events = site.reader().read(execution_id, 1, 8)?;
    let opened = events.iter().find(|record| record.kind == "request_opened");
    let Some(opened) = opened else {
        return Ok(None);
    };
    let Body::RequestOpened(request) = recovery::event(opened)?.body else {
        return Ok(None);
    };
    let row = site.reader().request(&request.request_id)?;
    let at_once = row.is_some_and(|row| {
        let answer: serde_json::Value =
            serde_json::from_str(row.answer.as_deref().unwrap_or("null")).unwrap_or_default();
        let channel = answer.get("channel").and_then(|it| it.as_str());
        channel.is_some_and(|channel| channel.starts_with("standing:"))
    });
    Ok((!at_once).then_some(request.request_id))
}

/// How long the answer is to wait.
fn wait_of(headers: &HeaderMap) -> Result<Option<Duration>, Problem> {
    let prefer = headers.get_all("prefer").iter();
    let mut wishes = prefer
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(','))
        .filter_map(|wish| wish.split_once('='));
    // Preferences that are not known are passed over, as RFC 7240 has it.
    let Some((_, wait)) = wishes.find(|(name, _)| name.trim().eq_ignore_ascii_case("wait")) else {
        return Ok(None);
    };
    let seconds: u64 = wait
        .trim()
        .trim_matches('"')
        .parse()
        .map_err(|_| Problem::usage("`Prefer: wait=N` takes a number of seconds"))?;
    Ok(Some(Duration::from_secs(seconds.min(LONGEST_WAIT_S))))
}

/// Waits until the execution has ended or waits for a human, but not longer than that.
async fn rest(site: &Arc<Site>, id: &str, wait: Duration) -> Result<Execution, Problem> {
    let until = Instant::now() + wait;
    let followed = id.to_owned();
    let mut notices = site
        .waiting(move |site| site.host.follow(&followed))
        .await?;
    let mut stopping = site.stopping.clone();
    loop {
        let notice = notices.borrow_and_update().clone();
        let rests = match &notice.rest {
            Some(rest) => match &rest.waiting_for {
                None => true,
                Some(_) => !goes_on(site, id).await?,
            },
            None => notice.lost.is_some(),
        };
        if rests {
            break;
        }
        let news = async {
            tokio::select! {
                changed = notices.changed() => changed.is_ok(),
                _ = stopping.wait_for(|stopping| *stopping) => false,
            }
        };
        if !matches!(timeout_at(until, news).await, Ok(true)) {
            break;
        }
    }
    drop(notices);
    let id = id.to_owned();
    site.waiting(move |site| {
        site.host.unfollow(&id);
        shown(site, &id).map(|Json(shown)| shown)
    })
    .await
}

/// Whether an execution that rests goes on by itself, when a timer runs out.
async fn goes_on(site: &Arc<Site>, id: &str) -> Result<bool, Problem> {
    let id = id.to_owned();
    let state = site.waiting(move |site| site.state(&id)).await?;
    Ok(state.goes_on())
}

/// A plan that was proposed in the place of another.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Proposed {
    /// The execution.
    execution_id: String,
    /// `allow`: it takes the other's place; `require_approval`: it waits for that.
    #[schema(value_type = String)]
    outcome: Outcome,
    /// The request that waits for approval.
    request_id: Option<String>,
    /// What policy said.
    #[schema(value_type = schemas::Decision)]
    decision: Arc<Decision>,
}

/// Proposes another plan in the place of the one that runs. What has begun must stay as it is.
#[utoipa::path(post, operation_id = "replan_execution", path = "/v1/executions/{execution_id}:replan", tag = "executions",
    params(("execution_id" = String, Path, description = "its id")),
    request_body = Replan,
    responses((status = 200, body = Proposed), (status = 202, body = Proposed, description = "it waits for approval")))]
pub(crate) async fn replan(
    State(site): State<Arc<Site>>,
    caller: Caller,
    At(id): At<String>,
    Given(form): Given<Replan>,
) -> Result<(StatusCode, Json<Proposed>), Problem> {
    let text = Text::of(&form.plan)?;
    site.waiting(move |site| {
        seen::execution(site, &caller, &id)?;
        let proposal = Proposal {
            document: text.text,
            json: text.format == Format::Json,
            inputs: serde_json::Map::new(),
            deadline_ms: None,
            session: None,
            rerun: None,
            revises: Some(Revises {
                asked_for: false,
                execution_id: id.clone(),
                reason: form.reason,
            }),
            execution_id: None,
            asked: None,
        };
        let submitted = site.speaking_as(&caller.principal).submit(proposal);
        let submitted = submitted.map_err(|error| Problem::from(error).about(&id))?;
        let status = match &submitted.request_id {
            Some(_) => StatusCode::ACCEPTED,
            None => StatusCode::OK,
        };
        let proposed = Proposed {
            execution_id: submitted.execution_id,
            outcome: submitted.decision.outcome,
            request_id: submitted.request_id,
            decision: submitted.decision,
        };
        Ok((status, Json(proposed)))
    })
    .await
}
