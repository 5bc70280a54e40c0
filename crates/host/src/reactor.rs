//! The host and its inbox. A thread of its own takes up what comes in and what is due. A message that finds the inbox empty and
//! the host at rest is taken up by whoever brings it, where that is asked for: no thread is woken for it, and none to tell what
//! came of it. At any time one thread has the host, and messages are taken up in the order in which they came.

use crate::ask::HostError;
use crate::clock::Clock;
use crate::handle::Message;
use crate::host::{Host, Input};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, TryLockError};
use std::time::Duration;

/// How many inputs may be taken up before something that can wait has its turn.
const INPUTS_IN_A_ROW: usize = 32;

/// A wait is measured by the machine's steady clock, which stands still while the machine sleeps and does not know that the
/// time was set. So the time is looked at in between.
const LOOKS_AT_CLOCK_MS: i64 = 30_000;

/// The thread does not wait: it looks at the time before it does.
const AWAKE: i64 = i64::MIN;

/// A host that inputs are brought to.
pub(crate) struct Reactor {
    /// None before it begins and after it has stopped. Poisoned if it crashed: then it is never taken up again.
    host: Mutex<Option<Host>>,
    to_thread: Sender<Message>,
    /// Messages that were sent and not taken up yet.
    waiting: AtomicUsize,
    /// Until when the thread waits at the longest, Unix milliseconds.
    waits_until_ms: AtomicI64,
    clock: Arc<dyn Clock>,
}

impl Reactor {
    /// One without a host, and what its thread reads. It does not keep the journal: whoever brings an input as the host stops holds
    /// this value a moment longer, and the data directory must be free by then.
    pub(crate) fn new(clock: Arc<dyn Clock>) -> (Arc<Self>, Receiver<Message>) {
        let (to_thread, inbox) = channel();
        let reactor = Self {
            host: Mutex::new(None),
            to_thread,
            waiting: AtomicUsize::new(0),
            waits_until_ms: AtomicI64::new(AWAKE),
            clock,
        };
        (Arc::new(reactor), inbox)
    }

    /// Puts a message into the inbox.
    ///
    /// # Errors
    /// The host has stopped.
    pub(crate) fn send(&self, message: Message) -> Result<(), HostError> {
        // Counted first, so that nobody overtakes it who finds none.
        self.waiting.fetch_add(1, Ordering::AcqRel);
        self.to_thread.send(message).map_err(|_| HostError::Stopped)
    }

    /// Takes an input up on this thread if nothing waits and nobody has the host; else puts it into the inbox. What a turn on
    /// this thread brings by itself is taken up when that turn is over.
    ///
    /// # Errors
    /// The host has stopped.
    pub(crate) fn take_up(&self, input: Input) -> Result<(), HostError> {
        let input = match self.waiting.load(Ordering::Acquire) {
            0 => match Turn::keep(self, input) {
                None => return Ok(()),
                Some(input) => input,
            },
            _ => return self.send(Message::Input(input)),
        };
        let mut host = match self.host.try_lock() {
            // One that has not begun yet takes everything up from the inbox; one that stopped has none any more.
            Ok(host) if host.is_some() && self.waiting.load(Ordering::Acquire) == 0 => host,
            Ok(_) | Err(TryLockError::WouldBlock) => return self.send(Message::Input(input)),
            Err(TryLockError::Poisoned(_)) => return Err(HostError::Stopped),
        };
        let Some(taken) = host.as_mut() else {
            return Err(HostError::Stopped);
        };
        self.turn(taken, input);
        let due_ms = if taken.has_work() {
            Some(AWAKE)
        } else {
            taken.next_due_ms()
        };
        drop(host);
        let waits_until_ms = self.waits_until_ms.load(Ordering::Acquire);
        match due_ms.is_some_and(|due_ms| due_ms < waits_until_ms) {
            true => self.send(Message::Look),
            false => Ok(()),
        }
    }

    /// Has `host` until it is stopped; on the thread that is its own.
    pub(crate) fn run(&self, host: Host, inbox: &Receiver<Message>) {
        match self.host.lock() {
            Ok(mut place) => *place = Some(host),
            Err(_) => return,
        }
        // What came before there was a host waits in the inbox.
        let mut in_a_row = 0_usize;
        let mut next = None;
        loop {
            let message = match next.take() {
                Some(message) => Ok(message),
                None => self.next(inbox),
            };
            let Ok(mut place) = self.host.lock() else {
                return;
            };
            let Some(host) = place.as_mut() else { return };
            if message.is_ok() {
                self.waiting.fetch_sub(1, Ordering::AcqRel);
            }
            let rests = match message {
                Ok(Message::Input(input)) => {
                    // What is behind it may have something to append too: it shares a commit.
                    next = inbox.try_recv().ok();
                    host.parts.journal.more_follows(next.is_some());
                    let taken = self.turn(host, input);
                    in_a_row = in_a_row.saturating_add(taken);
                    in_a_row >= INPUTS_IN_A_ROW
                }
                Ok(Message::Look) => false,
                Err(RecvTimeoutError::Timeout) => true,
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => {
                    host.parts.journal.more_follows(false);
                    *place = None;
                    return;
                }
            };
            host.tick();
            if rests {
                in_a_row = 0;
                host.step();
            }
        }
    }

    /// Has an input taken up, what comes of it meanwhile, and what is due; gives how many inputs that were.
    fn turn(&self, host: &mut Host, input: Input) -> usize {
        let turn = Turn::begin(self);
        let (mut next, mut taken) = (Some(input), 0_usize);
        while let Some(input) = next {
            host.handle(input);
            taken = taken.saturating_add(1);
            next = match taken < INPUTS_IN_A_ROW {
                true => Turn::next(),
                false => None,
            };
        }
        host.tick();
        for left in turn.end() {
            // The thread that it goes to ends when there is no host any more.
            let _ = self.send(Message::Input(left));
        }
        taken
    }

    /// Waits for the next message, or for what is due.
    fn next(&self, inbox: &Receiver<Message>) -> Result<Message, RecvTimeoutError> {
        let until_ms = {
            let place = self.host.lock();
            let place = place.map_err(|_| RecvTimeoutError::Disconnected)?;
            let host = place.as_ref().ok_or(RecvTimeoutError::Disconnected)?;
            let due_ms = match host.has_work() {
                true => Some(AWAKE),
                false => host.next_due_ms(),
            };
            // Set while the host is held: whoever has it next knows how long this thread would sleep.
            let until_ms = due_ms.unwrap_or(i64::MAX);
            self.waits_until_ms.store(until_ms, Ordering::Release);
            until_ms
        };
        let message = match until_ms {
            i64::MAX => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
            until_ms => {
                let left_ms = until_ms.saturating_sub(self.clock.now_ms());
                let left_ms = left_ms.clamp(0, LOOKS_AT_CLOCK_MS);
                inbox.recv_timeout(Duration::from_millis(u64::try_from(left_ms).unwrap_or(0)))
            }
        };
        self.waits_until_ms.store(AWAKE, Ordering::Release);
        message
    }
}

thread_local! {
    /// The turn on this thread.
    static TURN: RefCell<Option<Inner>> = const { RefCell::new(None) };
}

/// What a turn has brought so far.
struct Inner {
    /// Whose turn it is: another host's input is none of it.
    reactor: *const Reactor,
    inputs: VecDeque<Input>,
}

/// A turn on this thread: a call that is made within it and answers at once brings its input here.
struct Turn {
    /// Of another host.
    around: Option<Inner>,
}

impl Turn {
    fn begin(reactor: &Reactor) -> Self {
        let inner = Inner {
            reactor: std::ptr::from_ref(reactor),
            inputs: VecDeque::new(),
        };
        let around = TURN.replace(Some(inner));
        Self { around }
    }

    /// Keeps an input if a turn of that reactor is on this thread; else gives it back.
    fn keep(reactor: &Reactor, input: Input) -> Option<Input> {
        TURN.with_borrow_mut(|turn| match turn {
            Some(inner) if std::ptr::eq(inner.reactor, reactor) => {
                inner.inputs.push_back(input);
                None
            }
            _ => Some(input),
        })
    }

    /// The next of what was kept.
    fn next() -> Option<Input> {
        TURN.with_borrow_mut(|turn| turn.as_mut()?.inputs.pop_front())
    }

    /// The end of it, and what is left.
    fn end(self) -> VecDeque<Input> {
        TURN.take().map(|inner| inner.inputs).unwrap_or_default()
    }
}

impl Drop for Turn {
    /// A turn that crashed has nothing left to be taken up.
    fn drop(&mut self) {
        TURN.set(self.around.take());
    }
}

#[cfg(test)]
mod tests;
