//! A handler that does nothing: what the libraries, the kernel and the client cost.

use crate::failure::Failure;
use axum::{Json, Router, routing};
use serde_json::{Value, json};
use std::net::SocketAddr;
use tokio::runtime::Runtime;

/// It, as long as it is kept.
pub(super) struct Bare {
    address: SocketAddr,
    _runtime: Runtime,
}

impl Bare {
    pub(super) fn start() -> Result<Self, Failure> {
        let failed = Failure::doing("start the bare handler");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(failed)?;
        let listen = tokio::net::TcpListener::bind("127.0.0.1:0");
        let listener = runtime
            .block_on(listen)
            .map_err(Failure::doing("listen for the bare handler"))?;
        let address = listener
            .local_addr()
            .map_err(Failure::doing("listen for the bare handler"))?;
        let answer = || json!({ "status": "live" });
        let router = Router::new().route(
            "/",
            routing::get(move || async move { Json(answer()) })
                .post(move |Json(_): Json<Value>| async move { Json(answer()) }),
        );
        runtime.spawn(async move { axum::serve(listener, router).await });
        Ok(Self {
            address,
            _runtime: runtime,
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}
