//! The time machine: a candidate policy is put before everything that the journal holds, run by run in the order of the
//! journal, and what it would have decided otherwise is reported.
//!
//! Only the journal is read, and no tool is asked: a call has the effect that it had. Counters and recent categories of a
//! session are folded as the candidate would have seen them, so that a call which it stops counts for nothing after it,
//! and neither do the calls that could not have followed. An approval that the candidate wants is taken for given.

mod past;
mod report;
mod runs;
mod sessions;

pub(crate) use report::decision_change;
pub use report::{BacktestReport, Change, Counts, Group, Turned, What};

use crate::ask::HostError;
use crate::recovery::event;
use mandate_engine::Body;
use mandate_policy::{Purpose, Rules};
use mandate_store::{Reader, Record, SYSTEM};
use runs::Runs;

const PAGE: usize = 500;

/// Runs `rules` over the journal. Runs that began before `since_ms` are folded too, because counters begin with them, but
/// not reported.
///
/// # Errors
/// The journal cannot be read. A single run that cannot be judged any more is told in the report.
pub fn backtest(
    reader: &Reader,
    rules: &dyn Rules,
    since_ms: Option<i64>,
) -> Result<BacktestReport, HostError> {
    let mut runs = Runs::new(reader, rules, since_ms);
    let mut after = 0;
    loop {
        let page = reader.events_after(after, PAGE)?;
        let full = page.len() == PAGE;
        for record in &page {
            after = record.gseq;
            take(&mut runs, record)?;
        }
        if !full {
            return Ok(runs.into_report());
        }
    }
}

fn take(runs: &mut Runs<'_>, record: &Record) -> Result<(), HostError> {
    if record.stream == SYSTEM {
        if record.kind == "admission_refused" {
            runs.refused(record)?;
        }
        return Ok(());
    }
    let event = event(record)?;
    let (id, at_ms) = (record.stream.as_str(), event.at_ms);
    match &event.body {
        Body::ExecutionCreated(created) => return runs.created(created, &event),
        Body::RevisionProposed {
            revision,
            plan,
            decision,
            ..
        } => runs.proposed(id, *revision, plan, decision, at_ms),
        Body::PlanRevised { revision, .. } => runs.revised(id, *revision),
        Body::RequestOpened(request) => runs.asked(id, request),
        Body::PolicyChanged { decision, .. } => runs.repolicied(id, decision, at_ms),
        Body::OverrideGranted {
            step,
            item,
            args_digest,
            ..
        } => runs.let_pass(id, step, *item, *args_digest),
        Body::StepStarted {
            step,
            item,
            tool,
            facts,
            args,
            args_digest,
            ..
        } => {
            let call = runs::Made {
                step: step.clone(),
                item: *item,
                purpose: Purpose::Run,
                tool: tool.clone(),
                facts: *facts,
                args: args.clone(),
                args_digest: Some(*args_digest),
            };
            runs.made(id, &call, at_ms);
        }
        Body::CompensationStarted {
            step,
            item,
            tool,
            facts,
            args,
            ..
        } => {
            let call = runs::Made {
                step: step.clone(),
                item: *item,
                purpose: Purpose::Compensate,
                tool: tool.clone(),
                facts: *facts,
                args: args.clone(),
                args_digest: None,
            };
            runs.made(id, &call, at_ms);
        }
        Body::StepBlocked {
            step,
            item,
            refusal,
        } => runs.blocked(id, step, *item, refusal, at_ms),
        Body::ExecutionFinished { .. } => {
            runs.finished(id);
            return Ok(());
        }
        _ => {}
    }
    runs.applied(id, &event);
    Ok(())
}
