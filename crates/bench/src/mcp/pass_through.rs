//! A gateway that does nothing but pass on: what the library itself costs, over the transports that Mandate's gateway has.

use crate::{arguments::PassThroughArguments, failure::Failure};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, ClientConfig, ListToolsResult, PaginatedRequestParams,
    ProtocolVersion, ServerCapabilities, ServerConfig,
};
use rmcp::service::{Peer, RequestContext, RoleClient, RoleServer};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData, ServerHandler, ServiceExt as _};
use std::{process::Stdio, sync::Arc};

/// Passes on.
#[derive(Clone)]
struct PassThrough(Peer<RoleClient>);

impl ServerHandler for PassThrough {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let listed = self.0.list_tools(request).await;
        listed.map_err(|error| ErrorData::internal_error(error.to_string(), None))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let called = self.0.call_tool_once(request).await;
        called.map_err(|error| ErrorData::internal_error(error.to_string(), None))
    }
}

/// Runs until its client closes its end, or, over HTTP, until it is killed.
pub(crate) fn run(arguments: &PassThroughArguments) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::doing("start threads"))?;
    runtime.block_on(serve(arguments))
}

async fn serve(arguments: &PassThroughArguments) -> Result<(), Failure> {
    let wrong = |error: &dyn std::fmt::Display| Failure::Wrong(error.to_string());
    let mut command = tokio::process::Command::new(&arguments.server);
    command.arg("stdio").kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let spawned = command.stderr(Stdio::null()).spawn();
    let mut child = spawned.map_err(Failure::doing("start the server"))?;
    let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(Failure::Wrong("a server without pipes".to_owned()));
    };
    let mut config = ClientConfig::default();
    config.protocol_version = ProtocolVersion::LATEST_WITH_INITIALIZE;
    let below = config.serve((output, input)).await;
    let below = below.map_err(|error| wrong(&error))?;
    let passes = PassThrough(below.peer().clone());
    if !arguments.http {
        let served = passes.serve(rmcp::transport::stdio()).await;
        let running = served.map_err(|error| wrong(&error))?;
        running.waiting().await.map_err(|error| wrong(&error))?;
        return Ok(());
    }
    let config = StreamableHttpServerConfig::default().with_json_response(true);
    let sessions = Arc::new(LocalSessionManager::default());
    let service = StreamableHttpService::new(move || Ok(passes.clone()), sessions, config);
    let listening = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let listener = listening.map_err(Failure::doing("listen"))?;
    let address = listener.local_addr();
    println!("{}", address.map_err(Failure::doing("listen"))?);
    loop {
        let accepted = listener.accept().await;
        let (stream, _) = accepted.map_err(Failure::doing("accept"))?;
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(service.clone());
        tokio::spawn(async move {
            let served = hyper::server::conn::http1::Builder::new();
            let _ = served.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
