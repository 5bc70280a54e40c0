//! `mandate freeze` and `mandate thaw`: the switch that stops every call, and how it stands.

use crate::{
    context::Context,
    drive::reach,
    errors::{Exit, Failure},
    when, who,
};
use clap::Args;
use mandate_host::{Freeze, HostError, Switch, keys::may_operate, switch};
use mandate_store::{Reader, SqliteStore};
use serde_json::json;

/// What `freeze` and `thaw` take.
#[derive(Debug, Args)]
pub(crate) struct SwitchArgs {
    /// Why; kept in the journal
    #[arg(long)]
    pub(crate) reason: Option<String>,
}

pub(super) fn freeze(args: &SwitchArgs, context: &Context) -> Result<Exit, Failure> {
    let reason = args.reason.clone();
    let driver = throw(&Switch::Freeze { reason }, context)?;
    let words = match driver {
        Some(pid) => format!("frozen: no call gets a permit, in process {pid} or any later one"),
        None => "frozen: no call gets a permit until `mandate thaw`".to_owned(),
    };
    told(context, driver, &words)
}

pub(super) fn thaw(args: &SwitchArgs, context: &Context) -> Result<Exit, Failure> {
    let reason = args.reason.clone();
    let driver = throw(&Switch::Thaw { reason }, context)?;
    let unfinished = context.reader()?.unfinished()?;
    let words = match driver {
        Some(pid) => format!("thawed: process {pid} goes on"),
        None if unfinished.is_empty() => "thawed".to_owned(),
        None => {
            "thawed; no process drives what is unfinished now, `mandate executions continue` does"
                .to_owned()
        }
    };
    told(context, driver, &words)
}

fn throw(switch: &Switch, context: &Context) -> Result<Option<u32>, Failure> {
    let here = |store: &SqliteStore| {
        // A program that a plan started may stop everything, and let nothing go on.
        let of_a_tool = std::env::var_os(mandate_tools::CHILD_MARK).is_some();
        if of_a_tool && matches!(switch, Switch::Thaw { .. }) {
            let pid = std::process::id();
            return Err(HostError::FromATool { pid }.into());
        }
        let who = who::principal(store)?;
        may_operate(&who)?;
        switch::throw(store, switch, &who.name, when::now_ms())?;
        Ok(())
    };
    reach(context.settings()?, here, |host| host.throw(switch.clone()))
}

fn told(context: &Context, driver: Option<u32>, words: &str) -> Result<Exit, Failure> {
    let out = context.out();
    if out.is_json() {
        out.value(&json!({ "freeze": standing(&context.reader()?)?, "host_pid": driver }));
    } else {
        out.line(words);
    }
    Ok(Exit::Success)
}

/// The freeze that holds, if one does.
///
/// # Errors
/// The journal cannot be read.
pub(crate) fn standing(reader: &Reader) -> Result<Option<Freeze>, Failure> {
    let last = reader.last_of_system(&switch::KINDS)?;
    Ok(Freeze::standing(last.as_ref()))
}

/// The freeze in a sentence.
pub(crate) fn sentence(freeze: &Freeze, now_ms: i64) -> String {
    let why = freeze
        .reason
        .as_ref()
        .map_or_else(String::new, |reason| format!(": {reason}"));
    let age = when::show_age(freeze.since_ms, now_ms);
    format!(
        "calls are frozen by {} since {} ({age}){why}",
        freeze.by,
        when::show_time(freeze.since_ms)
    )
}
