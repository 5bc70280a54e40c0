//! `audit …`.

use crate::project::{Project, READ_ONLY};
use serde_json::Value;

#[test]
fn an_untouched_journal_is_intact_and_its_head_is_found_again() {
    let project = Project::new();
    project.write("plan.yaml", READ_ONLY);
    project.run(&["run", "plan.yaml"]).exits(0);
    let head = project.run(&["audit", "head"]).exits(0).stdout;
    project.run(&["run", "plan.yaml"]).exits(0);
    let text = project
        .run(&["audit", "verify", "--head", head.trim()])
        .exits(0)
        .stdout;
    assert!(
        text.starts_with("intact: ") && text.contains("2 executions"),
        "{text}"
    );
    let report = project.run(&["audit", "verify", "--json"]).exits(0).json();
    assert_eq!(report["intact"], true);
    let forged = format!("{}:{}", 1, "0".repeat(64));
    let report = project
        .run(&["audit", "verify", "--head", &forged, "--json"])
        .exits(1)
        .json();
    assert_eq!(report["intact"], false);
    project
        .run(&["audit", "verify", "--head", "nonsense"])
        .exits(2);
}

#[test]
fn a_changed_head_file_is_found() {
    let project = Project::new();
    project.write("plan.yaml", READ_ONLY);
    project.run(&["run", "plan.yaml"]).exits(0);
    std::fs::remove_file(project.path(".mandate/audit-head")).unwrap();
    let ran = project.run(&["audit", "verify"]).exits(1);
    assert!(ran.stdout.starts_with("not intact: "), "{}", ran.stdout);
}

#[test]
fn exports_are_lines_that_end_with_the_head() {
    let project = Project::new();
    project.write("plan.yaml", READ_ONLY);
    project.run(&["run", "plan.yaml"]).exits(0);
    for format in ["jsonl", "cloudevents"] {
        let text = project
            .run(&["audit", "export", "--format", format])
            .exits(0)
            .stdout;
        let lines: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert!(lines.len() > 5);
    }
    let one = project
        .run(&["audit", "export", "--execution", "@last"])
        .exits(0)
        .stdout;
    assert!(one.lines().count() > 5);
}

/// Where there is neither the journal nor a configuration: nothing but the export.
fn elsewhere(project: &Project, args: &[&str]) -> crate::project::Ran {
    let dir = tempfile::tempdir().unwrap();
    let mut command = project.command_in(dir.path(), args);
    crate::project::Ran::of(command.env("HOME", dir.path()).output().unwrap())
}

#[test]
fn an_export_is_verified_with_nothing_but_the_export() {
    let project = Project::new();
    project.write("plan.yaml", READ_ONLY);
    project.run(&["run", "plan.yaml"]).exits(0);
    let earlier = project.run(&["audit", "head"]).exits(0).stdout;
    project.run(&["run", "plan.yaml"]).exits(0);
    let head = project.run(&["audit", "head", "--json"]).exits(0).json();
    let key = project.run(&["audit", "head", "--public-key"]).exits(0);
    let key = key.stdout.trim();
    assert_eq!(head["public_key"], key);
    for args in [
        &["--format", "jsonl"][..],
        &["--format", "cloudevents"],
        &["--execution", "@last"],
        &["--kind", "decisions", "--since", "1h", "--references"],
    ] {
        let args = [&["audit", "export"], args].concat();
        project.write("export", project.run(&args).exits(0).stdout);
        let path = project.path("export");
        let file = path.to_str().unwrap();
        let verify = ["audit", "verify", "--export", file, "--public-key", key];
        let ran = elsewhere(&project, &[&verify[..], &["--head", &earlier]].concat()).exits(0);
        assert!(ran.stdout.starts_with("intact: "), "{ran:#?}");
        assert!(ran.stdout.contains("the key that was given"), "{ran:#?}");
        assert!(
            !ran.stdout.contains("checked with the audit key"),
            "{ran:#?}"
        );
        let report = elsewhere(&project, &[&verify[..], &["--json"]].concat())
            .exits(0)
            .json();
        assert_eq!(report["report"]["origin"], "proven");
        assert_eq!(report["report"]["head"], head["head"]);
        // The codes of the commits are checked where the key is.
        let here = project.run(&verify).exits(0);
        assert!(
            here.stdout.contains("checked with the audit key"),
            "{here:#?}"
        );
        let forged = format!("1:{}", "0".repeat(64));
        let ran = elsewhere(&project, &[&verify[..], &["--head", &forged]].concat()).exits(1);
        assert!(ran.stdout.contains("has another commit 1"), "{ran:#?}");
        let other = "1".repeat(64);
        let verify = ["audit", "verify", "--export", file, "--public-key", &other];
        let ran = elsewhere(&project, &verify).exits(1);
        assert!(ran.stdout.contains("signed by another key"), "{ran:#?}");
    }
    elsewhere(&project, &["audit", "verify", "--export", "missing"]).exits(2);
    let text = project.read("export");
    let nonsense = [
        "audit",
        "verify",
        "--export",
        "-",
        "--public-key",
        "nonsense",
    ];
    elsewhere(&project, &nonsense).exits(2);
    assert!(text.len() > 100);
}

#[test]
fn whatever_is_changed_in_an_export_is_found() {
    let project = Project::new();
    project.write("plan.yaml", READ_ONLY);
    project.run(&["run", "plan.yaml"]).exits(0);
    project.run(&["run", "plan.yaml"]).exits(0);
    let text = project.run(&["audit", "export"]).exits(0).stdout;
    let lines: Vec<&str> = text.lines().collect();
    let rows: Vec<usize> = (0..lines.len())
        .filter(|number| lines[*number].starts_with("{\"gseq\":"))
        .collect();
    let stream = |number: usize| -> String {
        let row: Value = serde_json::from_str(lines[number]).unwrap();
        row["stream"].as_str().unwrap().to_owned()
    };
    let without = |numbers: &[usize]| -> Vec<&str> {
        let kept = (0..lines.len()).filter(|number| !numbers.contains(number));
        kept.map(|number| lines[number]).collect()
    };
    // The journal may begin with rows of the system.
    let first = stream(rows[rows.len() / 2]);
    assert_ne!(first, "system");
    let of_first: Vec<usize> = rows
        .iter()
        .copied()
        .filter(|row| stream(*row) == first)
        .collect();
    let mut twice = lines.clone();
    twice.insert(rows[1], lines[rows[1]]);
    let mut swapped = lines.clone();
    swapped.swap(rows[1], rows[2]);
    let mut inserted = lines.clone();
    let row = lines[rows[1]].replace("\"gseq\":2,", "\"gseq\":3,");
    inserted.insert(rows[2], &row);
    let changed = lines[rows[1]].replace("\"kind\":\"", "\"kind\":\"x");
    let mut other = lines.clone();
    other[rows[1]] = &changed;
    let cases = [
        ("a changed row", other),
        ("a dropped row", without(&rows[1..2])),
        ("a row that is there twice", twice),
        ("rows in another order", swapped),
        ("an inserted row", inserted),
        ("a tail that is cut off", lines[..lines.len() - 3].to_vec()),
        ("an execution that is taken out", without(&of_first)),
        ("no last line", lines[..lines.len() - 1].to_vec()),
    ];
    for (what, lines) in cases {
        project.write("export", lines.join("\n") + "\n");
        let ran = project.run(&["audit", "verify", "--export", "export"]);
        assert_eq!(ran.code, 1, "{what}: {ran:#?}");
        assert!(ran.stdout.starts_with("not intact: "), "{what}: {ran:#?}");
    }
    // The signature of another journal's key is good, and not the one that is expected.
    let key = project
        .run(&["audit", "head", "--public-key"])
        .exits(0)
        .stdout;
    std::fs::remove_file(project.path(".mandate/keys/signing.key")).unwrap();
    project.write("export", project.run(&["audit", "export"]).exits(0).stdout);
    project
        .run(&["audit", "verify", "--export", "export"])
        .exits(0);
    let verify = [
        "audit",
        "verify",
        "--export",
        "export",
        "--public-key",
        key.trim(),
    ];
    let ran = project.run(&verify).exits(1);
    assert!(ran.stdout.contains("signed by another key"), "{ran:#?}");
    // The first key is on record since the first row; one that a command made which only reads, once something is written.
    let on_record = || -> Vec<(Value, Value)> {
        let args = ["audit", "log", "--kind", "signing_key_created", "--json"];
        let entries = project.run(&args).exits(0).json()["entries"].clone();
        let export = project.run(&["audit", "export", "--kind", "signing_key_created"]);
        let rows = export.exits(0).stdout;
        let rows = rows
            .lines()
            .filter(|line| line.contains("\"kind\":\"signing_key_created\""));
        let rows: Vec<Value> = rows
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(entries.as_array().unwrap().len(), rows.len());
        let of = |row: &Value| {
            (
                row["payload"]["public_key"].clone(),
                row["payload"]["before"].clone(),
            )
        };
        rows.iter().map(of).collect()
    };
    let first = Value::from(key.trim());
    assert_eq!(on_record(), [(first.clone(), Value::Null)]);
    project.run(&["run", "plan.yaml"]);
    let key = project
        .run(&["audit", "head", "--public-key"])
        .exits(0)
        .stdout;
    assert_eq!(on_record()[1..], [(Value::from(key.trim()), first)]);
}

const EVERYTHING: &str = "version: 1
name: everything
steps:
  - {id: seen, tool: fs.list, args: {path: .}}
  - {id: sure, tool: fs.write, args: {path: sure.txt, content: 'yes'}, confirm: true}
  - id: strict
    tool: fs.write
    args: {path: strict.txt, content: '${string(size(steps.seen.output))}'}
    allow: {args: {content: {equals: 'what it never is'}}}
";

#[test]
fn approver_arguments_policy_and_outcome_of_each_decision_are_in_the_export() {
    let project = Project::new();
    project.write("plan.yaml", EVERYTHING);
    let ran = project.run(&["run", "plan.yaml", "--yes"]);
    assert_ne!(ran.code, 0, "the last step is refused: {ran:#?}");
    let text = project
        .run(&["audit", "export", "--kind", "decisions"])
        .exits(0)
        .stdout;
    let rows: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of = |kind: &str| -> Vec<&Value> {
        let rows = rows.iter().filter(|row| row["kind"] == kind);
        rows.map(|row| &row["payload"]).collect()
    };
    let digest = |value: &Value| value.as_str().is_some_and(|text| text.len() == 64);
    // The decision: outcome, policy, what it was about.
    let [created] = of("execution_created")[..] else {
        panic!("{text}")
    };
    let version = &created["policy_version"];
    assert!(version.as_str().is_some_and(|version| !version.is_empty()));
    assert_eq!(created["decision"]["policy_version"], *version);
    assert_eq!(created["decision"]["outcome"], "require_approval");
    assert_eq!(created["decision"]["subject"], created["execution_digest"]);
    // The approvals: of the plan by its digest, of the call by that of its arguments; by whom, and what was said.
    let (opened, answered) = (of("request_opened"), of("request_answered"));
    assert_eq!((opened.len(), answered.len()), (2, 2), "{text}");
    assert_eq!(opened[0]["subject"], created["execution_digest"]);
    assert!(digest(&opened[1]["calls"][0]["args_digest"]), "{text}");
    for (opened, answered) in opened.iter().zip(&answered) {
        assert_eq!(answered["request_id"], opened["request_id"]);
        assert_eq!(answered["choice"], "approve");
        assert!(answered["by"].as_str().unwrap().starts_with("local:"));
        assert_eq!(answered["channel"], "flag");
    }
    // The refusal: which arguments, under which policy, and why.
    let [blocked] = of("step_blocked")[..] else {
        panic!("{text}")
    };
    let refusal = &blocked["refusal"];
    assert_eq!(blocked["step"], "strict");
    assert_eq!(refusal["code"], "ARGUMENT_VIOLATION");
    assert!(digest(&refusal["args_digest"]), "{text}");
    assert_eq!(refusal["policy_version"], *version);
    // What was approved is what was done.
    let all = project
        .run(&["audit", "export", "--kind", "step_started"])
        .exits(0)
        .stdout;
    let started = all
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut started = started.filter(|row| row["payload"]["step"] == "sure");
    assert_eq!(
        started.next().unwrap()["payload"]["args_digest"],
        opened[1]["calls"][0]["args_digest"]
    );
    project.run(&["audit", "verify"]).exits(0);
    let replayed = project.run(&["executions", "replay", "@last"]);
    assert!(replayed.stdout.contains("identical"), "{replayed:#?}");
}
