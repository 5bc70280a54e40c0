//! Journals that a tagged version recorded with the real binary: every kind of event is in them, nobody changes them, and
//! this version opens, verifies, replays and shows them as that one did. `docs/compatibility.md` says how one is made.

use crate::site::Site;
use mandate_engine::Body;
use mandate_plan::Digest;
use mandate_store::SqliteStore;
use rusqlite::Connection;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Kinds that have their place in the format, and that nothing in this version writes.
const WRITTEN_BY_NOTHING: [&str; 2] = ["choice_recorded", "usage_recorded"];
/// Kinds that came after the last recording: what the next one must hold, see docs/compatibility.md.
const NOT_RECORDED_YET: [&str; 0] = [];
/// Fields that nobody has recorded yet, by kind: each is there in few executions only.
const FIELDS_NOT_RECORDED: [(&str, &str); 9] = [
    ("answer_counted", "data"),
    ("compensation_failed", "refusal"),
    ("finish_requested", "item"),
    ("override_granted", "item"),
    ("policy_changed", "revision"),
    ("step_blocked", "item"),
    ("step_failed", "output"),
    ("step_held", "item"),
    ("step_held", "purpose"),
];
/// What depends on the moment at which one looks.
const OF_THE_MOMENT: [&str; 2] = ["waiting_for", "elapsed_ms"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/journals")
}

/// The folders with a journal, oldest version first.
fn recorded() -> Vec<PathBuf> {
    let dirs = |dir: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(dir).unwrap().flatten();
        let mut dirs: Vec<PathBuf> = entries
            .map(|entry| entry.path())
            .filter(|path| path.is_dir())
            .collect();
        dirs.sort();
        dirs
    };
    dirs(&root())
        .iter()
        .flat_map(|version| dirs(version))
        .collect()
}

/// What the list says of each file.
fn listed(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().filter_map(|line| line.split_once("  "));
    lines
        .map(|(digest, name)| (name.to_owned(), digest.to_owned()))
        .collect()
}

#[test]
fn nobody_changed_a_recording() {
    let listed = listed(&fs::read_to_string(root().join("DIGESTS")).unwrap());
    let mut found = BTreeMap::new();
    for dir in recorded() {
        for file in fs::read_dir(&dir).unwrap().flatten() {
            let path = file.path();
            let name = path.strip_prefix(root()).unwrap().display().to_string();
            found.insert(name, Digest::of(&fs::read(&path).unwrap()).to_string());
        }
    }
    assert!(found.len() > 20, "{found:?}");
    assert_eq!(
        found, listed,
        "a recording is kept for ever as it is; a new one has a folder of its own"
    );
}

#[test]
fn the_list_only_grows() {
    let git = |args: &[&str]| {
        let output = Command::new("git")
            .args(args)
            .current_dir(root())
            .output()
            .ok()?;
        output
            .status
            .success()
            .then(|| String::from_utf8(output.stdout).unwrap())
    };
    let Some(tags) = git(&["tag", "--list", "golden-*"]).filter(|tags| !tags.is_empty()) else {
        eprintln!("NOT TESTED: there are no tags here to compare the list of digests with");
        return;
    };
    let now = listed(&fs::read_to_string(root().join("DIGESTS")).unwrap());
    for tag in tags.lines() {
        let then = git(&["show", &format!("{tag}:./DIGESTS")]).unwrap_or_default();
        for (name, digest) in listed(&then) {
            assert_eq!(now.get(&name), Some(&digest), "`{name}` of {tag}");
        }
    }
}

/// The kinds of the `system` stream, as docs/journal.md lists them.
fn system_kinds() -> BTreeSet<String> {
    let page = include_str!("../../../../docs/journal.md");
    let rows = page
        .lines()
        .filter(|line| line.starts_with("| `") && line.contains("in `system`"));
    let cells = rows.filter_map(|row| row.split('|').nth(1));
    let kinds = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    kinds.map(str::to_owned).collect()
}

fn load(dir: &Path, site: &Site) -> Connection {
    let data = site.data();
    fs::create_dir_all(data.join("keys")).unwrap();
    fs::copy(dir.join("audit.key"), data.join("keys/audit.key")).unwrap();
    fs::copy(dir.join("audit-head"), data.join("audit-head")).unwrap();
    let db = Connection::open(data.join("journal.db")).unwrap();
    db.execute_batch(&fs::read_to_string(dir.join("journal.sql")).unwrap())
        .unwrap();
    db
}

#[test]
fn every_kind_of_event_is_in_them() {
    let mut found: BTreeSet<String> = BTreeSet::new();
    for dir in recorded() {
        let site = Site::new();
        let db = load(&dir, &site);
        let mut kinds = db.prepare("SELECT DISTINCT kind FROM events").unwrap();
        let kinds = kinds.query_map([], |row| row.get(0)).unwrap();
        found.extend(kinds.map(Result::unwrap));
    }
    let system = system_kinds();
    assert!(system.len() > 15, "the page was not read: {system:?}");
    let mut wanted: BTreeSet<String> = Body::KINDS.iter().map(|kind| (*kind).to_owned()).collect();
    wanted.extend(system);
    for kind in WRITTEN_BY_NOTHING {
        assert!(
            wanted.remove(kind) && !found.contains(kind),
            "`{kind}` is written now: record it"
        );
    }
    for kind in NOT_RECORDED_YET {
        assert!(
            wanted.remove(kind) && !found.contains(kind),
            "`{kind}` is recorded: take it off the list"
        );
    }
    let missing: Vec<&String> = wanted.difference(&found).collect();
    assert!(
        missing.is_empty(),
        "no recording holds {missing:?}: add a scene to record.sh, and record a new folder"
    );
    let unknown: Vec<&String> = found.difference(&wanted).collect();
    assert!(
        unknown.is_empty(),
        "docs/journal.md does not list {unknown:?}"
    );
}

/// The fields of each kind of event of an execution, as the source that writes them has them.
fn fields() -> BTreeSet<(String, String)> {
    let mut fields = BTreeSet::new();
    let events = include_str!("../../../engine/src/event.rs");
    let (_, events) = events.split_once("\nbodies! {\n").unwrap();
    let mut kind = "";
    for line in events.lines() {
        let begun = line.strip_suffix("\" {");
        if let Some((_, named)) = begun.and_then(|line| line.split_once(" = \"")) {
            kind = named;
        } else if let Some(field) = field_of(line, "        ") {
            fields.insert((kind.to_owned(), field.to_owned()));
        }
    }
    let created = include_str!("../../../engine/src/event/created.rs");
    let request = include_str!("../../../engine/src/event/request.rs");
    for (kind, source, named) in [
        ("execution_created", created, "Created"),
        ("request_opened", request, "Request"),
        ("request_answered", request, "Answer"),
        ("answer_counted", request, "Answer"),
    ] {
        let begins = format!("\npub struct {named} {{\n");
        let (_, own) = source.split_once(&begins).unwrap();
        let (own, _) = own.split_once("\n}\n").unwrap();
        for line in own.lines() {
            if let Some(field) = field_of(line, "    pub ") {
                fields.insert((kind.to_owned(), field.to_owned()));
            }
        }
    }
    fields
}

/// The name of a field that is declared on a line that begins so.
fn field_of<'a>(line: &'a str, begins: &str) -> Option<&'a str> {
    let (name, _) = line.strip_prefix(begins)?.split_once(": ")?;
    let is_name = name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    is_name.then_some(name)
}

#[test]
fn every_field_of_an_event_is_in_them() {
    let mut found = BTreeSet::new();
    for dir in recorded() {
        let site = Site::new();
        let db = load(&dir, &site);
        let mut rows = db
            .prepare("SELECT DISTINCT e.kind, j.key FROM events e, json_each(e.payload) j WHERE e.stream != 'system'")
            .unwrap();
        let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)));
        // A large value lies elsewhere, and the field says so.
        let rows = rows.unwrap().map(Result::unwrap);
        found.extend(rows.map(|(kind, field): (String, _)| (kind, field.replace("$blob", ""))));
    }
    let mut wanted = fields();
    assert!(wanted.len() > 200, "the source was not read: {wanted:?}");
    wanted.retain(|(kind, _)| !WRITTEN_BY_NOTHING.contains(&kind.as_str()));
    for (kind, field) in FIELDS_NOT_RECORDED {
        let named = (kind.to_owned(), field.to_owned());
        assert!(
            wanted.remove(&named) && !found.contains(&named),
            "`{field}` of `{kind}` is recorded: take it off the list"
        );
    }
    let missing: Vec<_> = wanted.difference(&found).collect();
    assert!(
        missing.is_empty(),
        "no recording holds {missing:?}: add it to a scene of record.sh, and record a new folder"
    );
    let unknown: Vec<_> = found.difference(&wanted).collect();
    assert!(unknown.is_empty(), "no event has {unknown:?} any more");
}

/// Everything that was said then is said now; more may be said.
fn says(now: &Value, then: &Value, at: &str) {
    match (now, then) {
        (Value::Object(now), Value::Object(then)) => {
            for (name, then) in then {
                if !OF_THE_MOMENT.contains(&name.as_str()) {
                    says(
                        now.get(name).unwrap_or(&Value::Null),
                        then,
                        &format!("{at}/{name}"),
                    );
                }
            }
        }
        (Value::Array(now), Value::Array(then)) => {
            assert_eq!(now.len(), then.len(), "{at}: {now:?} {then:?}");
            for (index, (now, then)) in now.iter().zip(then).enumerate() {
                says(now, then, &format!("{at}/{index}"));
            }
        }
        _ => assert_eq!(now, then, "{at}"),
    }
}

#[test]
fn this_version_replays_and_shows_them_as_that_one_did() {
    let (mut journals, mut executions) = (0, 0);
    for dir in recorded() {
        let site = Site::new();
        drop(load(&dir, &site));
        // Brings the tables up to this version's.
        drop(SqliteStore::open(&site.data()).unwrap());
        site.assert_intact();
        for line in fs::read_to_string(dir.join("shown.jsonl")).unwrap().lines() {
            let then: Value = serde_json::from_str(line).unwrap();
            let id = then["execution_id"].as_str().unwrap();
            let what = format!("{}, {id}", dir.display());
            let replayed = site.run(&["executions", "replay", id]);
            assert!(
                replayed.stdout.contains("identical"),
                "{what}: {replayed:#?}"
            );
            let now = site
                .run(&["executions", "show", id, "--json"])
                .exits(0)
                .json();
            says(&now, &then, &what);
            executions += 1;
        }
        journals += 1;
    }
    assert!(
        journals >= 20 && executions >= 50,
        "{journals} {executions}"
    );
}

#[test]
fn an_execution_of_a_newer_behaviour_is_neither_driven_nor_shown() {
    let site = Site::new();
    site.write(
        "plan.yaml",
        "version: 1\nname: n\nsteps: [{ id: a, tool: fs.write, args: { path: a, content: x } }]\n",
    );
    site.run(&["run", "plan.yaml"]).exits(4);
    // As a later version would have written it, with its own hashes; here the row's are left as they are.
    let db = Connection::open(site.data().join("journal.db")).unwrap();
    let newer = format!("\"behaviour\":{}", mandate_engine::BEHAVIOUR + 1);
    let now = format!("\"behaviour\":{}", mandate_engine::BEHAVIOUR);
    rewrite(&db, &now, &newer);
    drop(db);
    for args in [
        ["executions", "continue", "@last", "--json"].as_slice(),
        &["approvals", "approve", "@last", "--json"],
        &["executions", "replay", "@last", "--json"],
    ] {
        let refused = site.run(args);
        assert_ne!(refused.code, 0, "{args:?}: {refused:#?}");
        let error = refused.json()["error"].clone();
        assert_eq!(error["code"], "NOT_SUPPORTED", "{args:?}: {refused:#?}");
        assert!(
            error["message"]
                .as_str()
                .unwrap()
                .contains("a newer one created it"),
            "{error}"
        );
    }
    assert!(!site.path("a").exists());
}

/// Changes the first row's payload and gives it and what follows in its stream the hashes that fit.
fn rewrite(db: &Connection, from: &str, to: &str) {
    use mandate_store::chain::RowParts;
    let mut rows = db
        .prepare("SELECT gseq, stream, seq, at_ms, kind, payload FROM events WHERE stream != 'system' ORDER BY gseq")
        .unwrap();
    type Row = (i64, String, u64, i64, String, String);
    let rows: Vec<Row> = rows
        .query_map([], |row| {
            Ok((
                row.get(0)?,
                row.get(1)?,
                row.get(2)?,
                row.get(3)?,
                row.get(4)?,
                row.get(5)?,
            ))
        })
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let mut prev_hash = Digest::from_bytes([0; 32]);
    for (gseq, stream, seq, at_ms, kind, payload) in rows {
        let payload = payload.replacen(from, to, 1);
        let parts = RowParts {
            stream: &stream,
            seq,
            at_ms,
            kind: &kind,
            payload: payload.as_bytes(),
            prev_hash: prev_hash.as_bytes(),
        };
        let hash = parts.hash();
        db.execute(
            "UPDATE events SET payload = ?2, prev_hash = ?3, hash = ?4 WHERE gseq = ?1",
            rusqlite::params![gseq, payload, prev_hash.as_bytes(), hash.as_bytes()],
        )
        .unwrap();
        prev_hash = hash;
    }
}
