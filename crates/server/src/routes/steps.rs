//! One step of an execution.

use super::executions::{back_then, shown};
use super::seen::{self, At};
use crate::access::Caller;
use crate::asked::Asked;
use crate::body::Given;
use crate::forms::{Became, Resolve};
use crate::problem::Problem;
use crate::site::Site;
use crate::step_path;
use crate::view::{self, Execution, StepDetailView};
use axum::Json;
use axum::extract::State;
use mandate_engine::event::Resolution;
use mandate_plan::{Format, parse_value};
use serde_json::Value;
use std::sync::Arc;

/// Shows a step with its attempts, arguments, outputs, errors, and what policy said of it.
#[utoipa::path(get, operation_id = "show_step", path = "/v1/executions/{execution_id}/steps/{step}", tag = "executions",
    params(
        ("execution_id" = String, Path, description = "the execution"),
        ("step" = String, Path, description = "the step; `fetch[3]` for one item"),
        ("item" = Option<u32>, Query, description = "one item of a `for_each` step"),
        ("at" = Option<u64>, Query, description = "as it was after the event of this `seq`"),
    ),
    responses((status = 200, body = StepDetailView)))]
pub(crate) async fn show(
    State(site): State<Arc<Site>>,
    caller: Caller,
    At((id, step)): At<(String, String)>,
    mut asked: Asked,
) -> Result<Json<StepDetailView>, Problem> {
    let at: Option<u64> = asked.parsed("at")?;
    let item: Option<u32> = asked.parsed("item")?;
    asked.end()?;
    site.waiting(move |site| {
        seen::execution(site, &caller, &id)?;
        let (events, state, _) = back_then(site, &id, at)?;
        let absent = || Problem::not_found("step", &step).about(&id);
        let (name, in_path) = step_path::parse(&step).ok_or_else(absent)?;
        let detail = view::step_detail(&state, &events, &name, in_path.or(item));
        detail.map(Json).ok_or_else(absent)
    })
    .await
}

/// Says what became of a step in doubt.
#[utoipa::path(post, operation_id = "resolve_step", path = "/v1/executions/{execution_id}/steps/{step}:resolve", tag = "executions",
    params(
        ("execution_id" = String, Path, description = "the execution"),
        ("step" = String, Path, description = "the step; `fetch[3]` for one item"),
    ),
    request_body = Resolve,
    responses((status = 200, body = Execution)))]
pub(crate) async fn resolve(
    State(site): State<Arc<Site>>,
    caller: Caller,
    At((id, step)): At<(String, String)>,
    Given(form): Given<Resolve>,
) -> Result<Json<Execution>, Problem> {
    let resolution = match (form.resolution, form.output, form.reason) {
        (Became::Done, output, None) => Resolution::Done {
            output: match output {
                None => Value::Null,
                Some(raw) => parse_value(raw.get().as_bytes(), Format::Json).map_err(|found| {
                    let why = found.into_iter().next().map(|found| found.message);
                    let why = why.unwrap_or_default();
                    Problem::usage(format!("`output` cannot be read: {why}"))
                })?,
            },
        },
        (Became::NotDone, None, None) => Resolution::NotDone,
        (Became::Fail, None, Some(reason)) => Resolution::Fail { reason },
        (Became::Fail, None, None) => {
            return Err(Problem::usage("`fail` needs a `reason`"));
        }
        _ => {
            return Err(Problem::usage(
                "`output` goes with `done`, and `reason` with `fail`",
            ));
        }
    };
    site.waiting(move |site| {
        seen::execution(site, &caller, &id)?;
        let absent = || Problem::not_found("step", &step).about(&id);
        let (name, in_path) = step_path::parse(&step).ok_or_else(absent)?;
        let item = in_path.or(form.item);
        let state = site.state(&id)?;
        state.step(&name).ok_or_else(absent)?;
        let host = site.speaking_as(&caller.principal);
        host.resolve(&id, (&name, item), resolution, caller.channel())?;
        shown(site, &id)
    })
    .await
}
