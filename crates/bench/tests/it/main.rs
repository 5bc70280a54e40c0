//! Each workload in miniature: it runs, its rows are what it claims, and its report has the figures that people read.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs,
    reason = "tests"
)]

use serde_json::Value;
use std::process::{Command, Output};

fn bench(arguments: &[&str]) -> (Output, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_mandate-bench"))
        .args(["durable", "--miniature", "--dir"])
        .arg(dir.path())
        .args(arguments)
        .output()
        .unwrap();
    (output, dir)
}

/// Runs a workload twice and gives its figures; nothing may be left behind.
fn figures(workload: &str, expected: &[&str]) -> Value {
    let (output, dir) = bench(&["--workload", workload, "--runs", "2", "--json"]);
    assert!(output.status.success(), "{output:#?}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["workload"], workload);
    assert!(report["machine"]["processors"].as_u64().unwrap() > 0);
    for name in expected {
        let median = report["figures"][name]["median"].as_f64();
        assert!(median.is_some_and(f64::is_finite), "{name}: {report:#}");
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    report["figures"].clone()
}

const RAW: [&str; 3] = [
    "raw_fdatasync_appends_per_s",
    "raw_fdatasync_overwrites_per_s",
    "raw_sqlite_commits_per_s",
];

#[test]
fn a_sequence_commits_once_per_step_and_twice_more() {
    let figures = figures(
        "A",
        &[&["step_ms_p50", "step_ms_p99", "cpu_us_per_step"], &RAW[..]].concat(),
    );
    assert_eq!(figures["commits"]["median"], 7.0);
    assert_eq!(figures["events"]["median"], 15.0);
}

#[test]
fn a_fleet_of_effects_runs() {
    let names = ["steps_per_s", "part_of_raw_group_commit", "peak_rss_mib"];
    let figures = figures("B", &[&names, &RAW[..]].concat());
    // Eight executions with five rows of their own and two for each of three steps.
    assert_eq!(figures["events"]["median"], 88.0);
}

#[test]
fn a_fleet_of_reads_commits_less_often_than_it_steps() {
    let figures = figures("B-read", &["steps_per_s", "commits_per_step"]);
    assert_eq!(figures["events"]["median"], 72.0);
    assert!(figures["commits_per_step"]["max"].as_f64().unwrap() < 1.0);
}

#[test]
fn growth_is_a_ratio() {
    figures("C", &["step_p50_ratio", "step_mean_ratio", "cpu_ratio"]);
}

#[test]
fn what_is_parked_is_taken_up() {
    let names = ["open_and_recover_ms", "private_bytes_per_parked", "fill_s"];
    let figures = figures("D", &names);
    assert_eq!(figures["parked"]["values"], serde_json::json!([10.0, 10.0]));
    assert_eq!(figures["filled_events"]["median"], 160.0);
}

#[test]
fn people_get_a_table() {
    let (output, _dir) = bench(&["--workload", "a", "--runs", "1"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("median") && text.contains("step_ms_p50"),
        "{text}"
    );
}

#[test]
fn a_directory_that_is_not_there_is_an_error() {
    let output = Command::new(env!("CARGO_BIN_EXE_mandate-bench"))
        .args(["durable", "--workload", "A", "--dir", "/nowhere/at/all"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("`/nowhere/at/all`"), "{error}");
}

#[test]
fn policies_are_measured_by_rules_and_calls() {
    let output = Command::new(env!("CARGO_BIN_EXE_mandate-bench"))
        .args(["policy", "--times", "10", "--json"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:#?}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let lines = report["lines"].as_array().unwrap();
    for what in ["evaluate", "enforce", "load"] {
        let measured = |line: &&Value| line["what"] == what && line["rules"] == 1_000;
        let line = lines.iter().find(measured).unwrap();
        let (p50, p99) = (line["p50_us"].as_f64(), line["p99_us"].as_f64());
        assert!(p50 > Some(0.0) && p99 >= p50, "{line}");
    }
}

#[test]
fn one_table_holds_every_workload_and_what_is_wanted() {
    let dir = tempfile::tempdir().unwrap();
    let page = dir.path().join("page.md");
    let marks = "<!-- mandate-bench table: begin -->\nold\n<!-- mandate-bench table: end -->\n";
    std::fs::write(&page, marks).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_mandate-bench"))
        .args(["table", "--miniature", "--runs", "1", "--dir"])
        .arg(dir.path())
        .arg("--into")
        .arg(&page)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:#?}");
    let table = String::from_utf8(output.stdout).unwrap();
    for figure in [
        "part_of_raw_group_commit",
        "step_above_commit_us",
        "commits_per_plan_of_reads",
        "cpu_us_beside_policy",
        "cpu_ratio",
        "private_bytes_per_parked",
    ] {
        assert!(table.contains(figure), "{figure}: {table}");
    }
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains(&table) && !page.contains("old"), "{page}");
}

#[test]
fn a_large_journal_is_read_verified_and_archived() {
    let names = [
        "slowest_of_all_ms",
        "next_against_first_cpu",
        "private_bytes_per_parked",
        "verify_s",
        "archive_remove_s",
        "verify_after_archiving_s",
    ];
    let figures = figures("E", &names);
    assert_eq!(figures["parked"]["median"], 30.0);
    // A fifth of 300; the clock goes on between filling and archiving, which may make it one or two more.
    let archived = figures["archived"]["median"].as_f64().unwrap();
    assert!((60.0..=64.0).contains(&archived), "{archived}");
    assert_eq!(figures["verified_archived"]["max"], archived);
}

#[test]
fn the_gateway_is_measured_beside_a_pass_through() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let server = root.join("target/tool-servers/npm/node_modules/.bin/mcp-server-everything");
    let mandate =
        std::path::Path::new(env!("CARGO_BIN_EXE_mandate-bench")).with_file_name("mandate");
    // Both are there where the whole workspace was built and the tool servers could be installed.
    if !server.exists() || !mandate.exists() {
        eprintln!("NOT TESTED: the tool servers or the binary `mandate` are missing");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_mandate-bench"))
        .args(["mcp", "--miniature", "--json", "--server"])
        .arg(&server)
        .arg("--dir")
        .arg(dir.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:#?}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    for name in [
        "added_stdio_read_1_p50_us",
        "gateway_http_effect_16_p50_us",
        "direct_stdio_1_p50_us",
    ] {
        let median = report["figures"][name]["median"].as_f64();
        assert!(median.is_some_and(f64::is_finite), "{name}: {report:#}");
    }
}
