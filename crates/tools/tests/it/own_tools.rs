//! The operator's own tools: programs and addresses.

use crate::{
    fixture::{EXECUTION, Fixture, KEY, Setup, resolved, with_slots},
    http_server::{Part, Server, response},
};
use mandate_plan::{Effect, ErrorCode};
use mandate_tools::{CallReport, ConfiguredSecrets, Outcome, OwnToolConfig, OwnTools, Tools as _};
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

fn config(value: Value) -> OwnToolConfig {
    serde_json::from_value(value).unwrap()
}

fn own(configs: &[OwnToolConfig]) -> Result<OwnTools, String> {
    own_with(configs, &Setup::default())
}

/// The same, with the secrets of the set-up.
fn own_with(configs: &[OwnToolConfig], setup: &Setup) -> Result<OwnTools, String> {
    let configs: BTreeMap<_, _> = configs
        .iter()
        .map(|config| (config.name.clone(), config.clone()))
        .collect();
    let secrets = Arc::new(ConfiguredSecrets::new(setup.config.secrets.clone()));
    crate::fixture::with_helper();
    OwnTools::new(
        &configs,
        Path::new("/tmp"),
        &["PATH".to_owned()],
        secrets,
        &crate::fixture::confining(),
    )
    .map_err(|error| error.to_string())
}

fn with(configs: &[OwnToolConfig], setup: Setup) -> Fixture {
    let setup = Setup {
        providers: vec![Arc::new(own_with(configs, &setup).unwrap())],
        ..setup
    };
    setup.build()
}

/// A tool that is a Python program.
fn python(program: &str) -> OwnToolConfig {
    let program = format!("import json, os, sys\nargs = json.load(sys.stdin)\n{program}");
    config(json!({
        "name": "own.tool",
        "command": ["python3", "-c", program],
        "input_schema": {"type": "object", "properties": {"n": {"type": "integer"}}},
        "env": {"GIVEN": "by configuration"},
    }))
}

#[tokio::test]
async fn json_in_json_out() {
    let f = with(
        &[python(
            "print(json.dumps({'args': args, 'env': dict(os.environ), 'cwd': os.getcwd()}))",
        )],
        Setup::default(),
    );
    let said = f.output("own.tool", json!({"n": 3, "text": "ä\n"})).await;
    assert_eq!(said["args"], json!({"n": 3, "text": "ä\n"}));
    let environment = said["env"].as_object().unwrap();
    assert_eq!(environment["MANDATE_IDEMPOTENCY_KEY"], KEY);
    assert_eq!(environment["MANDATE_EXECUTION_ID"], EXECUTION);
    assert_eq!(environment["GIVEN"], "by configuration");
    assert!(!environment.keys().any(|name| name.starts_with("CARGO")));
    assert_eq!(said["cwd"], "/tmp");
    let fault = f.refusal("own.tool", json!({"n": "three"})).await;
    assert_eq!(fault.code, ErrorCode::InvalidPayload);
}

#[tokio::test]
async fn ends_are_told_apart() {
    let outcome = |program: &'static str| async move {
        let f = with(&[python(program)], Setup::default());
        f.call("own.tool", json!({})).await
    };
    assert_eq!(
        outcome("pass").await,
        Outcome::Completed {
            output: Value::Null
        }
    );
    let Outcome::Failed(fault) = outcome("print('{}'); sys.exit('no such customer')").await else {
        panic!("exit code 1")
    };
    assert_eq!(
        fault.message,
        "`own.tool` ended with exit code 1: no such customer"
    );
    assert_eq!(fault.details.unwrap()["exit_code"], 1);
    for (program, expected) in [
        ("print('not json')", "invalid"),
        ("print('x' * 17 * 1024 * 1024)", "invalid"),
        ("os.kill(os.getpid(), 9)", "unknown"),
    ] {
        assert_eq!(outcome(program).await.as_str(), expected, "{program}");
    }
    let absent = config(json!({"name": "own.tool", "command": ["no-such-program"]}));
    let f = with(&[absent], Setup::default());
    assert!(
        f.refusal("own.tool", json!({}))
            .await
            .message
            .contains("does not start")
    );
}

#[tokio::test]
async fn a_program_is_killed_with_all_it_started() {
    let dir = tempfile::tempdir().unwrap();
    let witness = dir.path().join("witness");
    let program = format!(
        "import subprocess, time\nsubprocess.Popen(['sh', '-c', 'sleep 1; touch {}'])\ntime.sleep(60)",
        witness.display()
    );
    let mut tool = python(&program);
    tool.timeout_ms = Some(400);
    let f = with(&[tool], Setup::default());
    let Outcome::Unknown(fault) = f.call("own.tool", json!({})).await else {
        panic!("it hangs")
    };
    assert_eq!(fault.code, ErrorCode::StepTimeout);
    tokio::time::sleep(Duration::from_millis(1300)).await;
    assert!(!witness.exists(), "it went on");
}

/// A shell command as a tool that the kernel holds to limits.
fn held(command: &str, limits: Value) -> OwnToolConfig {
    config(json!({
        "name": "own.tool",
        "command": ["/bin/sh", "-c", command],
        "sandbox": {"write": ["."], "limits": limits},
        "timeout_ms": 60_000,
    }))
}

#[tokio::test]
async fn a_gigabyte_of_output_is_read_and_not_kept() {
    let f = with(
        &[held("head -c 1000000000 /dev/zero", json!({}))],
        Setup::default(),
    );
    let Outcome::Invalid { fault, .. } = f.call("own.tool", json!({})).await else {
        panic!("it is no answer")
    };
    assert_eq!(fault.code, ErrorCode::ResourceExhausted, "{fault}");
    let loud = held("head -c 1000000000 /dev/zero >&2; echo 7", json!({}));
    let f = with(&[loud], Setup::default());
    assert_eq!(f.output("own.tool", json!({})).await, 7);
}

#[tokio::test]
async fn what_ignores_every_signal_is_killed_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let deaf =
        "import signal, time\nfor s in (1, 2, 3, 13, 15): signal.signal(s, signal.SIG_IGN)\n";
    let daemon = format!(
        "{deaf}if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        \
         open('{0}/new', 'w').write(str(os.getpid()))\n        os.rename('{0}/new', '{0}/pid')\n        \
         [os.close(fd) for fd in (0, 1, 2)]\n        time.sleep(600)\n    os._exit(0)\n\
         while not os.path.exists('{0}/pid'): time.sleep(0.01)\n",
        dir.path().display()
    );
    for (end, timeout_ms, expected) in [
        ("time.sleep(600)", 600, "unknown"),
        ("print(7)", 60_000, "completed"),
    ] {
        let _ = std::fs::remove_file(dir.path().join("pid"));
        let mut tool = python(&format!("{daemon}{end}"));
        tool.timeout_ms = Some(timeout_ms);
        let f = with(&[tool], Setup::default());
        assert_eq!(f.call("own.tool", json!({})).await.as_str(), expected);
        if let Ok(pid) = std::fs::read_to_string(dir.path().join("pid")) {
            assert!(!crate::fake_server::lives(
                &pid.parse::<u32>().unwrap().into()
            ));
        }
    }
    assert!(dir.path().join("pid").exists());
}

#[tokio::test]
async fn bombs_are_ended_and_told() {
    let python = |text: &str| format!("/usr/bin/python3 -c \"{text}\"");
    let one = python("bytearray(300 << 20)");
    let four = python(
        "import os, time\nfor _ in range(4):\n    if os.fork() == 0: x = bytearray(b'x' * (80 << 20)); time.sleep(30)\ntime.sleep(30)",
    );
    for (command, limits, code, said) in [
        (
            "while :; do sleep 50 & done",
            json!({"processes": 40}),
            ErrorCode::ResourceExhausted,
            "more than 40 processes",
        ),
        (
            &four,
            json!({"memory_bytes": 200 << 20}),
            ErrorCode::ResourceExhausted,
            "bytes of memory",
        ),
        (
            &one,
            json!({"memory_bytes": 200 << 20}),
            ErrorCode::ToolFailed,
            "MemoryError",
        ),
    ] {
        let f = with(&[held(command, limits)], Setup::default());
        match f.call("own.tool", json!({})).await {
            Outcome::Unknown(fault) | Outcome::Failed(fault) => {
                assert_eq!(fault.code, code, "{fault}");
                assert!(fault.message.contains(said), "{fault}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_secret_in_standard_error_is_not_shown() {
    let secret = "s3cret-value-of-the-test";
    let setup = Setup::default().secret("TOKEN", secret, &["own.tool"], &[]);
    let f = with(&[python("sys.exit('bad token ' + args['token'])")], setup);
    let call = with_slots(resolved("own.tool", json!({"token": "${secrets.TOKEN}"})));
    let Outcome::Failed(fault) = f.run(call).await.outcome else {
        panic!("exit code 1")
    };
    assert!(
        fault.message.ends_with("bad token [secret TOKEN]"),
        "{fault}"
    );
    assert!(!format!("{fault:?}").contains(secret));
}

fn answered(status: &str, body: &str) -> Vec<Part> {
    let length = body.len();
    let text =
        format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
    vec![Part::Bytes(text.into_bytes())]
}

#[tokio::test]
async fn an_address_is_posted_to() {
    let server = Server::start(|seen| match seen.path.as_str() {
        "/echo" => answered("200 OK", &seen.body),
        "/nothing" => answered("204 No Content", ""),
        "/text" => answered("200 OK", "plain text"),
        "/gone" => answered("404 Not Found", "no such customer"),
        "/moved" => {
            let text = "HTTP/1.1 302 Found\r\nlocation: /echo\r\ncontent-length: 0\r\n\r\n";
            vec![Part::Bytes(text.into())]
        }
        "/hang" => vec![Part::Wait(Duration::from_secs(30))],
        _ => Vec::new(),
    })
    .await;
    let tool = |path: &str| {
        config(json!({
            "name": "own.tool",
            "url": server.url(path),
            "headers": {"x-given": "by configuration"},
            "effect": "network",
            "idempotent": true,
            "timeout_ms": 300,
        }))
    };
    let f = with(&[tool("/echo")], Setup::default());
    let facts = f.runner.lookup().facts("own.tool", None).unwrap();
    assert_eq!(
        (facts.effect, facts.idempotent, facts.open_world),
        (Effect::Network, true, true)
    );
    assert_eq!(f.output("own.tool", json!({"n": 3})).await, json!({"n": 3}));
    let seen = server.seen().remove(0);
    assert_eq!(
        (seen.method.as_str(), seen.body.as_str()),
        ("POST", r#"{"n":3}"#)
    );
    for (name, value) in [
        ("idempotency-key", KEY),
        ("content-type", "application/json"),
        ("x-given", "by configuration"),
    ] {
        assert_eq!(seen.headers[name], value);
    }
    for (path, expected) in [
        ("/nothing", "completed"),
        ("/text", "invalid"),
        ("/gone", "failed"),
        ("/moved", "failed"),
        ("/hang", "unknown"),
        ("/closed", "unknown"),
    ] {
        let f = with(&[tool(path)], Setup::default());
        let outcome = f.call("own.tool", json!({})).await;
        assert_eq!(outcome.as_str(), expected, "{path}: {outcome:?}");
    }
    assert_eq!(server.seen().len(), 7, "no redirect is followed");
    let gone = config(json!({"name": "own.tool", "url": "http://127.0.0.1:1/"}));
    let f = with(&[gone], Setup::default());
    let fault = f.refusal("own.tool", json!({})).await;
    assert!(fault.message.starts_with("no connection"), "{fault}");
}

#[tokio::test]
async fn an_address_receives_secrets_only_if_its_host_may() {
    let server = Server::start(|seen| answered("200 OK", &seen.body)).await;
    let tool = config(json!({"name": "own.tool", "url": server.url("/")}));
    for (hosts, expected) in [
        (&["127.0.0.1"][..], "completed"),
        (&["example.com"], "refused"),
    ] {
        let setup = Setup::default().secret("TOKEN", "s3cret-value", &["own.tool"], hosts);
        let f = with(std::slice::from_ref(&tool), setup);
        let call = with_slots(resolved("own.tool", json!({"token": "${secrets.TOKEN}"})));
        assert_eq!(f.run(call).await.outcome.as_str(), expected);
    }
    assert_eq!(server.seen().len(), 1);
    assert!(server.seen()[0].body.contains("s3cret-value"));
}

#[test]
fn what_cannot_be_set_up_says_why() {
    for (value, says) in [
        (json!({"name": "x", "command": ["a"]}), "`server.tool`"),
        (
            json!({"name": "fs.read", "command": ["a"]}),
            "`fs` is reserved",
        ),
        (json!({"name": "Own.x", "command": ["a"]}), "`server.tool`"),
        (json!({"name": "own.x"}), "neither `command` nor `url`"),
        (
            json!({"name": "own.x", "command": ["a"], "url": "http://x"}),
            "not both",
        ),
        (
            json!({"name": "own.x", "command": []}),
            "`command` is empty",
        ),
        (
            json!({"name": "own.x", "url": "ftp://x"}),
            "neither http nor https",
        ),
        (
            json!({"name": "own.x", "command": ["a"], "env": {"A=": "b"}}),
            "environment variable",
        ),
        (
            json!({"name": "own.x", "command": ["a"], "input_schema": "/no/such"}),
            "cannot read `/no/such`",
        ),
        (
            json!({"name": "own.x", "command": ["a"], "headers": {"a": "b"}}),
            "`headers` go with `url`",
        ),
    ] {
        let error = own(&[config(value.clone())]).map(drop).unwrap_err();
        assert!(error.contains(says), "{value}: {error}");
    }
    let schema = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(schema.path(), r#"{"type": "object", "required": ["n"]}"#).unwrap();
    let read = own(&[config(
        json!({"name": "own.x", "command": ["a"], "input_schema": schema.path()}),
    )]);
    assert_eq!(
        read.unwrap().servers().into_iter().collect::<Vec<_>>(),
        ["own"]
    );
}

#[tokio::test]
async fn secrets_of_the_configuration_go_to_the_tool_and_nowhere_else() {
    let setup = || Setup::default().secret("TOKEN", "hunter2-hunter2", &["own.tool"], &[]);
    let mut tool = python(
        "sys.stderr.write(os.environ['TOKEN']); print(json.dumps([os.environ['TOKEN'], len(os.environ['TOKEN'])])); sys.exit(args.get('code', 0))",
    );
    tool.env
        .insert("TOKEN".to_owned(), "Bearer ${secrets.TOKEN}".to_owned());
    let f = with(&[tool.clone()], setup());
    let said = f.output("own.tool", json!({})).await;
    assert_eq!(said, json!(["Bearer [secret TOKEN]", 22]));
    let fault = f.failure("own.tool", json!({"code": 3})).await;
    let shown = format!("{fault:?}");
    assert!(
        shown.contains("[secret TOKEN]") && !shown.contains("hunter2"),
        "{shown}"
    );
    let status = f.runner.registry().status("own.tool");
    assert!(!format!("{status:?}").contains("hunter2"));

    let setup = Setup::default().secret("TOKEN", "hunter2-hunter2", &["other.tool"], &[]);
    let fault = with(&[tool], setup).refusal("own.tool", json!({})).await;
    assert_eq!(fault.code, ErrorCode::PolicyDenied);
}

#[tokio::test]
async fn a_secret_in_a_header_needs_its_host() {
    let server = Server::start(|request| {
        let token = request.headers["x-token"].clone();
        response("200 OK", &[], json!({"echo": token}).to_string())
    })
    .await;
    let tool = config(json!({
        "name": "own.post",
        "url": server.url("/"),
        "headers": {"X-Token": "${secrets.TOKEN}"},
    }));
    let with_hosts = |hosts: &[&str]| {
        let setup = Setup::default().secret("TOKEN", "hunter2-hunter2", &["own.post"], hosts);
        with(std::slice::from_ref(&tool), setup)
    };
    let said = with_hosts(&["127.0.0.1"])
        .output("own.post", json!({}))
        .await;
    assert_eq!(said, json!({"echo": "[secret TOKEN]"}));
    assert_eq!(server.seen()[0].headers["x-token"], "hunter2-hunter2");
    let fault = with_hosts(&[]).refusal("own.post", json!({})).await;
    assert_eq!(fault.code, ErrorCode::PolicyDenied);
    assert_eq!(server.seen().len(), 1);
}

/// A tool that somebody outside calls.
fn external(more: &[(&str, Value)]) -> OwnToolConfig {
    let mut value = json!({
        "name": "own.tool",
        "kind": "external",
        "effect": "network",
        "input_schema": {"type": "object", "properties": {"n": {"type": "integer"}}},
        "output_schema": {"type": "object", "required": ["ok"]},
    });
    for (key, what) in more {
        value[*key] = what.clone();
    }
    config(value)
}

#[test]
fn a_tool_that_is_called_outside_is_only_declared() {
    let tools = own(&[external(&[])]).unwrap();
    let registry = mandate_tools::Registry::new();
    registry.add(Arc::new(tools)).unwrap();
    let status = registry.status("own.tool").unwrap();
    assert!(status.external && !status.facts.idempotent && status.facts.open_world);
    // What it is called by is part of what it is.
    let program = config(json!({"name": "own.tool", "command": ["true"], "effect": "network"}));
    let mut declared = external(&[]);
    (declared.input_schema, declared.output_schema) = (None, None);
    let digest = |config| {
        let registry = mandate_tools::Registry::new();
        registry.add(Arc::new(own(&[config]).unwrap())).unwrap();
        registry.status("own.tool").unwrap().digest
    };
    assert_ne!(digest(program), digest(declared));
    for (key, value, why) in [
        ("command", json!(["true"]), "neither `command` nor `url`"),
        (
            "url",
            json!("https://a.example"),
            "neither `command` nor `url`",
        ),
        ("timeout_ms", json!(5), "agent_idle_ms"),
        ("env", json!({"A": "b"}), "are for its `status`"),
        ("headers", json!({"A": "b"}), "are for its `status`"),
    ] {
        let error = own(&[external(&[(key, value)])]).err().unwrap();
        assert!(error.contains(why), "{key}: {error}");
    }
    let status = json!({"command": ["true"]});
    let with_status = external(&[("status", status), ("env", json!({"A": "b"}))]);
    assert!(own(&[with_status]).is_ok());
}

#[tokio::test]
async fn a_call_outside_takes_a_permit_and_its_report_is_held_to_what_answers_are() {
    let setup = Setup::default().secret("KEY", "value-of-key-1", &["own.*"], &[]);
    let f = with(&[external(&[])], setup);
    let fault = f.refusal("own.tool", json!({"n": 1})).await;
    assert_eq!(fault.code, ErrorCode::NotSupported);

    let call = resolved("own.tool", json!({"n": 1}));
    let other = resolved("own.tool", json!({"n": 2}));
    let metrics = || f.runner.registry().status("own.tool").unwrap();
    let lifecycle = || metrics().lifecycle.as_str();
    assert!(
        f.runner.hand_out(f.permit(&call), &other).is_err(),
        "another call's permit"
    );
    let odd = resolved("own.tool", json!({"n": "one"}));
    let fault = f.runner.hand_out(f.permit(&odd), &odd).err().unwrap();
    assert_eq!(fault.code, ErrorCode::InvalidPayload);
    let mut under_way = f.runner.hand_out(f.permit(&call), &call).unwrap();
    assert_eq!(lifecycle(), "RUNNING");
    under_way.completed();
    drop(under_way);
    drop(f.runner.hand_out(f.permit(&call), &call).unwrap());
    assert_eq!(lifecycle(), "INITIALIZED");
    let counted = metrics().metrics;
    // The one that was to be called here, and the one that nobody reported on.
    assert_eq!((counted.success_count, counted.error_count), (1, 2));
    let read = resolved("fs.list", json!({"path": "."}));
    let fault = f.runner.hand_out(f.permit(&read), &read).err().unwrap();
    assert_eq!(fault.code, ErrorCode::NotSupported, "it is called here");

    let report = |call: &mandate_policy::ResolvedCall, report: CallReport| {
        f.runner.read_report(call.clone(), report)
    };
    let output = |value: Value| CallReport::Output(value);
    let named = resolved("own.tool", json!({"n": 1, "key": "${secrets.KEY}"}));
    let told = report(&named, output(json!({"ok": "value-of-key-1"}))).await;
    let same = report(&named, output(json!({"ok": "[secret KEY]"}))).await;
    assert_eq!(told.told, same.told, "what is compared holds no secret");
    let Outcome::Completed { output: kept } = told.keep() else {
        panic!()
    };
    assert_eq!(kept, json!({"ok": "[secret KEY]"}));
    let Outcome::Invalid { fault, .. } = report(&call, output(json!([]))).await.keep() else {
        panic!()
    };
    assert_eq!(fault.code, ErrorCode::OutputInvalid);
    let error = CallReport::Error(mandate_tools::ReportedError {
        message: "no, by value-of-key-1".repeat(1_000),
        details: Some(json!({"key": "value-of-key-1", "long": "x".repeat(100_000)})),
    });
    let Outcome::Failed(fault) = report(&named, error).await.keep() else {
        panic!()
    };
    assert_eq!((fault.code, fault.details), (ErrorCode::ToolFailed, None));
    assert!(!fault.message.contains("value-of-key-1") && fault.message.len() < 5_000);
    // A secret that cannot be looked up cannot be taken out.
    let unknown = resolved("own.tool", json!({"key": "${secrets.OTHER}"}));
    let told = report(&unknown, output(json!({"ok": "value-of-other"}))).await;
    assert!(!told.told.to_string().contains("other"));
    let Outcome::Invalid { output, fault } = told.keep() else {
        panic!()
    };
    assert!(
        output.is_none() && fault.message.contains("OTHER"),
        "{fault}"
    );
}
