//! Servers from npm and PyPI as they are published.

use crate::fixture::{Fixture, Setup};
use mandate_plan::{Effect, ErrorCode};
use mandate_tools::{McpServerConfig, McpSettings, NoSecrets, Outcome, Tools as _, mcp_servers};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// A server that `cargo xtask tool-servers` has installed; none where that said that it cannot.
fn installed(program: &str) -> Option<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tool-servers");
    if std::env::var_os("CI").is_none()
        && let Ok(why) = std::fs::read_to_string(dir.join("missing"))
    {
        eprintln!("NOT TESTED: {program} could not be installed: {why}");
        return None;
    }
    let found = dir.join(program).canonicalize();
    Some(found.unwrap_or_else(|_| panic!("{program} is missing; run `cargo xtask tool-servers`")))
}

/// A runner with one server, called `server` in plans, that works in a directory of its own.
async fn with(program: &str, args: &[&str], trust: bool) -> Option<(Fixture, tempfile::TempDir)> {
    let program = installed(program)?;
    let dir = tempfile::tempdir().unwrap();
    let work = dir.path().join("work");
    std::fs::create_dir(&work).unwrap();
    for args in [
        &["init", "--quiet"][..],
        &["config", "user.name", "Test"],
        &["config", "user.email", "test@example.com"],
    ] {
        let mut git = std::process::Command::new("git");
        assert!(
            git.args(args)
                .current_dir(&work)
                .status()
                .unwrap()
                .success()
        );
    }
    let config = McpServerConfig {
        command: Some(program.to_string_lossy().into_owned()),
        args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        trust_annotations: trust,
        ..McpServerConfig::default()
    };
    crate::fixture::with_helper();
    let settings = McpSettings {
        project: dir.path(),
        env: &["PATH".to_owned(), "HOME".to_owned()],
        cache: None,
        secrets: Arc::new(NoSecrets),
        lock: Arc::default(),
        confining: crate::fixture::confining(),
        callers: Arc::default(),
        patience: Duration::from_secs(4),
        runtime: None,
    };
    let names = BTreeMap::from([("server".to_owned(), "server".to_owned())]);
    let servers = BTreeMap::from([("server".to_owned(), config)]);
    let provider = mcp_servers(&names, &servers, &settings).remove(0);
    provider.prepare().await.unwrap();
    let setup = Setup {
        providers: vec![provider],
        ..Setup::default()
    };
    Some((setup.build(), dir))
}

const FILESYSTEM: &str = "npm/node_modules/.bin/mcp-server-filesystem";
const EVERYTHING: &str = "npm/node_modules/.bin/mcp-server-everything";
const TIME: &str = "py/bin/mcp-server-time";
const GIT: &str = "py/bin/mcp-server-git";

#[tokio::test]
async fn files_of_the_npm_server() {
    let Some((f, dir)) = with(FILESYSTEM, &["work"], true).await else {
        return;
    };
    let tools = f.runner.lookup();
    let effect = |tool| tools.facts(tool, None).unwrap().effect;
    assert_eq!(effect("server.read_text_file"), Effect::Read);
    assert_eq!(effect("server.write_file"), Effect::Delete);
    let args = json!({"path": "a.txt", "content": "zwölf\n"});
    f.output("server.write_file", args).await;
    let path = dir.path().join("work/a.txt");
    assert_eq!(std::fs::read_to_string(path).unwrap(), "zwölf\n");
    let read = f
        .output("server.read_text_file", json!({"path": "a.txt"}))
        .await;
    assert_eq!(read, json!({"content": "zwölf\n"}));
    let fault = f
        .failure("server.read_text_file", json!({"path": "/etc/passwd"}))
        .await;
    assert_eq!(fault.code, ErrorCode::ToolFailed);
    assert!(fault.message.contains("Access denied"), "{fault}");
    let fault = f.refusal("server.read_text_file", json!({"path": 3})).await;
    assert_eq!(fault.code, ErrorCode::InvalidPayload);
    // Its definitions hold more than the client understands; all of it is kept.
    let status = f.runner.registry().status("server.write_file").unwrap();
    assert!(status.definition["annotations"]["destructiveHint"].is_boolean());
}

#[tokio::test]
async fn everything_of_the_npm_server() {
    let Some((f, _dir)) = with(EVERYTHING, &[], false).await else {
        return;
    };
    assert_eq!(
        f.output("server.echo", json!({"message": "hi"})).await,
        "Echo: hi"
    );
    let weather = f
        .output(
            "server.get-structured-content",
            json!({"location": "Chicago"}),
        )
        .await;
    assert!(weather["temperature"].is_number(), "{weather}");
    let image = f.output("server.get-tiny-image", json!({})).await;
    let kinds: Vec<&Value> = image["content"]
        .as_array()
        .unwrap()
        .iter()
        .map(|block| &block["type"])
        .collect();
    assert!(kinds.contains(&&json!("image")), "{kinds:?}");
    let environment = f.output("server.get-env", json!({})).await;
    let names: Vec<&String> = environment.as_object().unwrap().keys().collect();
    assert!(
        !names.iter().any(|name| name.starts_with("CARGO")),
        "{names:?}"
    );
    let long = json!({"duration": 0.3, "steps": 3});
    let done = f
        .output("server.trigger-long-running-operation", long)
        .await;
    assert!(done.as_str().unwrap().contains("completed"), "{done}");
}

#[tokio::test]
async fn a_long_call_of_a_real_server_can_be_stopped() {
    let Some((f, _dir)) = with(EVERYTHING, &[], false).await else {
        return;
    };
    let args = json!({"duration": 60, "steps": 60});
    let mut call = crate::fixture::resolved("server.trigger-long-running-operation", args);
    call.timeout_ms = Some(300);
    assert!(matches!(f.run(call).await.outcome, Outcome::Unknown(_)));
    f.output("server.echo", json!({"message": "still here"}))
        .await;
}

#[tokio::test]
async fn time_of_the_pypi_server() {
    let Some((f, _dir)) = with(TIME, &["--local-timezone", "UTC"], false).await else {
        return;
    };
    let args = json!({"source_timezone": "Europe/Berlin", "time": "12:00", "target_timezone": "Asia/Tokyo"});
    let converted = f.output("server.convert_time", args).await;
    assert_eq!(converted["target"]["timezone"], "Asia/Tokyo", "{converted}");
    let wrong = f.call(
        "server.get_current_time",
        json!({"timezone": "Nowhere/Land"}),
    );
    assert!(matches!(wrong.await, Outcome::Failed(_)));
}

#[tokio::test]
async fn git_of_the_pypi_server() {
    let Some((f, dir)) = with(GIT, &["--repository", "work"], false).await else {
        return;
    };
    let work = dir.path().join("work");
    std::fs::write(work.join("a"), "a").unwrap();
    f.output(
        "server.git_add",
        json!({"repo_path": "work", "files": ["a"]}),
    )
    .await;
    f.output(
        "server.git_commit",
        json!({"repo_path": "work", "message": "One"}),
    )
    .await;
    let log = f
        .output("server.git_log", json!({"repo_path": "work"}))
        .await;
    assert!(log.to_string().contains("Message: One"), "{log}");
    let elsewhere = f.call("server.git_log", json!({"repo_path": "/"}));
    assert!(matches!(elsewhere.await, Outcome::Failed(_)));
}

#[test]
fn names_that_need_an_alias_say_so() {
    // `time` is what people call that server.
    let servers = BTreeMap::from([("time".to_owned(), McpServerConfig::default())]);
    let error = mandate_tools::server_names(&servers, &Default::default()).unwrap_err();
    assert!(
        error.to_string().contains("add `alias = \"time-server\"`"),
        "{error}"
    );
}
