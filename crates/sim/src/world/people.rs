//! People who answer what they are asked, and agents who call steps. Who is asked whether an effect happened tells the
//! truth: the witness knows.

use super::World;
use super::deeds::ANN;
use crate::hold::hold;
use crate::journal::OpenAsk;
use crate::scenario::Approval;
use mandate_engine::StepState;
use mandate_engine::event::Answer;
use mandate_host::{
    AgentAnswer, AgentAsk, AgentWish, Ask, Claims, Clock as _, HostError, Input, Issued, TokenText,
};
use mandate_plan::Mode;
use serde_json::{Value, json};
use std::sync::mpsc::{Receiver, TryRecvError, channel};

/// Answers to one request before it is given up.
const TRIES: u32 = 8;
/// What an agent does before it finishes.
const MOST_CALLS: u32 = 40;

/// An agent as far as it has come.
#[derive(Default)]
pub(super) struct Agent {
    token: Option<TokenText>,
    asked: Option<Receiver<Result<Issued, HostError>>>,
    called: Option<Receiver<Result<AgentAnswer, HostError>>>,
    /// The call outside that was reported last.
    reported: Option<String>,
    acts: u32,
}

impl World<'_> {
    fn approval_of(&self, ask: &OpenAsk) -> Approval {
        if !matches!(ask.kind.as_str(), "plan" | "revision") {
            return Approval::Approve;
        }
        let runs = self.submitted.iter().zip(&self.scenario.runs);
        let mut run = runs
            .filter(|(known, _)| known.execution_id.as_deref() == Some(ask.execution_id.as_str()));
        run.next()
            .map_or(Approval::Approve, |(_, run)| run.approval)
    }

    fn answerable(&self) -> Vec<(String, OpenAsk)> {
        let acknowledged = hold(&self.acknowledged);
        let asks = acknowledged.open().iter();
        let asks = asks.filter(|(id, ask)| {
            let tries = self.tried.get(*id).copied().unwrap_or(0);
            tries < TRIES && self.approval_of(ask) != Approval::Never
        });
        asks.map(|(id, ask)| (id.clone(), ask.clone())).collect()
    }

    /// Whether somebody could answer something.
    pub(super) fn has_answerable(&self) -> bool {
        !self.answerable().is_empty()
    }

    /// Somebody answers one of the open requests.
    pub(super) fn somebody_answers(&mut self) {
        let asks = self.answerable();
        let Some((id, ask)) = self.random.one_of(&asks).cloned() else {
            return;
        };
        let tries = self.tried.entry(id.clone()).or_default();
        *tries = tries.saturating_add(1);
        if ask.kind == "in_doubt" {
            self.meet("doubt");
        }
        let (choice, data) = self.choice(&ask);
        match self.approval_of(&ask) {
            Approval::Reject => self.give(&id, &ask, "reject", None),
            Approval::Both => {
                self.meet("approval race");
                self.give(&id, &ask, "approve", None);
                self.give(&id, &ask, "reject", None);
            }
            Approval::Late => {
                self.meet("answer after expiry");
                let now_ms = self.surroundings.clock.now_ms();
                if let Some(expires_ms) = ask.expires_ms {
                    let late = self.random.below(3).cast_signed();
                    let left = expires_ms.saturating_add(late).saturating_sub(now_ms);
                    self.surroundings.clock.pass(left.max(0));
                }
                self.give(&id, &ask, "approve", None);
            }
            Approval::Approve | Approval::Never => {
                self.give(&id, &ask, &choice, data.clone());
                if self.random.one_in(12) {
                    self.meet("answered twice");
                    self.give(&id, &ask, &choice, data);
                }
            }
        }
    }

    fn give(&mut self, id: &str, ask: &OpenAsk, choice: &str, data: Option<Value>) {
        self.say(&format!("answer {choice} to {} {id}", ask.kind));
        let answer = Answer {
            data,
            ..Answer::new(id, choice, ANN, "terminal")
        };
        let execution_id = ask.execution_id.clone();
        let kind = match ask.kind.as_str() {
            "in_doubt" => "step_resolved",
            _ => "request_answered",
        };
        self.ask_for_row(&ask.execution_id, kind, |reply| {
            Ask::Answer(execution_id, Box::new(answer), reply)
        });
    }

    fn choice(&mut self, ask: &OpenAsk) -> (String, Option<Value>) {
        let random = &mut self.random;
        match ask.kind.as_str() {
            "in_doubt" => {
                if random.one_in(8) {
                    return ("fail".to_owned(), None);
                }
                let key = hold(&self.acknowledged).last_key(ask);
                match key.map_or(0, |key| self.surroundings.outside.times(&key)) {
                    0 => ("not_done".to_owned(), None),
                    _ => ("done".to_owned(), Some(json!({ "n": 1 }))),
                }
            }
            "plan" | "revision" => ("approve".to_owned(), None),
            "step" => match random.one_in(6) {
                true => ("reject".to_owned(), None),
                false => ("approve".to_owned(), None),
            },
            kind => {
                let choice = random.one_of(&ask.choices).cloned().unwrap_or_default();
                let data = match (kind, choice.as_str()) {
                    ("failure", "supply") => Some(json!({ "n": 3 })),
                    ("budget", "grant") => Some(json!(random.between(1, 5))),
                    ("question", "answer") => Some(match &ask.schema {
                        Some(schema) if schema.get("type") == Some(&json!("integer")) => json!(4),
                        _ => json!("a text"),
                    }),
                    _ => None,
                };
                (choice, data)
            }
        }
    }

    /// Executions that wait for an agent.
    fn agents_of(&self) -> Vec<(String, usize)> {
        let runs = self.submitted.iter().zip(&self.scenario.runs).enumerate();
        let agents = runs.filter(|(_, (_, run))| run.plan.get("mode") == Some(&json!("agent")));
        agents
            .filter_map(|(place, (known, _))| Some((known.execution_id.clone()?, place)))
            .filter(|(id, _)| {
                let acts = self.agents.get(id).map_or(0, |agent| agent.acts);
                let ended = hold(&self.acknowledged).has(id, "execution_finished");
                acts < MOST_CALLS && !ended && self.wants_agent(id)
            })
            .collect()
    }

    fn wants_agent(&self, id: &str) -> bool {
        let waits = self
            .agents
            .get(id)
            .is_some_and(|agent| agent.asked.is_some() || agent.called.is_some());
        let state = self
            .process
            .as_ref()
            .and_then(|process| process.host.state(id));
        waits
            || self.has_taken(id)
            || state.is_some_and(|state| {
                state.plan().plan().mode == Mode::Agent && state.awaits_agent()
            })
    }

    /// Whether an agent has something to do.
    pub(super) fn agents_wanted(&self) -> bool {
        !self.agents_of().is_empty()
    }

    /// An agent does the next thing: gets a token, calls a step, or finishes.
    pub(super) fn an_agent_acts(&mut self) {
        let agents = self.agents_of();
        let Some((id, _)) = self.random.one_of(&agents).cloned() else {
            return;
        };
        let mut agent = self.agents.remove(&id).unwrap_or_default();
        agent.acts = agent.acts.saturating_add(1);
        self.act(&id, &mut agent);
        self.agents.insert(id, agent);
    }

    fn act(&mut self, id: &str, agent: &mut Agent) {
        if let Some(asked) = &agent.asked {
            match asked.try_recv() {
                Ok(Ok(issued)) => agent.token = Some(issued.token),
                Err(TryRecvError::Empty) => return,
                _ => {}
            }
            agent.asked = None;
        }
        if let Some(called) = &agent.called {
            match called.try_recv() {
                Ok(Ok(answer)) => {
                    if let Some(issued) = answer.issued {
                        agent.token = Some(issued.token);
                    }
                    if let Some(taken) = answer.taken {
                        self.takes(id, taken);
                    }
                    // Sometimes it did not hear that, and reports once more.
                    if let Some(call) = agent.reported.take()
                        && !self.random.one_in(4)
                    {
                        self.is_over(id, &call);
                    }
                }
                Ok(Err(error)) => {
                    self.say(&format!("the agent is refused: {error}"));
                    agent.token = None;
                    if let Some(call) = agent.reported.take() {
                        self.is_over(id, &call);
                    }
                }
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => {}
            }
            agent.called = None;
        }
        let Some(token) = agent.token.clone() else {
            let (reply, asked) = channel();
            self.put(Input::Ask(Ask::Token {
                execution_id: id.to_owned(),
                by: ANN.to_owned(),
                steps: None,
                reply,
            }));
            agent.asked = Some(asked);
            return;
        };
        let reports = self.has_taken(id) && self.random.one_in(2);
        let wish = match reports.then(|| self.reports(id)) {
            Some(Some((call, wish))) => {
                agent.reported = Some(call);
                Some(wish)
            }
            Some(None) => None,
            None => self.wish(id),
        };
        let Some(wish) = wish else { return };
        self.say(&format!("the agent of {id} wants {wish:?}"));
        self.meet("agent call");
        let (reply, called) = channel();
        let ask = AgentAsk {
            execution_id: id.to_owned(),
            token,
            by: ANN.to_owned(),
            claims: Claims::default(),
            beneath: None,
            wish,
            told: None,
        };
        self.put(Input::Ask(Ask::Agent(
            Box::new(ask),
            mandate_host::AgentReply::Thread(reply),
        )));
        agent.called = Some(called);
    }

    fn wish(&mut self, id: &str) -> Option<AgentWish> {
        let state = self.state_of(id)?;
        if self.random.one_in(24) {
            return Some(AgentWish::Finish {
                step: None,
                item: None,
            });
        }
        let callable = state.callable();
        let (step, tool) = self.random.one_of(&callable).copied()?;
        let (checked, data) = state.step(step)?;
        let mut args = json!(checked.step.args);
        let unit = data
            .units
            .iter()
            .position(|unit| matches!(unit.state, StepState::Pending | StepState::Waiting));
        let item = { data.items.as_ref() }.and_then(|items| items.get(unit.unwrap_or(0)));
        if let (Some(item), Some(args)) = (item, args.as_object_mut()) {
            args.insert("n".to_owned(), item.clone());
        }
        let mut tool = tool.to_owned();
        match self.random.below(12) {
            0 => {
                self.meet("agent call outside of the plan");
                args = json!({ "n": 99 });
            }
            1 => {
                self.meet("agent call outside of the plan");
                tool = "sim.undo".to_owned();
            }
            _ => {}
        }
        let arguments = args.to_string();
        Some(match tool.starts_with("out.") {
            true => AgentWish::Enforce { tool, arguments },
            false => AgentWish::Call { tool, arguments },
        })
    }
}
