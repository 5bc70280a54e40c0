//! What stands before a route: who asks, how often, and whether they may.

use crate::access::{Caller, Right, identify};
use crate::problem::Problem;
use crate::site::Site;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::MethodRouter;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;

/// The address that a request comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

impl Peer {
    /// Where a request comes from; what does not say comes from nowhere that is near.
    pub(super) fn of(extensions: &axum::http::Extensions) -> IpAddr {
        let unknown = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        extensions.get::<Peer>().map_or(unknown, |peer| peer.0)
    }
}

/// The route, for those who have the right.
pub(super) fn guarded(
    site: &Arc<Site>,
    needs: Right,
    handler: MethodRouter<Arc<Site>>,
) -> MethodRouter<Arc<Site>> {
    let means = (site.clone(), needs);
    handler.route_layer(from_fn_with_state(means, guard))
}

/// A request for what stands beside the routes, which is told who asks.
///
/// # Errors
/// Why they may not.
pub(crate) async fn let_beside(
    site: &Arc<Site>,
    needs: Right,
    request: Request,
) -> Result<Request, Problem> {
    let (mut request, caller) = let_in(site, needs, request).await?;
    request.extensions_mut().insert(caller.principal.clone());
    request.extensions_mut().insert(caller);
    Ok(request)
}

async fn guard(
    State((site, needs)): State<(Arc<Site>, Right)>,
    request: Request,
    next: Next,
) -> Response {
    match let_in(&site, needs, request).await {
        Ok((mut request, caller)) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

/// The request again, and who sends it.
async fn let_in(
    site: &Arc<Site>,
    needs: Right,
    request: Request,
) -> Result<(Request, Caller), Problem> {
    // A body cannot be lent to what waits.
    let (parts, body) = request.into_parts();
    let peer = Peer::of(&parts.extensions);
    let caller = known(site, needs, (&parts.method, &parts.headers, peer)).await?;
    Ok((Request::from_parts(parts, body), caller))
}

async fn known(
    site: &Arc<Site>,
    needs: Right,
    (method, headers, peer): (&Method, &HeaderMap, IpAddr),
) -> Result<Caller, Problem> {
    let found = identify(site, method, headers, peer).await?;
    let caller = found.ok_or_else(|| Problem::unauthenticated("nobody is logged in"))?;
    let whose = caller.principal.key.as_ref();
    let whose = whose.unwrap_or(&caller.principal.name);
    site.rates.take(whose, Instant::now()).map_err(|after_s| {
        let most = site.settings.requests_per_minute.unwrap_or_default();
        Problem::too_many(format!("more than {most} requests in a minute"), after_s)
    })?;
    caller.must(needs)?;
    Ok(caller)
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let caller = parts.extensions.get::<Caller>();
        caller.cloned().ok_or_else(Problem::internal)
    }
}
