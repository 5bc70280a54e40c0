//! A world that a test holds in its hands: nothing happens unless the test says so.

use crate::fake_journal::FakeJournal;
mod spawn;

pub use spawn::FakeSpawn;

use futures_util::future::BoxFuture;
use mandate_engine::event::Answer;
use mandate_host::{
    Ask, Clock, Gateway, Host, HostError, Ids, Input, Parts, Post, Submission, Submitted, Update,
};
use mandate_plan::{
    CheckedPlan, Digest, Effect, Facts, Format, ToolLookup, ToolSpec, check, parse,
};
use mandate_policy::{Limits, Permit, ResolvedCall};
use mandate_tools::{Fault, Outcome, Report, Told, Tools, UnderWay};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

pub struct FakeClock(AtomicI64);

impl Clock for FakeClock {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Tools whose answers the test gives; `witness` counts what really happened outside.
#[derive(Default)]
pub struct FakeTools {
    /// Calls that were made, in order.
    pub calls: Mutex<Vec<ResolvedCall>>,
    /// Idempotency keys by effect: what the outside world has seen. Shared by all incarnations of the host.
    pub witness: Arc<Mutex<Vec<(String, String)>>>,
    /// What calls answer; the default is the arguments.
    pub answers: Mutex<BTreeMap<String, VecDeque<Outcome>>>,
    /// What status look-ups say, by step; a step without any has no look-up.
    pub told: Mutex<BTreeMap<String, VecDeque<Told>>>,
    /// Every tool has a look-up, which says what the witness has seen.
    pub truthful: AtomicBool,
    /// The keys that look-ups were asked about, by step.
    pub asked: Mutex<Vec<(String, String)>>,
    /// Why calls outside are not handed out.
    pub withheld: Mutex<Vec<Fault>>,
    /// Tools that never answer.
    pub hang: Mutex<Vec<String>>,
}

struct Lookup(BTreeMap<&'static str, (ToolSpec, Facts)>);

/// Who submits, and answers unless a test says otherwise.
pub const ANN: &str = "ann";

const KNOWN: [(&str, Effect, bool, bool); 11] = [
    ("plan.run", Effect::Execute, false, true),
    ("fs.read", Effect::Read, true, false),
    ("http.get", Effect::Read, true, true),
    ("kv.put", Effect::Write, true, false),
    ("mail.send", Effect::Network, false, true),
    ("data.value", Effect::Read, true, false),
    ("time.sleep", Effect::Read, true, false),
    ("human.ask", Effect::Read, true, false),
    ("count.up", Effect::Write, true, false),
    ("out.send", Effect::Network, false, true),
    ("out.look", Effect::Read, true, false),
];

impl ToolLookup for Lookup {
    fn spec(&self, name: &str) -> Option<&ToolSpec> {
        self.0.get(name).map(|(spec, _)| spec)
    }
    fn facts(&self, name: &str, _: Option<&Value>) -> Option<Facts> {
        self.0.get(name).map(|(_, facts)| *facts)
    }
    fn names(&self) -> Vec<&str> {
        self.0.keys().copied().collect()
    }
}

fn lookup() -> Lookup {
    let entries = KNOWN
        .into_iter()
        .map(|(name, effect, idempotent, open_world)| {
            let spec = ToolSpec {
                name: name.to_owned(),
                description: name.to_owned(),
                input_schema: json!({ "type": "object" }),
                output_schema: (name == "count.up").then(|| json!({ "type": "integer" })),
                digest: Digest::of(name.as_bytes()),
                engine_handled: matches!(name, "time.sleep" | "human.ask" | "plan.run"),
                external: name.starts_with("out."),
            };
            (
                name,
                (
                    spec,
                    Facts {
                        effect,
                        idempotent,
                        open_world,
                    },
                ),
            )
        });
    Lookup(entries.collect())
}

impl Tools for FakeTools {
    fn run(&self, permit: Permit, call: ResolvedCall) -> BoxFuture<'static, Report> {
        assert!(
            permit.covers(&call).is_ok(),
            "the permit is for another call"
        );
        self.calls.lock().unwrap().push(call.clone());
        let facts = lookup().facts(&call.tool, None).unwrap();
        if !facts.read_only() {
            let seen = (call.step.clone(), call.idempotency_key.clone());
            self.witness.lock().unwrap().push(seen);
        }
        let hangs = self.hang.lock().unwrap().contains(&call.tool);
        let answer = self
            .answers
            .lock()
            .unwrap()
            .get_mut(&call.step)
            .and_then(VecDeque::pop_front);
        let outcome = answer.unwrap_or(Outcome::Completed { output: call.args });
        Box::pin(async move {
            if hangs {
                std::future::pending::<()>().await;
            }
            Report {
                outcome,
                elapsed_ms: 1,
            }
        })
    }

    fn hand_out(&self, permit: Permit, call: &ResolvedCall) -> Result<Box<dyn UnderWay>, Fault> {
        assert!(
            permit.covers(call).is_ok(),
            "the permit is for another call"
        );
        if let Some(fault) = self.withheld.lock().unwrap().pop() {
            return Err(fault);
        }
        self.calls.lock().unwrap().push(call.clone());
        Ok(Box::new(()))
    }

    fn look_up(&self, call: ResolvedCall) -> Option<BoxFuture<'static, Told>> {
        if self.truthful.load(Ordering::SeqCst) {
            let asked = (call.step, call.idempotency_key);
            let told = match self.witness.lock().unwrap().contains(&asked) {
                true => Told::Done(json!({})),
                false => Told::NotDone,
            };
            return Some(Box::pin(async { told }));
        }
        let told = self.told.lock().unwrap().get_mut(&call.step)?.pop_front();
        let told = told.expect("one more question than there are answers");
        let asked = (call.step, call.idempotency_key);
        self.asked.lock().unwrap().push(asked);
        Some(Box::pin(async move { told }))
    }

    fn lookup(&self) -> Arc<dyn ToolLookup + Send + Sync> {
        Arc::new(lookup())
    }
}

#[derive(Default)]
struct CountedIds(AtomicU64);

impl Ids for CountedIds {
    fn id(&self) -> String {
        format!("id-{}", self.0.fetch_add(1, Ordering::SeqCst))
    }
    fn seed(&self) -> u64 {
        7
    }
}

/// A host and everything around it.
pub struct World {
    pub host: Host,
    pub clock: Arc<FakeClock>,
    pub journal: Arc<FakeJournal>,
    pub tools: Arc<FakeTools>,
    pub spawn: Arc<FakeSpawn>,
    inbox: Arc<Mutex<VecDeque<Input>>>,
    ids: Arc<CountedIds>,
    /// What the host said for people.
    pub reports: Arc<Mutex<Vec<String>>>,
    max_active: usize,
    limits: Limits,
    gateway: Gateway,
}

impl World {
    pub fn new() -> Self {
        let ids = Arc::new(CountedIds::default());
        let journal = FakeJournal::default();
        Self::with(
            journal,
            FakeTools::default(),
            1_000_000,
            ids,
            256,
            Limits::default(),
            Gateway::default(),
        )
    }

    /// A host that lets only so many executions be active.
    pub fn narrow(max_active: usize) -> Self {
        let ids = Arc::new(CountedIds::default());
        let journal = FakeJournal::default();
        Self::with(
            journal,
            FakeTools::default(),
            1_000_000,
            ids,
            max_active,
            Limits::default(),
            Gateway::default(),
        )
    }

    /// A host that lets each session make only so many calls.
    pub fn limited(calls_per_session: u64) -> Self {
        let ids = Arc::new(CountedIds::default());
        let limits = Limits {
            calls_per_session: Some(calls_per_session),
            calls_per_minute: None,
        };
        Self::with(
            FakeJournal::default(),
            FakeTools::default(),
            1_000_000,
            ids,
            256,
            limits,
            Gateway::default(),
        )
    }

    fn with(
        journal: FakeJournal,
        tools: FakeTools,
        now_ms: i64,
        ids: Arc<CountedIds>,
        max_active: usize,
        limits: Limits,
        gateway: Gateway,
    ) -> Self {
        let reports = Arc::<Mutex<Vec<String>>>::default();
        let clock = Arc::new(FakeClock(AtomicI64::new(now_ms)));
        let (journal, tools, spawn) = (
            Arc::new(journal),
            Arc::new(tools),
            Arc::new(FakeSpawn::default()),
        );
        let inbox: Arc<Mutex<VecDeque<Input>>> = Arc::default();
        let to = inbox.clone();
        let post: Post = Arc::new(move |input| to.lock().unwrap().push_back(input));
        let parts = Parts {
            tokens: Arc::new(mandate_policy::token::KeyRing::single(&[7; 32])),
            clock: clock.clone(),
            journal: journal.clone(),
            tools: tools.clone(),
            rules: Arc::new(mandate_policy::FirstPolicy),
            shadow: None,
            limits,
            policies: mandate_host::PolicyTerms::default(),
            gateway,
            spawn: spawn.clone(),
            ids: ids.clone(),
            notify: None,
            witness: None,
            report: {
                let reports = reports.clone();
                Arc::new(move |text: &str| reports.lock().unwrap().push(text.to_owned()))
            },
            max_active,
            // Whatever rests is folded again in these tests.
            kept_at_rest: 0,
        };
        Self {
            host: Host::new(parts, post),
            clock,
            journal,
            tools,
            spawn,
            inbox,
            ids,
            reports,
            max_active,
            limits,
            gateway,
        }
    }

    /// The process dies: a new host on what the disk has; the world outside stays as it is.
    pub fn crash(&self) -> World {
        let tools = FakeTools {
            witness: self.tools.witness.clone(),
            truthful: AtomicBool::new(self.tools.truthful.load(Ordering::SeqCst)),
            ..FakeTools::default()
        };
        World::with(
            self.journal.after_crash(),
            tools,
            self.clock.now_ms() + 5,
            self.ids.clone(),
            self.max_active,
            self.limits,
            self.gateway,
        )
    }

    /// Takes up the inputs that wait. The disk and the tools stand still.
    pub fn handle_inputs(&mut self) {
        loop {
            let input = self.inbox.lock().unwrap().pop_front();
            match input {
                Some(input) => self.host.handle(input),
                None => return,
            }
        }
    }

    /// Lets everything run that can: inputs, then the disk, then a call. `steps` bounds it.
    pub fn run(&mut self, mut steps: usize) -> usize {
        let mut done = 0;
        while steps > 0 {
            self.handle_inputs();
            if !(self.journal.sync_one() || self.spawn.poll_one()) {
                self.handle_inputs();
                if self.host.has_work() {
                    self.host.step();
                } else if self.journal.waiting() == 0 {
                    return done;
                }
            }
            steps -= 1;
            done += 1;
        }
        done
    }

    pub fn advance(&mut self, by_ms: i64) {
        self.clock.0.fetch_add(by_ms, Ordering::SeqCst);
        self.host.tick();
    }

    /// Lets time pass, alarm by alarm, until nothing is left to do.
    pub fn run_through(&mut self) {
        for _ in 0..1_000 {
            self.run(10_000);
            let Some(due_ms) = self.host.next_due_ms() else {
                return;
            };
            if self.host.is_idle() && due_ms - self.clock.now_ms() > 3_600_000 {
                return;
            }
            self.advance((due_ms - self.clock.now_ms()).max(0));
        }
        panic!("the world does not come to rest");
    }

    /// Time passes, and nobody looks.
    pub fn clock_forward(&mut self, by_ms: i64) {
        self.clock.0.fetch_add(by_ms, Ordering::SeqCst);
    }

    pub fn submit(&mut self, plan: &str) -> Receiver<Result<Submitted, mandate_host::HostError>> {
        self.submit_as(ANN, plan)
    }

    /// The same; somebody else asks for it, in a session of the same id.
    pub fn submit_as(
        &mut self,
        principal: &str,
        plan: &str,
    ) -> Receiver<Result<Submitted, mandate_host::HostError>> {
        let (reply, answer) = channel();
        let submission = Submission {
            plan: checked(plan),
            inputs: Map::new(),
            principal: principal.to_owned(),
            roles: Default::default(),
            session: "s1".to_owned(),
            deadline_ms: None,
            rerun: None,
            revises: None,
            execution_id: None,
            asked: None,
        };
        self.host
            .handle(Input::Ask(Ask::Submit(Box::new(submission), reply)));
        answer
    }

    /// Submits, approves where that is asked, and gives the id and a watcher.
    pub fn start(&mut self, plan: &str) -> (String, Receiver<Update>) {
        let answer = self.submit(plan);
        self.sync();
        let submitted = answer.try_recv().unwrap().unwrap();
        let id = submitted.execution_id;
        let (watcher, updates) = channel();
        let (reply, _) = channel();
        self.host
            .handle(Input::Ask(Ask::Watch(id.clone(), watcher, reply)));
        if let Some(request_id) = submitted.request_id {
            self.approve(&id, &request_id, "approve");
        }
        (id, updates)
    }

    pub fn approve(&mut self, id: &str, request_id: &str, choice: &str) -> bool {
        let (reply, answer) = channel();
        let given = mandate_engine::event::Answer::new(request_id, choice, "ann", "terminal");
        self.host.handle(Input::Ask(Ask::Answer(
            id.to_owned(),
            Box::new(given),
            reply,
        )));
        self.sync();
        answer.try_recv().unwrap().is_ok()
    }

    /// Answers the request that has been open for the longest, as the requester; `Err` says why not.
    pub fn answer(&mut self, id: &str, choice: &str, data: Value) -> Result<(), HostError> {
        // What waits for a human is not in memory.
        let state = self.ended(id);
        let open = state.open_request().unwrap();
        let data = (!data.is_null()).then_some(data);
        let answer = Answer {
            data,
            ..Answer::new(&open.request.request_id, choice, ANN, "terminal")
        };
        self.give(id, answer)
    }

    /// Gives any answer.
    pub fn give(&mut self, id: &str, answer: Answer) -> Result<(), HostError> {
        let (reply, answered) = channel();
        self.host.handle(Input::Ask(Ask::Answer(
            id.to_owned(),
            Box::new(answer),
            reply,
        )));
        self.sync();
        answered.try_recv().unwrap()
    }

    /// Lets the disk catch up, and nothing else.
    pub fn sync(&mut self) {
        self.handle_inputs();
        while self.journal.sync_one() {
            self.handle_inputs();
        }
    }

    /// Takes up everything that the hosts before left, as far as it can be.
    pub fn recover(&mut self) {
        let (reply, answer) = channel();
        self.host.handle(Input::Ask(Ask::Recover(reply)));
        answer.try_recv().unwrap().unwrap();
        while self.host.has_work() {
            self.host.step();
        }
    }

    /// Asks the host to leave; the answer comes when it has.
    pub fn leave(&mut self, only_if_idle: bool) -> Receiver<Result<(), mandate_host::HostError>> {
        let (reply, answer) = channel();
        self.host
            .handle(Input::Ask(Ask::Leave(only_if_idle, reply)));
        answer
    }

    /// Throws a switch, and waits until the disk has it.
    pub fn throw(&mut self, switch: mandate_host::Switch) {
        let (reply, answer) = channel();
        self.host
            .handle(Input::Ask(Ask::Switch(switch, "ann".to_owned(), reply)));
        self.run_through();
        answer.recv().unwrap().unwrap();
    }

    pub fn cancel(&mut self, id: &str) -> bool {
        let (reply, answer) = channel();
        self.host.handle(Input::Ask(Ask::Cancel {
            execution_id: id.to_owned(),
            by: "ann".to_owned(),
            reason: None,
            force: false,
            reply,
        }));
        self.sync();
        answer.try_recv().unwrap().is_ok()
    }

    pub fn take_up(&mut self, id: &str) {
        let (reply, answer) = channel();
        self.host
            .handle(Input::Ask(Ask::Continue(id.to_owned(), reply)));
        let _ = answer.try_recv();
    }

    /// The durable journal, folded, and checked by a replay.
    pub fn ended(&self, id: &str) -> mandate_engine::State {
        let events = mandate_host::recovery::events(self.journal.as_ref(), id).unwrap();
        let plan = mandate_host::recovery::plan_of(self.journal.as_ref(), id, &events).unwrap();
        match mandate_engine::replay(plan, &events) {
            Ok(replayed) => replayed.state,
            Err(difference) => panic!("{difference:#?}"),
        }
    }

    pub fn made_calls(&self) -> Vec<String> {
        self.tools
            .calls
            .lock()
            .unwrap()
            .iter()
            .map(|call| format!("{}/{}", call.step, call.attempt))
            .collect()
    }

    pub fn witnessed(&self) -> Vec<(String, String)> {
        self.tools.witness.lock().unwrap().clone()
    }

    pub fn tell(&self, step: &str, told: Vec<Told>) {
        let mut all = self.tools.told.lock().unwrap();
        all.insert(step.to_owned(), told.into());
    }

    /// How many status look-ups were asked about a step.
    pub fn asked(&self, step: &str) -> usize {
        let asked = self.tools.asked.lock().unwrap();
        asked.iter().filter(|(of, _)| of == step).count()
    }

    pub fn answer_with(&self, step: &str, outcomes: Vec<Outcome>) {
        self.tools
            .answers
            .lock()
            .unwrap()
            .insert(step.to_owned(), outcomes.into());
    }
}

pub fn checked(plan: &str) -> Arc<CheckedPlan> {
    let document = parse(plan.as_bytes(), Format::Yaml).unwrap();
    let checked = check(&document, Some(&lookup()));
    checked
        .plan
        .unwrap_or_else(|| panic!("{:#?}", checked.violations))
}
