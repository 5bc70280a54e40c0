//! The client library for Python, as people use it, in both of its ways to connect.

use super::scenes::{ledger, site};
use crate::example_scenes::installed;
use std::path::Path;
use std::process::Command;

fn run(mode: &str) {
    if installed("py/bin/python").is_none() {
        return;
    }
    // By its own path: the interpreter of a virtual environment is a link, and what it finds depends on where that lies.
    let python =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tool-servers/py/bin/python");
    let site = site("");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/mcp/client.py");
    let mut command = Command::new(python);
    site.prepare(&mut command);
    command
        .arg(script)
        .arg(env!("CARGO_BIN_EXE_mandate"))
        .arg(mode);
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{told}\n{}",
        String::from_utf8_lossy(&output.stdout)
    );
    assert_eq!(
        ledger(&site),
        [
            r#"{"of":"bob"}"#,
            r#"{"amount":5,"to":"bob"}"#,
            r#"{"of":"bob"}"#,
            r#"{"amount":5,"to":"bob"}"#,
            r#"{"amount":7,"to":"ann"}"#
        ]
    );
    site.assert_intact();
}

#[test]
fn the_python_client_with_a_handshake() {
    run("legacy");
}

#[test]
fn the_python_client_without_a_handshake() {
    run("2026-07-28");
}
