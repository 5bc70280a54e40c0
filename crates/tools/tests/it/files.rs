//! What the file tools do.

use crate::fixture::{Setup, fixture};
use mandate_plan::ErrorCode;
use mandate_tools::Outcome;
use serde_json::{Value, json};
use std::{fs, os::unix::fs::PermissionsExt as _};

fn paths(output: &Value) -> Vec<&str> {
    output["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["path"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn list_gives_paths_that_other_tools_take() {
    let f = fixture();
    f.write("src/b.rs", "b");
    f.write("src/a/x.rs", "xx");
    f.write("src/a/y.md", "y");
    std::os::unix::fs::symlink("b.rs", f.project.join("src/link")).unwrap();
    let flat = f.output("fs.list", json!({"path": "src"})).await;
    assert_eq!(paths(&flat), ["src/a", "src/b.rs", "src/link"]);
    assert_eq!(flat["entries"][2]["type"], "symlink");
    let deep = f
        .output(
            "fs.list",
            json!({"path": "src", "recursive": true, "glob": "**/*.rs"}),
        )
        .await;
    assert_eq!(paths(&deep), ["src/a/x.rs", "src/b.rs"]);
    assert_eq!(deep["entries"][0]["size"], 2);
    let read = f.output("fs.read", json!({"path": paths(&deep)[0]})).await;
    assert_eq!(read["content"], "xx");
    let absolute = f.project.join("src").to_str().unwrap().to_owned();
    let listed = f
        .output(
            "fs.list",
            json!({"path": absolute, "exclude": ["a"], "recursive": true}),
        )
        .await;
    assert_eq!(
        paths(&listed),
        [format!("{absolute}/b.rs"), format!("{absolute}/link")]
    );
    let first = f
        .output(
            "fs.list",
            json!({"path": "src", "recursive": true, "max_entries": 2}),
        )
        .await;
    assert_eq!(
        (paths(&first).len(), &first["truncated"]),
        (2, &json!(true))
    );
}

#[tokio::test]
async fn list_shows_neither_the_data_directory_nor_what_the_plan_forbids() {
    let f = Setup {
        forbidden_path: Some("private"),
        ..Setup::default()
    }
    .build();
    f.write("a.txt", "");
    f.write("private/b.txt", "");
    f.write("sub/mandate.toml", "");
    let all = f.output("fs.list", json!({"recursive": true})).await;
    assert_eq!(paths(&all), ["a.txt", "sub"]);
}

#[tokio::test]
async fn read_gives_parts_and_encodings() {
    let f = fixture();
    f.write("t.txt", "äöü and more");
    let whole = f.output("fs.read", json!({"path": "t.txt"})).await;
    assert_eq!(
        whole,
        json!({"path": "t.txt", "content": "äöü and more", "encoding": "utf8", "size": 15, "truncated": false})
    );
    // Three bytes end in the middle of the second letter.
    let part = f
        .output("fs.read", json!({"path": "t.txt", "max_bytes": 3}))
        .await;
    assert_eq!(
        (&part["content"], &part["truncated"]),
        (&json!("ä"), &json!(true))
    );
    let rest = f
        .output("fs.read", json!({"path": "t.txt", "offset": 6}))
        .await;
    assert_eq!(
        (&rest["content"], &rest["truncated"]),
        (&json!(" and more"), &json!(false))
    );
    f.write("b.bin", [0xff, 0x00, 0x01]);
    assert!(
        f.failure("fs.read", json!({"path": "b.bin"}))
            .await
            .message
            .contains("encoding: base64")
    );
    let binary = f
        .output("fs.read", json!({"path": "b.bin", "encoding": "base64"}))
        .await;
    assert_eq!(binary["content"], "/wAB");
}

#[tokio::test]
async fn read_says_what_is_wrong() {
    let f = fixture();
    let missing = f.failure("fs.read", json!({"path": "no/such"})).await;
    assert_eq!(
        (missing.code, &missing.details.unwrap()["kind"]),
        (ErrorCode::ToolFailed, &json!("not_found"))
    );
    assert!(
        f.failure("fs.read", json!({"path": "."}))
            .await
            .message
            .contains("is a directory")
    );
    rustix::fs::mkfifoat(
        rustix::fs::CWD,
        f.project.join("pipe"),
        rustix::fs::Mode::from_raw_mode(0o644),
    )
    .unwrap();
    assert!(
        f.failure("fs.read", json!({"path": "pipe"}))
            .await
            .message
            .contains("not a file")
    );
}

#[tokio::test]
async fn a_file_above_the_limit_is_an_error_unless_a_part_is_asked_for() {
    let mut setup = Setup::default();
    setup.config.fs.max_bytes = 10;
    let f = setup.build();
    f.write("big", "0123456789+");
    f.write("fits", "0123456789");
    assert_eq!(
        f.failure("fs.read", json!({"path": "big"})).await.code,
        ErrorCode::ResourceExhausted
    );
    assert_eq!(
        f.output("fs.read", json!({"path": "fits"})).await["truncated"],
        false
    );
    let part = f
        .output("fs.read", json!({"path": "big", "max_bytes": 100}))
        .await;
    assert_eq!(
        (&part["content"], &part["truncated"]),
        (&json!("0123456789"), &json!(true))
    );
    let write = f
        .refusal("fs.write", json!({"path": "new", "content": "0123456789+"}))
        .await;
    assert_eq!(write.code, ErrorCode::ResourceExhausted);
    assert!(!f.project.join("new").exists());
}

#[tokio::test]
async fn stat_answers_for_what_does_not_exist() {
    let f = fixture();
    f.write("a", "abc");
    let there = f.output("fs.stat", json!({"path": "a"})).await;
    assert_eq!(
        (&there["exists"], &there["type"], &there["size"]),
        (&json!(true), &json!("file"), &json!(3))
    );
    for absent in ["b", "no/b", "a/b"] {
        let stat = f.output("fs.stat", json!({"path": absent})).await;
        assert_eq!(
            (&stat["exists"], &stat["type"]),
            (&json!(false), &Value::Null),
            "{absent}"
        );
    }
}

#[tokio::test]
async fn write_replaces_the_whole_file_and_keeps_its_mode() {
    let f = fixture();
    f.write("run.sh", "old and long");
    let path = f.project.join("run.sh");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o750)).unwrap();
    let written = f
        .output("fs.write", json!({"path": "run.sh", "content": "new"}))
        .await;
    assert_eq!(
        written,
        json!({"path": "run.sh", "bytes": 3, "created": false})
    );
    assert_eq!(f.text("run.sh"), "new");
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o750
    );
    f.output(
        "fs.write",
        json!({"path": "b", "content": "/wAB", "encoding": "base64"}),
    )
    .await;
    assert_eq!(fs::read(f.project.join("b")).unwrap(), [0xff, 0, 1]);
    let left: Vec<_> = fs::read_dir(&f.project)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert!(
        !left
            .iter()
            .any(|name| name.to_string_lossy().contains("tmp")),
        "{left:?}"
    );
}

#[tokio::test]
async fn write_makes_directories_only_when_asked() {
    let f = fixture();
    let args = json!({"path": "x/y/z.txt", "content": "z"});
    assert!(
        f.failure("fs.write", args)
            .await
            .message
            .contains("create_dirs")
    );
    assert!(!f.project.join("x").exists());
    f.output(
        "fs.write",
        json!({"path": "x/y/z.txt", "content": "z", "create_dirs": true}),
    )
    .await;
    assert_eq!(f.text("x/y/z.txt"), "z");
}

#[tokio::test]
async fn write_if_exists_fail_never_replaces() {
    let f = fixture();
    let args = |content: &str| json!({"path": "once", "content": content, "if_exists": "fail"});
    assert_eq!(f.output("fs.write", args("1")).await["created"], true);
    let fault = f.failure("fs.write", args("2")).await;
    assert_eq!(fault.details.unwrap()["kind"], "exists");
    assert_eq!(f.text("once"), "1");
}

#[tokio::test]
async fn append_adds_and_creates() {
    let f = fixture();
    f.output("fs.append", json!({"path": "log", "content": "a\n"}))
        .await;
    let second = f
        .output("fs.append", json!({"path": "log", "content": "b\n"}))
        .await;
    assert_eq!(second, json!({"path": "log", "bytes": 2, "created": false}));
    assert_eq!(f.text("log"), "a\nb\n");
    let fault = f
        .failure(
            "fs.append",
            json!({"path": "other", "content": "x", "create": false}),
        )
        .await;
    assert_eq!(fault.details.unwrap()["kind"], "not_found");
    assert!(!f.project.join("other").exists());
}

#[tokio::test]
async fn delete_is_idempotent_and_spares_what_a_link_leads_to() {
    let f = fixture();
    f.write("d/a", "");
    f.write("d/e/b", "");
    f.write("kept", "kept");
    std::os::unix::fs::symlink("kept", f.project.join("link")).unwrap();
    std::os::unix::fs::symlink("../kept", f.project.join("d/link")).unwrap();
    assert_eq!(
        f.output("fs.delete", json!({"path": "link"})).await["existed"],
        true
    );
    assert_eq!(
        f.output("fs.delete", json!({"path": "link"})).await["existed"],
        false
    );
    assert_eq!(
        f.output("fs.delete", json!({"path": "gone/deep"})).await["existed"],
        false
    );
    assert!(
        f.failure("fs.delete", json!({"path": "d"}))
            .await
            .message
            .contains("recursive")
    );
    assert_eq!(
        f.output("fs.delete", json!({"path": "d", "recursive": true}))
            .await["entries"],
        5
    );
    assert!(!f.project.join("d").exists());
    assert_eq!(f.text("kept"), "kept");
    assert_eq!(
        f.refusal("fs.delete", json!({"path": ".", "recursive": true}))
            .await
            .code,
        ErrorCode::InvalidPayload
    );
}

#[tokio::test]
async fn search_finds_lines() {
    let f = fixture();
    f.write("src/a.rs", "fn main() {}\n// TODO one\r\n");
    f.write("src/b.md", "todo two\nTODO three");
    f.write("src/c.bin", b"TODO\0");
    let found = f
        .output(
            "fs.search",
            json!({"path": "src", "pattern": "TODO (\\w+)"}),
        )
        .await;
    let expected = json!([
        {"path": "src/a.rs", "line": 2, "column": 4, "text": "// TODO one"},
        {"path": "src/b.md", "line": 2, "column": 1, "text": "TODO three"},
    ]);
    assert_eq!(
        found,
        json!({"matches": expected, "files_searched": 2, "files_skipped": 1, "truncated": false})
    );
    let found = f
        .output("fs.search", json!({"path": "src", "pattern": "todo", "ignore_case": true, "glob": "*.md", "max_matches": 1}))
        .await;
    assert_eq!(
        (&found["matches"][0]["text"], &found["truncated"]),
        (&json!("todo two"), &json!(true))
    );
    assert_eq!(
        f.refusal("fs.search", json!({"pattern": "("})).await.code,
        ErrorCode::InvalidPayload
    );
    // Exponential for a backtracking engine, and too large to compile.
    f.write("src/z.txt", "a".repeat(5000));
    f.output(
        "fs.search",
        json!({"path": "src", "pattern": "(a*)*(a*)*b$"}),
    )
    .await;
    assert_eq!(
        f.refusal("fs.search", json!({"pattern": "(\\w{1000}){1000}"}))
            .await
            .code,
        ErrorCode::InvalidPayload
    );
}

#[tokio::test]
async fn walks_are_bounded() {
    let mut setup = Setup::default();
    setup.config.fs.max_entries = 5;
    let f = setup.build();
    for number in 0..6 {
        f.write(&format!("many/{number}"), "x");
    }
    for (tool, args) in [
        ("fs.list", json!({"path": "many"})),
        ("fs.search", json!({"path": "many", "pattern": "x"})),
        ("fs.delete", json!({"path": "many", "recursive": true})),
    ] {
        assert_eq!(
            f.failure(tool, args).await.code,
            ErrorCode::ResourceExhausted,
            "{tool}"
        );
    }
    assert_eq!(fs::read_dir(f.project.join("many")).unwrap().count(), 6);
}

#[tokio::test]
async fn arguments_are_held_to_the_schema() {
    let f = fixture();
    for args in [
        json!({}),
        json!({"path": 1}),
        json!({"path": "a", "pth": 1}),
        json!({"path": "a", "encoding": "latin1"}),
    ] {
        let outcome = f.call("fs.read", args.clone()).await;
        assert!(
            matches!(&outcome, Outcome::Refused(fault) if fault.code == ErrorCode::InvalidPayload),
            "{args}: {outcome:?}"
        );
    }
}
