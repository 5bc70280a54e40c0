//! Large plans run, larger ones are refused, hostile ones end in a clean error.

use crate::{project::Ran, site::Site};
use std::time::{Duration, Instant};

fn plan_of(steps: usize) -> String {
    let mut plan = String::from("version: 1\nname: many\nsteps:\n");
    for step in 0..steps {
        plan.push_str(&format!(
            "  - {{id: s{step}, tool: data.value, args: {{value: {step}}}}}\n"
        ));
    }
    plan
}

#[test]
fn a_thousand_and_twenty_four_steps_run_and_one_more_does_not() {
    let site = Site::new();
    site.write("mandate.toml", "[limits]\ncalls_per_session = 2000\n");
    site.write("plan.yaml", plan_of(1024));
    site.write("more.yaml", plan_of(1025));
    let ran = site.run(&["run", "plan.yaml", "--json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let result = ran.json();
    assert_eq!(result["status"], "success");
    assert_eq!(result["outputs"]["s1023"], 1023);
    let refused = site.run(&["run", "more.yaml", "--json"]);
    assert_eq!(refused.code, 2, "{refused:#?}");
    assert!(refused.stdout.contains("STEP_COUNT"), "{refused:#?}");
    let replayed = site.run(&["executions", "replay", "@last"]);
    assert_eq!(replayed.code, 0, "{replayed:#?}");
}

#[test]
fn hostile_documents_end_in_clean_errors() {
    let deep_json = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep_yaml: String = (0..20_000)
        .map(|depth| format!("{}a:\n", " ".repeat(depth % 4000)))
        .collect();
    let bomb = "a: &a [x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b]\n";
    let repeated = "version: 1\nname: x\nname: y\nsteps: [{id: a, tool: time.now}]\n";
    let numbers = "version: 1\nname: x\nmetadata: {a: 1e999, b: 123456789012345678901234567890, c: .nan}\nsteps: [{id: a, tool: time.now}]\n";
    let itself = "version: 1\nname: x\nsteps:\n  - {id: a, tool: data.value, depends_on: [a], args: {value: \"${steps.a.output}\"}}\n";
    let dear = "version: 1\nname: x\nsteps:\n  - {id: a, tool: data.value, args: {value: \"${lists.range(90000).map(x, lists.range(90000).map(y, x * y))}\"}}\n";
    let documents: Vec<(&str, Vec<u8>)> = vec![
        ("deep.json", deep_json.into_bytes()),
        ("deep.yaml", deep_yaml.into_bytes()),
        ("bomb.yaml", bomb.as_bytes().to_vec()),
        ("repeated.yaml", repeated.as_bytes().to_vec()),
        ("numbers.yaml", numbers.as_bytes().to_vec()),
        ("latin.yaml", b"version: 1\nname: caf\xe9\n".to_vec()),
        ("nul.yaml", b"version: 1\nname: a\0b\n".to_vec()),
        ("large.yaml", vec![b'a'; 100 << 20]),
        ("itself.yaml", itself.as_bytes().to_vec()),
        ("empty.yaml", Vec::new()),
        (
            "quotes.json",
            b"{\"version\": 1, \"name\": \"unclosed".to_vec(),
        ),
    ];
    let site = Site::new();
    for (name, content) in documents {
        site.write(name, content);
        let begun = Instant::now();
        // 256 MiB of address space beyond what the program itself maps is far more than any document may take.
        let mut command = std::process::Command::new("sh");
        site.prepare(&mut command);
        command.args([
            "-c",
            "ulimit -v 1048576; exec \"$0\" plan validate \"$1\" --json",
            env!("CARGO_BIN_EXE_mandate"),
            name,
        ]);
        let ended: Ran = Ran::of(command.output().unwrap());
        assert_eq!(ended.code, 2, "{name}: {ended:#?}");
        assert!(
            !ended.json()["violations"].as_array().unwrap().is_empty(),
            "{name}: {ended:#?}"
        );
        assert!(!ended.stderr.contains("panicked"), "{name}: {ended:#?}");
        // Two seconds are asked for; a busy machine gets some more.
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "{name} took {:?}",
            begun.elapsed()
        );
    }
    // This one is valid; running it ends at the bounds of expressions.
    site.write("dear.yaml", dear);
    let ended = site.run(&["run", "dear.yaml", "--json"]);
    assert_eq!(ended.code, 1, "{ended:#?}");
    assert_eq!(
        ended.json()["error"]["code"],
        "RESOURCE_EXHAUSTED",
        "{ended:#?}"
    );
}
