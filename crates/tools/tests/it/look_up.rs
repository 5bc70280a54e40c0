//! Status look-ups: what a tool says became of a call, asked of real programs, addresses and servers.

use crate::{
    fake_server::Fake,
    fixture::{Fixture, KEY, Setup, resolved},
    http_server::{Server, response},
};
use mandate_plan::Effect;
use mandate_tools::{NoSecrets, OwnToolConfig, OwnTools, Told, ToolFacts, Tools as _};
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::Path, sync::Arc};

fn own(value: Value, setup: Setup) -> Fixture {
    let config: OwnToolConfig = serde_json::from_value(value).unwrap();
    let configs = BTreeMap::from([(config.name.clone(), config)]);
    crate::fixture::with_helper();
    let tools = OwnTools::new(
        &configs,
        Path::new("/tmp"),
        &["PATH".to_owned()],
        Arc::new(NoSecrets),
        &crate::fixture::confining(),
    )
    .unwrap();
    let setup = Setup {
        providers: vec![Arc::new(tools)],
        ..setup
    };
    setup.build()
}

/// A tool whose status look-up is this Python program.
fn python(program: &str, setup: Setup) -> Fixture {
    let program = format!("import json, os, sys\nargs = json.load(sys.stdin)\n{program}");
    let tool = json!({
        "name": "own.pay",
        "command": ["false"],
        "env": {"GIVEN": "by configuration"},
        "output_schema": {"type": "object", "required": ["receipt"]},
        "status": {"command": ["python3", "-c", program], "timeout_ms": 5000},
    });
    own(tool, setup)
}

async fn told(f: &Fixture, tool: &str, args: Value) -> Told {
    let asked = f.runner.look_up(resolved(tool, args));
    asked
        .unwrap_or_else(|| panic!("`{tool}` has no look-up"))
        .await
}

fn unknown(told: Told) -> String {
    match told {
        Told::Unknown(why) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_program_is_given_the_key_and_nothing_else() {
    let program = "print(json.dumps({'state': 'done', 'output': {'receipt': [args, os.environ['MANDATE_IDEMPOTENCY_KEY'], os.environ['GIVEN']]}}))";
    let f = python(program, Setup::default());
    let said = told(&f, "own.pay", json!({"amount": 3})).await;
    let receipt = json!({"receipt": [{"idempotency_key": KEY}, KEY, "by configuration"]});
    assert_eq!(said, Told::Done(receipt));
}

#[tokio::test]
async fn only_exact_answers_settle_anything() {
    for (program, expected) in [
        ("print('{\"state\": \"not_done\"}')", Told::NotDone),
        (
            "print('{\"state\": \"failed\", \"error\": \"no funds\"}')",
            Told::Failed("no funds".to_owned()),
        ),
    ] {
        let f = python(program, Setup::default());
        assert_eq!(told(&f, "own.pay", json!({})).await, expected);
    }
    for (program, why) in [
        ("print('{\"state\": \"unknown\"}')", "says `unknown`"),
        ("print('{\"state\": \"Done\"}')", "none of the states"),
        ("print('\"done\"')", "none of the states"),
        ("pass", "none of the states"),
        ("print('no JSON')", "not JSON"),
        ("sys.exit('the books are closed')", "the books are closed"),
        ("os.kill(os.getpid(), 9)", "signal 9"),
        ("import time; time.sleep(60)", "longer than 5000 ms"),
        // Later steps would be handed what is no output of this tool.
        (
            "print('{\"state\": \"done\", \"output\": 3}')",
            "output schema",
        ),
        ("print('{\"state\": \"done\"}')", "output schema"),
    ] {
        let f = python(program, Setup::default());
        let said = unknown(told(&f, "own.pay", json!({})).await);
        assert!(said.contains(why), "{program}: {said}");
    }
}

#[tokio::test]
async fn a_secret_of_the_call_stays_out_of_the_answer() {
    let program =
        "print(json.dumps({'state': 'done', 'output': {'receipt': 'for hunter2-hunter2'}}))";
    let setup = Setup::default().secret("TOKEN", "hunter2-hunter2", &["own.pay"], &[]);
    let f = python(program, setup);
    let said = told(&f, "own.pay", json!({"token": "${secrets.TOKEN}"})).await;
    assert_eq!(said, Told::Done(json!({"receipt": "for [secret TOKEN]"})));
    let why = unknown(told(&f, "own.pay", json!({"token": "${secrets.OTHER}"})).await);
    assert!(why.contains("OTHER"), "{why}");
}

#[tokio::test]
async fn an_address_is_posted_the_key_without_the_header_that_would_repeat_an_answer() {
    let server = Server::start(|_| response("200 OK", &[], r#"{"state": "not_done"}"#)).await;
    let tool = json!({
        "name": "own.pay",
        "url": "http://127.0.0.1:9/never",
        "headers": {"X-Token": "abc"},
        "status": {"url": server.url("/status")},
    });
    let f = own(tool, Setup::default());
    assert_eq!(told(&f, "own.pay", json!({})).await, Told::NotDone);
    let request = server.seen().remove(0);
    assert_eq!(request.body, json!({"idempotency_key": KEY}).to_string());
    assert_eq!(request.headers["x-token"], "abc");
    assert!(!request.headers.contains_key("idempotency-key"));
}

fn charges(status: &str) -> ToolFacts {
    ToolFacts {
        effect: Some(Effect::Network),
        status: Some(status.to_owned()),
        ..ToolFacts::default()
    }
}

fn reads() -> ToolFacts {
    ToolFacts {
        effect: Some(Effect::Read),
        ..ToolFacts::default()
    }
}

#[tokio::test]
async fn a_server_is_asked_by_a_tool_of_its_own_also_after_its_death() {
    let fake = Fake::new(&["single"])
        .facts("charge", charges("charge_status"))
        .facts("charge_status", reads());
    let f = fake.ready(Setup::default()).await;
    assert_eq!(told(&f, "fake.charge", json!({})).await, Told::NotDone);
    let lost = f.call("fake.charge", json!({"then": "die"})).await;
    assert_eq!(lost.as_str(), "unknown");
    let said = told(&f, "fake.charge", json!({})).await;
    assert_eq!(said, Told::Done(json!({"charged": KEY})));
    assert!(f.runner.look_up(resolved("fake.echo", json!({}))).is_none());
}

#[tokio::test]
async fn a_look_up_that_may_do_more_than_read_is_not_asked() {
    for (status, facts, why) in [
        ("charge_status", None, "may do more than read"),
        ("nothing", Some(reads()), "no tool `fake.nothing`"),
    ] {
        let mut fake = Fake::new(&["single"]).facts("charge", charges(status));
        if let Some(facts) = facts {
            fake = fake.facts(status, facts);
        }
        let f = fake.ready(Setup::default()).await;
        let said = unknown(told(&f, "fake.charge", json!({})).await);
        assert!(said.contains(why), "{said}");
        assert!(fake.logged("call").is_empty());
    }
}

#[tokio::test]
async fn what_the_step_declares_as_sensitive_is_kept_back() {
    let program =
        "print(json.dumps({'state': 'done', 'output': {'receipt': 'tok-12345678', 'n': 1}}))";
    let f = python(program, Setup::default());
    let mut call = resolved("own.pay", json!({}));
    call.sensitive = vec!["/receipt".to_owned()];
    let told = f.runner.look_up(call).unwrap().await;
    assert_eq!(told, Told::Done(json!({"receipt": "[sensitive]", "n": 1})));
}
