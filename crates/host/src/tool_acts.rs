//! What operators do to tools outside of any plan: accept definitions, switch tools off and on, restart servers. Each is a
//! row in the `system` stream before it holds.

use crate::ask::HostError;
use crate::clock::{Clock as _, SystemClock};
use mandate_plan::{Digest, Effect, ErrorCode};
use mandate_store::{Batch, Journal, NewRecord, SYSTEM};
use mandate_tools::{
    Accepted, Fault, LockError, Registry, Standing, SwitchedOff, ToolFacts, ToolStatus,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Who accepted what nobody was asked about.
const FIRST_USE: &str = "first use";

/// What is to be done to tools.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolAct {
    /// Accept definitions as they are now.
    Accept {
        /// Tools and servers; empty = all.
        names: BTreeSet<String>,
        /// Accept others in the place of those that were accepted, too.
        changes: bool,
        /// What accepted tools do to the world.
        effects: BTreeMap<String, Effect>,
    },
    /// Let no plan use a tool or server.
    Disable {
        /// Which.
        name: String,
    },
    /// Let plans use it again.
    Enable {
        /// Which.
        name: String,
    },
    /// Replace a server's process.
    Restart {
        /// Which.
        server: String,
    },
    /// Say how a tool is in the process that drives.
    Show {
        /// Which.
        name: String,
    },
}

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ToolActed {
    /// The tools and servers that it was done to.
    pub names: Vec<String>,
    /// Tools that were left as they are because their definition has changed.
    #[serde(default)]
    pub changed: Vec<String>,
    /// How the tool is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Value>,
}

/// Does it.
///
/// # Errors
/// There is no such tool or server, a server does not work, or the journal or the file of accepted tools cannot be written.
pub async fn act(
    registry: &Registry,
    journal: &dyn Journal,
    act: ToolAct,
    by: &str,
) -> Result<ToolActed, HostError> {
    match act {
        ToolAct::Accept {
            names,
            changes,
            effects,
        } => accept(registry, journal, (&names, changes, &effects), by).await,
        ToolAct::Disable { name } => {
            known(registry, &name).await?;
            let off = SwitchedOff {
                by: by.to_owned(),
                at_ms: SystemClock.now_ms(),
            };
            record(journal, "tool_disabled", json!({ "name": name, "by": by })).await?;
            registry
                .lock()
                .switch(&name, Some(off))
                .map_err(|error| unwritten(&error))?;
            Ok(done(name))
        }
        ToolAct::Enable { name } => {
            if !registry.lock().is_off(&name) {
                let why = match registry.lock().switched_off(&name) {
                    Some((server, _)) => format!(
                        "`{name}` is switched off with its whole server; `mandate tools enable {server}` switches that on"
                    ),
                    None => format!("`{name}` is not switched off"),
                };
                return Err(HostError::Tool(Fault::new(ErrorCode::InvalidPayload, why)));
            }
            record(journal, "tool_enabled", json!({ "name": name, "by": by })).await?;
            registry
                .lock()
                .switch(&name, None)
                .map_err(|error| unwritten(&error))?;
            Ok(done(name))
        }
        ToolAct::Restart { server } => {
            if let Some((name, _)) = registry.lock().switched_off(&server) {
                let why = format!(
                    "`{name}` is switched off; `mandate tools enable {name}` switches it on again"
                );
                return Err(HostError::Tool(Fault::new(ErrorCode::ActionNotFound, why)));
            }
            let Some(restarted) = registry.restart(&server) else {
                return Err(absent(registry, &server));
            };
            match restarted.await {
                Ok(true) => Ok(done(server)),
                Ok(false) => Ok(ToolActed::default()),
                Err(why) => Err(HostError::ToolServer(why)),
            }
        }
        ToolAct::Show { name } => Ok(ToolActed {
            status: registry.status(&name).map(|status| json!(status)),
            ..ToolActed::default()
        }),
    }
}

fn done(name: String) -> ToolActed {
    ToolActed {
        names: vec![name],
        ..ToolActed::default()
    }
}

async fn accept(
    registry: &Registry,
    journal: &dyn Journal,
    (names, changes, effects): (&BTreeSet<String>, bool, &BTreeMap<String, Effect>),
    by: &str,
) -> Result<ToolActed, HostError> {
    let all: BTreeSet<String> = names.iter().chain(effects.keys()).cloned().collect();
    // As they are now, and not as they were kept.
    let broken = if all.is_empty() {
        registry.prepare_all().await
    } else {
        let tools = all.iter().map(|name| match name.contains('.') {
            true => name.clone(),
            false => format!("{name}."),
        });
        registry.prepare(&tools.collect()).await
    };
    if let Some(why) = broken.into_values().next() {
        return Err(HostError::ToolServer(why));
    }
    let listed = registry.list();
    for name in &all {
        if !listed.iter().any(|tool| is_of(tool, name)) {
            return Err(absent(registry, name));
        }
    }
    let mut acted = ToolActed::default();
    let mut accepted = BTreeMap::new();
    for tool in listed {
        let chosen = all.is_empty() || all.iter().any(|name| is_of(&tool, name));
        let Some(standing) = tool.standing.filter(|_| chosen) else {
            if effects.contains_key(&tool.name) {
                let why = format!("what `{}` does is not for you to say", tool.name);
                return Err(HostError::Tool(Fault::new(ErrorCode::InvalidPayload, why)));
            }
            continue;
        };
        let effect = effects.get(&tool.name).copied();
        match standing {
            Standing::Accepted if effect.is_none() => continue,
            Standing::Changed if !changes => {
                acted.changed.push(tool.name);
                continue;
            }
            _ => {}
        }
        let facts = ToolFacts {
            effect,
            ..ToolFacts::default()
        };
        acted.names.push(tool.name.clone());
        accepted.insert(tool.name.clone(), taken(tool, facts, by));
    }
    keep(registry, journal, accepted).await?;
    Ok(acted)
}

/// Whether the name is that of the tool, or of its server.
fn is_of(tool: &ToolStatus, name: &str) -> bool {
    tool.name == name || tool.provider == name
}

fn taken(tool: ToolStatus, facts: ToolFacts, by: &str) -> Accepted {
    Accepted {
        digest: tool.digest,
        definition: tool.definition,
        facts,
        by: by.to_owned(),
        at_ms: SystemClock.now_ms(),
        found: None,
    }
}

/// The journal first: what holds without a row would be nobody's.
async fn keep(
    registry: &Registry,
    journal: &dyn Journal,
    accepted: BTreeMap<String, Accepted>,
) -> Result<(), HostError> {
    if accepted.is_empty() {
        return Ok(());
    }
    let before = |name: &str| registry.lock().accepted(name).map(|before| before.digest);
    let rows = accepted.iter().map(|(name, tool)| {
        let row = json!({
            "tool": name,
            "digest": tool.digest,
            "before": before(name),
            "effect": tool.facts.effect,
            "by": tool.by,
        });
        ("tool_accepted", row)
    });
    record_all(journal, rows.collect()).await?;
    registry
        .lock()
        .accept(accepted)
        .map_err(|error| unwritten(&error))
}

/// Holds the tools that a plan names against what was accepted and disabled.
pub(crate) async fn hold_against_lock(
    registry: &Registry,
    journal: Option<&dyn Journal>,
    tools: &BTreeSet<String>,
) -> Result<(), HostError> {
    if let Err(fault) = registry.usable(tools.iter().map(String::as_str)) {
        if let Some(journal) = journal.filter(|_| fault.code == ErrorCode::ToolChanged) {
            tell_changes(registry, journal, tools).await?;
        }
        return Err(HostError::Tool(fault));
    }
    Ok(())
}

/// What is used for the first time is accepted by that.
pub(crate) async fn accept_new(
    registry: &Registry,
    journal: &dyn Journal,
    tools: &BTreeSet<String>,
) -> Result<(), HostError> {
    let statuses = tools.iter().filter_map(|name| registry.status(name));
    let new = statuses.filter(|tool| tool.standing == Some(Standing::New));
    let accepted = new
        .map(|tool| {
            let name = tool.name.clone();
            (name, taken(tool, ToolFacts::default(), FIRST_USE))
        })
        .collect();
    keep(registry, journal, accepted).await
}

/// Each change is told once.
async fn tell_changes(
    registry: &Registry,
    journal: &dyn Journal,
    tools: &BTreeSet<String>,
) -> Result<(), HostError> {
    for tool in tools.iter().filter_map(|name| registry.status(name)) {
        let Some(accepted) = tool.accepted else {
            continue;
        };
        let found: Digest = tool.digest;
        if tool.standing != Some(Standing::Changed) || accepted.found == Some(found) {
            continue;
        }
        let row = json!({ "tool": tool.name, "accepted": accepted.digest, "found": found });
        record(journal, "tool_changed", row).await?;
        registry
            .lock()
            .note_found(&tool.name, found)
            .map_err(|error| unwritten(&error))?;
    }
    Ok(())
}

/// There is such a tool or server, or would be if it worked.
async fn known(registry: &Registry, name: &str) -> Result<(), HostError> {
    let there = || {
        let is_server = registry
            .providers()
            .iter()
            .any(|provider| provider.name() == name);
        is_server
            || registry.list().iter().any(|tool| {
                is_of(tool, name)
                    || tool
                        .name
                        .split_once('.')
                        .is_some_and(|(server, _)| server == name)
            })
    };
    if there() {
        return Ok(());
    }
    registry.prepare(&BTreeSet::from([name.to_owned()])).await;
    if there() {
        return Ok(());
    }
    Err(absent(registry, name))
}

fn absent(registry: &Registry, name: &str) -> HostError {
    let mut names: BTreeSet<String> = registry.list().into_iter().map(|tool| tool.name).collect();
    names.extend(registry.providers().iter().map(|it| it.name().to_owned()));
    HostError::NoSuchTool {
        tool: name.to_owned(),
        nearest: crate::submit::nearest_of(name, names.iter().map(String::as_str)),
    }
}

fn unwritten(error: &LockError) -> HostError {
    HostError::Tool(Fault::new(ErrorCode::UnknownError, error.to_string()))
}

async fn record(
    journal: &dyn Journal,
    kind: &'static str,
    payload: Value,
) -> Result<(), HostError> {
    record_all(journal, vec![(kind, payload)]).await
}

async fn record_all(
    journal: &dyn Journal,
    rows: Vec<(&'static str, Value)>,
) -> Result<(), HostError> {
    let at_ms = SystemClock.now_ms();
    let records = rows.into_iter().map(|(kind, payload)| NewRecord {
        at_ms,
        kind,
        payload: payload.to_string().into_bytes(),
    });
    let batch = Batch {
        stream: SYSTEM.to_owned(),
        records: records.collect(),
        ..Batch::default()
    };
    let (done, stored) = tokio::sync::oneshot::channel();
    journal.append(
        batch,
        Box::new(move |result| {
            let _ = done.send(result);
        }),
    );
    stored.await.map_err(|_| HostError::Stopped)??;
    Ok(())
}
