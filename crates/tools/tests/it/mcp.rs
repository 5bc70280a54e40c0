//! MCP servers that behave.

use crate::{
    fake_server::Fake,
    fixture::{KEY, Setup, resolved, with_slots},
};
use mandate_plan::{Effect, ErrorCode};
use mandate_tools::{Outcome, ToolFacts, Tools as _};
use serde_json::{Value, json};

#[tokio::test]
async fn arguments_key_and_environment_arrive_and_nothing_else() {
    let fake = Fake::new(&[]);
    let f = fake.ready(Setup::default()).await;
    let said = f.output("fake.echo", json!({"a": [1, "zwei"]})).await;
    assert_eq!(said["args"], json!({"a": [1, "zwei"]}));
    assert_eq!(said["meta"]["dev.mandate/idempotencyKey"], KEY);
    assert!(said["meta"]["progressToken"].is_number());
    let names: Vec<&String> = said["env"].as_object().unwrap().keys().collect();
    assert_eq!(said["env"]["GIVEN"], "by configuration");
    // Cargo sets dozens of these for tests; they are there to leak.
    assert!(std::env::vars().any(|(name, _)| name.starts_with("CARGO")));
    assert!(
        !names.iter().any(|name| name.starts_with("CARGO")),
        "{names:?}"
    );
}

#[tokio::test]
async fn every_era_is_spoken() {
    for (options, probes, sessions) in [
        (&[][..], 1, 1),
        (&["modern"], 1, 0),
        // Its answer comes after it was taken for an old one.
        (&["modern", "slow-start"], 1, 1),
        (&["slow-start"], 1, 1),
        (&["silent"], 1, 1),
        (&["dies-at-probe"], 1, 1),
        (&["banner"], 1, 1),
    ] {
        let fake = Fake::new(options).configure(|config| config.start_timeout_ms = Some(8000));
        let f = fake.ready(Setup::default()).await;
        let said = f.output("fake.echo", json!({})).await;
        assert_eq!(said["args"], json!({}), "{options:?}");
        assert_eq!(fake.logged("probe").len(), probes, "{options:?}");
        assert_eq!(fake.logged("initialize").len(), sessions, "{options:?}");
    }
}

#[tokio::test]
async fn a_server_of_the_new_kind_is_asked_to_tell_of_changes() {
    let fake = Fake::new(&["modern"]);
    let _f = fake.ready(Setup::default()).await;
    let asked = fake.await_logged("request", 1).await;
    assert_eq!(asked[0]["request"], "subscriptions/listen");
}

#[tokio::test]
async fn all_pages_are_read() {
    let fake = Fake::new(&["pages"]);
    let f = fake.ready(Setup::default()).await;
    assert_eq!(fake.logged("list").len(), 3);
    assert_eq!(f.output("fake.forget", json!({})).await, "nothing");
}

#[tokio::test]
async fn errors_are_failures_with_what_the_tool_said() {
    let fake = Fake::new(&[]);
    let f = fake.ready(Setup::default()).await;
    let fault = f.failure("fake.fail", json!({"text": "x"})).await;
    assert_eq!(
        (fault.code, fault.message.as_str()),
        (
            ErrorCode::ToolFailed,
            "`fake.fail` failed: no such thing: x"
        )
    );
    let fault = f.failure("fake.error", json!({})).await;
    assert!(fault.message.contains("bad arguments"), "{fault}");
    assert_eq!(fault.details.unwrap()["code"], -32602);
}

#[tokio::test]
async fn calls_at_once_get_their_own_answers() {
    let fake = Fake::new(&[]);
    let f = fake.ready(Setup::default()).await;
    let slept = |seconds: f64| f.output("fake.slow", json!({ "seconds": seconds }));
    let (a, b, c) = tokio::join!(slept(2.0), slept(0.1), slept(1.0));
    assert_eq!(
        (&a["slept"], &b["slept"], &c["slept"]),
        (&json!(2.0), &json!(0.1), &json!(1.0))
    );
    // Asked for in another order: none waited for another.
    let order: Vec<Value> = fake
        .await_logged("answered", 3)
        .await
        .iter()
        .map(|entry| entry["answered"].clone())
        .collect();
    assert_eq!(order, [json!(0.1), json!(1.0), json!(2.0)]);
}

#[tokio::test]
async fn a_server_may_ask_for_a_sign_of_life_and_nothing_more() {
    let fake = Fake::new(&[]);
    let f = fake.ready(Setup::default()).await;
    assert_eq!(f.output("fake.ask", json!({})).await, "asked");
    let replies = fake.await_logged("reply", 2).await;
    assert_eq!(replies[0], json!({"reply": "q1", "error": null}));
    assert_eq!(replies[1], json!({"reply": "q2", "error": -32601}));
}

#[tokio::test]
async fn what_is_kept_names_tools_without_a_start() {
    let fake = Fake::new(&[]).cached();
    assert!(!fake.provider().is_known());
    drop(fake.ready(Setup::default()).await);
    assert_eq!(fake.logged("start").len(), 1);

    let provider = fake.provider();
    assert!(provider.is_known());
    assert_eq!(provider.definitions().len(), 14);
    let setup = Setup {
        providers: vec![provider],
        ..Setup::default()
    };
    let f = setup.build();
    assert!(f.runner.lookup().spec("fake.echo").is_some());
    assert_eq!(fake.logged("start").len(), 1, "listing must not start it");
    // A call does.
    f.output("fake.echo", json!({})).await;
    assert_eq!(fake.logged("start").len(), 2);
    f.output("fake.echo", json!({})).await;
    assert_eq!(fake.logged("start").len(), 2, "it is kept warm");

    // Another command is another server.
    let other = fake.configure(|config| config.args.push("banner".to_owned()));
    assert!(!other.provider().is_known());
}

#[tokio::test]
async fn what_is_kept_is_not_believed_for_a_call() {
    let fake = Fake::new(&[]).cached();
    drop(fake.ready(Setup::default()).await);
    let file = fake.cache().join("fake.json");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("echo, version 1", "echo, harmless")).unwrap();
    let setup = Setup {
        providers: vec![fake.provider()],
        ..Setup::default()
    };
    let f = setup.build();
    let old = f.permit(&resolved("fake.echo", json!({})));
    let refused = f.runner.run(old, resolved("fake.echo", json!({}))).await;
    let Outcome::Refused(fault) = refused.outcome else {
        panic!("{refused:?}")
    };
    assert_eq!(fault.code, ErrorCode::ToolChanged);
    assert!(fake.logged("call").is_empty());
    // By now the registry knows better.
    assert_eq!(
        f.runner.lookup().spec("fake.echo").unwrap().description,
        "echo, version 1"
    );
    f.output("fake.echo", json!({})).await;
}

#[tokio::test]
async fn facts_are_the_operators_then_a_trusted_servers_then_the_worst() {
    let said = ToolFacts {
        effect: Some(Effect::Read),
        ..ToolFacts::default()
    };
    let fake = Fake::new(&[]).facts("slow", said);
    let f = fake.ready(Setup::default()).await;
    let effect = |tool| f.runner.lookup().facts(tool, None).unwrap().effect;
    assert_eq!(effect("fake.slow"), Effect::Read);
    assert_eq!(effect("fake.echo"), Effect::Execute);
    let fake = fake.configure(|config| config.trust_annotations = true);
    let f = fake.ready(Setup::default()).await;
    let effect = |tool| f.runner.lookup().facts(tool, None).unwrap().effect;
    assert_eq!(effect("fake.echo"), Effect::Read);
}

#[tokio::test]
async fn a_secret_stays_out_of_answers_and_last_words_of_any_later_call() {
    let secret = "s3cret-value-of-the-test";
    let fake = Fake::new(&[]);
    let setup = Setup::default().secret("TOKEN", secret, &["fake.*"], &[]);
    let f = fake.ready(setup).await;
    let call = with_slots(resolved("fake.stderr", json!({"text": "${secrets.TOKEN}"})));
    assert!(matches!(
        f.run(call).await.outcome,
        Outcome::Completed { .. }
    ));
    // It has it, and gives it to a call that was not given it.
    assert_eq!(f.output("fake.forget", json!({})).await, "[secret TOKEN]");
    let Outcome::Unknown(fault) = f.call("fake.die", json!({})).await else {
        panic!("it died")
    };
    assert!(fault.message.contains("[secret TOKEN]"), "{fault}");
    assert!(!fault.message.contains(secret), "{fault}");
}
