//! Calls that somebody outside makes: what must hold before they may, and what becomes of what they report.
//!
//! The permit is used up here as it is for every call, and what is reported goes the way of every answer: secrets are taken
//! out, it is held to its size and its schema, and what the step declares as sensitive is kept in memory alone. Only the
//! call itself is made elsewhere.

use crate::{
    Fault, Outcome,
    look_up::scrubber,
    metrics::Running,
    registry::Entry,
    runner::after,
    secret::{SecretSource, Taken, Vault},
};
use futures_util::FutureExt as _;
use mandate_plan::ErrorCode;
use mandate_policy::ResolvedCall;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{panic::AssertUnwindSafe, sync::Arc};

/// The most that is kept of the message of an error, in characters.
const MESSAGE_CHARACTERS: usize = 4_096;
/// The most that is kept of what an error says for programs, in bytes of JSON.
const DETAILS_BYTES: usize = 64 * 1024;

/// What somebody outside reports of a call: `{"output": …}` or `{"error": …}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallReport {
    /// The tool answered.
    Output(Value),
    /// It answered with an error.
    Error(ReportedError),
}

/// The error that a tool answered with outside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportedError {
    /// For people.
    pub message: String,
    /// For programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Value>,
}

/// A call that is under way outside: it counts as running until this is dropped, and as failed unless it completed.
pub trait UnderWay: Send {
    /// It completed.
    fn completed(&mut self);
}

impl UnderWay for Running {
    fn completed(&mut self) {
        self.succeeded();
    }
}

/// What nobody counts.
impl UnderWay for () {
    fn completed(&mut self) {}
}

/// A report as it was read.
pub struct ReadReport {
    /// What it means.
    pub outcome: Outcome,
    /// The report without secrets, as it may be compared with another one.
    pub told: Value,
    keep: Box<dyn FnOnce() + Send>,
}

impl ReadReport {
    /// A report that there is nothing to keep of.
    pub fn of(report: CallReport) -> Self {
        let outcome = outcome(report);
        Self {
            told: told(&outcome),
            outcome,
            keep: Box::new(|| {}),
        }
    }

    /// It settles the call: what it holds that is sensitive is kept for the calls that the plan hands it to.
    pub fn keep(self) -> Outcome {
        (self.keep)();
        self.outcome
    }
}

/// What a report means, as it came.
fn outcome(report: CallReport) -> Outcome {
    match report {
        CallReport::Output(output) => Outcome::Completed { output },
        CallReport::Error(error) => {
            let message: String = error.message.chars().take(MESSAGE_CHARACTERS).collect();
            let details = error.details.filter(|details| {
                serde_json::to_string(details).is_ok_and(|text| text.len() <= DETAILS_BYTES)
            });
            let fault = Fault::new(ErrorCode::ToolFailed, message);
            Outcome::Failed(Fault { details, ..fault })
        }
    }
}

fn told(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Completed { output } => json!({ "output": output }),
        Outcome::Invalid { output, .. } => json!({ "output": output }),
        Outcome::Refused(fault) | Outcome::Failed(fault) | Outcome::Unknown(fault) => {
            json!({ "error": { "message": fault.message, "details": fault.details } })
        }
    }
}

/// Reads what somebody outside reports of `call`, whose arguments are those of the journal.
pub(crate) async fn read(
    entry: Option<Arc<Entry>>,
    call: ResolvedCall,
    report: CallReport,
    secrets: Arc<dyn SecretSource>,
    vault: Arc<Vault>,
) -> ReadReport {
    let reading = read_whole(entry, call, report, secrets, vault);
    match AssertUnwindSafe(reading).catch_unwind().await {
        Ok(read) => read,
        Err(_) => withheld("it crashed what was to read it"),
    }
}

async fn read_whole(
    entry: Option<Arc<Entry>>,
    call: ResolvedCall,
    report: CallReport,
    secrets: Arc<dyn SecretSource>,
    vault: Arc<Vault>,
) -> ReadReport {
    let Some(entry) = entry else {
        return withheld("its tool is not configured any more");
    };
    let mut outcome = outcome(report);
    match scrubber(&entry, &call, &*secrets, &vault).await {
        Ok(scrubber) => scrubber.scrub_outcome(&mut outcome),
        Err(why) => return withheld(&why),
    }
    let mut outcome = after(&entry, outcome);
    let taken = Taken::of(&call);
    let sensitive = Vault::mark(&taken, &mut outcome);
    ReadReport {
        told: told(&outcome),
        outcome,
        keep: Box::new(move || vault.keep(&taken, sensitive)),
    }
}

/// What was reported cannot be shown: that the call was made is all that is known.
fn withheld(why: &str) -> ReadReport {
    let message = format!("the call was made, and what was reported of it is not kept: {why}");
    ReadReport {
        outcome: Outcome::Invalid {
            output: None,
            fault: Fault::new(ErrorCode::OutputInvalid, message),
        },
        told: json!({ "withheld": true }),
        keep: Box::new(|| {}),
    }
}
