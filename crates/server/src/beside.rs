//! What is served beside the API, under paths of its own, to those who may have plans run. It is no part of the router, which
//! would copy it, and whatever is put around it, with every request.

use crate::access::Right;
use crate::routes::{Template, let_beside};
use crate::site::Site;
use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use futures_util::future::{BoxFuture, Either};
use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower::util::Oneshot;
use tower::{Service, ServiceExt as _};

/// What is served beside the API.
pub trait Beside: Send + Sync {
    /// Whether it answers what is asked under that path.
    fn has(&self, path: &str) -> bool;

    /// Answers a request, which carries the [`Principal`](mandate_policy::Principal) of whoever asks.
    fn answer(self: Arc<Self>, request: Request) -> BoxFuture<'static, Response>;
}

/// The router, and what stands beside it.
#[derive(Clone)]
pub(crate) struct Answering {
    pub(crate) site: Arc<Site>,
    pub(crate) router: Router,
    pub(crate) beside: Option<Arc<dyn Beside>>,
}

impl Service<Request> for Answering {
    type Response = Response;
    type Error = Infallible;
    type Future =
        Either<BoxFuture<'static, Result<Response, Infallible>>, Oneshot<Router, Request>>;

    /// Always: neither of the two keeps anybody waiting.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let path = request.uri().path();
        let Some(beside) = self.beside.clone().filter(|beside| beside.has(path)) else {
            return Either::Right(self.router.clone().oneshot(request));
        };
        let site = self.site.clone();
        Either::Left(Box::pin(async move {
            let mut response = match let_beside(&site, Right::Submit, request).await {
                Ok(request) => beside.answer(request).await,
                Err(problem) => problem.into_response(),
            };
            response.extensions_mut().insert(Template("beside"));
            Ok(response)
        }))
    }
}
