//! What was accepted and switched off, as it is kept.

use mandate_plan::{Digest, Effect};
use mandate_tools::{Accepted, Standing, SwitchedOff, ToolFacts, ToolLock};
use serde_json::json;
use std::{collections::BTreeMap, os::unix::fs::PermissionsExt as _};

fn accepted(digest: Digest) -> BTreeMap<String, Accepted> {
    let accepted = Accepted {
        digest,
        definition: json!({"name": "echo"}),
        facts: ToolFacts {
            effect: Some(Effect::Read),
            ..ToolFacts::default()
        },
        by: "ann".to_owned(),
        at_ms: 1,
        found: None,
    };
    BTreeMap::from([("fake.echo".to_owned(), accepted)])
}

#[test]
fn it_outlives_the_process_and_is_read_again_by_the_next_host() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("tools.lock");
    let (first, second) = (Digest::of(b"1"), Digest::of(b"2"));
    let lock = ToolLock::open(file.clone(), false).unwrap();
    let other = ToolLock::open(file.clone(), true).unwrap();
    assert_eq!(lock.standing("fake.echo", &first), Standing::New);
    assert_eq!(other.standing("fake.echo", &first), Standing::Unaccepted);
    lock.accept(accepted(first)).unwrap();
    assert!(lock.note_found("fake.echo", second).unwrap());
    assert!(!lock.note_found("fake.echo", second).unwrap());
    let off = SwitchedOff {
        by: "ann".to_owned(),
        at_ms: 1,
    };
    lock.switch("fake", Some(off)).unwrap();

    assert_eq!(other.standing("fake.echo", &first), Standing::Unaccepted);
    other.reload().unwrap();
    assert_eq!(other.standing("fake.echo", &first), Standing::Accepted);
    assert_eq!(other.standing("fake.echo", &second), Standing::Changed);
    assert_eq!(other.facts("fake.echo", &first).effect, Some(Effect::Read));
    assert_eq!(other.facts("fake.echo", &second).effect, None);
    assert!(!other.note_found("fake.echo", second).unwrap());
    assert_eq!(other.switched_off("fake.echo").unwrap().0, "fake");
    assert!(other.switched_off("fakes.echo").is_none());
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn what_cannot_be_read_or_written_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("tools.lock");
    for text in ["{", "[]", r#"{"version": 99}"#] {
        std::fs::write(&file, text).unwrap();
        let refused = ToolLock::open(file.clone(), false).err();
        let why = refused.unwrap().to_string();
        assert!(why.contains("tools.lock"), "{text}: {why}");
    }
    let nowhere = ToolLock::open(dir.path().join("no/tools.lock"), false).unwrap();
    nowhere.accept(accepted(Digest::of(b"1"))).unwrap_err();
    assert_eq!(
        nowhere.standing("fake.echo", &Digest::of(b"1")),
        Standing::New
    );
}
