//! A secret is where it is needed and nowhere else: not in the journal, its blobs, logs, errors or outputs, in no common
//! encoding.

use crate::{project::Ran, site::Site};
use base64::Engine as _;
use std::path::Path;

const CANARY: &str = "cN4ry/+?=&%\"Zq\\93!";

const PLAN: &str = r#"
version: 1
name: uses a secret
inputs:
  token: {type: string, secret: true, required: true}
steps:
  - id: echo
    tool: process.exec
    args:
      argv:
        - sh
        - -c
        - 'printf "%s" "$TOKEN"; printf "%s" "$TOKEN" | base64; printf "%s" "$TOKEN" | od -An -tx1 | tr -d " \n"; printf "%s" "$TOKEN" >&2; printf "%s" "$TOKEN" > got'
      env: {TOKEN: "${secrets.CANARY}"}
  - id: large
    tool: process.exec
    args:
      argv: [sh, -c, 'i=0; while [ $i -lt 6000 ]; do printf "%s " "$TOKEN"; i=$((i+1)); done']
      env: {TOKEN: "${inputs.token}"}
  - id: fails
    tool: process.exec
    on_failure: skip
    args:
      argv: [sh, -c, 'echo "it broke: $TOKEN" >&2; echo "$TOKEN"; exit 3']
      env: {TOKEN: "${secrets.CANARY}"}
  - id: again
    tool: data.value
    args: {value: "${steps.echo.output.stdout}"}
"#;

/// Ways in which a secret may be written.
fn encodings(secret: &str) -> Vec<(&'static str, Vec<u8>)> {
    let bytes = secret.as_bytes();
    let json = serde_json::to_string(secret).unwrap();
    let json = json[1..json.len() - 1].to_owned();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let percent: String = bytes
        .iter()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(*byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect();
    let base64 = base64::engine::general_purpose::STANDARD.encode(bytes);
    // The last characters depend on what follows.
    let base64 = base64.trim_end_matches('=')[..base64.len().min(20)].to_owned();
    vec![
        ("raw", bytes.to_vec()),
        ("JSON", json.clone().into_bytes()),
        (
            "JSON in JSON",
            serde_json::to_string(&json)
                .unwrap()
                .trim_matches('"')
                .as_bytes()
                .to_vec(),
        ),
        ("hex", hex.into_bytes()),
        ("percent", percent.into_bytes()),
        ("base64", base64.into_bytes()),
    ]
}

fn search(dir: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            search(&path, found);
        } else {
            look(
                &path.display().to_string(),
                &std::fs::read(&path).unwrap_or_default(),
                found,
            );
        }
    }
}

fn look(place: &str, content: &[u8], found: &mut Vec<String>) {
    for (encoding, needle) in encodings(CANARY) {
        if content.windows(needle.len()).any(|window| window == needle) {
            found.push(format!("{encoding} in {place}"));
        }
    }
}

#[test]
fn a_secret_is_nowhere_but_where_it_is_needed() {
    let site =
        Site::configured("[secrets.CANARY]\nenv = \"CANARY_VALUE\"\ntools = [\"process.exec\"]\n");
    site.write("plan.yaml", PLAN);
    let run = |args: &[&str]| -> Ran {
        let mut command = site.command(args);
        command
            .env("CANARY_VALUE", CANARY)
            .env("MANDATE_LOG", "trace");
        Ran::of(command.output().unwrap())
    };
    let mut found = Vec::new();
    let mut commands: Vec<Vec<&str>> = vec![
        vec![
            "run",
            "plan.yaml",
            "--input",
            "token=CANARY",
            "--yes",
            "--json",
            "--stream",
        ],
        vec!["run", "plan.yaml", "--input", "token=CANARY", "--yes"],
    ];
    for rest in [["show", "@last"], ["events", "@last"], ["replay", "@last"]] {
        commands.push(["executions"].into_iter().chain(rest).collect());
        commands.push(
            ["executions"]
                .into_iter()
                .chain(rest)
                .chain(["--json"])
                .collect(),
        );
    }
    commands.push(vec!["audit", "export"]);
    commands.push(vec!["doctor"]);
    for args in commands {
        let ended = run(&args);
        assert!(matches!(ended.code, 0 | 5), "{args:?}: {ended:#?}");
        look(
            &format!("the output of {args:?}"),
            ended.stdout.as_bytes(),
            &mut found,
        );
        look(
            &format!("the messages of {args:?}"),
            ended.stderr.as_bytes(),
            &mut found,
        );
    }
    // It did reach the tool.
    assert_eq!(site.content("got"), CANARY);
    std::fs::remove_file(site.dir().join("got")).unwrap();
    search(&site.dir(), &mut found);
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn this_test_can_see() {
    let mut found = Vec::new();
    for (encoding, bytes) in encodings(CANARY) {
        let before = found.len();
        let mut text = b"before ".to_vec();
        text.extend(bytes);
        look(encoding, &text, &mut found);
        assert!(found.len() > before, "{encoding}");
    }
}
