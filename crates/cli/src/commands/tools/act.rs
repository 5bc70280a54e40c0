//! What is done to tools, by the host if one runs: it is the one that writes, and that has the servers' processes.

use crate::{
    config::Settings,
    context,
    errors::{Exit, Failure},
    hosting::open,
    toolbox, who,
};
use mandate_host::{HostError, ToolAct, ToolActed, keys::may_operate, tool_acts};
use mandate_store::StoreError;
use std::{
    thread::sleep,
    time::{Duration, Instant},
};

/// How long a process may hold the journal without answering: it opens it, or it is about to end.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is tried again.
const AGAIN: Duration = Duration::from_millis(20);

/// Has it done.
///
/// # Errors
/// Why it is not done.
pub(super) fn act(settings: &Settings, act: ToolAct) -> Result<ToolActed, Failure> {
    let begun = Instant::now();
    loop {
        let locked = match open(settings) {
            Ok(store) => {
                // A program that a plan started cannot trust tools in the name of a human.
                if std::env::var_os(mandate_tools::CHILD_MARK).is_some() {
                    let pid = std::process::id();
                    return Err(HostError::FromATool { pid }.into());
                }
                let registry = toolbox::registry(settings)?;
                let by = who::principal(&store)?;
                may_operate(&by)?;
                let acted = tool_acts::act(&registry, &store, act, &by.name);
                return Ok(toolbox::wait(acted)??);
            }
            Err(error @ StoreError::Locked { .. }) => error,
            Err(error) => return Err(error.into()),
        };
        match who::connect(settings) {
            Ok(host) => return Ok(host.act_on_tools(act)?),
            Err(HostError::Unreachable(_)) if begun.elapsed() < PATIENCE => sleep(AGAIN),
            Err(HostError::Unreachable(_)) => return Err(locked.into()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Tells what was done.
pub(crate) fn told(context: &context::Context, acted: &ToolActed, words: &str) -> Exit {
    let out = context.out();
    if out.is_json() {
        out.value(&serde_json::json!({ "tools": acted.names, "changed": acted.changed }));
    } else if !words.is_empty() {
        out.line(words);
    }
    Exit::Success
}
