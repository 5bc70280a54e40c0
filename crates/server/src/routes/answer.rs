//! Answers to requests.

use super::executions::shown;
use super::seen::{self, At};
use crate::access::Caller;
use crate::body::Given;
use crate::forms::GiveAnswer;
use crate::problem::Problem;
use crate::site::Site;
use crate::view::Execution;
use axum::Json;
use axum::extract::State;
use mandate_engine::NotAnAnswer;
use mandate_host::{Answered, HostError};
use mandate_plan::{Digest, Format, parse_value};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// An answer that was taken.
#[derive(Serialize, ToSchema)]
pub(crate) struct Taken {
    /// The request.
    request_id: String,
    /// The choice.
    choice: String,
    /// Who must still say the same before it holds; none = it holds.
    still_wanted: Option<Vec<String>>,
    /// The execution, as it is then.
    execution: Execution,
}

/// Answers a request. Who may is for the request to say; the journal names who did, and how that was known.
#[utoipa::path(post, operation_id = "answer_request", path = "/v1/inbox/{request_id}:answer", tag = "inbox",
    params(("request_id" = String, Path, description = "its id")),
    request_body = GiveAnswer,
    responses((status = 200, body = Taken)))]
pub(crate) async fn answer(
    State(site): State<Arc<Site>>,
    caller: Caller,
    At(id): At<String>,
    Given(form): Given<GiveAnswer>,
) -> Result<Json<Taken>, Problem> {
    let subject = form.subject.map(|text| {
        let parsed: Result<Digest, _> = text.parse();
        parsed.map_err(|_| Problem::usage(format!("`subject` is no digest: `{text}`")))
    });
    let subject = subject.transpose()?;
    let data = form.data.map(|raw| {
        parse_value(raw.get().as_bytes(), Format::Json).map_err(|found| {
            let why = found.into_iter().next().map(|found| found.message);
            Problem::usage(format!(
                "`data` cannot be read: {}",
                why.unwrap_or_default()
            ))
        })
    });
    let data = data.transpose()?;
    site.waiting(move |site| {
        let row = seen::request(site, &caller, &id)?;
        let execution_id = row.execution_id.clone();
        let state = site.state(&execution_id)?;
        let open = state.requests.get(&id);
        let open = open.ok_or_else(|| Problem::not_found("request", &id))?;
        let choice = match (form.choice, open.request.choices.as_slice()) {
            (Some(choice), _) => choice,
            (None, [only]) => only.clone(),
            (None, several) => {
                return Err(Problem::usage(format!(
                    "`choice` is one of {}",
                    several.join(", ")
                )));
            }
        };
        let answered = Answered {
            request_id: id.clone(),
            choice: choice.clone(),
            data,
            reason: form.reason,
            subject,
            channel: caller.channel().to_owned(),
        };
        let given = site
            .speaking_as(&caller.principal)
            .answer(&execution_id, answered);
        given.map_err(|error| refused(error, &execution_id))?;
        let state = site.state(&execution_id)?;
        let open = { state.requests.get(&id) }.filter(|open| open.closed.is_none());
        let still_wanted = open.map(|open| state.still_wanted(open, &choice));
        let Json(execution) = shown(site, &execution_id)?;
        Ok(Json(Taken {
            request_id: id,
            choice,
            still_wanted,
            execution,
        }))
    })
    .await
}

fn refused(error: HostError, execution_id: &str) -> Problem {
    let problem = match error {
        // A request that nobody can answer any more, because its execution has ended.
        HostError::NoSuchExecution(_) => Problem::from(HostError::NotNow(
            "the request is closed: its execution has ended".to_owned(),
        )),
        HostError::Answer(NotAnAnswer::Data { .. }) => {
            Problem::from(error).status(axum::http::StatusCode::UNPROCESSABLE_ENTITY)
        }
        error => error.into(),
    };
    problem.about(execution_id)
}
