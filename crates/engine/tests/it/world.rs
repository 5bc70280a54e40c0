//! An execution driven by hand: the real plan checker, the real turns, a gate that permits, and no clock but the
//! caller's. Everything that happens is folded a second time, event by event, and compared.

use mandate_engine::event::{Answer, FailureKind, RequestKind, Resolution};
use mandate_engine::{
    Applied, Body, CallOutcome, Created, Event, Gate, Phase, PhaseChange, Started, State,
    StepChange, StepState, Turned, begin, fold, replay, settle, turn,
};
use mandate_plan::{
    CheckedPlan, Digest, Effect, ErrorCode, Facts, Format, check, execution_digest, parse,
};
use mandate_policy::{Decision, Purpose, Refusal, ResolvedCall, Turn};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What the scripts have taken of the two tables in `life.rs`, by the names that the source uses.
#[derive(Default)]
pub(crate) struct Taken {
    pub steps: BTreeSet<(StepState, StepChange, StepState)>,
    pub phases: BTreeSet<(Phase, PhaseChange, Phase)>,
    pub kinds: BTreeSet<&'static str>,
}

/// Permits every call whose turn it is, that is confirmed where the step asks for it, and within the plan's number;
/// unless its arguments ask for a refusal: `{refuse: CODE}`, `{refuse_again: CODE}` from the second attempt on,
/// `{rate_until: MS}` before that time, `{approver: WHO}` without an approval, and all but `time.sleep` while `frozen`.
#[derive(Default)]
pub(crate) struct FakeGate {
    pub asked: usize,
    pub frozen: bool,
}

impl Gate for FakeGate {
    fn start(&mut self, state: &State, call: &ResolvedCall) -> Result<Started, Refusal> {
        self.asked += 1;
        if state.revoked && call.purpose == Purpose::Compensate {
            state.running(call.purpose)?;
        }
        state
            .running(call.purpose)
            .unwrap_or_else(|refusal| panic!("asked for {}: {refusal}", call.place()));
        state
            .turn(call)
            .unwrap_or_else(|refusal| panic!("asked for {}: {refusal}", call.place()));
        let yes = state
            .approval(call)
            .is_some_and(|yes| yes.subject == call.args_digest());
        let confirms = state.step(&call.step).unwrap().0.step.confirm;
        let confirms = confirms && call.purpose == Purpose::Run;
        assert!(yes || !confirms, "nobody confirmed {}", call.place());
        if let Some(refusal) = self.for_now(state, call, yes) {
            return Err(refusal);
        }
        let again = call.args.get("refuse_again").filter(|_| call.attempt > 1);
        if let Some(code) = call.args.get("refuse").or(again) {
            let code: ErrorCode = serde_json::from_value(code.clone()).unwrap();
            return Err(Refusal::new(code, "the gate said no").by_rule("test"));
        }
        Ok(Started {
            facts: facts(&call.tool),
            permit: Digest::of(format!("{}#{}", call.place(), call.attempt).as_bytes()),
            sandbox: (call.tool == "t.do").then(|| "none".to_owned()),
            outside: call.tool.starts_with("out."),
        })
    }

    fn output_schema(&mut self, state: &State, step: &str) -> Option<Value> {
        let tool = &state.step(step)?.0.step.tool;
        (tool == "t.put").then(|| json!({ "type": "integer" }))
    }
}

impl FakeGate {
    /// The refusals that wait.
    fn for_now(&self, state: &State, call: &ResolvedCall, yes: bool) -> Option<Refusal> {
        let most = state.plan().max_tool_calls() + state.granted_calls();
        if self.frozen && call.tool != "time.sleep" {
            return Some(Refusal::new(ErrorCode::Frozen, "new calls are frozen"));
        }
        if mandate_policy::counts_as_call(&call.tool, call.purpose) && state.counted_calls() >= most
        {
            let message = format!("the plan's {most} tool calls are used up");
            return Some(
                Refusal::new(ErrorCode::BudgetExceeded, message)
                    .by_rule("constraints.max_tool_calls"),
            );
        }
        let until_ms = call.args.get("rate_until").and_then(Value::as_i64);
        if let Some(left_ms) = until_ms.map(|at| at - state.at_ms).filter(|left| *left > 0) {
            let refusal = Refusal::new(ErrorCode::RateLimited, "too many calls");
            return Some(refusal.retry_after(left_ms as u64));
        }
        let approver = call.args.get("approver").filter(|_| !yes)?;
        let refusal = Refusal::new(ErrorCode::ApprovalRequired, "the policy asks");
        Some(refusal.expecting(json!({ "approvers": [approver] })))
    }
}

/// `t.do` and `out.do` have an effect, `t.put` an idempotent one, `t.net` reads the open world; everything else reads.
/// What is called `out.` is called outside.
pub(crate) fn facts(tool: &str) -> Facts {
    let (effect, idempotent, open_world) = match tool {
        "t.do" | "out.do" => (Effect::Execute, false, true),
        "t.put" => (Effect::Write, true, false),
        "t.net" => (Effect::Read, true, true),
        _ => (Effect::Read, true, false),
    };
    Facts {
        effect,
        idempotent,
        open_world,
    }
}

pub(crate) fn plan_of(yaml: &str) -> Arc<CheckedPlan> {
    let document =
        parse(yaml.as_bytes(), Format::Yaml).unwrap_or_else(|v| panic!("{v:#?}\n{yaml}"));
    let checked = check(&document, None);
    checked
        .plan
        .unwrap_or_else(|| panic!("{:#?}\n{yaml}", checked.violations))
}

/// How an execution is created.
#[derive(Clone, Default)]
pub(crate) struct Begin {
    pub ask: bool,
    pub deadline_ms: Option<i64>,
    pub expires_ms: Option<i64>,
    pub inputs: Map<String, Value>,
    pub seed: u64,
    pub carried: Option<mandate_engine::event::Carried>,
    pub roles: Vec<String>,
    /// None: that of this version.
    pub behaviour: Option<u32>,
}

pub(crate) fn created(plan: &CheckedPlan, at_ms: i64, how: &Begin) -> Event {
    let bound = plan.bind_inputs(&how.inputs).unwrap();
    let tools: BTreeMap<String, Digest> = plan
        .tools()
        .iter()
        .map(|tool| ((*tool).to_owned(), Digest::of(tool.as_bytes())))
        .collect();
    let subject = execution_digest(plan.hash(), &bound.digest(), &tools);
    let outcome = if how.ask { "require_approval" } else { "allow" };
    let decision: Decision = serde_json::from_value(json!({
        "outcome": outcome, "reasons": [], "policy_version": "test", "subject": subject, "tools": tools,
        "principal": "ann", "session_id": "s1", "at_ms": at_ms, "inputs": {}, "steps": [],
        "risk": { "score": 0, "level": "info", "factors": [], "mitigations": [] },
        "approvers": if how.ask { vec!["requester"] } else { vec![] },
    }))
    .unwrap();
    let created = Created {
        execution_id: "e1".to_owned(),
        plan_id: "p1".to_owned(),
        revision: 1,
        plan_hash: *plan.hash(),
        inputs_digest: bound.digest(),
        inputs: bound.values,
        secrets: bound.secrets,
        tools,
        external: outside(plan),
        execution_digest: subject,
        principal: "ann".to_owned(),
        roles: how.roles.clone(),
        session: "s1".to_owned(),
        parent: None,
        deadline_ms: how.deadline_ms,
        approval_expires_ms: how.expires_ms,
        seed: how.seed,
        behaviour: how.behaviour.unwrap_or(mandate_engine::BEHAVIOUR),
        policy_version: "test".to_owned(),
        decision: decision.into(),
        agent_idle_ms: None,
        scan_outputs: false,
        approved_before: None,
        carried: how.carried.clone(),
        asked: None,
    };
    Event {
        seq: 1,
        at_ms,
        body: Body::ExecutionCreated(Box::new(created)),
    }
}

/// The tools of the plan that are called outside.
pub(crate) fn outside(plan: &CheckedPlan) -> BTreeSet<String> {
    let tools = plan.tools().into_iter();
    let outside = tools.filter(|tool| tool.starts_with("out."));
    outside.map(str::to_owned).collect()
}

pub(crate) struct World {
    pub plan: Arc<CheckedPlan>,
    pub state: State,
    pub events: Vec<Event>,
    pub gate: FakeGate,
    pub taken: Taken,
    /// How many events there were after each turn: where a crash can cut the journal.
    pub turns: Vec<usize>,
    /// The state after each event, as folding gives it.
    pub snapshots: Vec<Value>,
    shadow: State,
}

impl World {
    pub(crate) fn begin(plan: Arc<CheckedPlan>, at_ms: i64, how: &Begin) -> (Self, Turned) {
        let event = created(&plan, at_ms, how);
        let mut gate = FakeGate::default();
        let shadow = State::begin(plan.clone(), &event).unwrap();
        let (state, turned) = begin(plan.clone(), event, &mut gate).unwrap();
        let mut world = Self {
            plan,
            state,
            events: Vec::new(),
            gate,
            taken: Taken::default(),
            turns: Vec::new(),
            snapshots: Vec::new(),
            shadow,
        };
        world.note(&turned);
        (world, turned)
    }

    /// The execution as a new process finds it: what is durable, folded.
    pub(crate) fn recover(plan: Arc<CheckedPlan>, durable: &[Event]) -> Self {
        let state = fold(plan.clone(), durable).unwrap_or_else(|d| panic!("{d}"));
        Self {
            shadow: state.clone(),
            state,
            plan,
            events: durable.to_vec(),
            gate: FakeGate::default(),
            taken: Taken::default(),
            turns: Vec::new(),
            snapshots: Vec::new(),
        }
    }

    /// One turn; none when the input changes nothing.
    pub(crate) fn take(&mut self, at_ms: i64, body: Body) -> Option<Turned> {
        let before = self.state.snapshot();
        let Some(turned) = turn(&mut self.state, at_ms, body, &mut self.gate) else {
            assert_eq!(
                self.state.snapshot(),
                before,
                "an ignored input left a trace"
            );
            return None;
        };
        self.note(&turned);
        Some(turned)
    }

    /// One turn with the outcome of a call; none when that attempt is not under way.
    pub(crate) fn outcome(
        &mut self,
        at_ms: i64,
        (step, item, attempt): (&str, Option<u32>, u32),
        outcome: CallOutcome,
    ) -> Option<Turned> {
        let purpose = match self.state.phase {
            Phase::Compensating => Purpose::Compensate,
            _ => Purpose::Run,
        };
        let body = settle(&self.state, step, item, attempt, purpose, outcome)?;
        self.take(at_ms, body)
    }

    /// What is due next, given in at its time or later.
    pub(crate) fn fire(&mut self, at_ms: i64) -> Option<Turned> {
        let (due_ms, body) = self.state.next_due().filter(|(due, _)| *due <= at_ms)?;
        self.take(at_ms.max(due_ms), body)
    }

    fn note(&mut self, turned: &Turned) {
        for event in &turned.events {
            self.taken.kinds.insert(event.body.kind());
            let row = Event::from_row(event.seq, event.at_ms, event.body.kind(), &event.payload());
            assert_eq!(row.as_ref(), Ok(event), "a row gives the event back");
            if event.seq > 1 {
                let before = self.shadow.clone();
                assert_eq!(self.shadow.apply(event), Applied::Changed, "{event:?}");
                observe(&mut self.taken, &before, &self.shadow, event);
                let after = self.shadow.clone();
                assert_eq!(
                    self.shadow.apply(event),
                    Applied::Ignored,
                    "repeated: {event:?}"
                );
                assert_eq!(self.shadow, after, "a repeated event left a trace");
            }
            self.events.push(event.clone());
            self.snapshots.push(self.shadow.snapshot());
        }
        assert_eq!(self.shadow, self.state, "the fold is the live state");
        self.turns.push(self.events.len());
    }

    /// The whole journal is what the engine derives.
    pub(crate) fn replays(&self) {
        let replayed = replay(self.plan.clone(), &self.events).unwrap_or_else(|d| panic!("{d:#?}"));
        assert_eq!(replayed.state, self.state);
        assert_eq!(replayed.events, self.events.len() as u64);
    }
}

/// Which pairs of the tables an event took, seen from outside: states before and after, and what the event says.
fn observe(taken: &mut Taken, before: &State, after: &State, event: &Event) {
    if before.phase != after.phase {
        let change = match after.phase {
            Phase::Active => PhaseChange::Start,
            Phase::Stopping => PhaseChange::Stop,
            Phase::Compensating => PhaseChange::Undo,
            Phase::Closing => PhaseChange::Close,
            Phase::Ended => PhaseChange::Finish,
            Phase::Created => panic!("nothing leads back to created"),
        };
        taken.phases.insert((before.phase, change, after.phase));
    }
    if matches!(event.body, Body::PlanRevised { .. }) {
        return; // the steps have other numbers now
    }
    for (old, new) in before.steps.iter().zip(&after.steps) {
        if new.state == StepState::Recovered && old.state != new.state {
            taken
                .steps
                .insert((old.state, StepChange::Recover, new.state));
        }
        // A step has a life of its own only until its items are there, or where there is none.
        if old.items.is_none() && (old.units.is_empty() || new.units.is_empty()) {
            let bound_to_units = !new.units.is_empty();
            if !bound_to_units {
                note_step(taken, old.state, new.state, event);
            }
            continue;
        }
        for (old, new) in old.units.iter().zip(&new.units) {
            note_step(taken, old.state, new.state, event);
            // An undo call has the same life as an attempt to run.
            let state = |unit: &Option<Box<mandate_engine::Unit>>| {
                unit.as_ref().map_or(StepState::Pending, |undo| undo.state)
            };
            note_step(taken, state(&old.undo), state(&new.undo), event);
        }
    }
}

fn note_step(taken: &mut Taken, old: StepState, new: StepState, event: &Event) {
    if old == new {
        return;
    }
    use StepChange as C;
    let by_result = match new {
        StepState::Waiting => C::Retry,
        StepState::Failed => C::Fail,
        StepState::Completed => C::Complete,
        _ => C::Cancel,
    };
    let change = match &event.body {
        // The first undo call ends what is open.
        Body::CompensationStarted { .. } | Body::CompensationFailed { .. }
            if new == StepState::Cancelled =>
        {
            C::Cancel
        }
        Body::StepStarted { .. } | Body::CompensationStarted { .. } => C::Start,
        Body::TimerSet { .. } => C::Sleep,
        Body::RequestOpened(request) => match request.kind {
            RequestKind::Question => C::Sleep,
            _ => C::Hold,
        },
        Body::StepHeld { .. } => C::Hold,
        _ if (old, new) == (StepState::Waiting, StepState::Pending) => C::Release,
        Body::RequestAnswered(_) | Body::RequestExpired { .. } => by_result,
        // An agent may call it once more.
        Body::StepCompleted { .. } if new == StepState::Waiting => C::Retry,
        Body::FinishRequested { .. } if new == StepState::Skipped => C::Skip,
        Body::FinishRequested { .. } => by_result,
        Body::StepCompleted { .. }
        | Body::ItemsBound { .. }
        | Body::CompensationCompleted { .. } => C::Complete,
        Body::StepFailed { .. } | Body::StepResolved { .. } => by_result,
        Body::CompensationFailed { .. } => by_result,
        Body::AttemptInterrupted { .. } => C::Interrupt,
        Body::StepInDoubt { .. } => C::Doubt,
        Body::StepSkipped { .. } => C::Skip,
        Body::StepBlocked { .. } => C::Block,
        Body::FinallyStarted { .. } | Body::ExecutionFinished { .. } => C::Cancel,
        other => panic!("`{}` changed a step", other.kind()),
    };
    taken.steps.insert((old, change, new));
}

pub(crate) fn answer(state: &State, choice: &str, reason: Option<&str>) -> Body {
    let open = state.open.first();
    let request_id = open
        .or(state.requests.keys().next())
        .cloned()
        .unwrap_or_else(|| "req-none".to_owned());
    Body::RequestAnswered(Answer {
        reason: reason.map(str::to_owned),
        ..Answer::new(&request_id, choice, "ann", "terminal")
    })
}

pub(crate) fn resolve(step: &str, item: Option<u32>, resolution: Resolution) -> Body {
    Body::StepResolved {
        step: step.to_owned(),
        item,
        by: "ann".to_owned(),
        resolution,
        channel: None,
        answer_digest: None,
    }
}

pub(crate) fn call_outcome(
    kind: Option<FailureKind>,
    code: ErrorCode,
    output: Option<Value>,
) -> CallOutcome {
    let fault = mandate_engine::Fault::new(code, "said the tool");
    match kind {
        None => CallOutcome::Completed(output.unwrap_or(Value::Null)),
        Some(FailureKind::Refused) => CallOutcome::Refused(fault),
        Some(FailureKind::Failed) => CallOutcome::Failed(fault),
        Some(FailureKind::Unknown) => CallOutcome::Unknown(fault),
        Some(FailureKind::Invalid) => CallOutcome::Invalid(fault, output),
    }
}
