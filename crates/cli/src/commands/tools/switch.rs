//! `mandate tools disable`, `enable` and `restart`.

use super::act::{act, told};
use crate::{
    context::Context,
    errors::{Exit, Failure},
    holder::holder,
    toolbox,
};
use clap::Args;
use mandate_host::{ToolAct, ToolActed};

/// What `tools disable` and `tools enable` take.
#[derive(Debug, Args)]
pub(crate) struct SwitchArgs {
    /// A tool (`server.tool`) or a whole server
    pub(crate) name: String,
}

/// What `tools restart` takes.
#[derive(Debug, Args)]
pub(crate) struct RestartArgs {
    /// The server, as plans call it
    pub(crate) server: String,
}

pub(super) fn disable(args: &SwitchArgs, context: &Context) -> Result<Exit, Failure> {
    let name = args.name.clone();
    let words = disabled(&name);
    let acted = act(context.settings()?, ToolAct::Disable { name })?;
    Ok(told(context, &acted, &words))
}

pub(super) fn enable(args: &SwitchArgs, context: &Context) -> Result<Exit, Failure> {
    let name = args.name.clone();
    let words = enabled(&name);
    let acted = act(context.settings()?, ToolAct::Enable { name })?;
    Ok(told(context, &acted, &words))
}

pub(super) fn restart(args: &RestartArgs, context: &Context) -> Result<Exit, Failure> {
    let settings = context.settings()?;
    let server = args.server.clone();
    let acted = if holder(&settings.data_dir).is_some() {
        let server = server.clone();
        act(settings, ToolAct::Restart { server })?
    } else {
        let registry = toolbox::registry(settings)?;
        if !registry.providers().iter().any(|it| it.name() == server) {
            return Err(Failure::not_found(format!("there is no server `{server}`"))
                .remedy("`mandate tools list` shows what there is"));
        }
        ToolActed::default()
    };
    let words = restarted(&server, &acted);
    Ok(told(context, &acted, &words))
}

/// That it is disabled.
pub(crate) fn disabled(name: &str) -> String {
    format!("disabled {name}; `mandate tools enable {name}` switches it on again")
}

/// That it is enabled.
pub(crate) fn enabled(name: &str) -> String {
    format!("enabled {name}")
}

/// What became of the server's process.
pub(crate) fn restarted(server: &str, acted: &ToolActed) -> String {
    if acted.names.is_empty() {
        format!("`{server}` does not run; it is started when it is needed")
    } else {
        format!("restarted {server}; calls under way end with the old process")
    }
}
