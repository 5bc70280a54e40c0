//! Exports that are verified by somebody who has nothing else: whatever is changed in one is found. What a forger with a key
//! of their own could do is done here with the formulas of the documentation, and not with the program's own.

use crate::support::{START_MS, append, batch_with, system_batch};
use mandate_plan::Digest;
use mandate_store::{
    ExportFormat, ExportOptions, ExportReport, FindingKind, Head, Known, Origin, PublicKey,
    Selection, SigningKey, SqliteStore, export, verify_export,
};
use proptest::prelude::*;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};
use std::sync::LazyLock;

struct Sample {
    dir: tempfile::TempDir,
    store: SqliteStore,
    key: PublicKey,
}

/// Two executions, one row of the system, a value that leaves its row, and a payload over several lines.
fn sample() -> Sample {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path()).unwrap();
    append(&store, batch_with("a", 1, 2, &json!("first"))).unwrap();
    append(&store, batch_with("b", 1, 2, &json!("x".repeat(70_000)))).unwrap();
    append(&store, system_batch("frozen", START_MS)).unwrap();
    let mut broken = batch_with("a", 3, 1, &json!("last"));
    let value: Value = serde_json::from_slice(&broken.records[0].payload).unwrap();
    broken.records[0].payload = serde_json::to_vec_pretty(&value).unwrap();
    append(&store, broken).unwrap();
    let key = SigningKey::of_directory(dir.path()).unwrap().public_key();
    Sample { dir, store, key }
}

impl Sample {
    fn export(&self, format: ExportFormat, selection: Selection, references: bool) -> String {
        let options = ExportOptions {
            format,
            selection,
            keep_references: references,
        };
        let key = SigningKey::of_directory(self.dir.path()).unwrap();
        let mut out = Vec::new();
        export(self.store.reader(), &options, &key, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn whole(&self) -> String {
        self.export(ExportFormat::JsonLines, Selection::default(), false)
    }
}

fn check(text: impl AsRef<[u8]>, known: &Known<'_>) -> ExportReport {
    verify_export(&mut text.as_ref(), known).unwrap()
}

fn kinds(report: &ExportReport) -> Vec<FindingKind> {
    report.findings.iter().map(|found| found.kind).collect()
}

/// The last line made anew over what stands before it, with a key of the forger's: their counts, their digest, their signature.
fn sealed_anew(lines: &[String], head: Option<Value>) -> String {
    let forger = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let (end, before) = lines.split_last().unwrap();
    let mut end: Value = serde_json::from_str(end).unwrap();
    let text: String = before.iter().map(|line| format!("{line}\n")).collect();
    let count = |start: &str| before.iter().filter(|line| line.starts_with(start)).count();
    let digest = Digest::of(text.as_bytes());
    if let Some(head) = head {
        end["head"] = head;
    }
    end["events"] = json!(count("{\"gseq\":"));
    end["plans"] = json!(count("{\"plan\":"));
    end["lines"] = json!(digest);
    end["public_key"] = json!(hex(forger.public_key().as_ref()));
    let number = end["head"]["number"].as_u64().unwrap();
    let hash: Digest = end["head"]["hash"].as_str().unwrap().parse().unwrap();
    let message = Digest::framed(
        "mandate.journal.export-signature.v1",
        [
            number.to_be_bytes().as_slice(),
            hash.as_bytes(),
            digest.as_bytes(),
        ],
    );
    end["signature"] = json!(hex(forger.sign(message.as_bytes()).as_ref()));
    format!("{text}{end}\n")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn split(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

#[test]
fn every_form_of_an_export_is_intact_and_its_origin_proven() {
    let sample = sample();
    let of_a = Selection {
        stream: Some("a".to_owned()),
        ..Selection::default()
    };
    let later = Selection {
        after_gseq: 3,
        ..Selection::default()
    };
    let by_kind = Selection {
        kinds: ["step_completed".to_owned()].into(),
        since_ms: Some(START_MS),
        ..Selection::default()
    };
    let nothing = Selection {
        after_gseq: 99,
        ..Selection::default()
    };
    for format in [ExportFormat::JsonLines, ExportFormat::CloudEvents] {
        for references in [false, true] {
            for (selection, events) in [
                (Selection::default(), 6),
                (of_a.clone(), 3),
                (later.clone(), 3),
                (by_kind.clone(), 3),
                (nothing.clone(), 0),
            ] {
                let text = sample.export(format, selection.clone(), references);
                let known = Known {
                    head: Some(sample.store.reader().head().unwrap()),
                    public_key: Some(sample.key),
                    dir: Some(sample.dir.path()),
                };
                let report = check(&text, &known);
                assert!(report.is_intact(), "{selection:?} {:?}", report.findings);
                assert_eq!(report.events, events, "{selection:?}");
                assert_eq!(report.origin, Origin::Proven);
                assert!(report.hmac_checked);
                let elsewhere = check(&text, &Known::default());
                assert!(elsewhere.is_intact());
                assert_eq!(elsewhere.origin, Origin::Unknown);
                assert!(!elsewhere.hmac_checked);
            }
        }
    }
}

#[test]
fn an_empty_journal_is_exported_and_verified() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path()).unwrap();
    let key = SigningKey::of_directory(dir.path()).unwrap();
    let mut out = Vec::new();
    export(store.reader(), &ExportOptions::default(), &key, &mut out).unwrap();
    let report = check(&out, &Known::default());
    assert!(report.is_intact(), "{:?}", report.findings);
}

#[test]
fn each_way_to_tamper_is_found_though_the_forger_signs_anew() {
    use FindingKind::{
        ChainBroken, CommitChanged, CommitMissing, RowChanged, RowInserted, RowMissing,
    };
    let sample = sample();
    let text = sample.whole();
    let lines = split(&text);
    let at = |start: &str| {
        lines
            .iter()
            .position(|line| line.starts_with(start))
            .unwrap()
    };
    let (first, second) = (at("{\"gseq\":1,"), at("{\"gseq\":2,"));
    let (third, commit2) = (at("{\"gseq\":3,"), at("{\"commit\":2,"));
    type Edit = Box<dyn Fn(&mut Vec<String>)>;
    let cases: Vec<(&str, Edit, FindingKind)> = vec![
        (
            "a payload is changed",
            Box::new(move |lines| lines[second] = lines[second].replace("\"first\"", "\"forst\"")),
            RowChanged,
        ),
        (
            "a kind is changed",
            Box::new(move |lines| {
                lines[second] = lines[second].replace("step_completed", "step_failed");
            }),
            RowChanged,
        ),
        (
            "a row is dropped",
            Box::new(move |lines| drop(lines.remove(second))),
            RowMissing,
        ),
        (
            "a row is there twice",
            Box::new(move |lines| lines.insert(second, lines[second].clone())),
            ChainBroken,
        ),
        (
            "rows change places",
            Box::new(move |lines| lines.swap(first, second)),
            ChainBroken,
        ),
        (
            "a row is inserted",
            Box::new(move |lines| {
                let row = lines[third].replace("{\"gseq\":3,", "{\"gseq\":7,");
                let end = lines.len() - 1;
                lines.insert(end, row);
            }),
            RowInserted,
        ),
        (
            "a commit is dropped with its rows",
            Box::new(move |lines| drop(lines.drain(third..=commit2))),
            CommitMissing,
        ),
        (
            "a commit is dropped alone",
            Box::new(move |lines| drop(lines.remove(commit2))),
            CommitMissing,
        ),
        (
            "a commit's time is changed",
            Box::new(move |lines| {
                lines[commit2] = lines[commit2].replace("\"at_ms\":17", "\"at_ms\":16");
            }),
            CommitChanged,
        ),
        (
            "the plan is dropped",
            Box::new(move |lines| lines.retain(|line| !line.starts_with("{\"plan\":"))),
            FindingKind::PlanMissing,
        ),
        (
            "the plan is changed",
            Box::new(move |lines| {
                for line in lines {
                    if line.starts_with("{\"plan\":") {
                        *line = line.replace("\"steps\":[]", "\"steps\":[1]");
                    }
                }
            }),
            FindingKind::PlanChanged,
        ),
        (
            "a whole execution is passed off as not asked for",
            Box::new(move |lines| {
                let hash = |line: &str| {
                    let row: Value = serde_json::from_str(line).unwrap();
                    row["hash"].clone()
                };
                let hashes = [hash(&lines[third]), hash(&lines[third + 1])];
                let mut commit: Value = serde_json::from_str(&lines[commit2]).unwrap();
                commit["left_out"] = json!(hashes);
                lines[commit2] = commit.to_string();
                lines.drain(third..third + 2);
            }),
            RowMissing,
        ),
        (
            "it is said to begin later",
            Box::new(|lines| {
                let mut start: Value = serde_json::from_str(&lines[0]).unwrap();
                let commit: Value = lines
                    .iter()
                    .find(|line| line.starts_with("{\"commit\":1,"))
                    .map(|line| serde_json::from_str(line).unwrap())
                    .unwrap();
                start["from"] = json!({"number": 1, "hash": commit["hash"]});
                lines[0] = start.to_string();
                let second = lines
                    .iter()
                    .position(|line| line.starts_with("{\"gseq\":3,"))
                    .unwrap();
                lines.drain(1..second);
            }),
            ChainBroken,
        ),
    ];
    for (what, edit, expected) in cases {
        let mut edited = lines.clone();
        edit(&mut edited);
        assert_ne!(edited, lines, "{what}");
        let forged = check(sealed_anew(&edited, None), &Known::default());
        assert!(
            kinds(&forged).contains(&expected),
            "{what}: {:?}",
            forged.findings
        );
        // Whoever did not sign anew is found by the signature too.
        let text: String = edited.iter().map(|line| format!("{line}\n")).collect();
        let plain = check(text, &Known::default());
        assert!(
            !plain.is_intact() && plain.origin == Origin::Wrong,
            "{what}"
        );
    }
}

#[test]
fn a_tail_that_was_cut_off_by_a_forger_shows_by_the_key_and_by_a_head_kept_elsewhere() {
    let sample = sample();
    let lines = split(&sample.whole());
    let last_commit = |lines: &[String]| lines.iter().rposition(|l| l.starts_with("{\"commit\":"));
    let cut = last_commit(&lines).unwrap();
    let cut = last_commit(&lines[..cut]).unwrap();
    let mut edited = lines[..=cut].to_vec();
    let commit: Value = serde_json::from_str(&lines[cut]).unwrap();
    edited.push(lines.last().unwrap().clone());
    let head = json!({"number": commit["commit"], "hash": commit["hash"]});
    let forged = sealed_anew(&edited, Some(head));
    // Nothing in the text itself tells: it is an older state of the same journal, signed by somebody.
    let alone = check(&forged, &Known::default());
    assert!(alone.is_intact() && alone.origin == Origin::Unknown);
    let by_key = Known {
        public_key: Some(sample.key),
        ..Known::default()
    };
    let report = check(&forged, &by_key);
    assert_eq!(kinds(&report), [FindingKind::OtherKey]);
    assert_eq!(report.origin, Origin::Wrong);
    let by_head = Known {
        head: Some(sample.store.reader().head().unwrap()),
        ..Known::default()
    };
    assert_eq!(kinds(&check(&forged, &by_head)), [FindingKind::RolledBack]);
    // Cut anywhere, without a last line made anew.
    let text = sample.whole();
    for end in (0..text.len()).step_by(997).chain([text.len() - 1]) {
        assert!(!check(&text[..end], &Known::default()).is_intact(), "{end}");
    }
}

#[test]
fn an_export_goes_on_from_the_heads_that_it_holds_and_from_no_other() {
    let sample = sample();
    let text = sample.whole();
    let later = sample.export(
        ExportFormat::JsonLines,
        Selection {
            after_gseq: 2,
            ..Selection::default()
        },
        false,
    );
    let commits: Vec<Head> = split(&text)
        .iter()
        .filter(|line| line.starts_with("{\"commit\":"))
        .map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            Head {
                number: line["commit"].as_u64().unwrap(),
                hash: line["hash"].as_str().unwrap().parse().unwrap(),
            }
        })
        .collect();
    let with = |text: &str, head: Head| {
        let known = Known {
            head: Some(head),
            ..Known::default()
        };
        kinds(&check(text, &known))
    };
    for head in &commits {
        assert_eq!(with(&text, *head), []);
        assert_eq!(with(&later, *head), [], "{head:?}");
        let other = Head {
            hash: Digest::of(b"another journal"),
            ..*head
        };
        assert_eq!(with(&text, other), [FindingKind::RolledBack]);
        assert_eq!(with(&later, other), [FindingKind::RolledBack]);
    }
    let ahead = Head {
        number: 99,
        ..commits[0]
    };
    assert_eq!(with(&text, ahead), [FindingKind::RolledBack]);
    // One that begins behind the head says nothing about it.
    let last = sample.export(
        ExportFormat::JsonLines,
        Selection {
            after_gseq: 5,
            ..Selection::default()
        },
        false,
    );
    assert_eq!(with(&last, commits[0]), [FindingKind::RolledBack]);
}

#[test]
fn a_code_that_was_not_made_with_the_audit_key_is_found_where_the_key_is() {
    let sample = sample();
    let mut lines = split(&sample.whole());
    for line in &mut lines {
        if line.starts_with("{\"commit\":2,") {
            let mut commit: Value = serde_json::from_str(line).unwrap();
            commit["hmac"] = json!(Digest::of(b"guessed"));
            *line = commit.to_string();
        }
    }
    let forged = sealed_anew(&lines, None);
    assert!(check(&forged, &Known::default()).is_intact());
    let here = Known {
        dir: Some(sample.dir.path()),
        ..Known::default()
    };
    assert_eq!(kinds(&check(&forged, &here)), [FindingKind::CommitChanged]);
}

static TEXTS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let sample = sample();
    let small = Selection {
        stream: Some("a".to_owned()),
        ..Selection::default()
    };
    [ExportFormat::JsonLines, ExportFormat::CloudEvents]
        .into_iter()
        .map(|format| sample.export(format, small.clone(), false).into_bytes())
        .collect()
});

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]
    #[test]
    fn any_other_byte_anywhere_is_found(
        form in 0_usize..2,
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        how in 0_u8..3,
    ) {
        let mut text = TEXTS[form].clone();
        let place = place.index(text.len());
        match how {
            0 if text[place] == byte => return Ok(()),
            0 => text[place] = byte,
            1 => text.insert(place, byte),
            _ => drop(text.remove(place)),
        }
        if text == TEXTS[form] {
            return Ok(());
        }
        let report = check(&text, &Known::default());
        prop_assert!(!report.is_intact(), "{how} at {place}: {}", String::from_utf8_lossy(&text));
    }
}

#[test]
fn every_place_counts() {
    for text in &*TEXTS {
        for place in 0..text.len() {
            let mut changed = text.clone();
            changed[place] ^= 1;
            assert!(!check(&changed, &Known::default()).is_intact(), "{place}");
        }
    }
}
