//! Calls that somebody else makes, such as a proxy or another agent's runtime: each is checked here first, and what came of
//! it is reported here.

use super::seen::{self, At};
use crate::access::Caller;
use crate::body::{Given, MayBeGiven};
use crate::forms::{Complete, Enforce, GiveToken};
use crate::problem::Problem;
use crate::site::Site;
use crate::telemetry::TRACEPARENT;
use crate::view::schemas;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use mandate_engine::{Fault, call_id, parse_call_id};
use mandate_host::{AgentAnswer, AgentWish, HostError, Issued, Shown, TakenCall, TokenText};
use mandate_plan::{ErrorCode, Format, parse_value};
use mandate_tools::{CallReport, ReportedError};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::sync::Arc;
use utoipa::ToSchema;

/// The execution, or its plan's id.
const PLAN: &str = "x-governance-plan-id";
/// The token.
const TOKEN: &str = "x-governance-token";
/// The session that the execution belongs to.
const SESSION: &str = "x-governance-session-id";

/// A token.
#[derive(Serialize, ToSchema)]
pub(crate) struct Token {
    /// It; nobody can look it up again.
    token: String,
    /// When it ends, Unix milliseconds.
    expires_ms: i64,
}

impl Token {
    fn of(issued: &Issued) -> Self {
        Self {
            token: issued.token.reveal().to_owned(),
            expires_ms: issued.expires_ms,
        }
    }
}

/// Gives a token for an execution that is driven from outside to whoever asked for it.
#[utoipa::path(post, operation_id = "give_token", path = "/v1/executions/{execution_id}:token", tag = "agents",
    params(("execution_id" = String, Path, description = "its id")),
    request_body(content = GiveToken, description = "may be left out"),
    responses((status = 200, body = Token)))]
pub(crate) async fn token(
    State(site): State<Arc<Site>>,
    caller: Caller,
    At(id): At<String>,
    MayBeGiven(form): MayBeGiven<GiveToken>,
) -> Result<Json<Token>, Problem> {
    site.waiting(move |site| {
        seen::execution(site, &caller, &id)?;
        let host = site.speaking_as(&caller.principal);
        let issued = host.token(&id, form.steps);
        let issued = issued.map_err(|error| Problem::from(error).about(&id))?;
        Ok(Json(Token::of(&issued)))
    })
    .await
}

/// A call whose turn was taken.
#[derive(Serialize, ToSchema)]
pub(crate) struct Taken {
    /// What its report names it by.
    call_id: String,
    /// The step.
    step: String,
    /// Its item.
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<u32>,
    /// The attempt.
    attempt: u32,
    /// The tool.
    tool: String,
    /// What to call it with; placeholders in place of secrets.
    #[schema(value_type = Object)]
    args: Value,
    /// The same for every attempt of the same call.
    idempotency_key: String,
    /// Until when it is to be reported, Unix milliseconds.
    due_ms: i64,
    /// Where the execution is.
    state: String,
    /// The next token; none where the one that was shown is not renewed.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<Token>,
}

/// A call that somebody has to agree to first.
#[derive(Serialize, ToSchema)]
pub(crate) struct Awaited {
    /// The request that is to be answered; then ask again.
    request_id: Option<String>,
    /// `APPROVAL_REQUIRED`.
    #[schema(value_type = String)]
    code: ErrorCode,
    /// For people.
    message: String,
}

/// Takes the turn of a call that whoever asks makes: 200 = its start is on the disk, and it may be made now.
#[utoipa::path(post, operation_id = "enforce_call", path = "/v1/enforce", tag = "agents",
    params(
        ("X-Governance-Plan-Id" = String, Header, description = "the execution, or its plan's id"),
        ("X-Governance-Token" = String, Header, description = "the token"),
        ("X-Governance-Session-Id" = Option<String>, Header, description = "the session that the execution belongs to"),
    ),
    request_body = Enforce,
    responses((status = 200, body = Taken), (status = 202, body = Awaited, description = "somebody has to agree first")))]
pub(crate) async fn enforce(
    State(site): State<Arc<Site>>,
    caller: Caller,
    headers: HeaderMap,
    Given(form): Given<Enforce>,
) -> Result<Response, Problem> {
    let plan = header(&headers, PLAN)?.ok_or_else(|| {
        Problem::usage("`X-Governance-Plan-Id` is missing: it names the execution, or its plan")
    })?;
    let token = shown_token(&headers)?;
    let shown = Shown {
        beneath: headers
            .get(TRACEPARENT)
            .and_then(|place| place.to_str().ok())
            .map(str::to_owned),
        ..Shown::in_headers(plan, &token, header(&headers, SESSION)?)
    };
    let arguments = match form.args {
        Some(raw) => raw.get().to_owned(),
        None => "{}".to_owned(),
    };
    let wish = AgentWish::Enforce {
        tool: form.tool,
        arguments,
    };
    match asked(&site, caller, shown, wish).await {
        Ok((_, answer)) => match answer.taken {
            Some(call) => {
                Ok(Json(taken(call, answer.state, answer.issued.as_ref())).into_response())
            }
            None => Err(Problem::internal()),
        },
        Err(HostError::Refused(refusal)) if refusal.code == ErrorCode::ApprovalRequired => {
            let expected = refusal.expected.as_ref();
            let request_id = expected.and_then(|it| it.get("request_id")?.as_str());
            let awaited = Awaited {
                request_id: request_id.map(str::to_owned),
                code: refusal.code,
                message: refusal.message.clone(),
            };
            Ok((StatusCode::ACCEPTED, Json(awaited)).into_response())
        }
        Err(error) => Err(told(error)),
    }
}

fn taken(call: TakenCall, state: String, issued: Option<&Issued>) -> Taken {
    Taken {
        call_id: call.call_id,
        step: call.step,
        item: call.item,
        attempt: call.attempt,
        tool: call.tool,
        args: call.args,
        idempotency_key: call.idempotency_key,
        due_ms: call.due_ms,
        state,
        next_token: issued.map(Token::of),
    }
}

/// A call that was reported.
#[derive(Serialize, ToSchema)]
pub(crate) struct Settled {
    /// The call.
    call_id: String,
    /// The step.
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<String>,
    /// Its item.
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<u32>,
    /// `completed`, `failed` or `invalid`.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<String>,
    /// Why it did not complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schemas::Fault>)]
    error: Option<Fault>,
    /// Where the execution is.
    state: String,
    /// The steps that may be called now.
    callable: Vec<CallableTool>,
    /// The next token; none where the one that was shown is not renewed.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<Token>,
}

/// A step that may be called now.
#[derive(Serialize, ToSchema)]
pub(crate) struct CallableTool {
    /// The step.
    step: String,
    /// Its tool.
    tool: String,
}

/// Reports what came of a call. The same report again is answered as the first time.
#[utoipa::path(post, operation_id = "complete_call", path = "/v1/calls/{call_id}:complete", tag = "agents",
    params(
        ("call_id" = String, Path, description = "the call, as `/v1/enforce` named it"),
        ("X-Governance-Plan-Id" = Option<String>, Header, description = "the execution, or its plan's id"),
        ("X-Governance-Token" = String, Header, description = "a token of the execution"),
        ("X-Governance-Session-Id" = Option<String>, Header, description = "the session that the execution belongs to"),
    ),
    request_body = Complete,
    responses((status = 200, body = Settled)))]
pub(crate) async fn complete(
    State(site): State<Arc<Site>>,
    caller: Caller,
    At(named): At<String>,
    headers: HeaderMap,
    Given(form): Given<Complete>,
) -> Result<Json<Settled>, Problem> {
    let Some((execution_id, call)) = parse_call_id(&named) else {
        return Err(Problem::not_found("call", &named));
    };
    let report = report(form)?;
    let mut shown = Shown::new(execution_id, &shown_token(&headers)?);
    shown.claims.plan = header(&headers, PLAN)?.map(str::to_owned);
    shown.claims.session = header(&headers, SESSION)?.map(str::to_owned);
    let wish = AgentWish::Complete { call, report };
    let answered = asked(&site, caller, shown, wish).await;
    let (execution_id, answer) = answered.map_err(told)?;
    let callable = answer.callable.into_iter();
    Ok(Json(Settled {
        call_id: call_id(&execution_id, call),
        step: answer.step,
        item: answer.item,
        ended: answer.ended,
        error: answer.error,
        state: answer.state,
        callable: callable
            .map(|(step, tool)| CallableTool { step, tool })
            .collect(),
        next_token: answer.issued.as_ref().map(Token::of),
    }))
}

fn report(form: Complete) -> Result<CallReport, Problem> {
    match (form.output, form.error) {
        (Some(output), None) => Ok(CallReport::Output(value("output", &output)?)),
        (None, Some(error)) => Ok(CallReport::Error(ReportedError {
            message: error.message,
            details: error.details.map(Value::Object),
        })),
        _ => Err(Problem::usage(
            "give one of `output` and `error`: what the tool answered with",
        )),
    }
}

fn value(name: &str, raw: &RawValue) -> Result<Value, Problem> {
    parse_value(raw.get().as_bytes(), Format::Json).map_err(|found| {
        let why = found.into_iter().next().map(|found| found.message);
        Problem::usage(format!(
            "`{name}` cannot be read: {}",
            why.unwrap_or_default()
        ))
    })
}

async fn asked(
    site: &Arc<Site>,
    caller: Caller,
    shown: Shown,
    wish: AgentWish,
) -> Result<(String, AgentAnswer), HostError> {
    site.waiting(move |site| {
        let id = shown.execution_id.clone();
        let host = site.speaking_as(&caller.principal);
        host.agent(shown, wish).map(|answer| (id, answer))
    })
    .await
}

/// Whether there is an execution is nothing that somebody learns who has no token for it.
fn told(error: HostError) -> Problem {
    match error {
        HostError::NoSuchExecution(_) => {
            Problem::denied("the token is for no execution that is here")
                .code(ErrorCode::TokenInvalid)
        }
        error => error.into(),
    }
}

fn shown_token(headers: &HeaderMap) -> Result<TokenText, Problem> {
    let missing = || {
        Problem::denied("`X-Governance-Token` is missing: it holds the token of the execution")
            .code(ErrorCode::TokenInvalid)
            .remedy("`POST /v1/executions/{id}:token` gives one to whoever asked for the execution")
    };
    let text = header(headers, TOKEN)?;
    text.map(TokenText::new).ok_or_else(missing)
}

/// A header that may be there once.
fn header<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Problem> {
    let mut all = headers.get_all(name).iter();
    let (first, second) = (all.next(), all.next());
    let Some(first) = first else { return Ok(None) };
    match first.to_str() {
        Ok(text) if second.is_none() && !text.is_empty() => Ok(Some(text)),
        _ => Err(Problem::usage(format!(
            "the header `{name}` is there once, and is text"
        ))),
    }
}
