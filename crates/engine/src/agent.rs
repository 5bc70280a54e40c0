//! `mode: agent`: somebody outside calls the steps, one by one, and the engine says whose turn it is.
//!
//! A call comes in as `call_requested`, which changes nothing but what is asked; what follows from it, in the same turn, is
//! the start of the attempt, a request for a yes to its arguments, or `call_refused`. Which step a call is, is found out
//! in [`matching`]. Everything else (order, conditions, retries, undoing) is as in any other mode.

pub mod matching;

use crate::call::call;
use crate::confirm;
use crate::decide::{Command, uncalled};
use crate::event::{Body, Fault, RefusedCall, RequestKind, SkipReason};
use crate::life::{Illegal, Phase, StepChange, StepState};
use crate::outside::{OutsideCall, OverCall};
use crate::readiness::is_closed;
use crate::state::{State, StepData, Unit, item_of};
use mandate_plan::{CheckedStep, Digest, ErrorCode, Mode, canonical_json};
use mandate_policy::{Refusal, ResolvedCall};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// How long an agent may leave an execution alone that waits for it, in milliseconds.
pub const AGENT_IDLE_MS: i64 = 900_000;

/// What an execution of mode agent knows besides.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AgentData {
    /// The call that was asked for and not answered yet: within a turn only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked: Option<AskedCall>,
    /// It was finished before its steps were settled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub halted: Option<Fault>,
    /// It was passed something besides that another party may have written.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub told_untrusted: bool,
    /// It was passed something besides that looked like words meant for a model.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub told_suspicious: bool,
    /// When something last happened that was no refusal, Unix milliseconds.
    pub touched_ms: i64,
    /// The calls that are under way outside, by the `seq` that they began with.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub outside: BTreeMap<u64, OutsideCall>,
    /// Those that are over.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub over: BTreeMap<u64, OverCall>,
}

/// A call that an agent asked for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AskedCall {
    /// The step that it is.
    pub step: String,
    /// The item.
    pub item: Option<u32>,
    /// The tool.
    pub tool: String,
    /// The arguments: those of the plan, and what the agent chose.
    pub args: Value,
    /// Who.
    pub by: String,
}

impl AskedCall {
    fn refused(&self, refusal: Refusal) -> Body {
        Body::CallRefused {
            refusal,
            admission: false,
            call: Some(Box::new(RefusedCall {
                step: Some(self.step.clone()),
                item: self.item,
                ..RefusedCall::new(&self.tool, &self.args, &self.by)
            })),
        }
    }
}

impl RefusedCall {
    /// A call that no step was found for. Its arguments are kept as a digest only: nobody approved them.
    pub fn new(tool: &str, args: &Value, by: &str) -> Self {
        Self {
            tool: tool.chars().take(256).collect(),
            step: None,
            item: None,
            args_digest: Digest::framed("mandate/asked-args/v1", [canonical_json(args).as_slice()]),
            by: by.to_owned(),
        }
    }
}

impl AgentData {
    pub(crate) fn at_first(mode: Mode, at_ms: i64) -> Option<Box<Self>> {
        (mode == Mode::Agent).then(|| {
            Box::new(Self {
                asked: None,
                halted: None,
                told_untrusted: false,
                told_suspicious: false,
                touched_ms: at_ms,
                outside: BTreeMap::new(),
                over: BTreeMap::new(),
            })
        })
    }
}

/// Tools that the engine runs by itself in agent mode too: they reach nothing outside, ask a human, or are a plan.
fn is_engines(tool: &str) -> bool {
    tool == "human.ask"
        || tool == crate::nested::RUN
        || tool.starts_with("time.")
        || tool.starts_with("data.")
}

/// What follows from the call that is asked for, if one is: nothing else does before that.
pub(crate) fn follow_up(state: &State) -> Option<Command> {
    let asked = state.agent.as_ref()?.asked.as_ref()?;
    Some(match resolved(state, asked) {
        Ok((call, true)) => Command::Start(call),
        Ok((call, false)) => Command::Record(confirm::request(state, &[call], None)),
        Err(refusal) => Command::Record(asked.refused(refusal)),
    })
}

/// A step that nobody could ever call, because its arguments cannot be made out: it fails as it would in any other mode.
pub(crate) fn uncallable(state: &State, step: &CheckedStep, data: &StepData) -> Option<Command> {
    let open = |number: &usize| state.not_callable(step, data, *number).is_none();
    let number = (0..data.units.len()).find(open)?;
    let error = call(state, step, data, number, data.units.get(number)?).err()?;
    let item = item_of(step, number);
    Some(Command::Record(uncalled(step, item, error)))
}

/// The call as it will be made, and whether it needs nobody's yes any more.
fn resolved(state: &State, asked: &AskedCall) -> Result<(ResolvedCall, bool), Refusal> {
    let gone = || Refusal::new(ErrorCode::UnplannedAction, "the plan has no such step");
    let (step, data) = state.step(&asked.step).ok_or_else(gone)?;
    let number = asked.item.map_or(0, |item| item as usize);
    let unit = data.units.get(number).ok_or_else(gone)?;
    let mut call = call(state, step, data, number, unit)
        .map_err(|fault| Refusal::new(fault.code, fault.message))?;
    matching::differs(&call.args, &asked.args, &call.place())?;
    // What the plan says is taken from the plan; only what it leaves open comes from the agent.
    if let (Value::Object(args), Value::Object(given)) = (&mut call.args, &asked.args) {
        for (key, value) in given {
            if !args.contains_key(key) {
                args.insert(key.clone(), value.clone());
            }
        }
        args.sort_keys();
    }
    Ok((call, !step.step.confirm || unit.confirmed.is_some()))
}

/// What a call becomes that the gate refused, where an agent asked for it.
pub(crate) fn refused(state: &State, refusal: Refusal) -> Result<Body, Refusal> {
    let asked = state.agent.as_ref().and_then(|agent| agent.asked.as_ref());
    match asked {
        Some(asked) => Ok(asked.refused(refusal)),
        None => Err(refusal),
    }
}

impl State {
    /// An agent calls its steps.
    pub fn is_agents(&self) -> bool {
        self.agent.is_some()
    }

    /// Whether a step is the agent's to call: all but those that the engine runs by itself, and those under `finally`.
    pub fn is_agents_step(&self, step: &CheckedStep) -> bool {
        self.is_agents() && step.index < self.plan.first_finally() && !is_engines(&step.step.tool)
    }

    /// How long it may be left alone, in milliseconds.
    pub(crate) fn agent_idle_ms(&self) -> i64 {
        self.created.agent_idle_ms.unwrap_or(AGENT_IDLE_MS)
    }

    /// When it has been left alone for too long, Unix milliseconds.
    pub(crate) fn idle_due_ms(&self) -> Option<i64> {
        let agent = self.agent.as_ref()?;
        self.awaits_agent()
            .then(|| agent.touched_ms.saturating_add(self.agent_idle_ms()))
    }

    /// Whether there is something left that only the agent can begin.
    pub(crate) fn agents_turn(&self) -> bool {
        self.is_agents() && self.phase == Phase::Active && self.frontier < self.plan.steps().len()
    }

    /// Nothing runs, and the agent is awaited: no human, and no time.
    pub fn awaits_agent(&self) -> bool {
        self.agents_turn()
            && self.driven
            && self.paused.is_none()
            && self.busy() == 0
            && !self.awaits_human()
            && !self.awaits_time()
    }

    /// Notes what every applied event means for the agent: a call is asked for until something follows from it.
    pub(crate) fn touch(&mut self, body: &Body) {
        let now_ms = self.at_ms;
        self.end_outside(body);
        let Some(agent) = self.agent.as_mut() else {
            return;
        };
        if !matches!(body, Body::CallRequested { .. }) {
            agent.asked = None;
        }
        let is_refused = matches!(
            body,
            Body::CallRefused { .. } | Body::RefusalsCounted { .. } | Body::CallRequested { .. }
        );
        if !is_refused {
            agent.touched_ms = now_ms;
        }
    }

    /// Why a unit of a step cannot be called now; none when it can.
    pub(crate) fn not_callable(
        &self,
        step: &CheckedStep,
        data: &StepData,
        number: usize,
    ) -> Option<&'static str> {
        let Some(unit) = data.units.get(number) else {
            return Some("its items are not known yet");
        };
        let parallel = match self.plan.plan().constraints.sequential {
            true => 1,
            false => self.plan.plan().constraints.max_parallel,
        };
        let due = unit.may_start(self.at_ms, self.own_wait(step.index));
        match unit.state {
            StepState::Running => return Some("it is under way"),
            StepState::InDoubt => return Some("it is in doubt what became of it"),
            state if state.settled() => return Some("it was called as often as the plan allows"),
            StepState::Waiting if unit.hold.is_none() && !due => {
                return Some("it may be tried again later");
            }
            _ if !due => return Some("it waits for a human"),
            _ => {}
        }
        let before = data.units.iter().take(number);
        if self.starts(step.index).is_err() {
            Some("nothing new may start now")
        } else if !self.in_order(step) {
            Some("a step before it is not settled")
        } else if !self.needs_met(step) {
            Some("a step that it needs did not complete")
        } else if step.condition.is_some() && data.condition != Some(true) {
            Some("its condition does not hold")
        } else if unit.attempt == 0 && is_closed(step, data) {
            Some("an item before it failed")
        } else if { before }.any(|unit| !unit.state.settled()) {
            Some("an item before it is not settled")
        } else if self.running >= parallel {
            Some("as many calls are under way as the plan allows at a time")
        } else {
            None
        }
    }

    /// An agent asks for a call.
    pub(crate) fn ask_for(&mut self, body: &Body) -> Result<(), Illegal> {
        let Body::CallRequested {
            step,
            item,
            tool,
            args,
            by,
            ..
        } = body
        else {
            return Err(Illegal);
        };
        let overdue = self.next_due().is_some_and(|(due, _)| due <= self.at_ms);
        let (number, unit) = self.locate(step, *item)?;
        let (checked, data) = self.step(step).ok_or(Illegal)?;
        if overdue
            || self.leaving
            || !self.is_agents_step(checked)
            || checked.step.tool != *tool
            || checked.index != number
            || self.not_callable(checked, data, unit).is_some()
        {
            return Err(Illegal);
        }
        let agent = self.agent.as_mut().ok_or(Illegal)?;
        agent.asked = Some(AskedCall {
            step: step.clone(),
            item: *item,
            tool: tool.clone(),
            args: args.clone(),
            by: by.clone(),
        });
        Ok(())
    }

    /// In agent mode nothing of the agent's starts that was not asked for.
    pub(crate) fn was_asked_for(&self, step: &str, item: Option<u32>) -> bool {
        let agents = self
            .step(step)
            .is_some_and(|(checked, _)| self.is_agents_step(checked));
        let asked = self.agent.as_ref().and_then(|agent| agent.asked.as_ref());
        !agents || asked.is_some_and(|asked| asked.step == step && asked.item == item)
    }

    /// The step that has just completed may be called again: the plan allows it more often.
    pub(crate) fn may_be_called_again(&self, step: usize, unit: &Unit) -> bool {
        let checked = self.plan.numbered(step);
        checked.is_some_and(|checked| {
            self.is_agents_step(checked)
                && unit.invocations.saturating_add(1) < checked.step.max_invocations
        })
    }

    /// The agent has finished: with one step that it may call more often, or with the whole.
    pub(crate) fn finish_for(
        &mut self,
        by: &str,
        step: Option<&str>,
        item: Option<u32>,
    ) -> Result<(), Illegal> {
        if !self.is_agents() || self.phase != Phase::Active || self.paused.is_some() {
            return Err(Illegal);
        }
        let Some(step) = step else {
            return self.finish_all(by);
        };
        let place = self.locate(step, item)?;
        let unit = self.at(place)?;
        if unit.state != StepState::Waiting || unit.invocations == 0 || unit.hold.is_some() {
            return Err(Illegal);
        }
        self.change(place.0, place.1, StepChange::Complete, settled)
    }

    fn finish_all(&mut self, by: &str) -> Result<(), Illegal> {
        if self.running > 0 {
            return Err(Illegal);
        }
        self.withdraw(|request| request.kind != RequestKind::InDoubt);
        self.proposed = None;
        let plan = self.plan.clone();
        let mut left_out = false;
        for step in plan
            .every_step()
            .take_while(|step| step.index < plan.first_finally())
        {
            if step.index >= plan.steps().len() && self.stands_in_for(step.index).is_none() {
                continue;
            }
            left_out |= self.leave_out(step);
        }
        for data in &mut self.steps {
            // What was to make up for a failure is given up with the rest.
            left_out |= data.asking || data.replan || data.is_recovering();
            data.asking = false;
            data.fallback = data.fallback.filter(|_| data.state != StepState::Failed);
            if std::mem::take(&mut data.replan) {
                self.replans = self.replans.saturating_sub(1);
            }
        }
        let agent = self.agent.as_mut().ok_or(Illegal)?;
        if left_out {
            let message = format!("`{by}` finished before every step was settled");
            agent.halted = Some(Fault::new(ErrorCode::ExecutionHalted, message));
        }
        Ok(())
    }

    /// Leaves out what is open of a step; says whether anything was.
    fn leave_out(&mut self, step: &CheckedStep) -> bool {
        let (index, mut left_out) = (step.index, false);
        let Some(data) = self.steps.get_mut(index) else {
            return false;
        };
        if data.is_unbound() {
            left_out = data.state == StepState::Pending;
            if left_out {
                data.state = StepState::Skipped;
                data.skipped = Some(SkipReason::Finished);
            }
            return left_out;
        }
        if item_of(step, 0).is_none() && data.state == StepState::Pending {
            data.skipped = Some(SkipReason::Finished);
        }
        for number in 0..data.units.len() {
            let Ok(unit) = self.at((index, number)) else {
                continue;
            };
            let (state, hold) = (unit.state, unit.hold.is_some());
            let change = match state {
                StepState::Waiting if unit.invocations > 0 && !hold && unit.failure.is_none() => {
                    StepChange::Complete
                }
                StepState::Pending if step.for_each.is_none() => StepChange::Skip,
                StepState::Pending | StepState::Waiting => StepChange::Cancel,
                _ => continue,
            };
            left_out |= change != StepChange::Complete;
            let _ = self.change(index, number, change, settled);
        }
        left_out
    }

    /// The steps that an agent may call now, with the items of each whose turn it is.
    pub fn callable_steps(&self) -> impl Iterator<Item = (&CheckedStep, Vec<Option<u32>>)> {
        let agents = self
            .every_step()
            .filter(|(step, _)| self.is_agents_step(step));
        agents.filter_map(|(step, data)| {
            let units = 0..data.units.len();
            let open = units.filter(|at| self.not_callable(step, data, *at).is_none());
            let items: Vec<_> = open.map(|at| item_of(step, at)).collect();
            (!items.is_empty()).then_some((step, items))
        })
    }

    /// The same as ids, with their tools: at most eight, for messages.
    pub fn callable(&self) -> Vec<(&str, &str)> {
        let steps = self.callable_steps();
        let named = steps.map(|(step, _)| (step.step.id.as_str(), step.step.tool.as_str()));
        named.take(8).collect()
    }
}

fn settled(unit: &mut Unit) {
    unit.hold = None;
    unit.due_ms = None;
}
