//! The tools that plans can call, set up as configured.

use crate::{config::Settings, errors::Failure};
use mandate_plan::Document;
use mandate_tools::{
    ConfiguredSecrets, Confining, MCP_PATIENCE, McpSettings, OwnTools, Registry, Runner, ToolLock,
    builtins, mcp_servers, server_names,
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use tokio::runtime::Handle;

/// Where definitions of tool servers are kept, in the data directory.
const KEPT: &str = "tool-servers";
/// Where it is kept what was accepted of them.
const LOCK: &str = "tools.lock";

/// The registry with every tool that is known. No tool server is started: see [`prepare`].
///
/// # Errors
/// A part of the configuration that cannot be used.
pub(crate) fn registry(settings: &Settings) -> Result<Arc<Registry>, Failure> {
    registry_on(settings, None)
}

/// The same; tool servers are on `runtime`, which lives as long as the process.
///
/// # Errors
/// The same.
pub(crate) fn registry_on(
    settings: &Settings,
    runtime: Option<Handle>,
) -> Result<Arc<Registry>, Failure> {
    let unusable = |error: &dyn std::error::Error| {
        Failure::config(format!("the tools cannot be set up: {error}"))
            .remedy("`mandate doctor` shows what is set, and where")
    };
    let (tools, project) = (&settings.tools, &settings.project);
    let lock = settings.data_dir.join(LOCK);
    let lock = ToolLock::open(lock, settings.require_accepted_tools);
    let lock = Arc::new(lock.map_err(|error| unusable(&error))?);
    let registry = Arc::new(Registry::locked(lock.clone()));
    let builtins = builtins(tools, project, &settings.protected());
    let secrets = secrets(settings);
    let confining = Confining::new(&settings.protected(), &tools.sandbox);
    let basics = &tools.process.env;
    let own = OwnTools::new(&tools.tools, project, basics, secrets.clone(), &confining);
    let own = own.map_err(|error| unusable(&error))?;
    let names = server_names(&tools.mcp_servers, &own.servers());
    let names = names.map_err(|error| unusable(&error))?;
    let shared = McpSettings {
        project,
        env: &tools.process.env,
        cache: Some(settings.data_dir.join(KEPT)),
        secrets,
        confining,
        lock,
        callers: registry.callers().clone(),
        patience: MCP_PATIENCE,
        runtime,
    };
    let mut providers = builtins.map_err(|error| unusable(&error))?;
    providers.push(Arc::new(own));
    providers.extend(mcp_servers(&names, &tools.mcp_servers, &shared));
    for provider in providers {
        registry.add(provider).map_err(|error| unusable(&error))?;
    }
    Ok(registry)
}

/// Starts the tool servers that a plan names, so that their tools are known as they are now.
///
/// # Errors
/// A server that does not work.
pub(crate) fn prepare(registry: &Registry, plan: &Document) -> Result<(), Failure> {
    let mut named = BTreeSet::new();
    tools_named(plan.value(), &mut named);
    working(wait(registry.prepare(&named))?)?;
    let names = named.iter().map(String::as_str);
    registry.usable(names).map_err(Failure::of_tool)
}

/// The same for one tool.
///
/// # Errors
/// Its server does not work.
pub(crate) fn prepare_tool(registry: &Registry, tool: &str) -> Result<(), Failure> {
    working(wait(registry.prepare(&BTreeSet::from([tool.to_owned()])))?)?;
    registry.usable([tool]).map_err(Failure::of_tool)
}

/// Starts the server of one tool or of one server's tools, whether or not plans may use it.
///
/// # Errors
/// It does not work.
pub(crate) fn learn(registry: &Registry, name: &str) -> Result<(), Failure> {
    let server = name.split_once('.').map_or(name, |(server, _)| server);
    working(wait(
        registry.prepare(&BTreeSet::from([format!("{server}.")])),
    )?)
}

/// Starts the tool servers whose tools were never heard of; what does not work is told by server.
///
/// # Errors
/// The system gives no thread.
pub(crate) fn discover(registry: &Registry) -> Result<BTreeMap<String, String>, Failure> {
    wait(registry.discover())
}

/// Starts every tool server; what does not work is told by server.
///
/// # Errors
/// The system gives no thread.
pub(crate) fn prepare_all(registry: &Registry) -> Result<BTreeMap<String, String>, Failure> {
    wait(registry.prepare_all())
}

fn working(broken: BTreeMap<String, String>) -> Result<(), Failure> {
    match broken.into_values().next() {
        None => Ok(()),
        Some(why) => Err(Failure::config(why).remedy(
            "mend its entry in `mcpServers`; `mandate doctor` starts every server and tells",
        )),
    }
}

pub(crate) fn wait<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    crate::open_files::enough()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| Failure::io("cannot wait for tool servers", &error))?;
    Ok(runtime.block_on(work))
}

/// Every `tool` in the document, wherever it stands: it may not be a valid plan yet.
fn tools_named(value: &Value, named: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(tool)) = map.get("tool") {
                named.insert(tool.clone());
            }
            map.values().for_each(|value| tools_named(value, named));
        }
        Value::Array(items) => items.iter().for_each(|value| tools_named(value, named)),
        _ => {}
    }
}

/// The one tool runner over a registry.
pub(crate) fn runner(settings: &Settings, registry: Arc<Registry>) -> Arc<Runner> {
    Arc::new(Runner::new(registry, secrets(settings)))
}

fn secrets(settings: &Settings) -> Arc<ConfiguredSecrets> {
    Arc::new(ConfiguredSecrets::new(settings.tools.secrets.clone()))
}
