//! `cargo xtask simulate`: runs seeds of the simulation, or shows that it finds every mutant.

mod mutants;

use crate::Failure;
use crate::workspace::{Workspace, run as run_program};

/// Runs the simulation with these words, or the mutants.
pub(crate) fn run(workspace: &Workspace, words: &[&str]) -> Result<(), Failure> {
    match words {
        ["--mutants", names @ ..] => mutants::run(workspace, names),
        words => {
            let mut command = workspace.cargo();
            command.args([
                "run",
                "--release",
                "--locked",
                "--quiet",
                "-p",
                "mandate-sim",
                "--",
            ]);
            let kept = workspace.root().join("crates/sim/regressions");
            if !matches!(words, ["show" | "replay", ..]) {
                command.arg("--regressions").arg(kept);
            }
            run_program(command.args(words))
        }
    }
}
