//! The operator's own tools: `[[tools]]`, a program or an address each, JSON in and JSON out; or one that somebody outside
//! calls, and that is only declared here.

mod address;
mod config;
mod program;

pub use config::{OwnToolConfig, OwnToolKind, StatusConfig};

use crate::{
    Authorized, CallContext, Confining, Definition, Destination, FactsFrom, Fault, Outcome,
    Provider, Scrubber, SecretSource, SecretUse,
    builtin::process::confinement::Confinement,
    look_up::LOOK_UP,
    mcp::{RESERVED_SERVERS, is_name},
    secret::{resolve_all, secret_fault},
    sink::in_words,
};
use address::Address;
use futures_util::{FutureExt as _, future::BoxFuture};
use mandate_plan::{Digest, ErrorCode, Facts, ToolSpec};
use program::Program;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
    time::Duration,
};

/// The largest schema file, in bytes.
const MAX_SCHEMA_BYTES: u64 = 1024 * 1024;

/// All of the operator's own tools.
pub struct OwnTools {
    tools: BTreeMap<String, Arc<OwnTool>>,
    /// Where `${secrets.NAME}` in `env` and `headers` comes from.
    secrets: Arc<dyn SecretSource>,
}

struct OwnTool {
    definition: Definition,
    facts: Facts,
    sinks: BTreeMap<String, String>,
    /// The configuration says what it does.
    said: bool,
    way: Way,
    /// Its status look-up, and how long that may take.
    status: Option<(Way, Duration)>,
}

enum Way {
    Program(Program),
    Address(Address),
    /// Somebody outside calls it.
    Outside,
}

/// A tool that cannot be set up as configured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the tool `{name}` in `[[tools]]` cannot be set up: {why}")]
pub struct OwnToolError {
    name: String,
    why: String,
}

impl OwnTools {
    /// The tools as configured. Programs start in `project` unless they say otherwise, and see those variables of
    /// Mandate's environment that `basics` names; those with a `sandbox` are confined.
    ///
    /// # Errors
    /// The first tool that cannot be set up.
    pub fn new(
        configs: &BTreeMap<String, OwnToolConfig>,
        project: &Path,
        basics: &[String],
        secrets: Arc<dyn SecretSource>,
        confining: &Confining,
    ) -> Result<Self, OwnToolError> {
        let shared = Shared {
            project,
            basics,
            confining,
        };
        let mut tools = BTreeMap::new();
        for config in configs.values() {
            let tool = set_up(config, &shared).map_err(|why| OwnToolError {
                name: config.name.clone(),
                why,
            })?;
            tools.insert(config.name.clone(), Arc::new(tool));
        }
        Ok(Self { tools, secrets })
    }

    /// What stands before the dot in their names.
    pub fn servers(&self) -> BTreeSet<String> {
        let servers = self.tools.keys().filter_map(|name| name.split_once('.'));
        servers.map(|(server, _)| server.to_owned()).collect()
    }
}

/// What all of them are set up with.
struct Shared<'a> {
    project: &'a Path,
    basics: &'a [String],
    confining: &'a Confining,
}

fn set_up(config: &OwnToolConfig, shared: &Shared<'_>) -> Result<OwnTool, String> {
    let name = &config.name;
    match name.split_once('.') {
        Some((server, tool)) if is_name(server) && !tool.is_empty() => {
            if RESERVED_SERVERS.contains(&server) {
                return Err(format!("`{server}` is reserved for built-in tools"));
            }
        }
        _ => {
            return Err("its name is `server.tool`: the server a lower-case letter and then lower-case letters, digits and `-`".to_owned());
        }
    }
    let way = way(config, shared)?;
    let status = config
        .status
        .as_ref()
        .map(|status| status_way(config, status, shared))
        .transpose()
        .map_err(|why| format!("its `status`: {why}"))?;
    let input_schema = schema(config.input_schema.as_ref(), "input_schema")?
        .unwrap_or_else(|| json!({ "type": "object" }));
    let output_schema = schema(config.output_schema.as_ref(), "output_schema")?;
    let description = config.description.clone().unwrap_or_default();
    // Its own configuration is its definition. Values of `env` and `headers` may be secrets: they stay out of it.
    let mut raw = json!({
        "name": name,
        "description": description,
        "command": config.command,
        "url": config.url,
        "inputSchema": input_schema,
        "outputSchema": output_schema,
    });
    // What is said of its effect decides what may be repeated, its directory which program it is, its sandbox what it can
    // do.
    let kind = config.kind;
    let more = [
        ("kind", kind.map(|kind| json!(kind))),
        ("cwd", config.cwd.as_ref().map(|cwd| json!(cwd))),
        ("effect", config.effect.map(|effect| json!(effect))),
        ("idempotent", config.idempotent.map(Value::Bool)),
        ("openWorld", config.open_world.map(Value::Bool)),
        (
            "sandbox",
            config.sandbox.as_ref().map(|sandbox| json!(sandbox)),
        ),
    ];
    if let Some(raw) = raw.as_object_mut() {
        let said = more.into_iter();
        raw.extend(said.filter_map(|(key, value)| Some((key.to_owned(), value?))));
    }
    Ok(OwnTool {
        definition: Definition {
            spec: ToolSpec {
                name: name.clone(),
                description,
                input_schema,
                output_schema,
                digest: Digest::of_json(&raw),
                engine_handled: false,
                external: kind == Some(OwnToolKind::External),
            },
            raw,
        },
        facts: Facts {
            effect: config.effect.unwrap_or(Facts::WORST.effect),
            idempotent: config.idempotent.unwrap_or(Facts::WORST.idempotent),
            open_world: config.open_world.unwrap_or(Facts::WORST.open_world),
        },
        sinks: in_words(&config.sinks),
        said: config.effect.is_some(),
        way,
        status,
    })
}

fn way(config: &OwnToolConfig, shared: &Shared<'_>) -> Result<Way, String> {
    if config.kind == Some(OwnToolKind::External) {
        return called_outside(config);
    }
    match (&config.command, &config.url) {
        (Some(argv), None) => {
            if !config.headers.is_empty() {
                return Err("`headers` go with `url`, not with `command`".to_owned());
            }
            let cwd = config
                .cwd
                .as_ref()
                .map_or_else(|| shared.project.to_owned(), |cwd| shared.project.join(cwd));
            let sandbox = config.sandbox.as_ref();
            let confinement = sandbox.map(|sandbox| {
                Confinement::of_program(sandbox, shared.confining, shared.project, &cwd)
            });
            let (env, basics) = (&config.env, shared.basics);
            let program = Program::new(argv, env, basics, cwd, config.timeout_ms, confinement)?;
            Ok(Way::Program(program))
        }
        (None, Some(url)) => {
            if !config.env.is_empty() || config.cwd.is_some() || config.sandbox.is_some() {
                let message = "`env`, `cwd` and `sandbox` go with `command`, not with `url`";
                return Err(message.to_owned());
            }
            let address = Address::new(url, &config.headers, config.timeout_ms)?;
            Ok(Way::Address(address))
        }
        (Some(_), Some(_)) => Err("give `command` or `url`, not both".to_owned()),
        (None, None) => Err(
            "it has neither `command` nor `url`, nor `kind = \"external\"` for one that is called outside"
                .to_owned(),
        ),
    }
}

/// Nothing is started or sent here, unless it is to look up what became of a call.
fn called_outside(config: &OwnToolConfig) -> Result<Way, String> {
    let own = !config.env.is_empty() || config.cwd.is_some() || config.sandbox.is_some();
    let why = if config.command.is_some() || config.url.is_some() {
        "with `kind = \"external\"` it has neither `command` nor `url`: somebody outside calls it"
    } else if config.timeout_ms.is_some() {
        "with `kind = \"external\"` the time of a call is the step's `timeout_ms`, else `[gateway] agent_idle_ms`"
    } else if (own || !config.headers.is_empty()) && config.status.is_none() {
        "with `kind = \"external\"`, `env`, `cwd`, `sandbox` and `headers` are for its `status`, and it has none"
    } else {
        return Ok(Way::Outside);
    };
    Err(why.to_owned())
}

/// The status look-up: the same way as the tool's own, or the other one without its `env` or `headers`.
fn status_way(
    config: &OwnToolConfig,
    status: &StatusConfig,
    shared: &Shared<'_>,
) -> Result<(Way, Duration), String> {
    let limit = status.timeout_ms.map_or(LOOK_UP, Duration::from_millis);
    let mut asked = OwnToolConfig {
        command: status.command.clone(),
        url: status.url.clone(),
        // The runner's limit comes first.
        timeout_ms: None,
        kind: None,
        ..config.clone()
    };
    if asked.command.is_none() {
        (asked.env, asked.cwd, asked.sandbox) = (BTreeMap::new(), None, None);
    }
    if asked.url.is_none() {
        asked.headers = BTreeMap::new();
    }
    let way = match way(&asked, shared)? {
        Way::Address(address) => Way::Address(address.asking()),
        other => other,
    };
    Ok((way, limit))
}

/// A schema as it stands, or from the file it names.
fn schema(given: Option<&Value>, key: &str) -> Result<Option<Value>, String> {
    match given {
        Some(Value::String(path)) => {
            let too_large =
                std::fs::metadata(path).is_ok_and(|about| about.len() > MAX_SCHEMA_BYTES);
            if too_large {
                return Err(format!("`{path}` (`{key}`) is larger than 1 MiB"));
            }
            let text = std::fs::read(path)
                .map_err(|error| format!("cannot read `{path}` (`{key}`): {error}"))?;
            let schema = serde_json::from_slice(&text)
                .map_err(|error| format!("`{path}` (`{key}`) is not JSON: {error}"))?;
            Ok(Some(schema))
        }
        other => Ok(other.cloned()),
    }
}

/// An answer's JSON; nothing at all is null.
fn parse(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    if bytes.trim_ascii().is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(bytes)
}

impl Provider for OwnTools {
    fn name(&self) -> &str {
        "[[tools]]"
    }

    fn definitions(&self) -> Vec<Definition> {
        let tools = self.tools.values();
        tools.map(|tool| tool.definition.clone()).collect()
    }

    fn facts(&self, tool: &str, _: Option<&Value>) -> Facts {
        self.tools.get(tool).map_or(Facts::WORST, |tool| tool.facts)
    }

    fn sinks(&self, tool: &str) -> BTreeMap<String, String> {
        let tool = self.tools.get(tool);
        tool.map_or_else(BTreeMap::new, |tool| tool.sinks.clone())
    }

    fn facts_from(&self, tool: &str) -> FactsFrom {
        match self.tools.get(tool) {
            Some(tool) if tool.said => FactsFrom::Configuration,
            _ => FactsFrom::Default,
        }
    }

    fn sandbox(&self, tool: &str) -> Option<String> {
        match &self.tools.get(tool)?.way {
            Way::Program(program) => Some(program.sandbox()),
            Way::Address(_) | Way::Outside => None,
        }
    }

    fn profile(&self, tool: &str) -> Option<Value> {
        match &self.tools.get(tool)?.way {
            Way::Program(program) => program.profile(),
            Way::Address(_) | Way::Outside => None,
        }
    }

    fn destination(&self, tool: &str, _: &Value) -> Destination {
        let tool = self.tools.get(tool);
        tool.map_or(Destination::Local, |tool| tool.way.destination())
    }

    fn look_up_limit(&self, tool: &str) -> Option<Duration> {
        let (_, limit) = self.tools.get(tool)?.status.as_ref()?;
        Some(*limit)
    }

    fn look_up(&self, _: Authorized, call: CallContext) -> BoxFuture<'static, Outcome> {
        let (tool, secrets) = (
            self.tools.get(&call.tool).map(Arc::clone),
            self.secrets.clone(),
        );
        async move {
            let status = tool.as_deref().and_then(|tool| tool.status.as_ref());
            go(status.map(|(way, _)| way), call, &*secrets).await
        }
        .boxed()
    }

    fn call(&self, _: Authorized, call: CallContext) -> BoxFuture<'static, Outcome> {
        let (tool, secrets) = (
            self.tools.get(&call.tool).map(Arc::clone),
            self.secrets.clone(),
        );
        async move { go(tool.as_deref().map(|tool| &tool.way), call, &*secrets).await }.boxed()
    }
}

async fn go(way: Option<&Way>, mut call: CallContext, source: &dyn SecretSource) -> Outcome {
    let Some(way) = way else {
        return Outcome::Refused(Fault::new(
            ErrorCode::ActionNotFound,
            format!("there is no tool `{}`", call.tool),
        ));
    };
    let wanted = SecretUse {
        tool: &call.tool,
        destination: &way.destination(),
    };
    let secrets = match resolve_all(source, way.secrets(), wanted).await {
        Ok(secrets) => secrets,
        Err(error) => return Outcome::Refused(secret_fault(&error)),
    };
    let own = Scrubber::new(&secrets);
    call.scrubber = Arc::new(call.scrubber.and(&own));
    let mut outcome = match way {
        Way::Program(program) => program.call(&call, &secrets).await,
        Way::Address(address) => address.call(&call, &secrets).await,
        Way::Outside => {
            let message = format!(
                "`{}` is called by somebody outside, and not here",
                call.tool
            );
            Outcome::Refused(Fault::new(ErrorCode::NotSupported, message))
        }
    };
    own.scrub_outcome(&mut outcome);
    outcome
}

impl Way {
    fn secrets(&self) -> BTreeSet<String> {
        match self {
            Way::Program(program) => program.secrets(),
            Way::Address(address) => address.secrets(),
            Way::Outside => BTreeSet::new(),
        }
    }

    fn destination(&self) -> Destination {
        match self {
            // It is named to be kept out of what is reported, and given to nobody.
            Way::Program(_) | Way::Outside => Destination::Local,
            Way::Address(address) => Destination::Host(address.host()),
        }
    }
}
