//! The API's description, made from the routes themselves.

use crate::problem::ProblemBody;
use crate::routes::{
    answer, audit, enforce, events, executions, health, inbox, jobs, keys, metrics, plans,
    policies, sessions, standing, steer, steps, submit, switch, tools, watch, who,
};
use crate::view;
use std::sync::LazyLock;
use utoipa::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Required, ResponseBuilder, SecurityRequirement};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Mandate",
        description = "Runs the plans that AI agents make, and nothing else. `docs/http-api.md` is the guide.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    paths(
        submit::create,
        executions::list,
        watch::watch,
        executions::show,
        executions::replayed,
        executions::plan,
        executions::decision,
        executions::timeline,
        executions::output,
        executions::context,
        events::events,
        steps::show,
        steps::resolve,
        steer::cancel,
        steer::pause,
        steer::resume,
        steer::carry_on,
        steer::revoke,
        steer::override_step,
        submit::replan,
        submit::rerun,
        enforce::token,
        enforce::enforce,
        enforce::complete,
        jobs::analyze,
        jobs::show,
        inbox::list,
        inbox::show,
        answer::answer,
        standing::give,
        standing::list,
        standing::revoke,
        plans::validate,
        plans::evaluate,
        plans::list,
        plans::show,
        policies::show,
        policies::check,
        policies::backtested,
        tools::list,
        tools::show,
        tools::disable,
        tools::enable,
        tools::restart,
        tools::accept,
        sessions::list,
        sessions::show,
        switch::show,
        switch::freeze,
        switch::thaw,
        keys::list,
        keys::create,
        keys::revoke,
        audit::head,
        audit::verified,
        audit::exported,
        audit::events,
        who::whoami,
        who::log_in,
        who::log_out,
        metrics::show,
        health::live,
        health::ready,
    ),
    components(schemas(ProblemBody, view::ChainedEvent, view::RowView))
)]
struct Description;

/// The API's description.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    let mut document = Description::openapi();
    document.info.version = env!("CARGO_PKG_VERSION").to_owned();
    let components = document.components.get_or_insert_default();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    let cookie = ApiKeyValue::new("mandate");
    components.add_security_scheme("key", SecurityScheme::Http(bearer));
    components.add_security_scheme("console", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    let either = ["key", "console"].map(|scheme| SecurityRequirement::new(scheme, [""; 0]));
    document.security = Some(either.to_vec());
    // Everything that is no success is a problem.
    let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem")));
    let problem = ResponseBuilder::new()
        .description("why it was not done")
        .content("application/problem+json", problem.build())
        .build();
    for item in document.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.post].into_iter().flatten();
        for operation in operations {
            if let Some(RefOr::T(body)) = &mut operation.request_body
                && body.description.as_deref() == Some(LEFT_OUT)
            {
                body.required = Some(Required::False);
            }
            let responses = &mut operation.responses.responses;
            for response in responses.values_mut() {
                // A response without words is no response of OpenAPI: generators of clients refuse it.
                if let RefOr::T(response) = response
                    && response.description.is_empty()
                {
                    DONE.clone_into(&mut response.description);
                }
            }
            responses.insert("default".to_owned(), RefOr::T(problem.clone()));
            if let Some(unready) = responses.get_mut("503") {
                *unready = RefOr::T(problem.clone());
            }
        }
    }
    for route in crate::routes::table()
        .iter()
        .filter(|route| route.needs.is_none())
    {
        if let Some(item) = document.paths.paths.get_mut(route.path) {
            let operations = [&mut item.get, &mut item.post].into_iter().flatten();
            operations.for_each(|operation| operation.security = Some(Vec::new()));
        }
    }
    document
}

/// How a body is described that need not be there.
const LEFT_OUT: &str = "may be left out";
/// What an answer says of which nothing else is to be said.
const DONE: &str = "it was done";

static TEXT: LazyLock<String> = LazyLock::new(|| document().to_pretty_json().unwrap_or_default());

/// The API's description as JSON.
pub fn text() -> &'static str {
    &TEXT
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_route_is_described_and_nothing_else() {
        let paths = document().paths.paths;
        let described: BTreeSet<String> = { paths.iter() }
            .flat_map(|(path, item)| {
                let get = item.get.as_ref().map(|_| format!("GET {path}"));
                let post = item.post.as_ref().map(|_| format!("POST {path}"));
                get.into_iter().chain(post)
            })
            .collect();
        let table = crate::routes::table();
        let routed: BTreeSet<String> = { table.iter() }
            .map(|route| format!("{} {}", route.method, route.path))
            .collect();
        assert_eq!(described, routed);
    }

    #[test]
    fn every_operation_has_a_name_of_its_own() {
        let paths = document().paths.paths;
        let operations = { paths.values() }
            .flat_map(|item| [&item.get, &item.post])
            .flatten();
        let names: Vec<String> = { operations }
            .map(|operation| operation.operation_id.clone().unwrap_or_default())
            .collect();
        let distinct: BTreeSet<&String> = names.iter().collect();
        assert_eq!(names.len(), distinct.len());
    }
}
