//! The command line: what is not a command is refused with the usage.

use std::process::{Command, Output};

fn xtask(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mandate-xtask"))
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn an_unknown_command_is_refused_with_the_usage() {
    for arguments in [&["tets"][..], &["tidy", "--fix"], &[]] {
        let output = xtask(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(message.contains("usage: cargo xtask"), "{message}");
    }
}

#[test]
fn help_names_every_command() {
    let output = xtask(&["--help"]);
    let usage = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    for command in ["test", "tidy", "generate"] {
        assert!(usage.contains(command), "{usage}");
    }
}
