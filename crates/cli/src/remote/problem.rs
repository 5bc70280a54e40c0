//! Why a server did not do what was asked, as commands tell it.

use crate::{
    errors::{Failure, Kind},
    render::violations,
    who,
};
use mandate_plan::{ErrorCode, Violation};
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Why there is no answer, or none that is a success.
#[derive(Debug)]
pub(super) enum Unreached {
    /// The connection was not made, or broke.
    Lost(String),
    /// The server says why not.
    Told(StatusCode, Vec<u8>),
}

impl Unreached {
    pub(super) fn of(error: &reqwest::Error) -> Self {
        // The innermost says what happened, the others what was tried.
        let mut innermost: &dyn std::error::Error = error;
        while let Some(source) = innermost.source() {
            innermost = source;
        }
        Self::Lost(match error.is_timeout() {
            true => "it takes too long to answer".to_owned(),
            false => innermost.to_string(),
        })
    }

    /// Whether it may be otherwise in a moment: nobody answers, or a server that goes or is busy does.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Lost(_) => true,
            Self::Told(status, _) => {
                *status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error()
            }
        }
    }

    /// What it is, in a few words.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Lost(why) => why.clone(),
            Self::Told(status, _) => format!("it answers {status}"),
        }
    }

    /// The failure that a command ends with.
    pub(super) fn failure(&self, server: &str) -> Failure {
        match self {
            Self::Lost(why) => Failure::new(
                Kind::Gone,
                format!("the server {server} does not answer: {why}"),
            )
            .remedy("see that `mandate serve` runs there, and that the address is right"),
            Self::Told(status, body) => of_body(server, *status, body),
        }
    }
}

/// An answer that no `mandate serve` gives.
pub(super) fn strange(server: &str, why: &str) -> Failure {
    Failure::new(
        Kind::Internal,
        format!("the server {server} answers strangely: {why}"),
    )
    .remedy("see that a `mandate serve` of this version is at that address")
}

#[derive(Deserialize)]
struct Problem {
    kind: String,
    code: ErrorCode,
    message: String,
    #[serde(default)]
    remedy: Option<String>,
    #[serde(default)]
    details: Map<String, Value>,
    #[serde(default)]
    request_id: String,
}

fn of_body(server: &str, status: StatusCode, body: &[u8]) -> Failure {
    let Ok(mut told) = serde_json::from_slice::<Problem>(body) else {
        return strange(server, &format!("{status}, and not why"));
    };
    let kind = Kind::ALL
        .into_iter()
        .find(|kind| kind.as_str() == told.kind);
    let kind = kind.unwrap_or(Kind::Internal);
    let remedy = match (status, kind, told.remedy.take()) {
        (StatusCode::UNAUTHORIZED, ..) => Some(format!(
            "put an API key of that server into {}; `mandate keys create` makes one there",
            who::VARIABLE
        )),
        (_, Kind::NotFound, None) => Some(
            "`mandate executions list` and `mandate inbox list` show what your key may see"
                .to_owned(),
        ),
        (_, Kind::Internal, None) => Some(format!(
            "the log of the server says more about request {}",
            told.request_id
        )),
        (_, _, remedy) => remedy,
    };
    let found = told.details.remove("violations").unwrap_or_default();
    let found: Vec<Violation> = serde_json::from_value(found).unwrap_or_default();
    let mut failure = Failure::new(kind, told.message)
        .with_code(told.code)
        .with_further(told.details);
    if !found.is_empty() {
        let report = violations::without_source(&found);
        failure = failure.with_violations(found, report);
    }
    match remedy {
        Some(remedy) => failure.remedy(remedy),
        None => failure,
    }
}
