//! `cargo xtask soak`: the mixed load of the tests, or agents at the gateway, for as long as one likes.

use crate::Failure;
use crate::workspace::{Workspace, run as run_program};

/// The test that is the load, in `crates/cli/tests/it/soak.rs`.
const TEST: &str = "soak::mixed_load_with_kills";
/// What it is run for where nothing else is said.
const MINUTES: u64 = 20;

/// Agents at the gateway, as long as they are told to.
const AGENTS: &str = "tests/agents/soak.py";
const AGENTS_INTO: &str = "target/soak-agents";

/// Runs it with these words: `--minutes N`, `--seed N`; `--agents` before them for agents at the gateway, with `--number N` and
/// `--calm`, too.
pub(crate) fn run(workspace: &Workspace, words: &[&str]) -> Result<(), Failure> {
    if let ["--agents", words @ ..] = words {
        return agents(workspace, words);
    }
    let mut minutes = MINUTES;
    let mut command = workspace.cargo();
    let mut rest = words;
    while let [name, value, others @ ..] = rest {
        let number: u64 = value
            .parse()
            .map_err(|_| Failure::Usage(format!("`{value}` is not a number")))?;
        match *name {
            "--minutes" => minutes = number,
            "--seed" => {
                command.env("MANDATE_TEST_SEED", value);
            }
            name => return Err(Failure::Usage(format!("`{name}` is no option of `soak`"))),
        }
        rest = others;
    }
    if let [word] = rest {
        return Err(Failure::Usage(format!("`{word}` needs a number")));
    }
    let seconds = minutes.saturating_mul(60);
    command.env("MANDATE_SOAK_SECONDS", seconds.to_string());
    // The whole workspace, with the features that all other tests are built with, so that nothing is built a second time.
    command.args(["test", "--locked", "--workspace", "--test", "it"]);
    run_program(command.args(["--", "--exact", TEST, "--nocapture"]))
}

/// The program is the one built for tests, unless `--mandate` names another.
fn agents(workspace: &Workspace, words: &[&str]) -> Result<(), Failure> {
    run_program(
        workspace
            .cargo()
            .args(["build", "--workspace", "--tests", "--locked"]),
    )?;
    let mut script = workspace.program("python3");
    script.arg(AGENTS).arg("--mandate");
    script.arg(workspace.built("mandate"));
    script.args(["--into", AGENTS_INTO]).args(words);
    run_program(&mut script)
}
