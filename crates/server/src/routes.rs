//! The table of everything that is answered, each row with the right that it needs. A row here, and an entry in
//! `openapi.rs`, is all that a route needs; a test holds the two against each other.

pub(crate) mod answer;
pub(crate) mod audit;
pub(crate) mod enforce;
pub(crate) mod events;
pub(crate) mod executions;
mod guard;
pub(crate) mod health;
pub(crate) mod inbox;
pub(crate) mod jobs;
pub(crate) mod keys;
pub(crate) mod metrics;
mod page;
pub(crate) mod plans;
pub(crate) mod policies;
mod seen;
pub(crate) mod sessions;
pub(crate) mod standing;
pub(crate) mod steer;
pub(crate) mod steps;
pub(crate) mod submit;
pub(crate) mod switch;
pub(crate) mod tools;
pub(crate) mod watch;
pub(crate) mod who;

pub(crate) use guard::{Peer, let_beside};

use crate::access::Right;
use crate::problem::Problem;
use crate::site::Site;
use crate::verb;
use axum::Router;
use axum::handler::Handler;
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, on};
use std::sync::Arc;

/// One row: what is asked, and what whoever asks must be allowed.
pub(crate) struct Route {
    #[cfg(test)]
    pub(crate) method: Method,
    /// As it is documented.
    pub(crate) path: &'static str,
    /// None = anybody may, logged in or not.
    pub(crate) needs: Option<Right>,
    handler: MethodRouter<Arc<Site>>,
}

fn get<H, T>(path: &'static str, needs: Right, handler: H) -> Route
where
    H: Handler<T, Arc<Site>>,
    T: 'static,
{
    Route {
        #[cfg(test)]
        method: Method::GET,
        path,
        needs: Some(needs),
        handler: on(MethodFilter::GET, handler),
    }
}

fn post<H, T>(path: &'static str, needs: Right, handler: H) -> Route
where
    H: Handler<T, Arc<Site>>,
    T: 'static,
{
    Route {
        #[cfg(test)]
        method: Method::POST,
        path,
        needs: Some(needs),
        handler: on(MethodFilter::POST, handler),
    }
}

/// The same for anybody.
fn open(route: Route) -> Route {
    Route {
        needs: None,
        ..route
    }
}

/// Every route.
pub(crate) fn table() -> Vec<Route> {
    use Right as R;
    vec![
        post("/v1/executions", R::Submit, submit::create),
        get("/v1/executions", R::View, executions::list),
        get("/v1/executions:watch", R::View, watch::watch),
        get("/v1/executions/{execution_id}", R::View, executions::show),
        get(
            "/v1/executions/{execution_id}/replay",
            R::View,
            executions::replayed,
        ),
        get(
            "/v1/executions/{execution_id}/plan",
            R::View,
            executions::plan,
        ),
        get(
            "/v1/executions/{execution_id}/decision",
            R::View,
            executions::decision,
        ),
        get(
            "/v1/executions/{execution_id}/timeline",
            R::View,
            executions::timeline,
        ),
        get(
            "/v1/executions/{execution_id}/output",
            R::View,
            executions::output,
        ),
        get(
            "/v1/executions/{execution_id}/context",
            R::View,
            executions::context,
        ),
        get(
            "/v1/executions/{execution_id}/events",
            R::View,
            events::events,
        ),
        get(
            "/v1/executions/{execution_id}/steps/{step}",
            R::View,
            steps::show,
        ),
        post(
            "/v1/executions/{execution_id}/steps/{step}:resolve",
            R::LetGoOn,
            steps::resolve,
        ),
        post(
            "/v1/executions/{execution_id}:cancel",
            R::Steer,
            steer::cancel,
        ),
        post(
            "/v1/executions/{execution_id}:pause",
            R::Steer,
            steer::pause,
        ),
        post(
            "/v1/executions/{execution_id}:resume",
            R::LetGoOn,
            steer::resume,
        ),
        post(
            "/v1/executions/{execution_id}:continue",
            R::Steer,
            steer::carry_on,
        ),
        post(
            "/v1/executions/{execution_id}:revoke",
            R::Revoke,
            steer::revoke,
        ),
        post(
            "/v1/executions/{execution_id}:override",
            R::Administer,
            steer::override_step,
        ),
        post(
            "/v1/executions/{execution_id}:replan",
            R::Steer,
            submit::replan,
        ),
        post(
            "/v1/executions/{execution_id}:rerun",
            R::Submit,
            submit::rerun,
        ),
        post(
            "/v1/executions/{execution_id}:token",
            R::Submit,
            enforce::token,
        ),
        post("/v1/enforce", R::Submit, enforce::enforce),
        post("/v1/calls/{call_id}:complete", R::Submit, enforce::complete),
        post("/v1/analyze-execution", R::Submit, jobs::analyze),
        get("/v1/jobs/{job_id}", R::View, jobs::show),
        get("/v1/inbox", R::View, inbox::list),
        get("/v1/inbox/{request_id}", R::View, inbox::show),
        post("/v1/inbox/{request_id}:answer", R::Answer, answer::answer),
        post("/v1/inbox/{request_id}:stand", R::Answer, standing::give),
        get("/v1/approvals/standing", R::ViewAll, standing::list),
        post(
            "/v1/approvals/standing/{standing_id}:revoke",
            R::Revoke,
            standing::revoke,
        ),
        post("/v1/plans:validate", R::View, plans::validate),
        post("/v1/plans:evaluate", R::View, plans::evaluate),
        get("/v1/plans", R::ViewAll, plans::list),
        get("/v1/plans/{plan_hash}", R::View, plans::show),
        get("/v1/policies", R::ViewAll, policies::show),
        post("/v1/policies:check", R::ViewAll, policies::check),
        post("/v1/policies:backtest", R::ViewAll, policies::backtested),
        get("/v1/tools", R::View, tools::list),
        get("/v1/tools/{name}", R::View, tools::show),
        post("/v1/tools/{name}:disable", R::Operate, tools::disable),
        post("/v1/tools/{name}:enable", R::Operate, tools::enable),
        post("/v1/tools/{name}:restart", R::Operate, tools::restart),
        post("/v1/tools/{name}:accept", R::Operate, tools::accept),
        get("/v1/sessions", R::ViewAll, sessions::list),
        get("/v1/sessions/{session}", R::View, sessions::show),
        get("/v1/freeze", R::View, switch::show),
        post("/v1/freeze", R::Stop, switch::freeze),
        post("/v1/thaw", R::Operate, switch::thaw),
        get("/v1/keys", R::SeeKeys, keys::list),
        post("/v1/keys", R::Administer, keys::create),
        post("/v1/keys/{key_id}:revoke", R::Administer, keys::revoke),
        get("/v1/audit/head", R::Audit, audit::head),
        post("/v1/audit:verify", R::Audit, audit::verified),
        get("/v1/audit/export", R::Audit, audit::exported),
        get("/v1/audit/events", R::Audit, audit::events),
        get("/v1/whoami", R::View, who::whoami),
        open(post("/login", R::View, who::log_in)),
        post("/logout", R::View, who::log_out),
        get("/metrics", R::ViewAll, metrics::show),
        open(get("/health/live", R::View, health::live)),
        open(get("/health/ready", R::View, health::ready)),
    ]
}

/// The router over the table, and over the pages beside it.
pub(crate) fn router(site: &Arc<Site>) -> Router {
    let mut router: Router<Arc<Site>> = Router::new();
    for route in table() {
        let handler = match route.needs {
            None => route.handler,
            Some(needs) => guard::guarded(site, needs, route.handler),
        };
        let path = route.path;
        let labelled = map_response(move |response| labelled(response, path));
        let handler = handler.route_layer(labelled);
        router = router.route(&verb::route(route.path), handler);
    }
    let pages = map_response(|response| labelled(response, "page"));
    router
        .merge(page::router().route_layer(pages))
        .fallback(absent)
        .method_not_allowed_fallback(other_method)
        .with_state(site.clone())
}

/// What was asked for as the table has it: of what people ask there is no end, of this there is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Template(pub(crate) &'static str);

async fn labelled(mut response: Response, path: &'static str) -> Response {
    response.extensions_mut().insert(Template(path));
    response
}

async fn absent(uri: Uri) -> Problem {
    Problem::not_found("page", uri.path())
}

async fn other_method(method: Method) -> Problem {
    Problem::http(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("this page does not take {method}"),
    )
}
