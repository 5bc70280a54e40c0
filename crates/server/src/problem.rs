//! The one error of all routes: problem details (RFC 9457) whose further members are those of the error envelope.

use crate::view;
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use mandate_host::{HostError, Kind};
use mandate_plan::ErrorCode;
use mandate_store::StoreError;
use mandate_tools::{Category, ErrorEnvelope};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

/// The content type.
const PROBLEM_JSON: &str = "application/problem+json";

/// Why a request was not done.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    status: StatusCode,
    kind: Kind,
    code: ErrorCode,
    message: String,
    remedy: Option<String>,
    details: Map<String, Value>,
    execution_id: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// The body of every answer that is an error: problem details as RFC 9457 has them, with the members of the error envelope.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody {
    /// Where the code is explained.
    r#type: String,
    /// The code in words.
    title: String,
    /// The status of the answer.
    status: u16,
    /// What is wrong, for people.
    detail: String,
    /// The family of the code.
    #[schema(value_type = String)]
    category: Category,
    /// The stable code.
    #[schema(value_type = String)]
    code: ErrorCode,
    /// The same as `detail`.
    message: String,
    /// More, for programs: `violations`, `decision`, `errors`, `rule`, `expected`, `retry_after_ms`.
    #[schema(value_type = Object)]
    details: Map<String, Value>,
    /// The tool that it is about.
    tool: String,
    /// The step that it is about.
    step_id: String,
    /// The execution that it is about.
    execution_id: String,
    /// When, RFC 3339 in UTC.
    timestamp: String,
    /// What kind of failure it is.
    kind: &'static str,
    /// What to do about it.
    remedy: Option<String>,
    /// The id of the request, as in the header `X-Request-Id`.
    request_id: String,
}

impl Problem {
    /// A failure of that kind.
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::from_u16(kind.http_status())
                .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            kind,
            code: kind.code(),
            message: message.into(),
            remedy: None,
            details: Map::new(),
            execution_id: String::new(),
            headers: Vec::new(),
        }
    }

    /// It was asked for in a wrong way.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// The same, as HTTP has a status of its own for.
    pub(crate) fn http(status: StatusCode, message: impl Into<String>) -> Self {
        Self::usage(message).status(status)
    }

    /// There is no such thing, or whoever asks may not know of it.
    pub(crate) fn not_found(what: &str, name: &str) -> Self {
        Self::new(Kind::NotFound, format!("there is no {what} `{name}`"))
    }

    /// Whoever asks may not.
    pub(crate) fn denied(message: impl Into<String>) -> Self {
        Self::new(Kind::Denied, message)
    }

    /// Nobody is logged in.
    pub(crate) fn unauthenticated(message: impl Into<String>) -> Self {
        Self::denied(message)
            .status(StatusCode::UNAUTHORIZED)
            .code(ErrorCode::TokenInvalid)
            .remedy("send an API key as `Authorization: Bearer mandate_…`; `mandate keys create` makes one")
            .header(
                axum::http::header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"mandate\""),
            )
    }

    /// So many at a time are not taken.
    pub(crate) fn too_many(message: impl Into<String>, retry_after_s: u64) -> Self {
        Self::new(Kind::RateLimited, message).retry_after(retry_after_s)
    }

    /// Mandate broke.
    pub(crate) fn internal() -> Self {
        Self::new(
            Kind::Internal,
            "something in Mandate broke; its log says what",
        )
    }

    #[must_use]
    pub(crate) fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    #[must_use]
    pub(crate) fn code(mut self, code: ErrorCode) -> Self {
        self.code = code;
        self
    }

    #[must_use]
    pub(crate) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    #[must_use]
    pub(crate) fn detail(mut self, name: &str, value: Value) -> Self {
        self.details.insert(name.to_owned(), value);
        self
    }

    #[must_use]
    pub(crate) fn about(mut self, execution_id: &str) -> Self {
        execution_id.clone_into(&mut self.execution_id);
        self
    }

    #[must_use]
    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    #[must_use]
    fn retry_after(self, seconds: u64) -> Self {
        self.header(RETRY_AFTER, HeaderValue::from(seconds.max(1)))
    }

    /// Whether it says that Mandate itself broke, or cannot work.
    pub(crate) fn is_ours(&self) -> bool {
        self.status.is_server_error()
    }

    /// What is wrong.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The same for callers of the jobs facade, which tells every error in the envelope of failed calls.
    pub(crate) fn envelope(self, tool: &str) -> ErrorEnvelope {
        let mut fault = mandate_tools::Fault::new(self.code, self.message);
        fault.details = Some(self.details)
            .filter(|details| !details.is_empty())
            .map(Value::Object);
        ErrorEnvelope::new(&fault, tool, "", &self.execution_id, crate::when::now_ms())
    }

    /// The answer, as it is told.
    pub(crate) fn rendered(self, request_id: &str) -> Response<Body> {
        let fault = mandate_tools::Fault::new(self.code, self.message);
        let envelope =
            ErrorEnvelope::new(&fault, "", "", &self.execution_id, crate::when::now_ms());
        let error = envelope.error;
        let body = ProblemBody {
            r#type: format!("/errors/{}", self.code),
            title: title(self.code),
            status: self.status.as_u16(),
            detail: error.message.clone(),
            category: error.category,
            code: error.code,
            message: error.message,
            details: self.details,
            tool: error.tool,
            step_id: error.step_id,
            execution_id: error.execution_id,
            timestamp: error.timestamp,
            kind: self.kind.as_str(),
            remedy: self.remedy,
            request_id: request_id.to_owned(),
        };
        let text = serde_json::to_vec(&body).unwrap_or_default();
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        for (name, value) in self.headers {
            headers.insert(name, value);
        }
        response
    }
}

/// `Invalid payload`.
fn title(code: ErrorCode) -> String {
    let words = code.as_str().to_lowercase().replace('_', " ");
    let mut letters = words.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

impl IntoResponse for Problem {
    /// An answer that the frame around all routes puts into words: it knows the request's id.
    fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status;
        response.extensions_mut().insert(Told(Box::new(self)));
        response
    }
}

/// A problem on its way to the frame.
#[derive(Clone)]
pub(crate) struct Told(pub(crate) Box<Problem>);

impl From<HostError> for Problem {
    fn from(error: HostError) -> Self {
        let (kind, code, remedy) = (error.kind(), error.code(), error.remedy());
        let mut problem = Self::new(kind, error.to_string()).code(code);
        problem.remedy = remedy;
        match error {
            HostError::Plan(found) | HostError::Inputs(found) => {
                let found: Vec<_> = found.iter().map(view::violation).collect();
                problem.detail("violations", json!(found))
            }
            HostError::Denied(decision) => {
                let limited = kind == Kind::RateLimited;
                let problem = problem.detail("decision", json!(decision));
                if limited {
                    return problem.retry_after(RATE_SECONDS);
                }
                problem
            }
            HostError::Refused(refusal) => {
                let after = refusal.retry_after_ms.map(|ms| ms.div_ceil(1_000));
                let problem = problem
                    .detail("rule", json!(refusal.rule))
                    .detail("expected", json!(refusal.expected))
                    .detail("retry_after_ms", json!(refusal.retry_after_ms));
                match (kind, after) {
                    (Kind::RateLimited, after) => {
                        problem.retry_after(after.unwrap_or(RATE_SECONDS))
                    }
                    _ => problem,
                }
            }
            HostError::NotTheApprover { approvers, .. } => {
                problem.detail("approvers", json!(approvers))
            }
            HostError::Again { still, .. } => problem.detail("still", json!(still)),
            HostError::Leaving => problem.retry_after(1),
            _ => problem,
        }
    }
}

/// When it makes sense to come again with a plan that its session's limits hold up, in seconds.
const RATE_SECONDS: u64 = 60;

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        HostError::Store(error).into()
    }
}
