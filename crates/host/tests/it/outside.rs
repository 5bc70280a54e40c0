//! Calls that somebody outside makes: whose turn they are, what is told when, what comes of reports, and what the end of a
//! host does to them.

use crate::fakes::{ANN, World};
use mandate_engine::{Phase, StepState, call_id, parse_call_id};
use mandate_host::{
    AgentAnswer, AgentAsk, AgentWish, Ask, Claims, HostError, Input, TakenCall, TokenText,
};
use mandate_plan::ErrorCode;
use mandate_policy::Refusal;
use mandate_policy::token::Token;
use mandate_tools::{CallReport, Fault, ReportedError};
use serde_json::{Value, json};
use std::sync::mpsc::{Receiver, channel};

const PLAN: &str = "
version: 1
name: pay
mode: agent
steps:
  - {id: look, tool: out.look, args: {of: bob}}
  - {id: send, tool: out.send, args: {to: bob}, timeout_ms: 60000, expect: output.ok}
  - {id: read, tool: fs.read, args: {path: a}}
";
const LOOK: &str = r#"{"of":"bob"}"#;
const SEND: &str = r#"{"to":"bob"}"#;

type Answer = Result<AgentAnswer, HostError>;

/// An execution that somebody outside drives.
struct Agent {
    world: World,
    id: String,
    token: TokenText,
}

impl Agent {
    fn with(plan: &str) -> Self {
        let mut world = World::new();
        let (id, _) = world.start(plan);
        let mut agent = Self {
            world,
            id,
            token: TokenText::new(""),
        };
        agent.new_token();
        agent
    }

    fn new() -> Self {
        Self::with(PLAN)
    }

    fn new_token(&mut self) {
        let (reply, answer) = channel();
        self.world.host.handle(Input::Ask(Ask::Token {
            execution_id: self.id.clone(),
            by: ANN.to_owned(),
            steps: None,
            reply,
        }));
        self.world.sync();
        self.token = answer.try_recv().unwrap().unwrap().token;
    }

    /// Asks, and lets nothing happen after that.
    fn put(&mut self, by: &str, claims: Claims, wish: AgentWish) -> Receiver<Answer> {
        let (reply, answer) = channel();
        let ask = AgentAsk {
            execution_id: self.id.clone(),
            token: self.token.clone(),
            by: by.to_owned(),
            claims,
            beneath: None,
            wish,
            told: None,
        };
        self.world.host.handle(Input::Ask(Ask::Agent(
            Box::new(ask),
            mandate_host::AgentReply::Thread(reply),
        )));
        answer
    }

    fn ask(&mut self, wish: AgentWish) -> Answer {
        let answer = self.put(ANN, Claims::default(), wish);
        self.world.run(1_000);
        answer.try_recv().unwrap()
    }

    fn enforce(&mut self, tool: &str, arguments: &str) -> Result<TakenCall, Refusal> {
        match self.ask(enforcing(tool, arguments)) {
            Ok(answer) => Ok(answer.taken.unwrap()),
            Err(HostError::Refused(refusal)) => Err(*refusal),
            Err(other) => panic!("{other}"),
        }
    }

    fn refused(&mut self, what: &str, wish: AgentWish) -> Refusal {
        match self.ask(wish) {
            Err(HostError::Refused(refusal)) => *refusal,
            other => panic!("{what}: {other:?}"),
        }
    }

    /// The first call is taken and reported on, the second is taken.
    fn sending(&mut self) -> TakenCall {
        let look = self.enforce("out.look", LOOK).unwrap();
        self.ask(output(&look, json!(1))).unwrap();
        self.enforce("out.send", SEND).unwrap()
    }

    fn crash(&mut self) {
        self.world = self.world.crash();
        self.world.recover();
        self.world.run(1_000);
    }

    fn step(&self, id: &str) -> StepState {
        let state = self.world.host.state(&self.id).unwrap();
        state.step(id).unwrap().1.state
    }
}

fn enforcing(tool: &str, arguments: &str) -> AgentWish {
    AgentWish::Enforce {
        tool: tool.to_owned(),
        arguments: arguments.to_owned(),
    }
}

fn reporting(call: &TakenCall, report: CallReport) -> AgentWish {
    let (_, call) = parse_call_id(&call.call_id).unwrap();
    AgentWish::Complete { call, report }
}

fn output(call: &TakenCall, output: Value) -> AgentWish {
    reporting(call, CallReport::Output(output))
}

fn error(call: &TakenCall, message: &str) -> AgentWish {
    let error = ReportedError {
        message: message.to_owned(),
        details: None,
    };
    reporting(call, CallReport::Error(error))
}

#[test]
fn a_turn_is_taken_once_the_disk_has_it_and_settled_once() {
    let mut agent = Agent::new();
    let answer = agent.put(ANN, Claims::default(), enforcing("out.look", LOOK));
    agent.world.handle_inputs();
    // A read of this machine would run ahead of the disk; what somebody outside does, does not.
    assert!(answer.try_recv().is_err(), "told before the disk has it");
    agent.world.sync();
    let look = answer.try_recv().unwrap().unwrap().taken.unwrap();
    let durable = agent.world.ended(&agent.id);
    let (_, seq) = parse_call_id(&look.call_id).unwrap();
    assert_eq!(look.call_id, call_id(&agent.id, seq));
    assert_eq!(durable.outside_call(seq).unwrap().by, ANN);
    assert_eq!(look.args, json!({ "of": "bob" }));
    // Nobody else's turn, and not its own a second time; whoever missed the answer is told which call it is.
    let again = agent.enforce("out.look", LOOK).unwrap_err();
    assert_eq!(again.code, ErrorCode::SequenceViolation);
    let under_way = again.expected.unwrap()["under_way"][0]["call_id"].clone();
    assert_eq!(under_way, json!(look.call_id));
    let early = agent.enforce("out.send", SEND).unwrap_err();
    assert_eq!(early.code, ErrorCode::SequenceViolation);

    let told = agent.ask(output(&look, json!({ "n": 1 }))).unwrap();
    assert_eq!(told.ended.as_deref(), Some("completed"));
    assert!(told.issued.is_some(), "an accepted report renews the token");
    let repeated = agent.ask(output(&look, json!({ "n": 1 }))).unwrap();
    assert_eq!(repeated.ended.as_deref(), Some("completed"));
    let other = agent.refused("another output", output(&look, json!({ "n": 2 })));
    assert_eq!(other.code, ErrorCode::SequenceViolation);
    assert_eq!(other.expected.unwrap()["ended"], "completed");
    let other = agent.refused("an error after all", error(&look, "no"));
    assert_eq!(other.code, ErrorCode::SequenceViolation);

    let send = agent.enforce("out.send", SEND).unwrap();
    assert_ne!(send.idempotency_key, look.idempotency_key);
    let told = agent.ask(output(&send, json!({ "ok": false }))).unwrap();
    assert_eq!(told.ended.as_deref(), Some("invalid"), "`expect` holds it");
    assert_eq!(told.error.unwrap().code, ErrorCode::ExpectationFailed);
    // It ended with that; the same report is answered as before, and nothing else is.
    let state = agent.world.ended(&agent.id);
    assert_eq!(state.phase, Phase::Ended);
    let repeated = agent.ask(output(&send, json!({ "ok": false }))).unwrap();
    assert_eq!(repeated.ended.as_deref(), Some("invalid"));
    let other = agent.refused("another output", output(&send, json!({ "ok": true })));
    assert_eq!(other.code, ErrorCode::SequenceViolation);
    let late = agent.refused("a call", enforcing("out.send", SEND));
    assert_eq!(late.code, ErrorCode::TokenExpired);
}

#[test]
fn of_two_reports_at_the_same_time_one_counts() {
    let mut agent = Agent::new();
    let send = agent.sending();
    let one = agent.put(
        ANN,
        Claims::default(),
        output(&send, json!({ "ok": true, "n": 1 })),
    );
    let two = agent.put(
        ANN,
        Claims::default(),
        output(&send, json!({ "ok": true, "n": 2 })),
    );
    let same = agent.put(
        ANN,
        Claims::default(),
        output(&send, json!({ "ok": true, "n": 1 })),
    );
    agent.world.run(1_000);
    let told = [one, two, same].map(|answer| answer.try_recv().unwrap());
    assert!(told[0].is_ok() && told[2].is_ok(), "{told:?}");
    let Err(HostError::Refused(refusal)) = &told[1] else {
        panic!("{told:?}")
    };
    assert_eq!(refusal.code, ErrorCode::SequenceViolation);
    let state = agent.world.ended(&agent.id);
    assert_eq!(
        state.step("send").unwrap().1.output.as_ref().unwrap()["n"],
        1
    );
}

#[test]
fn only_who_took_a_call_reports_on_it_with_a_token_that_fits() {
    let mut agent = Agent::new();
    let send = agent.sending();
    let wish = || output(&send, json!({ "ok": true }));
    let whole = agent.token.clone();
    let refused = |agent: &mut Agent, by: &str, claims: Claims, what: &str| {
        let answer = agent.put(by, claims, wish());
        agent.world.run(1_000);
        match answer.try_recv().unwrap() {
            Err(HostError::Refused(refusal)) => {
                assert_eq!(refusal.code, ErrorCode::TokenInvalid, "{what}");
            }
            other => panic!("{what}: {other:?}"),
        }
    };
    refused(&mut agent, "bob", Claims::default(), "another principal");
    let plan = |id: &str| Claims {
        plan: Some(id.to_owned()),
        session: None,
    };
    let session = |id: &str| Claims {
        plan: None,
        session: Some(id.to_owned()),
    };
    refused(&mut agent, ANN, plan("id-0"), "another plan");
    refused(&mut agent, ANN, session("s2"), "another session");
    let token: Token = whole.reveal().parse().unwrap();
    let narrowed = token.clone().for_steps(["look".to_owned()].into());
    agent.token = TokenText::new(&narrowed.reveal());
    refused(
        &mut agent,
        ANN,
        Claims::default(),
        "a token for other steps",
    );
    let (other, _) = agent.world.start(PLAN);
    let own = std::mem::replace(&mut agent.id, other);
    agent.new_token();
    agent.id = own;
    refused(
        &mut agent,
        ANN,
        Claims::default(),
        "the token of another execution",
    );
    agent.token = whole;
    assert_eq!(agent.step("send"), StepState::Running);

    // The execution, or its plan's id, and its session: all of it is so.
    let plan_id = agent
        .world
        .host
        .state(&agent.id)
        .unwrap()
        .created
        .plan_id
        .clone();
    let claims = Claims {
        plan: Some(plan_id),
        session: Some("s1".to_owned()),
    };
    let answer = agent.put(ANN, claims, wish());
    agent.world.run(1_000);
    assert!(answer.try_recv().unwrap().is_ok());
    let unknown = agent.ask(AgentWish::Complete {
        call: 1,
        report: CallReport::Output(json!(1)),
    });
    assert!(
        matches!(unknown, Err(HostError::NoSuchCall(_))),
        "{unknown:?}"
    );
}

#[test]
fn the_end_of_a_host_leaves_a_call_open_that_is_made_outside() {
    // The disk does not have its start: nobody was told, and nothing happened.
    let mut agent = Agent::new();
    let answer = agent.put(ANN, Claims::default(), enforcing("out.look", LOOK));
    agent.world.handle_inputs();
    agent.crash();
    assert!(answer.try_recv().is_err());
    assert_eq!(agent.step("look"), StepState::Pending);

    let send = agent.sending();
    for _ in 0..3 {
        agent.crash();
        assert_eq!(agent.step("send"), StepState::Running);
    }
    let status = agent.ask(AgentWish::Status).unwrap();
    assert_eq!(status.under_way.len(), 1);
    assert_eq!(status.under_way[0].call_id, send.call_id);
    assert_eq!(status.under_way[0].args, send.args);
    assert_eq!(status.under_way[0].idempotency_key, send.idempotency_key);
    assert!(
        status.under_way[0].due_ms > send.due_ms,
        "its time begins anew"
    );
    // The report is on its way when the next one dies: it is not on the disk, and is repeated.
    let lost = agent.put(ANN, Claims::default(), output(&send, json!({ "ok": true })));
    agent.world.handle_inputs();
    agent.crash();
    assert!(lost.try_recv().is_err());
    let told = agent.ask(output(&send, json!({ "ok": true }))).unwrap();
    assert_eq!(told.ended.as_deref(), Some("completed"));
    agent.crash();
    let told = agent.ask(output(&send, json!({ "ok": true }))).unwrap();
    assert_eq!(told.ended.as_deref(), Some("completed"));
    agent.world.ended(&agent.id);
}

#[test]
fn a_host_that_leaves_does_not_wait_for_it() {
    let mut agent = Agent::new();
    let send = agent.sending();
    let left = agent.world.leave(false);
    agent.world.sync();
    assert!(left.try_recv().unwrap().is_ok());
    agent.crash();
    let told = agent.ask(output(&send, json!({ "ok": true }))).unwrap();
    assert_eq!(told.ended.as_deref(), Some("completed"));
    agent.world.ended(&agent.id);
}

#[test]
fn what_nobody_reports_in_time_is_in_doubt_and_no_late_report_changes_that() {
    let mut agent = Agent::new();
    let send = agent.sending();
    agent.world.advance(59_999);
    agent.world.run(1_000);
    assert_eq!(agent.step("send"), StepState::Running);
    agent.world.advance(1);
    agent.world.run(1_000);
    let state = agent.world.ended(&agent.id);
    assert_eq!(state.step("send").unwrap().1.state, StepState::InDoubt);
    let late = agent.refused("late", output(&send, json!({ "ok": true })));
    assert_eq!(late.code, ErrorCode::SequenceViolation);
    assert_eq!(late.expected.unwrap()["ended"], "in_doubt");
    let state = agent.world.ended(&agent.id);
    assert_eq!(state.step("send").unwrap().1.state, StepState::InDoubt);
    // Two hosts later nobody asked about it either.
    agent.crash();
    let late = agent.refused("late", output(&send, json!({ "ok": true })));
    assert_eq!(late.code, ErrorCode::SequenceViolation);
}

#[test]
fn an_execution_that_stops_takes_what_is_reported_in_its_grace() {
    let mut agent = Agent::new();
    let send = agent.sending();
    assert!(agent.world.cancel(&agent.id));
    let more = agent.refused("a call", enforcing("out.send", SEND));
    assert_eq!(more.code, ErrorCode::SequenceViolation);
    let told = agent.ask(output(&send, json!({ "ok": true }))).unwrap();
    assert_eq!(
        (told.ended.as_deref(), &*told.state),
        (Some("completed"), "cancelled")
    );

    let mut agent = Agent::new();
    let send = agent.sending();
    assert!(agent.world.cancel(&agent.id));
    agent.world.advance(10_000);
    agent.world.run(1_000);
    let state = agent.world.ended(&agent.id);
    assert_eq!(state.step("send").unwrap().1.state, StepState::InDoubt);
    let late = agent.refused("after its grace", output(&send, json!({ "ok": true })));
    assert_eq!(late.code, ErrorCode::SequenceViolation);
}

#[test]
fn a_call_that_is_not_handed_out_was_never_made() {
    let mut agent = Agent::new();
    let fault = Fault::new(ErrorCode::ToolChanged, "it is another one");
    agent.world.tools.withheld.lock().unwrap().push(fault);
    let refused = agent.enforce("out.look", LOOK).unwrap_err();
    assert_eq!(refused.code, ErrorCode::ToolChanged);
    let state = agent.world.ended(&agent.id);
    let (_, data) = state.step("look").unwrap();
    assert_eq!(data.error.as_ref().unwrap().code, ErrorCode::ToolChanged);
    assert_eq!(state.outside_calls().count(), 0);
}

#[test]
fn each_tool_is_called_in_its_own_way() {
    let mut agent = Agent::new();
    let call = |tool: &str, arguments: &str| AgentWish::Call {
        tool: tool.to_owned(),
        arguments: arguments.to_owned(),
    };
    let wrong = agent.refused("a call", call("out.look", LOOK));
    assert_eq!(wrong.code, ErrorCode::NotSupported);
    let wrong = agent.refused("a turn", enforcing("fs.read", r#"{"path":"a"}"#));
    assert_eq!(wrong.code, ErrorCode::NotSupported);
    let send = agent.sending();
    agent.ask(output(&send, json!({ "ok": true }))).unwrap();
    let read = agent.ask(call("fs.read", r#"{"path":"a"}"#)).unwrap();
    assert_eq!(read.output, Some(json!({ "path": "a" })));
    assert_eq!(agent.world.ended(&agent.id).phase, Phase::Ended);
    let made = agent.world.made_calls();
    assert_eq!(made, ["look/1", "send/1", "read/1"]);
}
