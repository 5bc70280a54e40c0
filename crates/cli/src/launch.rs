//! From a checked plan to its end: submit, ask, follow, tell. What `run`, `tools call` and `continue` share.

use crate::{
    context::{self, Context},
    drive::Driver,
    errors::{Exit, Failure},
    follow::{Parted, Streaming, follow},
    ids, progress,
    prompt::{self, Said},
    render::{decision, execution},
};
use mandate_engine::event::Answer;
use mandate_host::{Ids as _, RandomIds, Rest, Submission, Submitted};
use mandate_plan::CheckedPlan;
use mandate_store::Journal as _;
use serde_json::{Map, Value};
use std::sync::Arc;

/// A plan that is to run, and how.
pub(crate) struct Launch {
    pub(crate) plan: Arc<CheckedPlan>,
    pub(crate) inputs: Map<String, Value>,
    pub(crate) deadline_ms: Option<i64>,
    /// Approve it as the requester without asking.
    pub(crate) yes: bool,
    /// Durable events on standard output while it runs.
    pub(crate) stream: bool,
    /// Of a success, print this output alone.
    pub(crate) only: Option<&'static str>,
}

impl Launch {
    /// Runs the plan until it ends or waits for a human.
    ///
    /// # Errors
    /// What keeps it from being run, or from being driven on.
    pub(crate) fn run(self, context: &Context, driver: &Driver) -> Result<Exit, Failure> {
        let others = driver.store().unfinished()?;
        let submission = Submission {
            plan: self.plan.clone(),
            inputs: self.inputs.clone(),
            principal: context::principal(),
            session: format!("cli-{}", RandomIds.id()),
            deadline_ms: self.deadline_ms,
        };
        let submitted = driver.host()?.submit(submission)?;
        mention(context, &others);
        if let Some(request_id) = &submitted.request_id {
            self.have_approved(context, driver, &submitted, request_id)?;
        }
        stay(context, driver, &submitted.execution_id, self.stream, self.only)
    }

    /// Asks, or answers as `--yes` says. Without anybody to ask the request stays open.
    fn have_approved(
        &self,
        context: &Context,
        driver: &Driver,
        submitted: &Submitted,
        request_id: &str,
    ) -> Result<(), Failure> {
        let out = context.out();
        let asks = !self.yes && prompt::somebody_is_there();
        if !out.is_json() || asks {
            let state = mandate_host::recovery::load(driver.store().as_ref(), &submitted.execution_id)?;
            let text = decision::for_approval(
                &self.plan,
                &state.created.inputs,
                &submitted.decision,
                out.paint_notes(),
            );
            out.note(&format!("{text}\n"));
        }
        let (choice, reason, channel) = if self.yes {
            ("approve", None, "flag")
        } else if asks {
            match prompt::ask(out, driver.interrupts()) {
                Said::Yes(reason) => ("approve", reason, "terminal"),
                Said::No(reason) => ("reject", reason, "terminal"),
                // Ctrl-C is seen again where the execution is followed.
                Said::Later | Said::Interrupted => return Ok(()),
            }
        } else {
            return Ok(());
        };
        let answer = Answer {
            request_id: request_id.to_owned(),
            choice: choice.to_owned(),
            data: None,
            reason,
            by: context::principal(),
            channel: channel.to_owned(),
        };
        if self.yes && !out.is_json() {
            out.note(&out.paint_notes().dim("approved by `--yes`"));
        }
        Ok(driver.host()?.answer(&submitted.execution_id, answer)?)
    }
}

/// Says that other executions wait to be carried on.
fn mention(context: &Context, others: &[String]) {
    let out = context.out();
    if others.is_empty() || out.is_json() {
        return;
    }
    let text = match others {
        [one] => format!("execution {} is unfinished; `mandate executions show {}`", ids::short(one), ids::short(one)),
        several => format!("{} other executions are unfinished; `mandate executions list --unfinished`", several.len()),
    };
    out.note(&out.paint_notes().dim(&text));
}

/// Follows an execution that this process drives, and tells how it ended or what it waits for.
///
/// # Errors
/// It cannot be driven any further.
pub(crate) fn stay(
    context: &Context,
    driver: &Driver,
    execution_id: &str,
    stream: bool,
    only: Option<&str>,
) -> Result<Exit, Failure> {
    let out = context.out();
    let mut watcher = progress::watcher(out);
    if stream {
        watcher = Box::new(Streaming::new(driver, out, execution_id, watcher));
    }
    match follow(driver, execution_id, watcher.as_mut())? {
        Parted::Rest(rest) => Ok(tell(context, &rest, only)),
        Parted::Left => {
            let id = ids::short(execution_id);
            let paint = out.paint_notes();
            out.note(&format!(
                "{} `mandate executions continue {id}` carries it on",
                paint.bold("left unfinished:")
            ));
            if out.is_json() {
                let state = mandate_host::recovery::load(driver.store().as_ref(), execution_id)?;
                let head = driver.store().head().ok();
                out.value(&execution::to_json(&state, state.waiting_for().as_ref(), head.as_ref()));
            }
            Ok(Exit::Cancelled)
        }
    }
}

/// Tells where an execution rests.
fn tell(context: &Context, rest: &Rest, only: Option<&str>) -> Exit {
    let out = context.out();
    let exit = rest.state.ending.as_ref().map_or(Exit::Waiting, Exit::of_ending);
    let (waiting, head) = (rest.waiting_for.as_ref(), rest.head.as_ref());
    if out.is_json() {
        let value = execution::to_json(&rest.state, waiting, head);
        out.value(&value);
        return exit;
    }
    let output = only.filter(|_| exit == Exit::Success).and_then(|name| rest.state.ending.as_ref()?.outputs.get(name));
    match output {
        Some(output) => out.line(&crate::render::shown::whole(output)),
        None => out.line(&execution::result(&rest.state, waiting, head, out.paint())),
    }
    exit
}
