//! The policy that holds, and policies that somebody tries out.

use crate::asked::Asked;
use crate::body::Given;
use crate::examined::candidate;
use crate::forms::{Backtest, TryPolicy};
use crate::problem::Problem;
use crate::site::Site;
use crate::view::{self, PolicyErrorView, PolicyView, SourceView};
use axum::Json;
use axum::extract::State;
use mandate_host::backtest;
use mandate_plan::ToolLookup as _;
use mandate_policy::Rules;
use mandate_rules::{PolicyError, SCHEMA, Source, lint::lint, load};
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa::ToSchema;

/// How soon one who has to wait may ask again, in seconds.
const AGAIN_S: u64 = 5;

/// The policy that holds, with its texts.
#[derive(Serialize, ToSchema)]
pub(crate) struct WholePolicy {
    /// Its rules.
    #[serde(flatten)]
    shown: PolicyView,
    /// The texts of each set, in the order of `sets`.
    sources: Vec<Vec<SourceView>>,
    /// The Cedar schema that policies are checked against.
    schema: &'static str,
}

/// Shows the policy that holds.
#[utoipa::path(get, operation_id = "show_policy", path = "/v1/policies", tag = "policies", responses((status = 200, body = WholePolicy)))]
pub(crate) async fn show(
    State(site): State<Arc<Site>>,
    asked: Asked,
) -> Result<Json<WholePolicy>, Problem> {
    asked.end()?;
    Ok(Json(WholePolicy {
        shown: view::policy(&site.policy),
        sources: view::sources(&site.policy),
        schema: SCHEMA,
    }))
}

/// What a check of a policy found.
#[derive(Serialize, ToSchema)]
pub(crate) struct CheckedPolicy {
    /// It can be used.
    valid: bool,
    /// How many rules it has.
    #[schema(value_type = u64)]
    rules: usize,
    /// What is wrong.
    errors: Vec<PolicyErrorView>,
    /// What was hardly meant.
    warnings: Vec<PolicyErrorView>,
}

/// Checks a policy.
#[utoipa::path(post, operation_id = "check_policy", path = "/v1/policies:check", tag = "policies", request_body = TryPolicy, responses((status = 200, body = CheckedPolicy)))]
pub(crate) async fn check(
    State(site): State<Arc<Site>>,
    Given(form): Given<TryPolicy>,
) -> Result<Json<CheckedPolicy>, Problem> {
    site.waiting(move |site| {
        let rules = [Source::new("policy.cedar", &form.policy)];
        let beside: Vec<Source> = { form.definitions.iter() }
            .map(|text| Source::new("policy.toml", text))
            .collect();
        let snapshot = site.registry().snapshot();
        let names = snapshot.names();
        let checked = match load(&rules, &beside) {
            Ok(set) => CheckedPolicy {
                valid: true,
                rules: set.rules().len(),
                errors: Vec::new(),
                warnings: shown(&lint(&set, Some(&names)), "warning"),
            },
            Err(wrong) => CheckedPolicy {
                valid: false,
                rules: 0,
                errors: shown(&wrong, "error"),
                warnings: Vec::new(),
            },
        };
        Ok(Json(checked))
    })
    .await
}

fn shown(found: &[PolicyError], level: &'static str) -> Vec<PolicyErrorView> {
    let shown = found.iter().map(|one| view::policy_error(one, level));
    shown.collect()
}

/// Holds a policy against everything that the journal holds, and says what it would have decided otherwise.
#[utoipa::path(post, operation_id = "backtest_policy", path = "/v1/policies:backtest", tag = "policies", request_body = Backtest, responses((status = 200, description = "what would have been decided otherwise", body = serde_json::Value)))]
pub(crate) async fn backtested(
    State(site): State<Arc<Site>>,
    Given(form): Given<Backtest>,
) -> Result<Json<Value>, Problem> {
    let _turn = site.heavy.clone().try_acquire_owned().map_err(|_| {
        Problem::too_many("the journal is being read from end to end already", AGAIN_S)
    })?;
    site.waiting(move |site| {
        let rules: Arc<dyn Rules> = match &form.policy {
            Some(policy) => Arc::new(candidate(site, policy, form.definitions.as_deref())?),
            None => site.policy.clone(),
        };
        let report = backtest(site.reader(), rules.as_ref(), form.since_ms)?;
        let mut value = json!(report);
        if let Some(map) = value.as_object_mut() {
            map.insert("totals".to_owned(), json!(report.totals()));
            map.insert("groups".to_owned(), json!(report.groups()));
        }
        Ok(Json(value))
    })
    .await
}
