//! What the inbox promises: one thread has the host at a time, everything is taken up once, and nobody overtakes what came before.

use super::Reactor;
use crate::ask::{Ask, HostError};
use crate::clock::SystemClock;
use crate::gateway::Gateway;
use crate::handle::Message;
use crate::host::{Host, Input, Parts};
use crate::local::RandomIds;
use crate::policies::PolicyTerms;
use crate::spawn::OnTokio;
use crate::tokens::NoTokens;
use mandate_policy::{FirstPolicy, Limits};
use mandate_store::SqliteStore;
use mandate_tools::{NoSecrets, Registry, Runner};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// How long something is waited for that comes at once.
const SOON: Duration = Duration::from_secs(60);

/// A host that is asked for executions that are not there: it says so of each as it takes the question up, over one channel, so
/// that the order of what it says is the order in which it took them up.
struct Rig {
    reactor: Arc<Reactor>,
    inbox: Option<Receiver<Message>>,
    host: Option<Host>,
    told: Receiver<Result<(), HostError>>,
    tell: Sender<Result<(), HostError>>,
    _runtime: Runtime,
    _dir: TempDir,
}

impl Rig {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let journal = Arc::new(SqliteStore::open(dir.path()).unwrap());
        let runtime = { tokio::runtime::Builder::new_current_thread() }
            .build()
            .unwrap();
        let clock = Arc::new(SystemClock);
        let parts = Parts {
            clock: clock.clone(),
            journal: journal.clone(),
            tools: Arc::new(Runner::new(Arc::new(Registry::new()), Arc::new(NoSecrets))),
            rules: Arc::new(FirstPolicy),
            tokens: Arc::new(NoTokens),
            shadow: None,
            limits: Limits::default(),
            policies: PolicyTerms::default(),
            gateway: Gateway::default(),
            spawn: Arc::new(OnTokio(runtime.handle().clone())),
            ids: Arc::new(RandomIds),
            report: Arc::new(|_| {}),
            notify: None,
            witness: None,
            max_active: 1,
            kept_at_rest: 1,
        };
        let (reactor, inbox) = Reactor::new(clock);
        let (tell, told) = channel();
        Self {
            reactor,
            inbox: Some(inbox),
            host: Some(Host::new(parts, Arc::new(|_| {}))),
            told,
            tell,
            _runtime: runtime,
            _dir: dir,
        }
    }

    fn input(&self, name: &str) -> Input {
        input(name, &self.tell)
    }

    fn send(&self, name: &str) {
        self.reactor.send(Message::Input(self.input(name))).unwrap();
    }

    fn take_up(&self, name: &str) {
        self.reactor.take_up(self.input(name)).unwrap();
    }

    /// The host is there, and its thread is not yet: what is put into the inbox stays there.
    fn place(&mut self) {
        *self.reactor.host.lock().unwrap() = self.host.take();
    }

    /// The thread that is the host's own.
    fn start(&mut self) -> std::thread::JoinHandle<()> {
        let placed = self.reactor.host.lock().unwrap().take();
        let host = placed.or_else(|| self.host.take()).unwrap();
        let (reactor, inbox) = (self.reactor.clone(), self.inbox.take().unwrap());
        std::thread::spawn(move || reactor.run(host, &inbox))
    }

    /// What was taken up by now.
    fn taken_up(&self) -> Vec<String> {
        self.told.try_iter().map(named).collect()
    }

    fn next(&self) -> String {
        named(self.told.recv_timeout(SOON).unwrap())
    }
}

fn input(name: &str, tell: &Sender<Result<(), HostError>>) -> Input {
    Input::Ask(Ask::Continue(name.to_owned(), tell.clone()))
}

fn named(told: Result<(), HostError>) -> String {
    match told {
        Err(HostError::NoSuchExecution(name)) => name,
        other => panic!("{other:?}"),
    }
}

#[test]
fn where_nothing_waits_it_is_taken_up_at_once() {
    let mut rig = Rig::new();
    rig.place();
    rig.take_up("a");
    rig.take_up("b");
    assert_eq!(rig.taken_up(), ["a", "b"], "before the call returned");
}

#[test]
fn whoever_finds_something_waiting_does_not_overtake_it() {
    let mut rig = Rig::new();
    rig.place();
    rig.send("first");
    rig.take_up("second");
    rig.send("third");
    rig.take_up("fourth");
    assert_eq!(
        rig.taken_up(),
        [""; 0],
        "the host is at rest, and something waits: everything goes behind it"
    );
    let thread = rig.start();
    let order: Vec<String> = (0..4).map(|_| rig.next()).collect();
    assert_eq!(order, ["first", "second", "third", "fourth"]);
    rig.reactor.send(Message::Stop).unwrap();
    thread.join().unwrap();
}

#[test]
fn whoever_finds_the_host_at_work_goes_to_the_inbox() {
    let mut rig = Rig::new();
    rig.place();
    let reactor = rig.reactor.clone();
    let at_work = reactor.host.lock().unwrap();
    rig.take_up("first");
    drop(at_work);
    rig.take_up("second");
    assert_eq!(rig.taken_up(), [""; 0], "the first one waits");
    let thread = rig.start();
    assert_eq!([rig.next(), rig.next()], ["first", "second"]);
    rig.reactor.send(Message::Stop).unwrap();
    thread.join().unwrap();
}

#[test]
fn when_the_inbox_is_empty_again_it_is_taken_up_at_once_again() {
    let mut rig = Rig::new();
    let thread = rig.start();
    rig.send("first");
    assert_eq!(rig.next(), "first");
    // The thread still has the host for a moment after it said so, and a message that finds it so goes to the inbox.
    let at_once = (0..1_000).any(|n| {
        std::thread::yield_now();
        rig.take_up(&n.to_string());
        let taken_up = rig.taken_up() == [n.to_string()];
        if !taken_up {
            assert_eq!(rig.next(), n.to_string());
        }
        taken_up
    });
    assert!(at_once, "the host's thread took up each of them");
    rig.reactor.send(Message::Stop).unwrap();
    thread.join().unwrap();
}

#[test]
fn what_comes_before_the_host_begins_is_taken_up_when_it_does() {
    let mut rig = Rig::new();
    rig.take_up("first");
    rig.send("second");
    rig.take_up("third");
    let thread = rig.start();
    assert_eq!(
        [rig.next(), rig.next(), rig.next()],
        ["first", "second", "third"]
    );
    rig.reactor.send(Message::Stop).unwrap();
    thread.join().unwrap();
}

#[test]
fn a_host_that_stopped_is_taken_up_by_nobody() {
    let mut rig = Rig::new();
    let thread = rig.start();
    rig.reactor.send(Message::Stop).unwrap();
    thread.join().unwrap();
    let stopped = rig.reactor.take_up(rig.input("late"));
    assert!(matches!(stopped, Err(HostError::Stopped)), "{stopped:?}");
    assert_eq!(rig.taken_up(), [""; 0]);
}

const SENDERS: usize = 8;
const EACH: usize = 400;

/// When the sender began to bring it, and when it was done with that, on a clock that all of them share.
#[derive(Clone, Copy)]
struct Brought {
    begun: usize,
    done: usize,
}

/// Of two messages of which one was brought before the other began to be, whoever brought them and whichever way, that one is taken
/// up first. Those of one sender are a case of it.
#[test]
fn many_at_once_are_taken_up_once_each_in_the_order_in_which_they_came() {
    let mut rig = Rig::new();
    let thread = rig.start();
    let clock = AtomicUsize::new(0);
    let now = || clock.fetch_add(1, Ordering::SeqCst);
    let brought: Vec<Vec<Brought>> = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS)
            .map(|sender| {
                let (reactor, tell, now) = (rig.reactor.clone(), rig.tell.clone(), &now);
                scope.spawn(move || {
                    let bring = |n: usize| {
                        let input = input(&format!("{sender}/{n}"), &tell);
                        let begun = now();
                        // Some of them never take anything up themselves, and the others do now and then.
                        let brought = match sender < 2 || (sender + n).is_multiple_of(3) {
                            true => reactor.send(Message::Input(input)),
                            false => reactor.take_up(input),
                        };
                        brought.unwrap();
                        let done = now();
                        // A rest, so that the inbox is empty now and then.
                        if n % 16 == sender {
                            std::thread::sleep(Duration::from_millis(2));
                        }
                        Brought { begun, done }
                    };
                    (0..EACH).map(bring).collect()
                })
            })
            .collect();
        { senders.into_iter() }
            .map(|sender| sender.join().unwrap())
            .collect()
    });
    let order: Vec<String> = (0..SENDERS * EACH).map(|_| rig.next()).collect();
    rig.reactor.send(Message::Stop).unwrap();
    thread.join().unwrap();
    assert_eq!(rig.taken_up(), [""; 0], "nothing twice");
    assert_eq!(order.iter().collect::<BTreeSet<_>>().len(), order.len());
    let mut latest = (0, String::new());
    for name in order {
        let (sender, n) = name.split_once('/').unwrap();
        let it = brought[sender.parse::<usize>().unwrap()][n.parse::<usize>().unwrap()];
        assert!(
            latest.0 < it.done,
            "`{}` overtook `{name}`, which had come before it was begun",
            latest.1
        );
        if it.begun >= latest.0 {
            latest = (it.begun, name);
        }
    }
}
