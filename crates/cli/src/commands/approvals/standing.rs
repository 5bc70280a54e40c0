//! Standing approvals: giving one with `approvals approve --runs`, listing and revoking them.

use crate::{
    config::Settings,
    context::Context,
    errors::{Exit, Failure},
    hosting::open,
    ids,
    output::Look,
    read_only::ReadOnly,
    render::table::{Table, terminal_width},
    when, who,
};
use clap::Args;
use mandate_host::{HostError, Ledger, StandingAct, StandingApproval, StandingTerms, standing};
use mandate_store::StoreError;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    thread::sleep,
    time::{Duration, Instant},
};

/// How long a process may hold the journal without answering: it opens it, or it is about to end.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is tried again.
const AGAIN: Duration = Duration::from_millis(20);

/// How far an approval is to stand.
#[derive(Debug, Args)]
pub(crate) struct TermArgs {
    /// Let it stand for this many further executions of the same plan with the same tools
    #[arg(long, value_name = "N", requires = "until")]
    runs: Option<u64>,
    /// Until when it stands: `7d` from now, or a time such as `2026-07-01T12:00:00Z`
    #[arg(long, value_name = "TIME", requires = "runs")]
    until: Option<String>,
    /// What an input may be then: a glob; every other input must be as it is now
    #[arg(long = "inputs", value_name = "NAME=PATTERN", requires = "runs")]
    inputs: Vec<String>,
}

impl TermArgs {
    /// The terms, where the approval is to stand.
    ///
    /// # Errors
    /// They cannot be read.
    pub(crate) fn terms(&self) -> Result<Option<StandingTerms>, Failure> {
        let (Some(runs), Some(until)) = (self.runs, &self.until) else {
            return Ok(None);
        };
        let now_ms = when::now_ms();
        let until_ms = when::future_ms(until, now_ms)
            .map_err(|error| Failure::usage(format!("`--until`: {error}")))?;
        let inputs = self.inputs.iter().map(|text| {
            let pair = text.split_once('=');
            let pair = pair.map(|(name, glob)| (name.to_owned(), glob.to_owned()));
            pair.ok_or_else(|| Failure::usage(format!("`--inputs {text}` is not NAME=PATTERN")))
        });
        if runs == 0 || until_ms <= now_ms {
            return Err(Failure::usage(
                "a standing approval is for one execution or more, and ends in the future",
            ));
        }
        Ok(Some(StandingTerms {
            runs,
            until_ms,
            inputs: inputs.collect::<Result<BTreeMap<_, _>, _>>()?,
        }))
    }
}

/// Has it done, by the host if one runs: it is the one that writes.
///
/// # Errors
/// Why it is not done.
pub(crate) fn act(settings: &Settings, act: StandingAct) -> Result<String, Failure> {
    let begun = Instant::now();
    loop {
        let locked = match open(settings) {
            Ok(store) => {
                // A program that a plan started cannot approve in the name of a human.
                if std::env::var_os(mandate_tools::CHILD_MARK).is_some() {
                    let pid = std::process::id();
                    return Err(HostError::FromATool { pid }.into());
                }
                let by = who::principal(&store)?;
                return Ok(standing::act(&store, act, &by, when::now_ms())?);
            }
            Err(error @ StoreError::Locked { .. }) => error,
            Err(error) => return Err(error.into()),
        };
        match who::connect(settings) {
            Ok(host) => return Ok(host.act_on_standing(act)?),
            Err(HostError::Unreachable(_)) if begun.elapsed() < PATIENCE => sleep(AGAIN),
            Err(HostError::Unreachable(_)) => return Err(locked.into()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Lets the approval of a request stand, once it was given.
///
/// # Errors
/// It cannot.
pub(crate) fn give(
    typed: &str,
    terms: StandingTerms,
    context: &Context,
) -> Result<String, Failure> {
    let reader = context.reader()?;
    let request_id = ids::request(&reader, typed)?;
    let row = reader.request(&request_id)?;
    let row =
        row.ok_or_else(|| Failure::not_found(format!("there is no request `{request_id}`")))?;
    let give = StandingAct::Give {
        execution_id: row.execution_id,
        request_id,
        terms,
    };
    act(context.settings()?, give)
}

/// `approvals revoke stand-…`.
///
/// # Errors
/// There is none of that id that holds, or it is not for whoever asks.
pub(crate) fn revoke(
    typed: &str,
    reason: Option<String>,
    context: &Context,
) -> Result<Exit, Failure> {
    let ledger = Ledger::of(&ReadOnly(&context.reader()?))?;
    let all: Vec<&str> = ledger
        .all()
        .map(|found| found.standing_id.as_str())
        .filter(|id| id.starts_with(typed))
        .collect();
    let standing_id = match all[..] {
        [only] => only.to_owned(),
        [] => {
            return Err(Failure::not_found(format!(
                "there is no standing approval `{typed}`"
            )));
        }
        _ => {
            return Err(Failure::usage(format!(
                "`{typed}` is the beginning of several: {}",
                all.join(", ")
            )));
        }
    };
    let revoke = StandingAct::Revoke {
        standing_id,
        reason,
    };
    let id = act(context.settings()?, revoke)?;
    let out = context.out();
    if out.is_json() {
        out.value(&json!({ "revoked": id }));
    } else {
        out.line(&format!("revoked: `{id}` answers no further request"));
    }
    Ok(Exit::Success)
}

/// `approvals list --standing`.
///
/// # Errors
/// The journal cannot be read.
pub(crate) fn list(all: bool, context: &Context) -> Result<Exit, Failure> {
    let out = context.out();
    let now_ms = when::now_ms();
    let ledger = match context.reader_if_any()? {
        Some(reader) => Ledger::of(&ReadOnly(&reader))?,
        None => Ledger::default(),
    };
    let found: Vec<&StandingApproval> = ledger
        .all()
        .filter(|found| all || found.over(now_ms).is_none())
        .collect();
    if out.is_json() {
        let values = found.iter().map(|found| {
            let mut value = json!(found);
            if let Some(map) = value.as_object_mut() {
                map.insert("over".to_owned(), json!(found.over(now_ms)));
            }
            value
        });
        out.value(&json!({ "standing": values.collect::<Vec<Value>>() }));
        return Ok(Exit::Success);
    }
    if found.is_empty() {
        out.note("no approval stands");
        return Ok(Exit::Success);
    }
    let mut table = Table::new(&["STANDING", "PLAN", "BY", "USED", "UNTIL", "INPUTS", "STATE"]);
    for one in found {
        let inputs = one.inputs.iter().map(|(name, rule)| match rule {
            standing::InputRule::Equals(value) => format!("{name} = {value}"),
            standing::InputRule::Matches(glob) => format!("{name} like {glob}"),
        });
        let inputs = crate::render::shown::short(&inputs.collect::<Vec<_>>().join(", "), 80);
        let state = match one.over(now_ms) {
            None => ("holds".to_owned(), Look::Good),
            Some(why) => (why, Look::Dim),
        };
        table.row(vec![
            (one.standing_id.clone(), Look::Bold),
            (one.plan.clone(), Look::Plain),
            (one.assent.by.clone(), Look::Plain),
            (format!("{} of {}", one.used.len(), one.runs), Look::Plain),
            (when::show_time(one.until_ms), Look::Dim),
            (inputs, Look::Plain),
            state,
        ]);
    }
    out.line(&table.text(out.paint(), terminal_width()));
    Ok(Exit::Success)
}
