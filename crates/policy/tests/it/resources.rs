//! What is found in arguments, by name and by shape.

use mandate_plan::Effect;
use mandate_policy::resources::{Operation, ResourceKind, find};
use serde_json::{Value, json};

fn found(tool: &str, args: &Value) -> Vec<(ResourceKind, String)> {
    let mut found: Vec<_> = find(tool, Effect::Read, args)
        .into_iter()
        .map(|f| (f.resource.kind, f.resource.value))
        .collect();
    found.sort();
    found
}

fn files(args: &Value) -> Vec<String> {
    of(ResourceKind::File, args)
}

fn of(kind: ResourceKind, args: &Value) -> Vec<String> {
    found("x.tool", args)
        .into_iter()
        .filter(|(k, _)| *k == kind)
        .map(|(_, value)| value)
        .collect()
}

#[test]
fn by_name() {
    for key in [
        "path",
        "file",
        "filename",
        "filePath",
        "file_path",
        "source-file",
        "directory",
        "dir",
        "cwd",
        "Path",
        "output_dir",
    ] {
        assert_eq!(files(&json!({ key: "notes.txt" })), ["notes.txt"], "{key}");
    }
    for key in ["url", "uri", "endpoint", "href", "callbackUrl", "webhook"] {
        assert_eq!(
            of(ResourceKind::Url, &json!({ key: "https://h/" })),
            ["https://h/"],
            "{key}"
        );
    }
    assert_eq!(files(&json!({ "paths": ["b", "a"] })), ["a", "b"]);
    assert_eq!(
        files(&json!({ "options": { "deep": [{ "path": "a" }] } })),
        ["a"]
    );
    assert!(files(&json!({ "profile": "work", "pathology": "x" })).is_empty());
}

#[test]
fn by_shape() {
    for text in [
        "/etc/passwd",
        "../x",
        "./x",
        "~/x",
        "a/../../b",
        "..",
        r"..\x",
        "%2e%2e/x",
        r"C:\x",
        "\u{ff0f}etc/passwd",
        "\u{200b}/etc/passwd",
    ] {
        assert_eq!(files(&json!({ "q": text })).len(), 1, "{text:?}");
    }
    for text in ["plain", "a/b", "x:y", "1/2", "a\n/b"] {
        assert!(files(&json!({ "q": text })).is_empty(), "{text:?}");
    }
    assert_eq!(
        of(ResourceKind::Url, &json!({ "q": "HTTPS://h" })),
        ["https://h/"]
    );
    assert_eq!(
        of(ResourceKind::Url, &json!({ "q": "\u{200b}https://h" })),
        ["https://h/"]
    );
    let file_url = found("x.tool", &json!({ "q": "file:///etc/passwd" }));
    assert!(
        file_url.contains(&(ResourceKind::File, "/etc/passwd".to_owned())),
        "{file_url:?}"
    );
    let url_as_path = found("x.tool", &json!({ "path": "file:///etc/passwd" }));
    assert!(
        url_as_path.contains(&(ResourceKind::File, "/etc/passwd".to_owned())),
        "{url_as_path:?}"
    );
}

#[test]
fn content_is_not_touched_but_named_things_in_it_are() {
    assert!(files(&json!({ "content": "/etc/passwd", "body": { "q": "/etc/passwd" } })).is_empty());
    assert_eq!(
        files(&json!({ "body": { "path": "/etc/passwd" } })),
        ["/etc/passwd"]
    );
    assert!(found("data.value", &json!({ "value": { "path": "/etc/passwd" } })).is_empty());
    assert!(
        !found(
            "database.value",
            &json!({ "value": { "path": "/etc/passwd" } })
        )
        .is_empty()
    );
}

#[test]
fn commands() {
    let command = |args: Value| of(ResourceKind::Command, &args);
    assert_eq!(
        command(json!({ "argv": ["git", "log", "a b"] })),
        ["git log 'a b'"]
    );
    assert_eq!(command(json!({ "command": "git  log" })), ["git log"]);
    assert_eq!(
        command(json!({ "command": "git", "args": ["log", "-1"] })),
        ["git log -1"]
    );
    assert_eq!(
        command(json!({ "command": "git log; rm x" })),
        ["sh -c 'git log; rm x'"]
    );
    assert_eq!(command(json!({ "commands": ["a", "b c"] })), ["a", "b c"]);
    assert_eq!(command(json!({ "argv": ["a"], "shell": true })), ["a"]);
    assert!(command(json!({ "argv": [] })).is_empty());
    // Words of a command are looked at, too; its first word is the program.
    let words = found(
        "process.exec",
        &json!({ "argv": ["/bin/cat", "/etc/passwd", "--out=/tmp/x", "http://h/"] }),
    );
    assert!(words.contains(&(ResourceKind::File, "/etc/passwd".to_owned())));
    assert!(words.contains(&(ResourceKind::File, "/tmp/x".to_owned())));
    assert!(words.contains(&(ResourceKind::Url, "http://h/".to_owned())));
    assert!(!words.contains(&(ResourceKind::File, "/bin/cat".to_owned())));
    let line = found("x.tool", &json!({ "command": "true && cat /etc/passwd" }));
    assert!(
        line.contains(&(ResourceKind::File, "/etc/passwd".to_owned())),
        "{line:?}"
    );
}

#[test]
fn pointers_and_operations() {
    let found = find("x.tool", Effect::Delete, &json!({ "a/b": { "path": "x" } }));
    assert_eq!(found[0].pointer, "/a~1b/path");
    assert_eq!(found[0].resource.operation, Operation::Delete);
    let sent = find(
        "x.tool",
        Effect::Network,
        &json!({ "url": "https://h/", "path": "p" }),
    );
    let of = |kind| {
        sent.iter()
            .find(|f| f.resource.kind == kind)
            .unwrap()
            .resource
            .operation
    };
    assert_eq!(of(ResourceKind::Url), Operation::Send);
    assert_eq!(of(ResourceKind::File), Operation::Read);
}
