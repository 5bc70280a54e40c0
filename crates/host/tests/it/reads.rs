//! Reads of an agent: what they leave in memory is written a moment later, and what the agent could call is told when it
//! changes.

use crate::fakes::{ANN, World};
use mandate_engine::StepState;
use mandate_host::{
    AgentAnswer, AgentAsk, AgentReply, AgentWish, Ask, Claims, Clock as _, HostError, Input,
    Outlook, TokenText,
};
use std::sync::mpsc::channel;
use tokio::sync::watch;

const PLAN: &str = "
version: 1
name: look around
mode: agent
steps:
  - {id: look, tool: fs.read, args: {path: a}, max_invocations: 9}
  - {id: keep, tool: kv.put, args: {key: k}, after: []}
";

struct Agent {
    world: World,
    id: String,
    token: TokenText,
}

impl Agent {
    fn of(plan: &str) -> Self {
        let mut world = World::new();
        // Nobody looks on.
        let (id, _) = world.start(plan);
        let (reply, answer) = channel();
        world.host.handle(Input::Ask(Ask::Token {
            execution_id: id.clone(),
            by: ANN.to_owned(),
            steps: None,
            reply,
        }));
        world.sync();
        world.run(1_000);
        let token = answer.try_recv().unwrap().unwrap().token;
        Self { world, id, token }
    }

    fn calls(&mut self, tool: &str, arguments: &str) -> Result<AgentAnswer, HostError> {
        self.asks(AgentWish::Call {
            tool: tool.to_owned(),
            arguments: arguments.to_owned(),
        })
    }

    fn asks(&mut self, wish: AgentWish) -> Result<AgentAnswer, HostError> {
        let (reply, answer) = channel();
        let ask = AgentAsk {
            execution_id: self.id.clone(),
            token: self.token.clone(),
            by: ANN.to_owned(),
            claims: Claims::default(),
            wish,
            beneath: None,
            told: None,
        };
        let ask = Ask::Agent(Box::new(ask), AgentReply::Thread(reply));
        self.world.host.handle(Input::Ask(ask));
        self.world.run(1_000);
        answer.try_recv().unwrap()
    }

    fn reads(&mut self) {
        let read = self.calls("fs.read", r#"{"path":"a"}"#).unwrap();
        assert_eq!(read.error, None);
        assert!(read.output.is_some());
    }

    fn outlook(&mut self) -> watch::Receiver<Outlook> {
        let (reply, answer) = channel();
        let ask = Ask::Outlook(self.id.clone(), reply);
        self.world.host.handle(Input::Ask(ask));
        answer.try_recv().unwrap().unwrap()
    }
}

#[test]
fn reads_that_follow_each_other_share_a_commit() {
    let mut agent = Agent::of(PLAN);
    let before = agent.world.journal.syncs();
    for _ in 0..4 {
        agent.reads();
        agent.world.advance(5);
        agent.world.run(1_000);
    }
    assert_eq!(agent.world.journal.syncs(), before, "they owe nothing yet");
    let due_ms = agent.world.host.next_due_ms().unwrap();
    agent.world.advance(due_ms - agent.world.clock.now_ms());
    agent.world.run(1_000);
    assert_eq!(agent.world.journal.syncs(), before + 1);
    let kinds = agent.world.journal.kinds(&agent.id);
    let completed = kinds.iter().filter(|kind| *kind == "step_completed");
    assert_eq!(completed.count(), 4);
}

#[test]
fn an_effect_takes_what_waits_along_and_is_made_after_it() {
    let mut agent = Agent::of(PLAN);
    agent.reads();
    let before = agent.world.journal.syncs();
    let done = agent.calls("kv.put", r#"{"key":"k"}"#).unwrap();
    assert_eq!(done.error, None);
    // One before the call, with the read, and one before its answer.
    assert_eq!(agent.world.journal.syncs(), before + 2);
}

#[test]
fn a_crash_loses_reads_of_a_moment_and_they_can_be_made_again() {
    let mut agent = Agent::of(PLAN);
    agent.reads();
    agent.reads();
    agent.world = agent.world.crash();
    agent.world.recover();
    agent.world.run(1_000);
    let step = |agent: &Agent| {
        let state = agent.world.host.state(&agent.id).unwrap();
        state.step("look").unwrap().1.state
    };
    assert_eq!(step(&agent), StepState::Pending);
    let kinds = agent.world.journal.kinds(&agent.id);
    assert!(!kinds.contains(&"step_completed".to_owned()), "{kinds:?}");
    agent.reads();
}

#[test]
fn a_refusal_is_written_at_once() {
    let mut agent = Agent::of(PLAN);
    agent.reads();
    let before = agent.world.journal.syncs();
    let refused = agent.calls("fs.read", r#"{"path":"b"}"#);
    assert!(matches!(refused, Err(HostError::Refused(_))), "{refused:?}");
    assert_eq!(agent.world.journal.syncs(), before + 1);
}

#[test]
fn where_it_is_is_told_when_the_disk_has_it() {
    let mut agent = Agent::of(PLAN);
    agent.reads();
    let before = agent.world.journal.syncs();
    let status = agent.asks(AgentWish::Status).unwrap();
    assert_eq!(status.steps.len(), 2);
    assert_eq!(agent.world.journal.syncs(), before + 1);
    let kinds = agent.world.journal.kinds(&agent.id);
    assert!(kinds.contains(&"step_completed".to_owned()), "{kinds:?}");
    // What is there already is told at once.
    agent.asks(AgentWish::Status).unwrap();
    assert_eq!(agent.world.journal.syncs(), before + 1);
}

#[test]
fn what_could_be_called_is_told_when_it_changes() {
    let mut agent = Agent::of(PLAN);
    let mut outlook = agent.outlook();
    let first = outlook.borrow_and_update().clone();
    assert_eq!(first.callable, ["fs.read", "kv.put"].map(str::to_owned));
    agent.reads();
    agent.world.advance(100);
    agent.world.run(1_000);
    assert!(!outlook.has_changed().unwrap(), "it may be called again");
    agent.calls("kv.put", r#"{"key":"k"}"#).unwrap();
    assert_eq!(outlook.borrow_and_update().callable, ["fs.read".to_owned()]);
    let finish = AgentWish::Finish {
        step: None,
        item: None,
    };
    agent.asks(finish).unwrap();
    let last = outlook.borrow_and_update().clone();
    assert!(last.ending && last.callable.is_empty(), "{last:?}");
    // One who comes late is told how it ended.
    let late = agent.outlook();
    assert_eq!(*late.borrow(), last);
}

#[test]
fn every_tool_whose_turn_it_is_is_told() {
    let tools = ["fs.read", "http.get", "kv.put", "mail.send", "count.up"];
    let steps = (0..10).map(|number| {
        let tool = tools[number % tools.len()];
        format!("  - {{id: s{number}, tool: {tool}, args: {{}}, after: []}}\n")
    });
    let plan = format!(
        "\nversion: 1\nname: many\nmode: agent\nsteps:\n{}",
        steps.collect::<String>()
    );
    let mut agent = Agent::of(&plan);
    let outlook = agent.outlook().borrow().clone();
    assert_eq!(outlook.callable, tools.map(str::to_owned));
    assert_eq!(outlook.agents, outlook.callable);
}

#[test]
fn a_call_renews_a_token_that_is_not_young_any_more() {
    let mut agent = Agent::of(PLAN);
    let read = |agent: &mut Agent| agent.calls("fs.read", r#"{"path":"a"}"#).unwrap().issued;
    assert_eq!(read(&mut agent), None);
    agent.world.advance(61_000);
    let renewed = read(&mut agent).unwrap();
    assert_ne!(renewed.token, agent.token);
    agent.token = renewed.token;
    assert_eq!(read(&mut agent), None);
    // Whoever asks for the status asks for a token.
    assert!(agent.asks(AgentWish::Status).unwrap().issued.is_some());
}
