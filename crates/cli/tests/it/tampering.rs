//! A journal that somebody changed: `audit verify` finds it, and a replay sees what no chain can.

use crate::site::Site;
use mandate_store::chain::RowParts;
use rusqlite::{Connection, params};

const PLAN: &str = r#"
version: 1
name: three reads and a note
steps:
  - {id: a, tool: data.value, args: {value: 41}}
  - {id: b, tool: data.transform, args: {data: "${steps.a.output}", expression: data + 1}}
  - {id: c, tool: fs.write, args: {path: note.txt, content: "${string(steps.b.output)}"}}
"#;

fn ran() -> (Site, String) {
    let site = Site::new();
    site.write("plan.yaml", PLAN);
    let ran = site.run(&["run", "plan.yaml", "--yes", "--json"]);
    assert_eq!(ran.code, 0, "{ran:#?}");
    let id = ran.json()["execution_id"].as_str().unwrap().to_owned();
    (site, id)
}

/// Changes one payload and computes every hash of the stream anew, as somebody with the formulas at hand would.
fn alter_and_rechain(site: &Site, id: &str, kind: &str, from: &str, to: &str) -> u64 {
    let database = Connection::open(site.data().join("journal.db")).unwrap();
    let mut rows: Vec<(i64, u64, i64, String, String)> = database
        .prepare(
            "SELECT gseq, seq, at_ms, kind, payload FROM events WHERE stream = ?1 ORDER BY seq",
        )
        .unwrap()
        .query_map([id], |row| {
            let payload: rusqlite::types::Value = row.get(4)?;
            let payload = match payload {
                rusqlite::types::Value::Text(text) => text,
                rusqlite::types::Value::Blob(bytes) => String::from_utf8(bytes).unwrap(),
                other => panic!("{other:?}"),
            };
            Ok((
                row.get(0)?,
                row.get::<_, i64>(1)? as u64,
                row.get(2)?,
                row.get(3)?,
                payload,
            ))
        })
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let changed = rows
        .iter_mut()
        .find(|row| row.3 == kind && row.4.contains(from))
        .unwrap();
    changed.4 = changed.4.replace(from, to);
    let seq = changed.1;
    let mut prev = [0_u8; 32];
    for (gseq, seq, at_ms, kind, payload) in &rows {
        let parts = RowParts {
            stream: id,
            seq: *seq,
            at_ms: *at_ms,
            kind,
            payload: payload.as_bytes(),
            prev_hash: &prev,
        };
        let hash = parts.hash();
        database
            .execute(
                "UPDATE events SET payload = ?1, prev_hash = ?2, hash = ?3 WHERE gseq = ?4",
                params![payload, prev.as_slice(), hash.as_bytes().as_slice(), gseq],
            )
            .unwrap();
        prev = *hash.as_bytes();
    }
    seq
}

#[test]
fn what_is_intact_is_said_to_be() {
    let (site, id) = ran();
    site.assert_intact();
    let replayed = site.run(&["executions", "replay", &id]);
    assert_eq!(replayed.code, 0, "{replayed:#?}");
    assert!(replayed.stdout.contains("identical"), "{replayed:#?}");
}

#[test]
fn a_rechained_change_differs_where_it_was_made() {
    let changes = [
        ("step_completed", "\"output\":41", "\"output\":40"),
        ("step_started", "note.txt", "mote.txt"),
        ("execution_finished", "success", "partial"),
        (
            "request_answered",
            "\"channel\":\"flag\"",
            "\"channel\":\"cli\"",
        ),
    ];
    for (kind, from, to) in changes {
        let (site, id) = ran();
        let seq = alter_and_rechain(&site, &id, kind, from, to);
        let replayed = site.run(&["executions", "replay", &id]);
        assert_eq!(replayed.code, 1, "{kind}: {replayed:#?}");
        let said = format!("differs at seq {seq}");
        assert!(
            replayed.stdout.contains(&said),
            "{kind}: {said}: {replayed:#?}"
        );
        // The commits are under a key that this somebody does not have.
        assert_eq!(site.run(&["audit", "verify"]).code, 1, "{kind}");
    }
}

#[test]
fn a_change_without_the_chain_is_named() {
    let (site, id) = ran();
    let database = Connection::open(site.data().join("journal.db")).unwrap();
    database
        .execute(
            "UPDATE events SET at_ms = at_ms + 1 WHERE stream = ?1 AND seq = 3",
            [&id],
        )
        .unwrap();
    drop(database);
    let verified = site.run(&["audit", "verify"]);
    assert_eq!(verified.code, 1, "{verified:#?}");
    assert!(
        verified.stdout.contains(&id) && verified.stdout.contains('3'),
        "{verified:#?}"
    );
}

#[test]
fn a_rollback_of_the_whole_directory_is_found_by_a_head_kept_elsewhere() {
    let (site, _) = ran();
    let copy = site.dir().join("copy");
    let status = std::process::Command::new("cp")
        .arg("-a")
        .arg(site.data())
        .arg(&copy)
        .status()
        .unwrap();
    assert!(status.success());
    assert_eq!(site.run(&["run", "plan.yaml", "--yes"]).code, 0);
    let head = site.run(&["audit", "head"]).stdout.trim().to_owned();
    std::fs::remove_dir_all(site.data()).unwrap();
    std::fs::rename(&copy, site.data()).unwrap();
    assert_eq!(
        site.run(&["audit", "verify"]).code,
        0,
        "by itself the copy is intact"
    );
    let verified = site.run(&["audit", "verify", "--head", &head]);
    assert_eq!(verified.code, 1, "{verified:#?}");
}
