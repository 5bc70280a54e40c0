//! Mutants: the code with one rule broken, each as a patch. The simulation must find every one of them.

use crate::Failure;
use crate::workspace::{Workspace, output_of, run as run_program};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

/// Seeds within which a mutant must be found.
const SEEDS: &str = "2000";

/// What came of a mutant.
struct Found {
    name: String,
    /// The seed, and what it violated.
    by: Option<(String, String)>,
    seconds: u64,
}

/// Builds and runs every mutant, or those of these names.
pub(super) fn run(workspace: &Workspace, names: &[&str]) -> Result<(), Failure> {
    let patches = patches(workspace, names)?;
    let copy = workspace.root().join("target/mutants/workspace");
    // Of its own: cargo tells the copy's crates from those of the workspace only by their files' times, so that in one folder
    // the next build of the workspace would take a mutant's library for its own.
    let target = workspace.root().join("target/mutants/target");
    copy_workspace(workspace, &copy)?;
    let mut missed = Vec::new();
    let mut all = Vec::new();
    for patch in &patches {
        let found = one(workspace, patch, &copy, &target)?;
        match &found.by {
            Some((seed, check)) => {
                println!(
                    "{}: found by {seed}: {check} ({} s)",
                    found.name, found.seconds
                );
            }
            None => {
                println!(
                    "{}: NOT FOUND within {SEEDS} seeds ({} s)",
                    found.name, found.seconds
                );
                missed.push(found.name.clone());
            }
        }
        all.push(found);
    }
    println!(
        "{} of {} mutants found",
        all.len().saturating_sub(missed.len()),
        all.len()
    );
    match missed.is_empty() {
        true => Ok(()),
        false => Err(Failure::Parts(missed.join(", "))),
    }
}

fn patches(workspace: &Workspace, names: &[&str]) -> Result<Vec<PathBuf>, Failure> {
    let dir = workspace.root().join("crates/sim/mutants");
    let unread = |source| Failure::File {
        path: dir.clone(),
        source,
    };
    let mut patches = Vec::new();
    for entry in std::fs::read_dir(&dir).map_err(unread)? {
        let path = entry.map_err(unread)?.path();
        let wanted = names.is_empty() || names.contains(&name_of(&path).as_str());
        if wanted && path.extension().is_some_and(|ending| ending == "patch") {
            patches.push(path);
        }
    }
    patches.sort();
    match patches.is_empty() {
        true => Err(Failure::Usage("there is no such mutant".to_owned())),
        false => Ok(patches),
    }
}

fn name_of(patch: &Path) -> String {
    let stem = patch.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}

/// Brings the copy up to date: files that are the same keep their times, so that little is built again.
fn copy_workspace(workspace: &Workspace, copy: &Path) -> Result<(), Failure> {
    let made = std::fs::create_dir_all(copy);
    made.map_err(|source| Failure::File {
        path: copy.to_owned(),
        source,
    })?;
    let listed = output_of(workspace.program("git").args([
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
    ]))?;
    for file in listed.lines() {
        let (from, to) = (workspace.root().join(file), copy.join(file));
        copy_file(&from, &to)?;
    }
    Ok(())
}

fn copy_file(from: &Path, to: &Path) -> Result<(), Failure> {
    let failed = |source| Failure::File {
        path: to.to_owned(),
        source,
    };
    // A file that is listed and not there was removed.
    let Ok(bytes) = std::fs::read(from) else {
        return Ok(());
    };
    if std::fs::read(to).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    if let Some(parent) = to.parent() {
        std::fs::create_dir_all(parent).map_err(failed)?;
    }
    std::fs::write(to, bytes).map_err(failed)
}

fn one(workspace: &Workspace, patch: &Path, copy: &Path, target: &Path) -> Result<Found, Failure> {
    let begun = Instant::now();
    let apply = |reverse: bool| {
        let mut git = workspace.program("git");
        git.current_dir(copy).arg("apply");
        if reverse {
            git.arg("--reverse");
        }
        // Without this, git would look for the repository that the copy lies in.
        git.env("GIT_CEILING_DIRECTORIES", copy.parent().unwrap_or(copy));
        run_program(git.arg(patch))
    };
    apply(false)?;
    let told = simulate(workspace, copy, target);
    apply(true)?;
    let told = told?;
    Ok(Found {
        name: name_of(patch),
        by: violation(&told),
        seconds: begun.elapsed().as_secs(),
    })
}

/// Builds the copy, and runs its seeds until one fails; gives what it said.
fn simulate(workspace: &Workspace, copy: &Path, target: &Path) -> Result<String, Failure> {
    let mut build = workspace.cargo();
    build.current_dir(copy).env("CARGO_TARGET_DIR", target);
    // A mutant differs from the next in a few lines, and nobody looks at it with a debugger.
    build
        .env("CARGO_INCREMENTAL", "1")
        .env("CARGO_PROFILE_DEV_DEBUG", "none");
    // With `--workspace`, what comes from elsewhere has the features that it has in every other build.
    run_program(
        build
            .args(["build", "--locked", "--quiet", "--workspace"])
            .args(["--bin", "mandate-sim"]),
    )?;
    let mut seeds = workspace.program(target.join("debug/mandate-sim"));
    seeds.current_dir(copy).args(["--seeds", SEEDS, "--first"]);
    let output = seeds.stderr(Stdio::inherit()).output();
    let output = output.map_err(|source| Failure::Start {
        program: "mandate-sim".to_owned(),
        source,
    })?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The first line of the form `seed N: CHECK`.
fn violation(told: &str) -> Option<(String, String)> {
    let line = told.lines().find(|line| line.starts_with("seed "))?;
    let (seed, check) = line.split_once(": ")?;
    Some((seed.to_owned(), check.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_found_a_mutant_is_read() {
        let told = "10 seeds in 2 s\n\nseed 17: no effect is done twice\n  step `a`\n";
        let found = violation(told).unwrap();
        assert_eq!(
            found,
            ("seed 17".to_owned(), "no effect is done twice".to_owned())
        );
        assert_eq!(violation("2000 seeds in 9 s, 0 failed\n"), None);
    }
}
