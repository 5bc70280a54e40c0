//! What the file tools must not do: leave their roots, touch Mandate's own files, or be led there by a link or a race.

use crate::fixture::{Fixture, Setup, contents, fixture};
use mandate_plan::ErrorCode;
use mandate_tools::Outcome;
use serde_json::{Value, json};
use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// Every file tool on a path.
fn every_tool(path: &str) -> Vec<(&'static str, Value)> {
    vec![
        ("fs.read", json!({"path": path})),
        ("fs.list", json!({"path": path})),
        ("fs.stat", json!({"path": path})),
        ("fs.search", json!({"path": path, "pattern": "."})),
        ("fs.write", json!({"path": path, "content": "overwritten"})),
        (
            "fs.write",
            json!({"path": path, "content": "overwritten", "create_dirs": true}),
        ),
        ("fs.append", json!({"path": path, "content": "overwritten"})),
        ("fs.delete", json!({"path": path})),
        ("fs.delete", json!({"path": path, "recursive": true})),
        ("process.exec", json!({"argv": ["pwd"], "cwd": path})),
    ]
}

async fn all_refused(f: &Fixture, path: &str, except: &[&str]) {
    for (tool, args) in every_tool(path) {
        if except.contains(&tool) {
            continue;
        }
        let outcome = f.call(tool, args.clone()).await;
        assert!(
            matches!(&outcome, Outcome::Refused(fault) if fault.code == ErrorCode::PolicyDenied),
            "{tool} {args}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn nothing_leads_out_of_the_root() {
    let f = fixture();
    fs::create_dir(f.project.join("sub")).unwrap();
    let outside = f.outside.to_str().unwrap();
    symlink("../outside", f.project.join("relative")).unwrap();
    symlink(outside, f.project.join("absolute")).unwrap();
    symlink("relative", f.project.join("chain")).unwrap();
    symlink("../chain", f.project.join("sub/chain2")).unwrap();
    symlink("..", f.project.join("up")).unwrap();
    symlink("/proc/self/root", f.project.join("magic")).unwrap();
    let before = contents(&f.outside);
    for path in [
        "../outside/secret.txt",
        "sub/../../outside/secret.txt",
        "relative/secret.txt",
        "absolute/secret.txt",
        "chain/secret.txt",
        "sub/chain2/secret.txt",
        "up/outside/secret.txt",
        "magic/etc/passwd",
        "/etc/passwd",
        "/proc/self/environ",
        &format!("{outside}/secret.txt"),
        &format!("{}/../outside/secret.txt", f.project.to_str().unwrap()),
    ] {
        all_refused(&f, path, &[]).await;
    }
    // Deleting a link deletes the link; everything else would follow it.
    for path in ["relative", "absolute", "chain"] {
        all_refused(&f, path, &["fs.delete"]).await;
    }
    assert_eq!(contents(&f.outside), before);
    assert!(f.project.join("relative").is_symlink());
}

#[tokio::test]
async fn a_root_whose_name_is_the_beginning_of_another_does_not_open_it() {
    let f = fixture();
    let sibling = f.project.with_file_name("project-2");
    fs::create_dir(&sibling).unwrap();
    fs::write(sibling.join("x"), "x").unwrap();
    all_refused(&f, sibling.join("x").to_str().unwrap(), &[]).await;
}

#[tokio::test]
async fn links_within_the_root_are_followed() {
    let f = fixture();
    f.write("real/file", "old");
    symlink("real", f.project.join("directory")).unwrap();
    symlink("real/file", f.project.join("file")).unwrap();
    assert_eq!(
        f.output("fs.read", json!({"path": "directory/file"})).await["content"],
        "old"
    );
    f.output("fs.write", json!({"path": "file", "content": "new"}))
        .await;
    assert!(f.project.join("file").is_symlink());
    assert_eq!(f.text("real/file"), "new");
    f.output(
        "fs.append",
        json!({"path": "directory/file", "content": "er"}),
    )
    .await;
    assert_eq!(f.text("real/file"), "newer");
    symlink("nowhere", f.project.join("dangling")).unwrap();
    f.failure("fs.write", json!({"path": "dangling", "content": "x"}))
        .await;
    assert!(!f.project.join("nowhere").exists());
}

#[tokio::test]
async fn mandates_own_files_are_refused_by_any_name() {
    let f = fixture();
    let data = f.project.join("data");
    symlink("data", f.project.join("to_data")).unwrap();
    symlink("data/journal.db", f.project.join("to_journal")).unwrap();
    fs::hard_link(data.join("journal.db"), f.project.join("hard")).unwrap();
    fs::hard_link(data.join("blobs/one"), f.project.join("hard_blob")).unwrap();
    fs::hard_link(
        f.project.join("policy.cedar"),
        f.project.join("hard_policy"),
    )
    .unwrap();
    f.write("sub/mandate.toml", "x");
    f.write("sub/.mandate/key", "x");
    let before = contents(&f.project);
    for path in [
        "data/journal.db",
        "data/blobs/one",
        "data/new",
        "to_data/journal.db",
        "hard",
        "hard_blob",
        "hard_policy",
        "policy.cedar",
        "later.key",
        "sub/mandate.toml",
        "sub/.mandate/key",
        "mandate.toml",
    ] {
        all_refused(&f, path, &[]).await;
    }
    all_refused(&f, "to_journal", &["fs.delete"]).await;
    all_refused(&f, "data", &[]).await;
    assert_eq!(
        f.refusal("fs.delete", json!({"path": "sub", "recursive": true}))
            .await
            .code,
        ErrorCode::PolicyDenied
    );
    assert_eq!(contents(&f.project), before);
}

#[tokio::test]
async fn mandates_own_files_are_refused_after_a_rename() {
    let f = fixture();
    fs::rename(f.project.join("data"), f.project.join("innocent")).unwrap();
    fs::rename(f.project.join("policy.cedar"), f.project.join("notes.txt")).unwrap();
    let before = contents(&f.project);
    all_refused(&f, "innocent/journal.db", &[]).await;
    all_refused(&f, "innocent/blobs/one", &[]).await;
    all_refused(&f, "notes.txt", &[]).await;
    assert_eq!(contents(&f.project), before);
    // A file that takes the place of a protected one is protected as well.
    f.write("policy.cedar", "another");
    all_refused(&f, "policy.cedar", &[]).await;
}

#[tokio::test]
async fn a_directory_that_holds_mandates_files_is_not_deleted() {
    let f = fixture();
    let parent = f.project.join("parent");
    fs::create_dir(&parent).unwrap();
    fs::rename(f.project.join("data"), parent.join("data")).unwrap();
    f.write("parent/other", "x");
    let fault = f
        .refusal("fs.delete", json!({"path": "parent", "recursive": true}))
        .await;
    assert_eq!(fault.code, ErrorCode::PolicyDenied);
    assert!(parent.join("other").exists() && parent.join("data/journal.db").exists());
}

#[tokio::test]
async fn what_the_plan_forbids_is_forbidden_by_its_real_path() {
    let f = Setup {
        forbidden_paths: vec!["**/private/**"],
        ..Setup::default()
    }
    .build();
    f.write("private/key", "k");
    symlink("private", f.project.join("public")).unwrap();
    symlink("private/key", f.project.join("link")).unwrap();
    for path in ["public/key", "link", "public/new"] {
        for (tool, args) in every_tool(path) {
            if tool == "process.exec" || (tool == "fs.delete" && path == "link") {
                continue;
            }
            let outcome = f.call(tool, args.clone()).await;
            let refused = matches!(&outcome, Outcome::Refused(fault) if fault.code == ErrorCode::ArgumentViolation);
            assert!(refused, "{tool} {args}: {outcome:?}");
        }
    }
    assert_eq!(f.text("private/key"), "k");
    assert!(!f.project.join("private/new").exists());
}

/// While a directory is replaced by a link out of the root again and again, no call ever reads or writes out there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_race_does_not_lead_out() {
    let f = fixture();
    f.write("real/secret.txt", "inside");
    symlink("../outside", f.project.join("evil")).unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let swapper = {
        let (done, project) = (Arc::clone(&done), f.project.clone());
        std::thread::spawn(move || {
            let swap = |a: &Path, b: &Path| {
                rustix::fs::renameat_with(
                    rustix::fs::CWD,
                    a,
                    rustix::fs::CWD,
                    b,
                    rustix::fs::RenameFlags::EXCHANGE,
                )
                .unwrap();
            };
            let mut swaps = 0_u64;
            while !done.load(Ordering::Relaxed) {
                swap(&project.join("real"), &project.join("evil"));
                swaps += 1;
            }
            swaps
        })
    };
    let (mut inside, mut refused) = (0, 0);
    for round in 0..600 {
        match f.call("fs.read", json!({"path": "real/secret.txt"})).await {
            Outcome::Completed { output } => {
                assert_eq!(output["content"], "inside");
                inside += 1;
            }
            Outcome::Refused(_) => refused += 1,
            Outcome::Failed(_) => {}
            other => panic!("{other:?}"),
        }
        f.call(
            "fs.write",
            json!({"path": format!("real/new-{round}"), "content": "x"}),
        )
        .await;
        f.call("fs.delete", json!({"path": "real/secret.bak"}))
            .await;
    }
    done.store(true, Ordering::Relaxed);
    let swaps = swapper.join().unwrap();
    assert!(
        swaps > 100 && inside > 0 && refused > 0,
        "no race: {swaps} swaps, {inside} inside, {refused} refused"
    );
    let out: Vec<_> = contents(&f.outside).into_iter().collect();
    assert_eq!(out, [(f.outside.join("secret.txt"), b"outside".to_vec())]);
}
