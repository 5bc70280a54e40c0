//! Staying with an execution that a server drives, until it rests or somebody wants to leave.

use super::{
    client::Client,
    mirror, problem,
    sse::{self, Heard},
};
use crate::{
    commands::executions::watch,
    context::Context,
    errors::{Exit, Failure},
    follow::goes_on,
    ids,
    interrupt::Interrupts,
    progress,
};
use mandate_engine::{Phase, State};
use mandate_server::view::ChainedEvent;
use serde_json::{Value, json};
use std::{
    sync::mpsc::RecvTimeoutError,
    time::{Duration, Instant},
};

/// How often signals are looked at and lines are redrawn.
const TICK: Duration = Duration::from_millis(80);
/// How long nothing may happen to an execution that rests: what was just written may go on.
const REST: Duration = Duration::from_secs(1);

/// How long a server that came back may need to take it up.
const TAKING_UP: Duration = Duration::from_secs(30);

/// Why the command does not stay any longer.
#[derive(PartialEq, Eq)]
pub(super) enum Parted {
    /// The execution ended or waits for a human.
    Rest,
    /// Somebody wants to leave; the server drives it on.
    Left,
}

/// An execution that somebody stays with.
pub(super) struct Stay<'a> {
    client: &'a Client,
    context: &'a Context,
    /// Events on standard output as they come.
    stream: bool,
    /// A first Ctrl-C cancels; none: it ends the command.
    interrupts: Option<Interrupts>,
    cancelled: bool,
    pub(super) state: State,
}

impl<'a> Stay<'a> {
    /// Begins with where it is.
    ///
    /// # Errors
    /// There is no such execution, or what comes of it does not fold.
    pub(super) fn begin(
        client: &'a Client,
        context: &'a Context,
        execution_id: &str,
        stream: bool,
        interrupts: Option<Interrupts>,
    ) -> Result<Self, Failure> {
        let (state, events) = mirror::history(client, execution_id)?;
        let this = Self {
            client,
            context,
            stream,
            interrupts,
            cancelled: false,
            state,
        };
        for event in &events {
            this.print(event);
        }
        Ok(this)
    }

    fn print(&self, event: &ChainedEvent) {
        if self.stream {
            self.context.out().value_line(&json!(event.plain()));
        }
    }

    fn presses(&self) -> u32 {
        self.interrupts.as_ref().map_or(0, Interrupts::presses)
    }

    /// Whether the process was asked to go.
    pub(super) fn must_leave(&self) -> bool {
        let interrupts = self.interrupts.as_ref();
        interrupts.is_some_and(Interrupts::must_leave)
    }

    /// The signals that were counted.
    pub(super) fn signals(&self) -> Interrupts {
        self.interrupts.clone().unwrap_or_default()
    }

    /// Stays until it rests.
    ///
    /// # Errors
    /// The server is gone for too long, or what it says does not fit.
    pub(super) fn until_it_rests(&mut self) -> Result<Parted, Failure> {
        let context = self.context;
        let mut watcher = progress::watcher(context.out());
        watcher.changed(&self.state, None);
        let id = self.state.execution_id().to_owned();
        let heard = sse::listen(self.client, &id, self.state.seq);
        let (mut moved, mut lost) = (Instant::now(), false);
        let parted = loop {
            if self.state.phase == Phase::Ended {
                break Ok(Parted::Rest);
            }
            if self.must_leave() {
                break Ok(Parted::Left);
            }
            if self.presses() > 0 && !self.cancelled {
                self.cancelled = true;
                watcher.say("cancelling; Ctrl-C again leaves that to the server");
                let told = json!({ "reason": "Ctrl-C" });
                let path = format!("{id}:cancel");
                // An execution that ends already needs no cancelling.
                let _ = self.client.post::<Value>(&["executions", &path], &told);
                moved = Instant::now();
            }
            match heard.recv_timeout(TICK) {
                Ok(Heard::Event(told)) => {
                    moved = Instant::now();
                    let event = match mirror::apply(self.client, &mut self.state, &told) {
                        Ok(event) => event,
                        Err(failure) => break Err(failure),
                    };
                    self.print(&told);
                    watcher.changed(&self.state, Some(&event));
                    continue;
                }
                Ok(Heard::Lost(why)) => {
                    if !lost {
                        lost = true;
                        watcher.say(&format!(
                            "the connection to the server is lost: {why}; trying again"
                        ));
                    }
                }
                Ok(Heard::Back) => {
                    (lost, moved) = (false, Instant::now());
                    watcher.say("the server is back");
                }
                Ok(Heard::End) => break Ok(Parted::Rest),
                Ok(Heard::Over(why)) => {
                    let short = ids::short(&id);
                    let failure = why.failure(&self.client.name());
                    break Err(match lost {
                        true => failure.remedy(format!(
                            "the server drives it on; `mandate executions watch {short}` looks on again once it answers"
                        )),
                        false => failure,
                    });
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    break Err(problem::strange(&self.client.name(), "its events end"));
                }
            }
            watcher.tick(&self.state);
            let waits = self.state.waiting_for();
            let patience = match &waits {
                Some(waits) if waits.kind == "host" => TAKING_UP,
                _ => REST,
            };
            let rests = waits.is_some() && !goes_on(&self.state);
            // What is to be cancelled is waited for.
            let ending = self.cancelled && self.state.stop.is_none();
            if rests && !lost && !ending && moved.elapsed() > patience {
                break Ok(Parted::Rest);
            }
        };
        watcher.end();
        parted
    }

    /// Tells how it ended, where it rests, or that it was left.
    ///
    /// # Errors
    /// The server does not say.
    pub(super) fn tell(&self, parted: &Parted) -> Result<Exit, Failure> {
        let out = self.context.out();
        let id = self.state.execution_id();
        if *parted == Parted::Left {
            let short = ids::short(id);
            let text = out.paint_notes().bold("left unfinished:");
            out.note(&format!(
                "{text} the server drives it; `mandate executions watch {short}` looks on"
            ));
            if out.is_json() {
                let waiting = self.state.waiting_for();
                let told = crate::render::execution::to_json(&self.state, waiting.as_ref(), None);
                out.value(&told);
            }
            return Ok(Exit::Cancelled);
        }
        let head = mirror::beside(self.client, id)?.head;
        Ok(watch::tell(&self.state, head.as_ref(), out))
    }
}
