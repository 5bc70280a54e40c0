//! `policy import`, `test`, `explain`, `backtest`, `shadow`, run like a user runs them.

use crate::project::Project;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn example(path: &str) -> String {
    std::fs::read_to_string(root().join("examples").join(path)).unwrap()
}

/// A project whose policy is made of the JSON rules, with everything else asked about.
fn imported() -> Project {
    let project = Project::new();
    project.write("rules.json", example("policy/rules.json"));
    let args = ["policy", "import", "rules.json", "--out", "policies"];
    let said = project
        .run(&[&args[..], &["--unmatched", "allow"]].concat())
        .exits(0);
    assert!(said.stderr.contains("GOV-005"), "{}", said.stderr);
    project.run(&["policy", "check"]).exits(0);
    project
}

#[test]
fn an_imported_policy_is_in_force_and_never_written_over() {
    let project = imported();
    project.write("a.txt", "x");
    project.write(
        "delete.yaml",
        "version: 1\nname: d\nsteps:\n  - {id: d, tool: fs.delete, args: {path: a.txt}}\n",
    );
    let denied = project.run(&["run", "delete.yaml", "--yes"]).exits(3);
    assert!(
        denied.stderr.contains("Files are not deleted") || denied.stderr.contains("denie"),
        "{denied:?}"
    );
    assert_eq!(project.read("a.txt"), "x");
    let again = project
        .run(&["policy", "import", "rules.json", "--out", "policies"])
        .exits(2);
    assert!(again.stderr.contains("there already"), "{}", again.stderr);
    project.write("wrong.json", r#"[{"id":"A","type":"rate","effect":"allow","conditions":{"max_actions_per_session":1}},{"id":"B","type":"resource","effect":"deny","conditions":{"type":"url","path_pattern":"a(?!b)"}}]"#);
    let wrong = project.run(&["policy", "import", "wrong.json"]).exits(2);
    assert!(
        wrong.stderr.contains("`A`") && wrong.stderr.contains("`B`"),
        "{}",
        wrong.stderr
    );
}

#[test]
fn test_files_say_what_is_to_be_decided() {
    let project = imported();
    project.write(
        "policy-tests/rules.yaml",
        example("policy/policy-tests/rules.yaml"),
    );
    project.write("policy-tests/plan.yaml.txt", "not a test file");
    let passed = project.run(&["policy", "test"]).exits(0);
    assert!(passed.stdout.contains(" passed"), "{}", passed.stdout);
    project.write(
        "wrong.yaml",
        "\
tests:
  - name: deleting is fine
    call: {tool: fs.delete, args: {path: a.txt}}
    expect: {outcome: allow, rules: [GOV-008], not_rules: [GOV-001]}
  - name: reading is fine
    call: {tool: fs.read, args: {path: a.txt}}
    expect: {outcome: allow}
",
    );
    let failed = project.run(&["policy", "test", "wrong.yaml"]).exits(1);
    for words in [
        "deleting is fine",
        "wrong.yaml:2",
        "expected allow, decided deny",
        "rule `GOV-008` did not match",
        "rule `GOV-001` matched",
        "deny by GOV-001: Files are not deleted",
        "1 failed, 1 passed",
    ] {
        assert!(failed.stdout.contains(words), "{words}: {}", failed.stdout);
    }
    let json = project
        .run(&["policy", "test", "wrong.yaml", "--json"])
        .exits(1)
        .json();
    assert_eq!((&json["failed"], &json["passed"]), (&1.into(), &1.into()));
    assert_eq!(json["results"][0]["test"]["decided"]["outcome"], "deny");
    // Against a policy that is not in force, other things hold.
    project.write(
        "next.cedar",
        "@id(\"all\") permit (principal, action, resource);\n",
    );
    let other = project
        .run(&["policy", "test", "wrong.yaml", "--policy", "next.cedar"])
        .exits(1);
    assert!(!other.stdout.contains("decided deny"), "{}", other.stdout);
}

#[test]
fn mistakes_in_test_files_are_told_with_their_lines() {
    let project = imported();
    for (text, line, words) in [
        (
            "tests:\n  - name: a\n    call: {tool: fs.read}\n    expect: {outcom: deny}\n",
            "line 2",
            "outcom",
        ),
        (
            "tests:\n  - name: a\n    call: {tool: fs.read}\n    plan: x.yaml\n    expect: {outcome: deny}\n",
            "line 2",
            "one of them only",
        ),
        ("tests: []\n", "line 1", "not empty"),
        (
            "tests:\n  - name: a\n    call: {tool: fs.read}\n    at: noon\n    expect: {outcome: deny}\n",
            "line 2",
            "`noon`",
        ),
        (
            "tools: {x.y: {effect: burn}}\ntests:\n  - {name: a, call: {tool: x.y}, expect: {outcome: deny}}\n",
            "line 1",
            "`x.y`",
        ),
        ("test: []\n", "line 1", "there is no `test`"),
    ] {
        project.write("t.yaml", text);
        let said = project.run(&["policy", "test", "t.yaml"]).exits(2);
        assert!(
            said.stderr.contains(line) && said.stderr.contains(words),
            "{text}{}",
            said.stderr
        );
    }
}

#[test]
fn explain_says_why_rules_match_and_why_they_do_not() {
    let project = imported();
    project.write("crash.yaml", example("crash-recovery/plan.yaml"));
    let said = project
        .run(&["policy", "explain", "crash.yaml", "--step", "pay"])
        .exits(0);
    for words in [
        "pay process.exec require_approval",
        "matched GOV-007",
        "context.category = system_command",
        "GOV-001 (deny): context.category == \"file_delete\"",
        "an approval by",
    ] {
        assert!(said.stdout.contains(words), "{words}: {}", said.stdout);
    }
    assert!(!said.stdout.contains("open_book"), "{}", said.stdout);
    let json = project
        .run(&["policy", "explain", "crash.yaml", "--json"])
        .exits(0)
        .json();
    assert_eq!(json["calls"][0]["step"], "open_book");
    assert_eq!(json["calls"][0]["rules"].as_array().unwrap().len(), 8);
    project.write(
        "scoped.cedar",
        "\
@id(\"bob\") permit (principal == Principal::\"bob\", action, resource);
@id(\"files\") permit (principal, action, resource in Server::\"fs\") when { resource.effect == \"write\" && context.risk.score < 10 };
@id(\"rest\") permit (principal, action, resource) unless { resource.effect == \"write\" };
",
    );
    let args = [
        "policy",
        "explain",
        "crash.yaml",
        "--policy",
        "scoped.cedar",
    ];
    let said = project.run(&args).exits(0).stdout;
    for words in [
        "bob (allow): it is about the principal `bob`",
        "files (allow): context.risk.score < 10",
        "rest (allow): unless resource.effect == \"write\"",
        "files (allow): it is about tools of `fs`",
        "no rule allows it",
        "`files` would permit it, if it were so: context.risk.score < 10",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    project
        .run(&["policy", "explain", "crash.yaml", "--step", "nope"])
        .exits(2);
}

const LOOK: &str =
    "version: 1\nname: Look\nsteps:\n  - {id: look, tool: fs.list, args: {path: \".\"}}\n";

#[test]
fn a_shadow_is_asked_and_decides_nothing() {
    let project = Project::new();
    project.write("mandate.toml", "[policy]\nshadow = \"next\"\n");
    project.write(
        "next/next.cedar",
        "@id(\"no\") forbid (principal, action, resource);\n",
    );
    project.write("look.yaml", LOOK);
    project.run(&["run", "look.yaml"]).exits(0);
    let shown = project.run(&["policy", "shadow"]).exits(0).stdout;
    for words in [
        "2 decisions would have been others",
        "Look: plan, for look: allow → deny",
        "Look: call of `fs.list` in `look`: allow → deny",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let json = project.run(&["policy", "shadow", "--json"]).exits(0).json();
    assert_eq!(json["differences"][0]["rules"][0], "no");
    project.run(&["audit", "verify"]).exits(0);
    // One that agrees says nothing; one that cannot be read keeps nothing from running.
    project.write(
        "next/next.cedar",
        "@id(\"yes\") permit (principal, action, resource);\n",
    );
    project.run(&["run", "look.yaml"]).exits(0);
    project.write("next/next.cedar", "permit what;");
    let ran = project.run(&["run", "look.yaml"]).exits(0);
    assert!(
        ran.stderr.contains("shadow policy is not asked"),
        "{}",
        ran.stderr
    );
    let json = project.run(&["policy", "shadow", "--json"]).exits(0).json();
    assert_eq!(json["differences"].as_array().unwrap().len(), 2);
}

const NEXT: &str = r#"
@id("next/rest")
permit (principal, action, resource);

@id("next/no-deletes")
@message("nothing is deleted, not even to take a step back")
forbid (principal, action, resource)
when { context.category == "file_delete" };

@id("next/programs")
@decision("require_approval")
@approvers("role:ops")
@message("programs are for the operators")
permit (principal, action, resource)
when { context.category == "system_command" };

@id("next/third")
@message("a third invoice in one run")
forbid (principal, action, resource == Tool::"process.exec")
when { context.moment == "call" && context.args.contains("/argv/2=A-3") };

@id("next/mail")
forbid (principal, action, resource in Server::"mail");
"#;

const NAMED: &str = "version: 1
name: Named by a program
steps:
  - {id: ask, tool: process.exec, args: {argv: [printf, '%s', look.yaml]}}
  - {id: look, tool: fs.read, args: {path: '${steps.ask.output.stdout}'}}
";

/// More than a hundred executions of the example plans: with success, cancelled, rejected, refused.
fn journal() -> (Project, usize) {
    let project = Project::new();
    project.write("crash.yaml", example("crash-recovery/plan.yaml"));
    // The example's own witness takes its time.
    project.write("witness.sh", "printf '%s' \"$1\"\n");
    project.write("release.yaml", example("release/plan.yaml"));
    // Where the one step waits for the other instead of looking again and again, the number of calls is always the same.
    let polls = "    tool: fs.read\n    after: []";
    let report = example("repo-report/plan.yaml");
    assert!(report.contains(polls), "{report}");
    let waits = polls.replace("[]", "[checksums]");
    project.write("report.yaml", report.replace(polls, &waits));
    project.write("small/README.md", "# Small\n\nTODO: more\n");
    project.write("small/Cargo.toml", "[package]\n");
    std::fs::create_dir(project.path("demo")).unwrap();
    let mut executions = 0;
    let run = |args: &[&str], code: i32| {
        project.run(args).exits(code);
    };
    for number in 0..45 {
        let invoices = match number % 3 {
            0 => r#"invoices:=["A-1"]"#,
            1 => r#"invoices:=["A-1","A-2"]"#,
            _ => r#"invoices:=["A-1","A-2","A-3","A-4"]"#,
        };
        run(&["run", "crash.yaml", "--yes", "--input", invoices], 0);
        executions += 1;
    }
    for _ in 0..26 {
        run(&["run", "crash.yaml"], 4);
        run(&["approvals", "reject", "@last"], 0);
        executions += 1;
    }
    for _ in 0..24 {
        run(&["run", "release.yaml", "--yes"], 4);
        run(&["executions", "cancel", "@last"], 0);
        executions += 1;
    }
    project.write("look.yaml", LOOK);
    project.write(
        "secrets.yaml",
        "version: 1\nname: Secrets\nsteps:\n  - {id: look, tool: fs.read, args: {path: /etc/shadow}}\n",
    );
    for _ in 0..3 {
        run(&["run", "look.yaml"], 0);
        run(&["run", "secrets.yaml"], 3);
        executions += 1;
    }
    let mut children = Vec::new();
    for number in 0..6 {
        let report = format!("report=report-{number}.md");
        let args = [
            "run",
            "report.yaml",
            "--yes",
            "--input",
            "directory=small",
            "--input",
            &report,
        ];
        children.push(project.start(&args));
        executions += 1;
    }
    for child in children {
        crate::project::finish(child).exits(0);
    }
    project.run(&["audit", "verify"]).exits(0);
    (project, executions)
}

/// What changes from run to run is taken out.
fn stable(text: &str) -> String {
    let id = |word: &str| word.len() == 36 && word.matches('-').count() == 4;
    let lines = text.lines().map(|line| {
        let words = line.split(' ');
        let words = words.map(|word| if id(word) { "ID" } else { word });
        words.collect::<Vec<_>>().join(" ")
    });
    lines.map(|line| line + "\n").collect()
}

#[test]
fn a_backtest_over_the_examples_reports_what_would_change() {
    let (project, executions) = journal();
    assert!(executions >= 100, "{executions}");
    // Under the policy that decided it all, nothing changes.
    let same = project.run(&["policy", "backtest"]).exits(0).stdout;
    assert!(
        same.contains("nothing would have been decided otherwise"),
        "{same}"
    );
    project.write("next/next.cedar", NEXT);
    project.write("next/policy.toml", "[limits]\ncalls_per_session = 7\n");
    let ran = project
        .run(&["policy", "backtest", "--policy", "next"])
        .exits(1);
    assert!(
        ran.stdout.contains(&format!("{executions} executions")),
        "{}",
        ran.stdout
    );
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/backtest.txt");
    let found = stable(&ran.stdout);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(golden.parent().unwrap()).unwrap();
        std::fs::write(&golden, &found).unwrap();
    }
    let expected = std::fs::read_to_string(&golden).unwrap();
    assert_eq!(found, expected, "UPDATE_GOLDEN=1 writes it anew");
    let args = [
        "policy",
        "backtest",
        "--policy",
        "next",
        "--json",
        "--allow-changes",
    ];
    let json = project.run(&args).exits(0).json();
    assert_eq!(json["counts"]["executions"], executions);
    assert_eq!(json["never_matched"], serde_json::json!(["next/mail"]));
    assert!(
        json["totals"]["newly_denied"].as_u64().unwrap() > 0,
        "{}",
        json["totals"]
    );
    let since = ["policy", "backtest", "--policy", "next", "--since", "0s"];
    let none = project.run(&since).exits(0).stdout;
    assert!(none.contains("0 executions"), "{none}");
}

/// What the policy of then says is that of the version that held, and what somebody let pass was denied then.
#[test]
fn a_backtest_knows_which_policy_held_and_what_was_let_pass() {
    let project = Project::new();
    let allows = "@id(\"all\")\npermit (principal, action, resource);\n";
    let asks =
        "@id(\"all\")\n@decision(\"require_approval\")\npermit (principal, action, resource);\n";
    let denies = format!(
        "{asks}@id(\"no-b\")\nforbid (principal, action, resource) when {{ context.moment == \"call\" && context.step == \"b\" }};\n"
    );
    std::fs::create_dir(project.path("policies")).unwrap();
    project.write("policies/own.cedar", asks);
    project.write(
        "plan.yaml",
        "version: 1\nname: two\nconstraints: {sequential: true}\nsteps:\n  - {id: a, tool: fs.write, args: {path: a, content: a}}\n  - {id: b, tool: fs.write, args: {path: b, content: b}}\n",
    );
    // Asked about under the first version, begun under the second, which wants no approval any more.
    project.run(&["run", "plan.yaml"]).exits(4);
    project.write("policies/own.cedar", allows);
    project.run(&["executions", "continue", "@last"]).exits(0);
    let same = project.run(&["policy", "backtest"]).exits(0).stdout;
    assert!(
        same.contains("nothing would have been decided otherwise"),
        "{same}"
    );
    // Let pass once: under the same policy it is denied as it was, under one without that rule it is newly allowed.
    project.write("policies/own.cedar", &denies);
    project.run(&["run", "plan.yaml"]).exits(4);
    let id = project.last()["execution_id"].clone();
    project
        .run(&["executions", "override", "@last", "b", "--reason", "known"])
        .exits(0);
    project.run(&["approvals", "approve", "@last"]).exits(0);
    project.run(&["executions", "continue", "@last"]).exits(0);
    let report = |args: &[&str]| {
        let args = [&["policy", "backtest", "--json", "--allow-changes"], args].concat();
        let report = project.run(&args).exits(0).json();
        let changes = report["changes"].as_array().unwrap().clone();
        let own = changes.into_iter().filter(|it| it["execution_id"] == id);
        own.collect::<Vec<_>>()
    };
    assert_eq!(report(&[]), Vec::<serde_json::Value>::new());
    project.write("next/next.cedar", asks);
    let changes = report(&["--policy", "next"]);
    assert_eq!(changes.len(), 1, "{changes:#?}");
    assert_eq!(changes[0]["turned"], "newly_allowed", "{changes:#?}");
    assert_eq!(changes[0]["step"], "b", "{changes:#?}");
    let version = changes[0]["policy_then"].as_str().unwrap_or("");
    assert_eq!(version.len(), 64, "{changes:#?}");
}

const STRANGE: &str = r#"
@id("strange")
@message("another party chose the file")
forbid (principal, action, resource)
when { context.moment == "call" && context.untrusted_sinks.contains("path") };

@id("rest")
@decision("require_approval")
permit (principal, action, resource);
"#;

/// A rule about labels sees those that a call had.
#[test]
fn a_backtest_judges_each_call_with_the_labels_that_it_had() {
    let project = Project::new();
    project.write("look.yaml", "x");
    project.write("named.yaml", NAMED);
    project.run(&["run", "named.yaml", "--yes"]).exits(0);
    project.write("next/next.cedar", STRANGE);
    let args = [
        "policy",
        "backtest",
        "--policy",
        "next",
        "--json",
        "--allow-changes",
    ];
    let report = project.run(&args).exits(0).json();
    let changes = report["changes"].as_array().unwrap();
    let denied: Vec<_> = { changes.iter() }
        .filter(|it| it["turned"] == "newly_denied")
        .collect();
    assert_eq!(denied.len(), 1, "{report:#}");
    assert_eq!(denied[0]["step"], "look", "{report:#}");
    assert_eq!(denied[0]["rules"][0], "strange", "{report:#}");
}
