//! The mutants: each patch must still apply, or it proves nothing any more.

use std::path::{Path, PathBuf};
use std::process::Command;

fn patches() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("mutants");
    let entries = std::fs::read_dir(dir).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|ending| ending == "patch"))
        .collect()
}

#[test]
fn every_mutant_still_applies() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let patches = patches();
    assert!(patches.len() >= 8, "{patches:?}");
    for patch in patches {
        // Outside of any repository, `git apply` works on files alone.
        let checked = Command::new("git")
            .args(["apply", "--check"])
            .arg(&patch)
            .current_dir(&root)
            .output()
            .unwrap();
        assert!(
            checked.status.success(),
            "{}: {}\nwrite it anew, see docs/simulation.md",
            patch.display(),
            String::from_utf8_lossy(&checked.stderr)
        );
    }
}
