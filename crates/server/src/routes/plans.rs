//! Plans: checked, judged, and looked up.

use super::seen::At;
use crate::access::{Caller, Right};
use crate::asked::Asked;
use crate::body::Given;
use crate::examined::{Text, candidate, checked, inputs, stored};
use crate::forms::{Evaluate, Validate};
use crate::problem::Problem;
use crate::site::Site;
use crate::view::{self, DrawnPlan, SessionStanding, ViolationView, schemas};
use crate::when;
use axum::Json;
use axum::extract::State;
use mandate_host::HostError;
use mandate_plan::{CheckedPlan, Digest, reload};
use mandate_policy::decision::Decision;
use mandate_policy::{EvaluateRequest, Rules, SessionView, evaluate_with};
use mandate_store::{ExecutionFilter, Page};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// What a check found.
#[derive(Serialize, ToSchema)]
pub(crate) struct Validated {
    /// It is a plan that can be used.
    valid: bool,
    /// Its hash, if it is.
    #[schema(value_type = Option<String>)]
    plan_hash: Option<Digest>,
    /// Everything that is wrong, or hardly meant.
    violations: Vec<ViolationView>,
    /// The plan, if it is one.
    plan: Option<DrawnPlan>,
}

/// Checks a plan, with the tools that there are. All mistakes are told at once.
#[utoipa::path(post, operation_id = "validate_plan", path = "/v1/plans:validate", tag = "plans", request_body = Validate, responses((status = 200, body = Validated)))]
pub(crate) async fn validate(
    State(site): State<Arc<Site>>,
    Given(form): Given<Validate>,
) -> Result<Json<Validated>, Problem> {
    let text = Text::of(&form.plan)?;
    let (plan, found) = match text.document() {
        Ok(document) => site.intake.look(&document).await?,
        Err(HostError::Plan(found)) => (None, found),
        Err(error) => return Err(error.into()),
    };
    Ok(Json(Validated {
        valid: plan.is_some(),
        plan_hash: plan.as_ref().map(|plan| *plan.hash()),
        violations: found.iter().map(view::violation).collect(),
        plan: plan.map(|plan| DrawnPlan::of(&plan, None)),
    }))
}

/// What policy says of a plan.
#[derive(Serialize, ToSchema)]
pub(crate) struct Evaluated {
    /// The plan's hash.
    #[schema(value_type = String)]
    plan_hash: Digest,
    /// What policy says.
    #[schema(value_type = schemas::Decision)]
    decision: Decision,
    /// The plan.
    plan: DrawnPlan,
}

/// Says what policy says of a plan, the one in force or one that is tried out. Nothing runs, and nothing is written.
#[utoipa::path(post, operation_id = "evaluate_plan", path = "/v1/plans:evaluate", tag = "plans", request_body = Evaluate, responses((status = 200, body = Evaluated)))]
pub(crate) async fn evaluate(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Given(form): Given<Evaluate>,
) -> Result<Json<Evaluated>, Problem> {
    let text = match (&form.plan, form.plan_hash.clone()) {
        (Some(raw), None) => Text::of(raw)?,
        (None, Some(hash)) => {
            let caller = caller.clone();
            site.waiting(move |site| readable(site, &caller, &hash))
                .await?
        }
        _ => return Err(Problem::usage("give one of `plan` and `plan_hash`")),
    };
    if form.definitions.is_some() && form.policy.is_none() {
        return Err(Problem::usage("`definitions` go with a `policy`"));
    }
    let given = inputs(form.inputs.as_deref())?;
    let plan = checked(&site, &text).await?;
    site.waiting(move |site| {
        let rules: Arc<dyn Rules> = match &form.policy {
            Some(policy) => Arc::new(candidate(site, policy, form.definitions.as_deref())?),
            None => site.policy.clone(),
        };
        let decision = judge(site, &caller, &plan, given, form.session, rules.as_ref())?;
        Ok(Json(Evaluated {
            plan_hash: *plan.hash(),
            decision,
            plan: DrawnPlan::of(&plan, None),
        }))
    })
    .await
}

fn judge(
    site: &Site,
    caller: &Caller,
    plan: &CheckedPlan,
    given: serde_json::Map<String, serde_json::Value>,
    session: Option<String>,
    rules: &dyn Rules,
) -> Result<Decision, Problem> {
    let bound = plan.bind_inputs(&given).map_err(HostError::Inputs)?;
    let who = &caller.principal;
    let now_ms = when::now_ms();
    let mut view = SessionView {
        session_id: "evaluate".to_owned(),
        principal: who.name.clone(),
        roles: who.roles.iter().cloned().collect(),
        ..SessionView::default()
    };
    if let Some(id) = session {
        let journal = site.store.as_ref();
        let standing = SessionStanding::of(journal, &who.name, &id, now_ms)?;
        view.calls = standing.tally.calls;
        view.calls_last_minute = standing.tally.minute.len().try_into().unwrap_or(u64::MAX);
        view.reserved = standing.reserved();
        view.session_id = id;
    }
    let request = EvaluateRequest {
        principal: who.name.clone(),
        session: view,
        now_ms,
    };
    let tools = site.registry().snapshot();
    Ok(evaluate_with(rules, plan, &bound, tools.as_ref(), &request))
}

/// A page of stored plans.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlanList {
    /// The newest first.
    plans: Vec<PlanRow>,
    /// Where the next page starts; none = this is the last.
    next: Option<String>,
}

/// A stored plan in a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlanRow {
    /// Its hash.
    #[schema(value_type = String)]
    plan_hash: Digest,
    /// Its name.
    name: String,
    /// When it was first stored, Unix milliseconds.
    at_ms: i64,
}

/// Lists the plans that are stored.
#[utoipa::path(get, operation_id = "list_plans", path = "/v1/plans", tag = "plans",
    params(
        ("limit" = Option<u32>, Query, description = "rows at most, 1 to 500", minimum = 1, maximum = 500),
        ("after" = Option<String>, Query, description = "behind the page that gave this cursor"),
    ),
    responses((status = 200, body = PlanList)))]
pub(crate) async fn list(
    State(site): State<Arc<Site>>,
    mut asked: Asked,
) -> Result<Json<PlanList>, Problem> {
    let page = Page {
        limit: asked.limit(50, 500)?,
        after: asked.cursor()?,
        newest_first: true,
    };
    asked.end()?;
    site.waiting(move |site| {
        let listed = site.reader().plans(&page)?;
        let plans = listed.rows.into_iter().map(|row| PlanRow {
            plan_hash: row.hash,
            name: row.name,
            at_ms: row.at_ms,
        });
        Ok(Json(PlanList {
            plans: plans.collect(),
            next: listed.next.map(|next| next.to_string()),
        }))
    })
    .await
}

/// The text of a stored plan that whoever asks may know of: one of an execution of theirs, if they see no others.
///
/// # Errors
/// There is none, as far as they may know.
pub(super) fn readable(site: &Site, caller: &Caller, hash: &str) -> Result<Text, Problem> {
    let text = stored(site, hash)?;
    if caller.may(Right::ViewAll) {
        return Ok(text);
    }
    let filter = ExecutionFilter {
        principal: Some(caller.principal.name.clone()),
        plan_hash: hash.parse().ok(),
        ..ExecutionFilter::default()
    };
    let one = Page {
        limit: 1,
        ..Page::default()
    };
    match site.reader().executions(&filter, &one)?.rows.is_empty() {
        true => Err(Problem::not_found("plan", hash)),
        false => Ok(text),
    }
}

/// Shows a stored plan.
#[utoipa::path(get, operation_id = "show_plan", path = "/v1/plans/{plan_hash}", tag = "plans",
    params(("plan_hash" = String, Path, description = "its hash")),
    responses((status = 200, body = DrawnPlan)))]
pub(crate) async fn show(
    State(site): State<Arc<Site>>,
    caller: Caller,
    At(hash): At<String>,
    asked: Asked,
) -> Result<Json<DrawnPlan>, Problem> {
    asked.end()?;
    site.waiting(move |site| {
        let text = readable(site, &caller, &hash)?;
        let plan = reload(text.text.as_bytes()).map_err(HostError::Plan)?;
        Ok(Json(DrawnPlan::of(&plan, None)))
    })
    .await
}
