//! Staying with an execution, wherever it is driven, until it rests or somebody wants to leave.

use crate::{
    drive::{Driver, Where},
    errors::Failure,
    output::Out,
    render::event,
};
use mandate_engine::{Event, State};
use mandate_host::{Rest, Update};
use std::{
    sync::mpsc::RecvTimeoutError,
    time::{Duration, Instant},
};

/// How often signals are looked at and lines are redrawn.
const TICK: Duration = Duration::from_millis(80);

/// An execution that has not started by then waits for its turn, and that is said.
const QUEUED: Duration = Duration::from_secs(1);

/// Whoever shows what happens.
pub(crate) trait Watcher {
    /// Where the execution is when the watch begins, and after each event.
    fn changed(&mut self, state: &State, event: Option<&Event>);
    /// Time passes.
    fn tick(&mut self, state: &State);
    /// Nothing more comes until it changes again.
    fn end(&mut self);
    /// Says something beside what happens.
    fn say(&mut self, text: &str);
}

/// Why the command does not stay any longer.
pub(crate) enum Parted {
    /// The execution ended or waits for a human.
    Rest(Box<Rest>),
    /// Somebody wants to leave; the execution stays unfinished.
    Left,
}

/// Stays with an execution. The first Ctrl-C cancels it. `asks`: comes back as soon as nothing runs and somebody is asked
/// something, even if a timer goes on.
///
/// # Errors
/// The host cannot drive it any further.
pub(crate) fn follow(
    driver: &Driver<'_>,
    execution_id: &str,
    watcher: &mut dyn Watcher,
    asks: bool,
) -> Result<Parted, Failure> {
    let mut updates = driver.watch(execution_id)?;
    let interrupts = driver.interrupts();
    let mut state: Option<State> = None;
    let mut cancelled = false;
    let mut awaits_end = false;
    let (begun, mut queued) = (Instant::now(), false);
    let mut ticked = begun;
    let parted = loop {
        if interrupts.must_leave() {
            break Parted::Left;
        }
        if interrupts.presses() > 0 && !cancelled {
            cancelled = true;
            let id = crate::ids::short(execution_id);
            watcher.say(&match driver.driven() {
                Where::Here => {
                    format!(
                        "cancelling; Ctrl-C again leaves it for `mandate executions continue {id}`"
                    )
                }
                Where::There(pid) => {
                    format!("cancelling; Ctrl-C again leaves that to process {pid}")
                }
            });
            // An execution that ends already needs no cancelling.
            awaits_end = driver.cancel(execution_id, Some("Ctrl-C"), false).is_ok();
        }
        match updates.recv_timeout(TICK) {
            Ok(Update::Now(now)) => {
                watcher.changed(&now, None);
                state = Some(*now);
            }
            Ok(Update::Event(event)) => {
                if let Some(state) = &mut state {
                    state.apply(&event);
                    watcher.changed(state, Some(&event));
                }
            }
            Ok(Update::Rest(rest)) if goes_on(&rest.state) && !(asks && is_asked(&rest.state)) => {}
            // Told before it was cancelled.
            Ok(Update::Rest(rest)) if awaits_end && rest.state.stop.is_none() => {}
            Ok(Update::Rest(rest)) => break Parted::Rest(rest),
            Ok(Update::Lost(error)) => {
                watcher.end();
                return Err(error.into());
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                let found = driver.find_again(execution_id);
                let found = found.and_then(|found| Ok((found, driver.watch(execution_id)?)));
                match found {
                    Ok((found, next)) => {
                        updates = next;
                        watcher.say(&match found {
                            Where::Here => {
                                "the process that drove it is gone: this one drives it on"
                                    .to_owned()
                            }
                            Where::There(pid) => {
                                format!(
                                    "the process that drove it is gone: process {pid} drives it on"
                                )
                            }
                        });
                    }
                    Err(failure) => {
                        watcher.end();
                        return Err(failure);
                    }
                }
                // What was asked for last may not have reached the disk.
                (cancelled, awaits_end) = (false, false);
            }
        }
        if ticked.elapsed() >= TICK
            && let Some(state) = &state
        {
            ticked = Instant::now();
            watcher.tick(state);
            if !queued && state.shown_state() == "pending" && begun.elapsed() > QUEUED {
                queued = true;
                watcher.say("queued: it starts when others have ended or wait");
            }
        }
    };
    watcher.end();
    Ok(parted)
}

/// Whether an execution that rests goes on by itself: a timer or a back-off of it runs out.
pub(crate) fn goes_on(state: &State) -> bool {
    state.goes_on()
}

/// Whether somebody is asked something.
fn is_asked(state: &State) -> bool {
    state.open_request().is_some()
}

/// Writes durable events as JSON Lines while somebody else shows progress.
pub(crate) struct Streaming<'a> {
    driver: &'a Driver<'a>,
    out: &'a Out,
    execution_id: String,
    next_seq: u64,
    inner: Box<dyn Watcher + 'a>,
}

impl<'a> Streaming<'a> {
    pub(crate) fn new(
        driver: &'a Driver<'a>,
        out: &'a Out,
        execution_id: &str,
        inner: Box<dyn Watcher + 'a>,
    ) -> Self {
        Self {
            driver,
            out,
            execution_id: execution_id.to_owned(),
            next_seq: 1,
            inner,
        }
    }

    /// What the disk has and was not written yet: standard output tells facts only.
    fn drain(&mut self) {
        let Ok(reader) = self.driver.reader() else {
            return;
        };
        while !self.out.is_closed() {
            let Ok(page) = reader.read(&self.execution_id, self.next_seq, 256) else {
                return;
            };
            for record in &page {
                self.out.value_line(&event::to_json(record));
                self.next_seq = record.seq.saturating_add(1);
            }
            if page.is_empty() {
                return;
            }
        }
    }
}

impl Watcher for Streaming<'_> {
    fn changed(&mut self, state: &State, event: Option<&Event>) {
        self.inner.changed(state, event);
    }

    fn tick(&mut self, state: &State) {
        self.drain();
        self.inner.tick(state);
    }

    fn end(&mut self) {
        self.drain();
        self.inner.end();
    }

    fn say(&mut self, text: &str) {
        self.inner.say(text);
    }
}
