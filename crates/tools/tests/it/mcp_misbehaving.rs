//! MCP servers that die, hang, change, print junk, answer late or never start.

use crate::{
    fake_server::{Fake, await_gone, lives},
    fixture::{Setup, resolved},
};
use mandate_plan::ErrorCode;
use mandate_tools::{Fault, Lifecycle, Outcome, Tools as _};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn unknown(outcome: Outcome) -> Fault {
    match outcome {
        Outcome::Unknown(fault) => fault,
        other => panic!("{other:?}"),
    }
}

/// A call with a time limit of its step.
async fn limited(f: &crate::fixture::Fixture, tool: &str, args: Value, limit_ms: u64) -> Outcome {
    let mut call = resolved(tool, args);
    call.timeout_ms = Some(limit_ms);
    f.run(call).await.outcome
}

#[tokio::test]
async fn death_during_a_call_leaves_it_unknown_and_the_next_call_starts_it_anew() {
    let fake = Fake::new(&[]);
    let f = fake.ready(Setup::default()).await;
    let begun = Instant::now();
    let (died, beside) = tokio::join!(
        async {
            fake.await_logged("call", 1).await;
            f.call("fake.die", json!({})).await
        },
        f.call("fake.slow", json!({"seconds": 30}))
    );
    assert!(begun.elapsed() < Duration::from_secs(25));
    let fault = unknown(died);
    assert_eq!(fault.code, ErrorCode::ToolFailed);
    assert!(fault.message.contains("exit code 3"), "{fault}");
    unknown(beside);
    f.output("fake.echo", json!({})).await;
    assert_eq!(fake.logged("start").len(), 2);
    // What was unknown is not asked again behind the engine's back.
    assert_eq!(fake.logged("call").len(), 3);
}

#[tokio::test]
async fn death_between_two_calls_is_not_noticed() {
    // With one thread: a process of several is not gone before the last of them is.
    let fake = Fake::new(&["single"]);
    let f = fake.ready(Setup::default()).await;
    for _ in 0..3 {
        let pid = f.output("fake.echo", json!({})).await["pid"].clone();
        let process = rustix::process::Pid::from_raw(i32::try_from(pid.as_i64().unwrap()).unwrap());
        rustix::process::kill_process(process.unwrap(), rustix::process::Signal::KILL).unwrap();
        // Dead, and seen to be dead by nobody here yet.
        await_gone(&pid).await;
        f.output("fake.echo", json!({})).await;
    }
    assert_eq!(fake.logged("call").len(), 6);
}

#[tokio::test]
async fn a_hanging_call_is_cancelled_and_a_deaf_server_replaced() {
    let fake = Fake::new(&["single"]);
    let f = fake.ready(Setup::default()).await;
    let pid = f.output("fake.echo", json!({})).await["pid"].clone();
    let fault = unknown(limited(&f, "fake.hang", json!({}), 200).await);
    assert_eq!(fault.code, ErrorCode::StepTimeout);
    await_gone(&pid).await;
    let said = f.output("fake.echo", json!({})).await;
    assert_ne!(said["pid"], pid);
}

#[tokio::test]
async fn what_ignores_every_signal_is_killed() {
    let fake = Fake::new(&["single", "stubborn", "grandchild"]);
    let f = fake.ready(Setup::default()).await;
    let pid = f.output("fake.echo", json!({})).await["pid"].clone();
    let daemon = fake.logged("grandchild")[0]["grandchild"].clone();
    let fault = unknown(limited(&f, "fake.hang", json!({}), 200).await);
    assert_eq!(fault.code, ErrorCode::StepTimeout);
    await_gone(&pid).await;
    await_gone(&daemon).await;
    assert_ne!(f.output("fake.echo", json!({})).await["pid"], pid);
}

#[tokio::test]
async fn a_gigabyte_of_complaints_is_read_and_not_kept() {
    let fake = Fake::new(&["bombs"]);
    let f = fake.ready(Setup::default()).await;
    assert_eq!(f.output("fake.loud", json!({})).await, "said");
}

#[tokio::test]
async fn bombs_are_ended_and_told() {
    for (tool, limits, said) in [
        (
            "fake.fork",
            json!({"processes": 40}),
            "more than 40 processes",
        ),
        (
            "fake.eat",
            json!({"memory_bytes": 300 << 20}),
            "bytes of memory",
        ),
    ] {
        let fake = Fake::new(&["bombs"]).configure(|config| {
            let log = std::path::Path::new(&config.args[1])
                .parent()
                .unwrap()
                .to_owned();
            config.command = Some("/usr/bin/python3".to_owned());
            let here = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it");
            let sandbox = json!({"read": [here], "write": [log], "limits": limits});
            config.sandbox = Some(serde_json::from_value(sandbox).unwrap());
        });
        let f = fake.ready(Setup::default()).await;
        let pid = f.output("fake.echo", json!({})).await["pid"].clone();
        let fault = unknown(f.call(tool, json!({})).await);
        assert!(fault.message.contains(said), "{fault}");
        await_gone(&pid).await;
        // The next call has a server of its own.
        assert_ne!(f.output("fake.echo", json!({})).await["pid"], pid);
    }
}

#[tokio::test]
async fn a_server_that_still_listens_is_told_and_kept() {
    let mut fake = Fake::new(&[]);
    fake.patience = Duration::from_secs(1);
    let f = fake.ready(Setup::default()).await;
    let pid = f.output("fake.echo", json!({})).await["pid"].clone();
    unknown(limited(&f, "fake.hang", json!({}), 200).await);
    let told = fake.await_logged("notice", 2).await;
    assert_eq!(told[1]["notice"], "notifications/cancelled");
    assert!(told[1]["params"]["requestId"].is_number());
    // Longer than it takes to give a server up.
    tokio::time::sleep(Duration::from_millis(2300)).await;
    assert_eq!(f.output("fake.echo", json!({})).await["pid"], pid);
}

#[tokio::test]
async fn a_late_answer_is_nobodys() {
    let fake = Fake::new(&[]);
    let f = fake.ready(Setup::default()).await;
    unknown(limited(&f, "fake.slow", json!({"seconds": 0.4}), 100).await);
    let next = f.output("fake.slow", json!({"seconds": 0.6})).await;
    assert_eq!(next["slept"], 0.6);
    // The first did answer, too.
    fake.await_logged("answered", 2).await;
}

#[tokio::test]
async fn junk_is_passed_over() {
    let fake = Fake::new(&["banner"]);
    let f = fake.ready(Setup::default()).await;
    assert_eq!(f.output("fake.junk", json!({})).await, "still here");
    let Outcome::Invalid { fault, .. } = f.call("fake.junk", json!({"nonsense": true})).await
    else {
        panic!("the answer was nonsense")
    };
    assert_eq!(fault.code, ErrorCode::OutputInvalid);
    assert_eq!(fake.logged("start").len(), 1);
}

#[tokio::test]
async fn a_line_without_an_end_ends_the_server() {
    let fake = Fake::new(&[]);
    let f = fake.ready(Setup::default()).await;
    let fault = unknown(f.call("fake.flood", json!({})).await);
    assert!(fault.message.contains("33554432 bytes"), "{fault}");
    f.output("fake.echo", json!({})).await;
}

#[tokio::test]
async fn changed_tools_are_other_tools() {
    for options in [&[][..], &["modern"]] {
        let fake = Fake::new(options);
        let f = fake.ready(Setup::default()).await;
        let before = f.runner.lookup().spec("fake.echo").unwrap().digest;
        let untouched = f.runner.lookup().spec("fake.slow").unwrap().digest;
        let approved = f.permit(&resolved("fake.echo", json!({})));
        let gone = f.permit(&resolved("fake.forget", json!({})));
        f.output("fake.change", json!({})).await;

        // Sent after the notice of the change, and not before the tools were asked for anew.
        let refused = f
            .runner
            .run(approved, resolved("fake.echo", json!({})))
            .await;
        let Outcome::Refused(fault) = refused.outcome else {
            panic!("{refused:?}")
        };
        assert_eq!(fault.code, ErrorCode::ToolChanged);
        let refused = f.runner.run(gone, resolved("fake.forget", json!({}))).await;
        assert!(
            matches!(refused.outcome, Outcome::Refused(_)),
            "{refused:?}"
        );
        assert_eq!(fake.logged("call").len(), 1);

        let now = f.runner.lookup();
        assert_ne!(now.spec("fake.echo").unwrap().digest, before);
        assert_eq!(now.spec("fake.slow").unwrap().digest, untouched);
        assert!(now.spec("fake.new").is_some() && now.spec("fake.forget").is_none());
        let status = f.runner.registry().status("fake.forget").unwrap();
        assert_eq!(status.lifecycle, Lifecycle::Unavailable);
        // Newly approved, it is called; and what comes back is listed again.
        f.output("fake.echo", json!({})).await;
        f.output("fake.change", json!({"version": "1"})).await;
        let begun = Instant::now();
        while f.runner.lookup().spec("fake.forget").is_none() {
            assert!(begun.elapsed() < Duration::from_secs(10), "it is not back");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        f.output("fake.forget", json!({})).await;
    }
}

#[tokio::test]
async fn a_server_that_changed_while_it_was_down_is_found_out() {
    let fake = Fake::new(&["quiet"]);
    let f = fake.ready(Setup::default()).await;
    let approved = f.permit(&resolved("fake.echo", json!({})));
    f.output("fake.change", json!({})).await;
    // It did not say so: until it is started anew, nobody can know.
    let call = resolved("fake.echo", json!({}));
    let ran = f.runner.run(approved, call).await;
    assert!(matches!(ran.outcome, Outcome::Completed { .. }));
}

#[tokio::test]
async fn what_does_not_start_says_why() {
    for (options, says) in [
        (&["broken"][..], "cannot open the database"),
        (&["never-ready"], "was not ready within 1500 ms"),
        (&["deaf-listing"], "was not ready within 1500 ms"),
        (&["ancient"], "`1999-01-01`, which is not supported"),
        (&["future"], "2026-07-28"),
        (&["endless"], "a cursor came twice"),
    ] {
        let limit = if says.contains("1500") { 1500 } else { 60_000 };
        let fake = Fake::new(options).configure(|config| config.start_timeout_ms = Some(limit));
        let provider = fake.provider();
        let why = provider.prepare().await.unwrap_err();
        assert!(
            why.contains(says) && why.starts_with("the server `fake` does not work: "),
            "{options:?}: {why}"
        );
        assert_eq!(provider.problem(), Some(why));
        for start in fake.logged("start") {
            await_gone(&start["start"]).await;
        }
    }
    let nowhere = |change: fn(&mut mandate_tools::McpServerConfig)| async move {
        let provider = Fake::new(&[]).configure(change).provider();
        provider.prepare().await.unwrap_err()
    };
    let missing = nowhere(|config| config.command = Some("no-such-program".to_owned())).await;
    assert!(
        missing.contains("`no-such-program` does not start"),
        "{missing}"
    );
    let variable = nowhere(|config| config.args = vec!["${NO_SUCH_VARIABLE}".to_owned()]).await;
    assert!(variable.contains("`${NO_SUCH_VARIABLE}`"), "{variable}");
    let both = nowhere(|config| config.url = Some("https://example.com/mcp".to_owned()));
    assert!(both.await.contains("a `command` and a `url`"));
    let far = nowhere(|config| {
        config.command = None;
        config.url = Some("http://127.0.0.1:1/mcp".to_owned());
    });
    let far = far.await;
    assert!(
        far.contains("`http://127.0.0.1:1/mcp` cannot be reached"),
        "{far}"
    );
    let sse = nowhere(|config| config.transport = Some("sse".to_owned()));
    assert!(sse.await.contains("has given up"));
    let folder = nowhere(|config| config.cwd = Some("/no/such/folder".into())).await;
    assert!(
        folder.contains("`/no/such/folder` is not a directory"),
        "{folder}"
    );
}

#[tokio::test]
async fn a_call_to_a_server_that_does_not_start_any_more_is_refused() {
    let fake = Fake::new(&[]).cached();
    drop(fake.ready(Setup::default()).await);
    // The same command, and it does not work any more.
    let setup = Setup {
        providers: vec![fake.provider()],
        ..Setup::default()
    };
    let f = setup.build();
    let log = fake.cache().parent().unwrap().join("log");
    std::fs::remove_file(&log).unwrap();
    std::fs::create_dir(&log).unwrap();
    let fault = f.refusal("fake.echo", json!({})).await;
    assert_eq!(fault.code, ErrorCode::ToolFailed);
    assert!(fault.message.contains("IsADirectoryError"), "{fault}");
    let status = f.runner.registry().status("fake.echo").unwrap();
    assert_eq!(status.lifecycle, Lifecycle::Failed);
    assert!(status.lifecycle_reason.unwrap().contains("does not work"));
    std::fs::remove_dir(&log).unwrap();
    f.output("fake.echo", json!({})).await;
    let status = f.runner.registry().status("fake.echo").unwrap();
    assert_eq!(status.lifecycle, Lifecycle::Initialized);
}

#[tokio::test]
async fn nothing_of_a_server_outlives_its_provider() {
    for options in [&["grandchild"][..], &["grandchild", "stubborn"]] {
        let fake = Fake::new(options);
        let f = fake.ready(Setup::default()).await;
        let pids = [
            fake.logged("start")[0]["start"].clone(),
            fake.logged("grandchild")[0]["grandchild"].clone(),
        ];
        assert!(pids.iter().all(lives));
        drop(f);
        for pid in &pids {
            await_gone(pid).await;
        }
    }
}

#[tokio::test]
async fn what_a_dead_server_left_behind_is_killed() {
    let fake = Fake::new(&["grandchild"]);
    let f = fake.ready(Setup::default()).await;
    let left = fake.logged("grandchild")[0]["grandchild"].clone();
    unknown(f.call("fake.die", json!({})).await);
    await_gone(&left).await;
}
