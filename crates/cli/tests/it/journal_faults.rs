//! A journal whose files are removed, replaced, damaged or locked by others, before a run and under it.

use crate::faults::{begun, carry_on, crashed, doctor_says, fails, open_gate, site, stops};
use crate::project::finish;
use crate::several::{start, until};
use crate::site::Site;
use rusqlite::Connection;
use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

fn journal(site: &Site) -> Connection {
    Connection::open(site.data().join("journal.db")).unwrap()
}

/// Brings the log into the database.
fn checkpoint(site: &Site) {
    let db = journal(site);
    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .unwrap();
}

fn overwrite(path: &Path, from: usize, count: usize) {
    let mut bytes = fs::read(path).unwrap();
    for (n, byte) in bytes.iter_mut().enumerate().skip(from).take(count) {
        *byte = (n.wrapping_mul(31) >> 3) as u8 | 1;
    }
    fs::write(path, bytes).unwrap();
}

fn copy_dir(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(status.unwrap().success());
}

#[test]
fn the_lock_is_removed_under_a_run() {
    let site = site();
    let run = begun(&site);
    fs::remove_file(site.data().join("lock")).unwrap();
    open_gate(&site);
    stops(&site, run, "STORE_LOST");
    carry_on(&site);
}

#[test]
fn another_process_takes_the_directory_over() {
    let site = site();
    site.write(
        "other.yaml",
        "version: 1\nname: other\nsteps: [{ id: a, tool: process.exec, args: { argv: [sh, -c, 'echo other > other'] } }]\n",
    );
    let run = begun(&site);
    fs::remove_file(site.data().join("lock")).unwrap();
    // It finds no lock, has the next lease, and takes up what it finds unfinished.
    let other = start(&site, &["run", "other.yaml", "--yes", "--json"]);
    until("taken over", || site.path("other").exists());
    let ended = finish(other);
    assert!(matches!(ended.code, 0 | 4), "{ended:#?}");
    open_gate(&site);
    stops(&site, run, "STORE_LOST");
    site.assert_intact();
    let shown = site.run(&["executions", "list", "--json"]).json();
    assert_eq!(shown["executions"].as_array().unwrap().len(), 2);
    let rows = shown["executions"].as_array().unwrap();
    let faulty = rows.iter().find(|row| row["name"] == "faulty").unwrap();
    let id = faulty["execution_id"].as_str().unwrap();
    site.run(&["executions", "continue", id]).exits(4);
    let output = r#"{"stdout": ""}"#;
    site.run(&[
        "executions",
        "resolve",
        id,
        "first",
        "--done",
        "--output",
        output,
    ]);
    site.run(&["executions", "continue", id]).exits(0);
    assert_eq!(site.content("ledger"), "first\nsecond\nthird\n");
    site.assert_intact();
}

#[test]
fn the_lease_is_taken_under_a_run() {
    let site = site();
    let run = begun(&site);
    // As a writer would that has no lock, from another machine over a network disk.
    let db = journal(&site);
    let number: u64 = db
        .query_row("SELECT number FROM lease", [], |row| row.get(0))
        .unwrap();
    db.execute("UPDATE lease SET number = number + 1", [])
        .unwrap();
    open_gate(&site);
    stops(&site, run, "STORE_LOST");
    // A lease that no writer of ours signed is not written over.
    fails(
        &site.run(&["executions", "continue", "--json"]),
        "STORE_DAMAGED",
    );
    doctor_says(&site, "the lease was changed");
    db.execute("UPDATE lease SET number = ?1", [number])
        .unwrap();
    drop(db);
    carry_on(&site);
}

#[test]
fn the_data_directory_is_removed_or_moved_under_a_run() {
    let site = site();
    let run = begun(&site);
    fs::rename(site.data(), site.path("elsewhere")).unwrap();
    open_gate(&site);
    stops(&site, run, "STORE_LOST");
    fs::rename(site.path("elsewhere"), site.data()).unwrap();
    carry_on(&site);

    let site = self::site();
    let run = begun(&site);
    fs::remove_dir_all(site.data()).unwrap();
    open_gate(&site);
    stops(&site, run, "STORE_LOST");
    // There is nothing to carry on, and nothing to hinder another run.
    fs::remove_file(site.path("ledger")).unwrap();
    site.run(&["run", "plan.yaml", "--yes"]).exits(0);
    site.assert_intact();
}

#[test]
fn the_database_is_removed_under_a_run() {
    let site = site();
    let run = begun(&site);
    fs::rename(site.data().join("journal.db"), site.path("kept.db")).unwrap();
    open_gate(&site);
    stops(&site, run, "STORE_LOST");
    // Without it nothing looks as if nothing had ever run.
    for args in [
        ["executions", "list", "--json"].as_slice(),
        &["executions", "continue", "--json"],
        &["run", "plan.yaml", "--yes", "--json"],
        &["audit", "verify", "--json"],
    ] {
        fails(&site.run(args), "STORE_DAMAGED");
    }
    doctor_says(&site, "`journal.db`");
    let _ = fs::remove_file(site.data().join("journal.db"));
    fs::rename(site.path("kept.db"), site.data().join("journal.db")).unwrap();
    carry_on(&site);
}

#[test]
fn every_page_of_the_database_damaged_in_turn() {
    let site = site();
    crashed(&site);
    checkpoint(&site);
    copy_dir(&site.data(), &site.path("whole"));
    let pages = fs::metadata(site.data().join("journal.db")).unwrap().len() as usize / 4096;
    assert!(pages > 10, "{pages}");
    // A part of them; `MANDATE_TEST_ALL=1`: all.
    let every = if std::env::var_os("MANDATE_TEST_ALL").is_some() {
        1
    } else {
        4
    };
    for page in (0..pages).step_by(every) {
        fs::remove_dir_all(site.data()).unwrap();
        copy_dir(&site.path("whole"), &site.data());
        overwrite(&site.data().join("journal.db"), page * 4096, 4096);
        let verified = site.run(&["audit", "verify", "--json"]);
        assert_eq!(verified.code, 1, "page {page}: {verified:#?}");
        assert!(!verified.stdout.contains("panicked") && !verified.stderr.contains("panicked"));
        // What it hits cannot be carried on; what it does not hit can.
        let carried = site.run(&["executions", "continue", "--json"]);
        match carried.code {
            4 => {}
            1 if carried.json()["error"].is_object() => {
                assert_eq!(
                    carried.json()["error"]["code"],
                    "STORE_DAMAGED",
                    "{carried:#?}"
                );
            }
            _ => panic!("page {page}: {carried:#?}"),
        }
        assert_eq!(site.content("ledger"), "first\n", "page {page}");
    }
    fs::remove_dir_all(site.data()).unwrap();
    copy_dir(&site.path("whole"), &site.data());
    carry_on(&site);
}

#[test]
fn a_row_that_was_damaged_stops_its_execution_and_no_other() {
    let site = site();
    crashed(&site);
    let db = journal(&site);
    let changed = "UPDATE events SET payload = replace(payload, 'first', 'other') WHERE kind = 'step_started'";
    assert_eq!(db.execute(changed, []).unwrap(), 1);
    drop(db);
    let error = fails(
        &site.run(&["executions", "continue", "--json"]),
        "STORE_DAMAGED",
    );
    assert!(
        error["message"].as_str().unwrap().contains("row "),
        "{error}"
    );
    let verified = site.run(&["audit", "verify"]).exits(1);
    assert!(verified.stdout.contains("it was changed"), "{verified:#?}");
    site.write(
        "other.yaml",
        "version: 1\nname: other\nsteps: [{ id: a, tool: time.now }]\n",
    );
    let other = site.run(&["run", "other.yaml", "--json"]).exits(0);
    assert_eq!(other.json()["status"], "success");
    assert_eq!(site.content("ledger"), "first\n");
}

#[test]
fn a_damaged_log_is_never_taken_for_a_shorter_journal() {
    let site = site();
    crashed(&site);
    copy_dir(&site.data(), &site.path("whole"));
    let log = site.data().join("journal.db-wal");
    let frames = (fs::metadata(&log).unwrap().len() as usize - 32) / 4120;
    assert!(frames > 5, "{frames}");
    for frame in [0, frames / 3, frames * 2 / 3] {
        fs::remove_dir_all(site.data()).unwrap();
        copy_dir(&site.path("whole"), &site.data());
        overwrite(&log, 32 + frame * 4120 + 100, 64);
        // Shared memory is rebuilt from the log.
        let _ = fs::remove_file(site.data().join("journal.db-shm"));
        doctor_says(&site, "audit-head");
        fails(
            &site.run(&["executions", "continue", "--json"]),
            "STORE_DAMAGED",
        );
        fails(
            &site.run(&["run", "plan.yaml", "--yes", "--json"]),
            "STORE_DAMAGED",
        );
        site.run(&["audit", "verify"]).exits(1);
        assert_eq!(site.content("ledger"), "first\n");
    }
    fs::remove_dir_all(site.data()).unwrap();
    copy_dir(&site.path("whole"), &site.data());
    carry_on(&site);
}

#[test]
fn the_audit_key_is_missing_or_cannot_be_read() {
    let site = site();
    crashed(&site);
    let key = site.data().join("keys/audit.key");
    let kept = fs::read(&key).unwrap();
    for damage in [
        (|key: &Path| fs::remove_file(key).unwrap()) as fn(&Path),
        |key| fs::write(key, "zzz").unwrap(),
        |key| {
            fs::remove_file(key).unwrap();
            fs::create_dir(key).unwrap();
        },
    ] {
        damage(&key);
        doctor_says(&site, "audit key");
        let refused = site.run(&["executions", "continue", "--json"]);
        assert_eq!(refused.code, 1);
        let code = refused.json()["error"]["code"].clone();
        assert!(
            code == "STORE_DAMAGED" || code == "STORE_FAILED",
            "{refused:#?}"
        );
        site.run(&["audit", "verify"]).exits(1);
        let _ = fs::remove_dir(&key);
        fs::write(&key, &kept).unwrap();
    }
    assert_eq!(site.content("ledger"), "first\n");
    carry_on(&site);
}

#[test]
fn the_head_file_is_missing_and_is_made_again_as_the_docs_say() {
    let site = site();
    crashed(&site);
    fs::remove_file(site.data().join("audit-head")).unwrap();
    doctor_says(&site, "`audit-head` is missing");
    fails(
        &site.run(&["executions", "continue", "--json"]),
        "STORE_DAMAGED",
    );
    let verified = site.run(&["audit", "verify", "--json"]).exits(1).json();
    assert_eq!(
        verified["report"]["findings"].as_array().unwrap().len(),
        1,
        "{verified:#}"
    );
    // docs/operations.md, "When the journal is damaged".
    let manual = include_str!("../../../../docs/operations.md");
    let line = manual
        .lines()
        .find(|line| line.contains("> .mandate/audit-head"))
        .unwrap();
    let shell = line.trim_start().trim_start_matches("$ ");
    let mut command = Command::new("sh");
    site.prepare(&mut command);
    let bin = Path::new(env!("CARGO_BIN_EXE_mandate")).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{}:{path}", bin.display()));
    assert!(command.args(["-c", shell]).status().unwrap().success());
    site.assert_intact();
    carry_on(&site);
}

#[test]
fn a_foreign_lock_of_twenty_seconds_is_waited_for() {
    let site = site();
    let run = begun(&site);
    let db = journal(&site);
    db.execute_batch("BEGIN IMMEDIATE").unwrap();
    open_gate(&site);
    std::thread::sleep(Duration::from_secs(20));
    assert_eq!(
        site.content("ledger"),
        "first\n",
        "nothing is begun that is not recorded"
    );
    // Others can look meanwhile.
    assert_eq!(site.last()["steps"][0]["state"], "running");
    db.execute_batch("COMMIT").unwrap();
    drop(db);
    assert_eq!(finish(run).exits(0).json()["status"], "success");
    carry_on(&site);
}

#[test]
fn a_foreign_lock_that_stays_is_reported() {
    let site = site();
    let mut command = site.command(&["run", "plan.yaml", "--yes", "--json"]);
    command.env("MANDATE_TEST_BUSY_MS", "300");
    let run = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    until("begun", || site.content("ledger").contains("first"));
    let db = journal(&site);
    db.execute_batch("BEGIN IMMEDIATE").unwrap();
    open_gate(&site);
    stops(&site, run, "STORE_BUSY");
    db.execute_batch("COMMIT").unwrap();
    drop(db);
    carry_on(&site);
}

#[test]
fn with_too_few_open_files_it_does_not_begin() {
    for most in [8, 20, 63] {
        let site = site();
        open_gate(&site);
        for args in ["run plan.yaml --yes --json", "__host"] {
            let mut command = Command::new("sh");
            site.prepare(&mut command);
            let line = format!("ulimit -n {most}; exec \"$0\" {args}");
            command.args(["-c", &line]);
            let output = command.arg(env!("CARGO_BIN_EXE_mandate")).output().unwrap();
            assert_eq!(output.status.code(), Some(1), "{output:#?}");
            let said = [output.stdout, output.stderr].concat();
            let said = String::from_utf8(said).unwrap();
            assert!(
                said.contains("needs 64 at least") && said.contains("ulimit -n 1024"),
                "{said}"
            );
        }
        assert_eq!(site.content("ledger"), "");
    }
}

#[test]
fn open_files_run_out_under_a_run() {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};
    for most in [4, 10, 16, 20, 22, 24, 26, 30] {
        let site = site();
        let run = begun(&site);
        let limit = Rlimit {
            current: Some(most),
            maximum: Some(most),
        };
        prlimit(Some(Pid::from_child(&run)), Resource::Nofile, limit).unwrap();
        open_gate(&site);
        let ended = finish(run);
        assert!(!ended.stderr.contains("panicked"), "{most}: {ended:#?}");
        let seen = site.content("ledger");
        assert!(
            "first\nsecond\nthird\n".starts_with(&seen),
            "{most}: {seen}"
        );
        let shown = site.last();
        match shown["state"].as_str() {
            // A program that cannot be started is a step that fails, and was not begun.
            Some("failed") => {
                assert_eq!(shown["error"]["code"], "TOOL_FAILED", "{most}: {shown:#}");
                assert!(
                    shown.to_string().contains("open files"),
                    "{most}: {shown:#}"
                );
                site.assert_intact();
            }
            _ => carry_on(&site),
        }
    }
}
