//! The whole of it: a machine with a disk and a clock, processes on it one after the other, tools outside, and people.
//! One thing happens at a time, and which one is chance.

mod caller;
mod deeds;
mod people;
mod promises;

use crate::clock::SimClock;
use crate::hold::hold;
use crate::journal::{Acknowledged, SimJournal};
use crate::machine::Machine;
use crate::outside::{Outside, SimSecrets, registry};
use crate::process::{Process, SimIds, Surroundings};
use crate::random::Random;
use crate::scenario::Scenario;
use crate::trace::Trace;
use crate::{Violation, secrets_of};
use mandate_engine::State;
use mandate_host::{Ask, Clock as _, Input};
use mandate_policy::Limits;
use mandate_tools::{Registry, Runner, SecretSource};
use promises::Promise;
use std::collections::BTreeMap;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

/// More than any run needs.
const MOST_TICKS: u64 = 12_000;
/// Polls after which calls that do not move are taken to hang.
const QUIET: u32 = 24;
/// What is due later than this is not waited for.
const HORIZON_MS: i64 = 40 * 86_400_000;
/// Where the clock starts, Unix milliseconds.
const BEGIN_MS: i64 = 1_800_000_000_000;

/// A world in which a scenario takes place.
pub(crate) struct World<'s> {
    scenario: &'s Scenario,
    random: Random,
    surroundings: Surroundings,
    pub(crate) acknowledged: Arc<Mutex<Acknowledged>>,
    pub(crate) trace: Arc<Mutex<Trace>>,
    machine: Machine,
    registry: Arc<Registry>,
    secrets: Arc<dyn SecretSource>,
    process: Option<Process>,
    tick: u64,
    next_act: usize,
    /// Submitted runs, by their place.
    submitted: Vec<Submitted>,
    promises: Vec<Promise>,
    pub(crate) met: BTreeMap<&'static str, u64>,
    pub(crate) violations: Vec<Violation>,
    /// The process is to be replaced at this tick.
    restart_at: Option<u64>,
    /// Everything that was to be done is done: what waits for people gets its answer, and it comes to its end.
    settling: bool,
    /// Polls since something else happened.
    quiet: u32,
    /// How often somebody answered a request.
    tried: BTreeMap<String, u32>,
    agents: BTreeMap<String, people::Agent>,
    /// Calls that are made outside, by execution.
    outside_calls: BTreeMap<String, Vec<caller::Taken>>,
    pub(crate) processes: u64,
}

/// What became of a run.
#[derive(Default, Clone)]
struct Submitted {
    asked: bool,
    execution_id: Option<String>,
}

/// What can happen next.
#[derive(Clone, Copy)]
enum Move {
    Input,
    Disk,
    Poll,
    Work,
    Person,
    Agent,
}

impl<'s> World<'s> {
    /// The world before anything has happened.
    ///
    /// # Errors
    /// The machine cannot be set up.
    pub(crate) fn new(scenario: &'s Scenario, readable: bool) -> Result<Self, String> {
        let outside = Arc::new(Outside::new(&scenario.calls));
        let (secret, sensitive) = secrets_of(scenario.seed);
        let registry = registry(outside.clone(), sensitive)?;
        let secrets: Arc<dyn SecretSource> = Arc::new(SimSecrets(secret));
        let surroundings = Surroundings {
            clock: Arc::new(SimClock::at(BEGIN_MS)),
            outside,
            tools: Arc::new(Runner::new(Arc::clone(&registry), Arc::clone(&secrets))),
            ids: Arc::new(SimIds::default()),
            limits: Limits {
                calls_per_session: scenario.calls_per_session,
                calls_per_minute: scenario.calls_per_minute,
            },
            max_active: scenario.max_active,
            // All, some or none are folded again: it must make no difference.
            kept_at_rest: usize::try_from(scenario.seed % 3).unwrap_or(0),
        };
        let mut world = Self {
            random: Random::of(scenario.seed, "world"),
            surroundings,
            acknowledged: Arc::default(),
            trace: Arc::new(Mutex::new(Trace::new(readable))),
            machine: Machine::new(scenario)?,
            registry,
            secrets,
            process: None,
            tick: 0,
            next_act: 0,
            submitted: vec![Submitted::default(); scenario.runs.len()],
            promises: Vec::new(),
            met: BTreeMap::new(),
            violations: Vec::new(),
            restart_at: None,
            settling: false,
            quiet: 0,
            tried: BTreeMap::new(),
            agents: BTreeMap::new(),
            outside_calls: BTreeMap::new(),
            processes: 0,
            scenario,
        };
        world.start();
        Ok(world)
    }

    /// A process starts on what the disk has.
    fn start(&mut self) {
        self.processes = self.processes.saturating_add(1);
        self.say(&format!("process {} starts", self.processes));
        let disk = match self.machine.open() {
            Ok(disk) => disk,
            Err(error) => {
                self.violate("the store opens after every crash", error);
                return;
            }
        };
        let journal = Arc::new(SimJournal::new(
            disk,
            Arc::clone(&self.acknowledged),
            Arc::clone(&self.surroundings.outside),
            Arc::clone(&self.trace),
        ));
        match journal.reconcile() {
            Ok(missing) => {
                for row in missing {
                    self.violate("what was acknowledged is there after a crash", row);
                }
            }
            Err(error) => self.violate("the store opens after every crash", error.to_string()),
        }
        // What is kept in memory only is gone with the process before.
        let (registry, secrets) = (Arc::clone(&self.registry), Arc::clone(&self.secrets));
        self.surroundings.tools = Arc::new(Runner::new(registry, secrets));
        let process = Process::start(&self.surroundings, journal);
        let (reply, answer) = channel();
        process.put(Input::Ask(Ask::Recover(reply)));
        self.promise(Promise::plain(answer));
        self.process = Some(process);
        // What a full disk turned down is tried anew.
        self.tried.clear();
        self.quiet = 0;
    }

    /// Until nothing happens any more.
    pub(crate) fn run(&mut self) {
        while self.violations.is_empty() {
            self.tick = self.tick.saturating_add(1);
            if self.tick > MOST_TICKS {
                let what = format!("after {MOST_TICKS} ticks something still happens");
                self.violate("the world comes to rest", what);
                return;
            }
            if self.process.is_none() {
                return;
            }
            self.deeds_due();
            self.watch_machine();
            if !self.step() && !self.pass_time() {
                if self.settling {
                    return;
                }
                self.settle();
            }
        }
    }

    /// One thing happens; false if nothing can but by itself.
    fn step(&mut self) -> bool {
        let moves = self.moves();
        let Some(next) = self.random.one_of(&moves).copied() else {
            return false;
        };
        if matches!(next, Move::Poll) {
            self.quiet = self.quiet.saturating_add(1);
        } else {
            self.quiet = 0;
        }
        if self.random.one_in(3) {
            let by_ms = self.random.below(30).cast_signed();
            self.surroundings.clock.pass(by_ms);
        }
        let Some(process) = &mut self.process else {
            return false;
        };
        match next {
            Move::Input => {
                if let Some(input) = process.next_input(&mut self.random) {
                    self.quiet = 0;
                    process.host.handle(input);
                }
            }
            Move::Disk => {
                process.journal.disk.sync(&mut self.random);
            }
            Move::Poll => {
                let inputs = process.has_input();
                process.spawn.poll_one(&mut self.random);
                if process.has_input() && !inputs {
                    self.quiet = 0;
                }
            }
            Move::Work => process.host.step(),
            Move::Person => self.somebody_answers(),
            Move::Agent => self.an_agent_acts(),
        }
        self.after_move();
        true
    }

    fn after_move(&mut self) {
        let now_ms = self.surroundings.clock.now_ms();
        if let Some(process) = &mut self.process
            && process.host.next_due_ms().is_some_and(|due| due <= now_ms)
        {
            process.host.tick();
        }
        for name in self.surroundings.outside.take_met() {
            self.meet(name);
        }
        self.collect_promises();
    }

    fn moves(&mut self) -> Vec<Move> {
        let mut moves = Vec::new();
        let Some(process) = &self.process else {
            return moves;
        };
        let mut add = |next, weight| moves.extend(std::iter::repeat_n(next, weight));
        if process.has_input() {
            add(Move::Input, 6);
        }
        if process.journal.disk.waits() {
            add(Move::Disk, 4);
        }
        let busy = process.has_input() || process.journal.disk.waits();
        if process.spawn.len() > 0 && (busy || self.quiet < QUIET) {
            add(Move::Poll, 4);
        }
        if process.host.has_work() {
            add(Move::Work, 3);
        }
        let idle = moves.is_empty();
        let asks = self.has_answerable();
        if asks && (idle || self.random.one_in(10)) {
            moves.push(Move::Person);
        }
        if self.agents_wanted() && (idle || self.random.one_in(10)) {
            moves.push(Move::Agent);
        }
        moves
    }

    /// Nothing happens by itself: time goes by until something does, or the next thing is done to the host.
    fn pass_time(&mut self) -> bool {
        let next_deed = self.next_deed_at();
        let due = self
            .process
            .as_ref()
            .and_then(|process| process.host.next_due_ms());
        let now_ms = self.surroundings.clock.now_ms();
        let due = due.filter(|due| due.saturating_sub(now_ms) < HORIZON_MS);
        self.quiet = 0;
        match (next_deed, due) {
            (Some(at), None) => self.tick = self.tick.max(at.saturating_sub(1)),
            (Some(at), Some(_)) if self.random.one_in(2) => {
                self.tick = self.tick.max(at.saturating_sub(1));
            }
            (_, Some(due)) => {
                let left = due.saturating_sub(now_ms).max(0);
                // Sometimes nobody looks for a while.
                let late = match self.random.one_in(8) {
                    true => self.random.below(5_000).cast_signed(),
                    false => 0,
                };
                self.surroundings.clock.pass(left.saturating_add(late));
                self.say(&format!("time passes: {left} ms and {late} ms"));
                self.after_move();
            }
            (None, None) => return false,
        }
        true
    }

    pub(crate) fn meet(&mut self, what: &'static str) {
        let count = self.met.entry(what).or_default();
        *count = count.saturating_add(1);
    }

    pub(crate) fn say(&self, what: &str) {
        hold(&self.trace).say(what);
    }

    pub(crate) fn violate(&mut self, check: &'static str, what: String) {
        self.say(&format!("violated: {check}: {what}"));
        self.violations.push(Violation { check, what });
    }

    /// The state of an execution: in memory, or as the disk has it.
    fn state_of(&self, execution_id: &str) -> Option<State> {
        let process = self.process.as_ref()?;
        if let Some(state) = process.host.state(execution_id) {
            return Some(state.clone());
        }
        mandate_host::recovery::load(process.journal.as_ref(), execution_id).ok()
    }

    /// The journal, the host and the witness, for those who check.
    pub(crate) fn parts(&self) -> Option<(&Process, &Outside)> {
        Some((self.process.as_ref()?, &self.surroundings.outside))
    }

    pub(crate) fn scenario(&self) -> &Scenario {
        self.scenario
    }

    /// What the witness saw, into the trace.
    pub(crate) fn witness(&self) {
        for effect in self.surroundings.outside.order() {
            self.say(&effect);
        }
    }

    /// The store's own verification, where there is a store.
    pub(crate) fn verify_store(&self) -> Vec<String> {
        self.machine.verify()
    }
}
