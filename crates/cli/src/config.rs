//! Configuration: from `/etc`, the user, the project, the environment and flags to one set of settings.
//!
//! Each source is read into a [`layer::Layer`] that knows every value's place; [`keys`] lists what can be set and how
//! a later source may change what an earlier one said; [`merge`] puts the layers on top of each other.

pub(crate) mod client_file;
mod environment;
mod key;
pub(crate) mod keys;
mod layer;
mod merge;
mod observability;
mod place;
pub(crate) mod policy;
pub(crate) mod servers_file;
pub(crate) mod template;

use crate::errors::Failure;
use layer::Layer;
use mandate_host::{Gateway, OnChange, Unplanned};
use mandate_mcp::{GatewaySettings, ToolsList};
use mandate_policy::{Limits, Rules};
use mandate_rules::Active;
use mandate_server::ServerSettings;
use mandate_server::telemetry::Export;
use mandate_tools::{McpServerConfig, OwnToolConfig, SecretConfig, ToolsConfig, server_names};
use merge::Merged;
pub(crate) use observability::{Log, Style};
pub(crate) use place::Place;
pub(crate) use policy::{Policies, SetPaths, broken};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// The name of a configuration file.
pub(crate) const FILE_NAME: &str = "mandate.toml";
/// The data directory beside it.
pub(crate) const DATA_NAME: &str = ".mandate";
/// How many calls a session may make where nothing else is set.
const CALLS_PER_SESSION: u64 = 100;
const SYSTEM_FILE: &str = "/etc/mandate/mandate.toml";

/// What all sources together say.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Where journal and blobs are.
    pub(crate) data_dir: PathBuf,
    /// What made it that directory.
    pub(crate) data_dir_from: String,
    /// The folder that file and process tools work in where no roots are set.
    pub(crate) project: PathBuf,
    /// How many executions may be active at a time.
    pub(crate) max_active: usize,
    /// Where notices go, and what they are signed with.
    pub(crate) notify: Option<Notify>,
    /// The policy.
    pub(crate) rules: Arc<dyn Rules>,
    /// What becomes of executions that began under another policy.
    pub(crate) on_change: OnChange,
    /// The same policy with its sets.
    pub(crate) policy: Arc<Active>,
    /// The limits that the configuration sets, whatever the policy says.
    pub(crate) limits: Limits,
    /// What agents may do.
    pub(crate) gateway: Gateway,
    /// What MCP clients are shown.
    pub(crate) mcp: GatewaySettings,
    /// How the HTTP API is served.
    pub(crate) server: ServerSettings,
    /// What is logged, and how.
    pub(crate) log: Log,
    /// Where traces go.
    pub(crate) traces: Option<Export>,
    /// The policy that is asked beside the one in force; or why it cannot be.
    pub(crate) shadow: Option<policy::Shadow>,
    /// What its sets were read from; empty where the starter set holds.
    pub(crate) policy_sets: Vec<SetPaths>,
    /// The tools' part.
    pub(crate) tools: ToolsConfig,
    /// A tool of a server is not accepted by its first use.
    pub(crate) require_accepted_tools: bool,
    /// Where each value that is set comes from.
    pub(crate) places: BTreeMap<String, Place>,
    /// The files that were read.
    pub(crate) files: Vec<PathBuf>,
    /// Variables that look like settings and are none.
    pub(crate) strange_variables: Vec<String>,
}

impl Settings {
    /// What no file tool may touch: data and configuration.
    pub(crate) fn protected(&self) -> Vec<PathBuf> {
        let mut paths = vec![self.data_dir.clone(), self.project.join(DATA_NAME)];
        paths.push(PathBuf::from("/etc/mandate"));
        paths.extend(
            user_file()
                .as_deref()
                .and_then(Path::parent)
                .map(Path::to_owned),
        );
        paths.push(self.project.join(FILE_NAME));
        paths.push(self.project.join(policy::DIR_NAME));
        paths.extend(self.policy_sets.iter().flat_map(SetPaths::all));
        paths.extend(self.shadow.iter().map(|shadow| shadow.path.clone()));
        paths.extend(self.files.iter().cloned());
        paths.extend(
            self.notify
                .iter()
                .filter_map(|notify| notify.secret.file.clone()),
        );
        paths.sort();
        paths.dedup();
        paths
    }
}

/// Reads all sources.
///
/// # Errors
/// A source that cannot be read, is not valid, or widens what an earlier one set.
pub(crate) fn load(
    data_dir_flag: Option<&Path>,
    policies: Policies<'_>,
) -> Result<Settings, Failure> {
    let here = std::env::current_dir()
        .map_err(|error| Failure::io("cannot tell the current directory", &error))?;
    let project_file = nearest(&here);
    let mut files = vec![PathBuf::from(SYSTEM_FILE)];
    files.extend(user_file());
    files.extend(project_file.clone());
    files.dedup();

    let mut layers = Vec::new();
    let mut read = Vec::new();
    for path in files {
        if let Some(layer) = Layer::read(&path)? {
            layers.push(layer);
            read.push(path);
        }
    }
    let (variables, strange_variables) = environment::layer(std::env::vars_os(), &here)?;
    layers.push(variables);
    let policy_sets = policy::sets(&layers, policies.further(), &here);
    let merged = merge::merge(layers)?;
    let policy = Arc::new(match policies {
        Policies::Unread => Active::new(Vec::new(), Limits::default()),
        Policies::With(_) => {
            policy::active(&policy_sets, policies.further().len(), limits(&merged))?
        }
    });

    let project = project_file
        .as_deref()
        .and_then(Path::parent)
        .unwrap_or(&here)
        .to_owned();
    let (data_dir, data_dir_from) =
        data_dir(&merged, data_dir_flag, project_file.as_deref(), &here)?;
    let tools = tools(&merged)?;
    Ok(Settings {
        data_dir,
        data_dir_from,
        project,
        max_active: max_active(&merged),
        notify: notify(&merged, &tools.secrets)?,
        rules: policy.clone(),
        on_change: on_change(&merged)?,
        policy,
        limits: limits(&merged),
        gateway: gateway(&merged)?,
        mcp: mcp(&merged, &tools)?,
        server: server(&merged),
        log: observability::log(&merged)?,
        traces: observability::traces(&merged, |name| std::env::var(name).ok())?,
        shadow: match policies {
            Policies::Unread => None,
            Policies::With(_) => policy::shadow(&merged, limits(&merged)),
        },
        policy_sets,
        tools,
        require_accepted_tools: matches!(
            merged.get("require_accepted_tools"),
            Some((Value::Bool(true), _))
        ),
        places: merged.places,
        files: read,
        strange_variables,
    })
}

fn limits(merged: &Merged) -> Limits {
    let set = |path: &str| merged.get(path).and_then(|(value, _)| value.as_u64());
    Limits {
        calls_per_session: Some(set("limits.calls_per_session").unwrap_or(CALLS_PER_SESSION)),
        calls_per_minute: set("limits.calls_per_minute"),
    }
}

/// What agents may do.
fn gateway(merged: &Merged) -> Result<Gateway, Failure> {
    let number = |path: &str| merged.get(path).and_then(|(value, _)| value.as_u64());
    let default = Gateway::default();
    let unplanned = match merged.get("gateway.unplanned") {
        None => Unplanned::Refuse,
        Some((value, place)) => match value.as_str() {
            Some("refuse") => Unplanned::Refuse,
            Some("ask") => Unplanned::Ask,
            _ => {
                return Err(Failure::config(format!(
                    "{place}: `gateway.unplanned` is `refuse` or `ask`, not {value}"
                )));
            }
        },
    };
    let idle_ms = number("gateway.agent_idle_ms");
    let allowed = merged.get("gateway.allow_unplanned");
    Ok(Gateway {
        agent_idle_ms: idle_ms.map(|idle_ms| i64::try_from(idle_ms).unwrap_or(i64::MAX)),
        refusals_per_minute: number("gateway.refusals_per_minute")
            .unwrap_or(default.refusals_per_minute),
        unplanned,
        allow_unplanned: matches!(allowed, Some((Value::Bool(true), _))),
        scan_outputs: matches!(
            merged.get("gateway.scan_outputs"),
            Some((Value::Bool(true), _))
        ),
    })
}

/// What MCP clients are shown.
fn mcp(merged: &Merged, tools: &ToolsConfig) -> Result<GatewaySettings, Failure> {
    let default = GatewaySettings::default();
    let tools_list = match merged.get("gateway.tools_list") {
        None => default.tools_list,
        Some((value, place)) => match value.as_str() {
            Some("current") => ToolsList::Current,
            Some("stable") => ToolsList::Stable,
            _ => {
                return Err(Failure::config(format!(
                    "{place}: `gateway.tools_list` is `current` or `stable`, not {value}"
                )));
            }
        },
    };
    let set = |path: &str| merged.get(path).map(|(value, _)| value);
    let most = set("gateway.max_output_bytes").and_then(Value::as_u64);
    let url = set("gateway.approval_url").and_then(Value::as_str);
    Ok(GatewaySettings {
        tools_list,
        max_output_bytes: most.map_or(default.max_output_bytes, |most| {
            usize::try_from(most).unwrap_or(usize::MAX)
        }),
        ask_client: matches!(set("gateway.ask_client"), Some(Value::Bool(true))),
        approval_url: url.map(str::to_owned),
        task_after: match set("gateway.task_after_ms").and_then(Value::as_u64) {
            None => default.task_after,
            Some(0) => None,
            Some(after_ms) => Some(Duration::from_millis(after_ms)),
        },
        plain: plain_names(tools),
    })
}

/// The servers whose tools are called by their own names. What is wrong with names is told where the tools are set up.
fn plain_names(tools: &ToolsConfig) -> BTreeSet<String> {
    let names = server_names(&tools.mcp_servers, &BTreeSet::new()).unwrap_or_default();
    let plain = |key: &String| {
        let server = tools.mcp_servers.get(key);
        server.is_some_and(|server| server.plain_names)
    };
    let named = names.into_iter().filter(|(_, key)| plain(key));
    named.map(|(name, _)| name).collect()
}

/// How the HTTP API is served.
fn server(merged: &Merged) -> ServerSettings {
    let set = |name: &str| {
        merged
            .get(&format!("server.{name}"))
            .map(|(value, _)| value)
    };
    let ms = |name: &str| set(name).and_then(Value::as_u64).map(Duration::from_millis);
    let texts = |value: &Value| -> Vec<String> {
        let all = value.as_array().into_iter().flatten();
        all.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let default = ServerSettings::default();
    let bytes = set("max_body_bytes").and_then(Value::as_u64);
    let rate = set("requests_per_minute").and_then(Value::as_u64);
    ServerSettings {
        listen: { set("listen").and_then(Value::as_str) }.map_or(default.listen, str::to_owned),
        allowed_hosts: set("allowed_hosts").map(texts).unwrap_or_default(),
        behind_tls: matches!(set("behind_tls"), Some(Value::Bool(true))),
        requests_per_minute: rate.map(|rate| u32::try_from(rate).unwrap_or(u32::MAX)),
        max_body_bytes: bytes.map_or(default.max_body_bytes, |bytes| {
            usize::try_from(bytes).unwrap_or(usize::MAX)
        }),
        read_timeout: ms("read_timeout_ms").unwrap_or(default.read_timeout),
        session_idle: ms("session_idle_ms").unwrap_or(default.session_idle),
        session_lasts: ms("session_lasts_ms").unwrap_or(default.session_lasts),
    }
}

/// Where notices go, and where the secret is that they are signed with.
#[derive(Debug, Clone)]
pub(crate) struct Notify {
    pub(crate) url: String,
    /// What messages call the secret.
    pub(crate) secret_name: String,
    pub(crate) secret: SecretConfig,
}

fn notify(
    merged: &Merged,
    secrets: &BTreeMap<String, SecretConfig>,
) -> Result<Option<Notify>, Failure> {
    let set = |path: &str| {
        let set = merged.get(path).and_then(|(value, _)| value.as_str());
        set.map(str::to_owned)
    };
    let Some(url) = set("notify.webhook") else {
        return Ok(None);
    };
    let (secret_name, secret) = match (set("notify.secret"), set("notify.secret_file")) {
        (None, Some(file)) => {
            let secret = SecretConfig {
                file: Some(file.into()),
                ..SecretConfig::default()
            };
            ("notify.secret_file".to_owned(), secret)
        }
        (Some(name), None) => {
            let secret = secrets.get(&name).cloned().ok_or_else(|| {
                Failure::config(format!(
                    "`notify.secret` names `{name}`, which is not there"
                ))
                .remedy(format!(
                    "add `[secrets.{name}]` with one of `env`, `file` and `command`"
                ))
            })?;
            (name, secret)
        }
        (Some(_), Some(_)) => {
            return Err(
                Failure::config("`notify.secret` and `notify.secret_file` are both set")
                    .remedy("keep one of them"),
            );
        }
        (None, None) => {
            return Err(Failure::config("`notify.webhook` is set without a secret").remedy(
                "notices are signed: name one of `[secrets]` with `notify.secret`, or a file with `notify.secret_file`; 16 bytes or more",
            ));
        }
    };
    Ok(Some(Notify {
        url,
        secret_name,
        secret,
    }))
}

fn on_change(merged: &Merged) -> Result<OnChange, Failure> {
    let Some((value, place)) = merged.get("policy.on_change") else {
        return Ok(OnChange::default());
    };
    match value.as_str() {
        Some("re-evaluate") => Ok(OnChange::ReEvaluate),
        Some("pin") => Ok(OnChange::Pin),
        _ => Err(Failure::config(format!(
            "{place}: `policy.on_change` is `re-evaluate` or `pin`, not {value}"
        ))),
    }
}

fn max_active(merged: &Merged) -> usize {
    let set = merged.get("limits.max_active_executions");
    let set = set.and_then(|(value, _)| usize::try_from(value.as_u64()?).ok());
    set.unwrap_or(mandate_host::MAX_ACTIVE)
}

fn tools(merged: &Merged) -> Result<ToolsConfig, Failure> {
    let mut whole = merged.to_value();
    if let Value::Object(map) = &mut whole {
        map.remove("data_dir");
        map.remove("mcp_servers_file");
        map.remove("limits");
        map.remove("gateway");
        map.remove("policy");
        map.remove("notify");
        map.remove("server");
        map.remove("log");
        map.remove("telemetry");
        map.remove("require_accepted_tools");
    }
    check_tables::<McpServerConfig>(merged, "mcpServers")?;
    check_tables::<OwnToolConfig>(merged, "tools")?;
    let tools: ToolsConfig = serde_json::from_value(whole)
        .map_err(|error| Failure::config(format!("the configuration cannot be used: {error}")))?;
    for (name, server) in &tools.mcp_servers {
        if let Some(key) = server.unknown.keys().next() {
            let path = format!("mcpServers.{name}");
            let place = merged.places.get(&path);
            let place = place.map(ToString::to_string).unwrap_or_default();
            let message = format!("{place}: there is no setting `{path}.{key}`");
            return Err(Failure::config(message)
                .remedy(format!("there are {}", McpServerConfig::KEYS.join(", "))));
        }
    }
    Ok(tools)
}

/// Reads the tables of a section one by one, so that a mistake has its place.
fn check_tables<T: DeserializeOwned>(merged: &Merged, section: &str) -> Result<(), Failure> {
    for (path, value) in merged.beneath(section) {
        if let Err(error) = serde_json::from_value::<T>(value.clone()) {
            let place = merged.places.get(&path);
            let place = place.map(ToString::to_string).unwrap_or_default();
            return Err(Failure::config(format!(
                "{place}: `{path}` cannot be used: {error}"
            )));
        }
    }
    Ok(())
}

fn data_dir(
    merged: &Merged,
    flag: Option<&Path>,
    project_file: Option<&Path>,
    here: &Path,
) -> Result<(PathBuf, String), Failure> {
    if let Some(dir) = flag {
        return Ok((here.join(dir), "`--data-dir`".to_owned()));
    }
    if let Some((Value::String(dir), place)) = merged.get("data_dir") {
        return Ok((PathBuf::from(dir), place.to_string()));
    }
    if let Some(file) = project_file {
        let beside = file.parent().unwrap_or(here).join(DATA_NAME);
        return Ok((beside, format!("beside {}", file.display())));
    }
    let user = std::env::var_os("XDG_DATA_HOME")
        .map(PathBuf::from)
        .filter(|dir| dir.is_absolute())
        .or_else(|| {
            etcetera::home_dir()
                .ok()
                .map(|home| home.join(".local/share"))
        });
    match user {
        Some(dir) => Ok((dir.join("mandate"), "no `mandate.toml` here".to_owned())),
        None => Err(
            Failure::config("there is no home directory to keep data in")
                .remedy("give `--data-dir`, or write a `mandate.toml` with `mandate init`"),
        ),
    }
}

/// The file in the user's configuration directory.
pub(crate) fn user_file() -> Option<PathBuf> {
    let dir = std::env::var_os("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .filter(|dir| dir.is_absolute())
        .or_else(|| etcetera::home_dir().ok().map(|home| home.join(".config")))?;
    Some(dir.join("mandate").join(FILE_NAME))
}

/// The nearest `mandate.toml` in this directory or above it.
fn nearest(from: &Path) -> Option<PathBuf> {
    from.ancestors()
        .map(|dir| dir.join(FILE_NAME))
        .find(|file| file.is_file())
}
