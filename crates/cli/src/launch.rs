//! From a checked plan to its end: submit, ask, follow, tell. What `run`, `tools call` and `continue` share.

use crate::{
    asking::{Answering, counts},
    config::Settings,
    context::Context,
    document::{Source, invalid},
    drive::{Driver, Where},
    errors::{Exit, Failure},
    follow::{Parted, Streaming, follow},
    ids, progress,
    prompt::{self, Said},
    read_only,
    render::{approved_before, decision, execution},
    who,
};
use mandate_host::{Answered, HostError, Proposal, Rerun, Rest, Revises, Submitted};
use mandate_plan::Format;
use mandate_tools::Registry;
use serde_json::{Map, Value};
use std::sync::Arc;

/// A plan that is to run, and how.
pub(crate) struct Launch {
    pub(crate) source: Source,
    pub(crate) inputs: Map<String, Value>,
    pub(crate) deadline_ms: Option<i64>,
    /// The session that its calls count for; none = one of its own.
    pub(crate) session: Option<String>,
    /// What was done by another execution is taken over.
    pub(crate) rerun: Option<Rerun>,
    /// It takes the place of the plan of an execution that runs.
    pub(crate) revises: Option<Revises>,
    /// Approve it as the requester without asking.
    pub(crate) yes: bool,
    /// Durable events on standard output while it runs.
    pub(crate) stream: bool,
    /// Leave it to a process in the background.
    pub(crate) detach: bool,
    /// Of a success, print this output alone.
    pub(crate) only: Option<&'static str>,
}

impl Launch {
    /// Runs the plan until it ends or waits for a human.
    ///
    /// # Errors
    /// What keeps it from being run, or from being driven on.
    pub(crate) fn run(
        self,
        context: &Context,
        settings: &Settings,
        registry: Arc<Registry>,
    ) -> Result<Exit, Failure> {
        if self.detach {
            let driver = Driver::visit(settings, registry)?;
            let submitted = self.submit(context, &driver)?;
            return left_to(context, &driver, &[submitted.execution_id]);
        }
        let driver = Driver::start(settings, registry)?;
        let submitted = self.submit(context, &driver)?;
        let mut answering = Answering::new(self.yes);
        if let Some(request_id) = &submitted.request_id {
            answering.leave(request_id); // it was asked about before
        }
        let id = submitted.execution_id;
        let exit = stay(context, &driver, &id, self.stream, self.only, answering)?;
        driver.finish(context, &[id])?;
        Ok(exit)
    }

    /// Has the plan taken, and approved as far as that can be done here.
    pub(crate) fn submit(
        &self,
        context: &Context,
        driver: &Driver<'_>,
    ) -> Result<Submitted, Failure> {
        let proposal = Proposal {
            document: String::from_utf8_lossy(&self.source.bytes).into_owned(),
            json: self.source.format == Format::Json,
            inputs: self.inputs.clone(),
            deadline_ms: self.deadline_ms,
            session: self.session.clone(),
            rerun: self.rerun.clone(),
            revises: self.revises.clone(),
            execution_id: None,
            asked: None,
        };
        let submitted = match driver.submit(&proposal) {
            Err(HostError::Plan(found)) => return Err(invalid(context, &self.source, found)),
            submitted => submitted?,
        };
        if let Some(request_id) = &submitted.request_id {
            self.have_approved(context, driver, &submitted, request_id)?;
        }
        Ok(submitted)
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
        let reader = driver.reader()?;
        let state = read_only::state(&reader, &submitted.execution_id)?;
        let me = who::known(Some(&reader))?;
        let open = state.requests.get(request_id);
        let mine = open.is_some_and(|open| counts(&state, &open.request, &me));
        let asks = mine && !self.yes && !self.detach && prompt::somebody_is_there();
        if !out.is_json() || asks {
            // What is shown is what the host took.
            let paint = out.paint_notes();
            let (inputs, decision) = (&state.created.inputs, &submitted.decision);
            let text = decision::for_approval(state.plan(), inputs, decision, paint);
            out.note(&format!("{text}\n"));
            let before = approved_before::section(&state, |hash| reader.plan(hash), paint)?;
            if !before.is_empty() {
                out.note(&format!("{before}\n"));
            }
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
        let answer = Answered {
            request_id: request_id.to_owned(),
            choice: choice.to_owned(),
            data: None,
            reason,
            subject: None,
            channel: channel.to_owned(),
        };
        if self.yes && !out.is_json() {
            out.note(&out.paint_notes().dim("approved by `--yes`"));
        }
        driver.answer(&submitted.execution_id, &answer)
    }
}

/// Follows an execution, and tells how it ended or what it waits for.
///
/// # Errors
/// It cannot be driven any further.
pub(crate) fn stay(
    context: &Context,
    driver: &Driver,
    execution_id: &str,
    stream: bool,
    only: Option<&str>,
    mut answering: Answering,
) -> Result<Exit, Failure> {
    let out = context.out();
    let mut watcher = progress::watcher(out);
    if stream {
        watcher = Box::new(Streaming::new(driver, out, execution_id, watcher));
    }
    let mut asks = answering.answers();
    let parted = loop {
        let parted = follow(driver, execution_id, watcher.as_mut(), asks)?;
        let Parted::Rest(rest) = &parted else {
            break parted;
        };
        if !asks || rest.state.ending.is_some() {
            break parted;
        }
        if !answering.answer(context, driver, execution_id)? {
            // What is to wait waits; a timer beside it is waited for.
            asks = false;
            let interrupted = driver.interrupts().presses() > 0;
            if !rest.state.goes_on() && !interrupted {
                break parted;
            }
        }
    };
    match parted {
        Parted::Rest(rest) => Ok(tell(context, &rest, only)),
        Parted::Left => {
            let id = ids::short(execution_id);
            let paint = out.paint_notes();
            let then = match driver.driven() {
                Where::Here => format!("`mandate executions continue {id}` carries it on"),
                Where::There(pid) => {
                    format!("process {pid} drives it; `mandate executions watch {id}` looks on")
                }
            };
            out.note(&format!("{} {then}", paint.bold("left unfinished:")));
            if out.is_json() {
                let reader = driver.reader()?;
                let state = read_only::state(&reader, execution_id)?;
                let head = reader.head().ok();
                out.value(&execution::to_json(
                    &state,
                    state.waiting_for().as_ref(),
                    head.as_ref(),
                ));
            }
            Ok(Exit::Cancelled)
        }
    }
}

/// Tells where an execution rests.
fn tell(context: &Context, rest: &Rest, only: Option<&str>) -> Exit {
    let out = context.out();
    let exit = rest
        .state
        .ending
        .as_ref()
        .map_or(Exit::Waiting, Exit::of_ending);
    let (waiting, head) = (rest.waiting_for.as_ref(), rest.head.as_ref());
    if out.is_json() {
        let value = execution::to_json(&rest.state, waiting, head);
        out.value(&value);
        return exit;
    }
    let output = only
        .filter(|_| exit == Exit::Success)
        .and_then(|name| rest.state.ending.as_ref()?.outputs.get(name));
    match output {
        Some(output) => out.line(&crate::render::shown::whole(output)),
        None => out.line(&execution::result(&rest.state, waiting, head, out.paint())),
    }
    exit
}

/// Tells of executions that go on without this command.
///
/// # Errors
/// The journal cannot be read.
pub(crate) fn left_to(
    context: &Context,
    driver: &Driver<'_>,
    executions: &[String],
) -> Result<Exit, Failure> {
    let out = context.out();
    let reader = driver.reader()?;
    let pid = match driver.driven() {
        Where::There(pid) => pid,
        Where::Here => std::process::id(),
    };
    let mut exit = Exit::Success;
    for id in executions {
        let state = read_only::state(&reader, id)?;
        let waiting = state.waiting_for().filter(|_| !state.goes_on());
        if waiting.is_some() {
            exit = Exit::Waiting;
        }
        if out.is_json() {
            let mut value = execution::to_json(&state, state.waiting_for().as_ref(), None);
            if let Some(map) = value.as_object_mut() {
                map.insert("host_pid".to_owned(), pid.into());
            }
            out.value(&value);
            continue;
        }
        out.line(&execution::result(
            &state,
            waiting.as_ref(),
            None,
            out.paint(),
        ));
        if waiting.is_none() && state.ending.is_none() {
            let id = ids::short(id);
            out.line(&format!("\nProcess {pid} drives it:"));
            out.line(&format!("  mandate executions watch {id}"));
        }
    }
    Ok(exit)
}
