//! `cargo xtask soak`: the mixed load of the tests, for as long as one likes.

use crate::Failure;
use crate::workspace::{Workspace, run as run_program};

/// The test that is the load, in `crates/cli/tests/it/soak.rs`.
const TEST: &str = "soak::mixed_load_with_kills";
/// What it is run for where nothing else is said.
const MINUTES: u64 = 20;

/// Runs it with these words: `--minutes N`, `--seed N`.
pub(crate) fn run(workspace: &Workspace, words: &[&str]) -> Result<(), Failure> {
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
    command.args(["test", "--locked", "-p", "mandate-cli", "--test", "it"]);
    run_program(command.args(["--", "--exact", TEST, "--nocapture"]))
}
