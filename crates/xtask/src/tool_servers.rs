//! `cargo xtask tool-servers`: the real MCP servers that tests and the example use, in `target/tool-servers`.
//!
//! The example's own script, and one for what only tests need, install them, at fixed versions, once. Where the registries
//! cannot be reached a file says so, and the tests that need the servers report that they could not look; in continuous integration that is a
//! failure.

use crate::Failure;
use crate::workspace::{Workspace, run as run_program};
use std::fs;

const SCRIPT: &str = "examples/tool-servers/setup";
/// What tests need besides.
const MORE: &str = "tests/tool-servers/setup";
const DIR: &str = "target/tool-servers";

/// Installs what is not there yet.
pub(crate) fn install(workspace: &Workspace) -> Result<(), Failure> {
    let script = workspace.root().join(SCRIPT);
    let dir = workspace.root().join(DIR);
    let (installed, missing) = (dir.join("installed"), dir.join("missing"));
    // The script names the versions.
    let more = workspace.root().join(MORE);
    let mut wanted = fs::read_to_string(&script).map_err(|source| Failure::at(&script, source))?;
    wanted += &fs::read_to_string(&more).map_err(|source| Failure::at(&more, source))?;
    // An environment of Python's holds the path that it was made at, and is none where it was moved to.
    wanted += &dir.to_string_lossy();
    if fs::read_to_string(&installed).is_ok_and(|present| present == wanted) {
        return Ok(());
    }
    println!("== tool servers: installing them into {DIR}");
    // What is there is of other versions, or was moved here: it would not start.
    if dir.exists() {
        fs::remove_dir_all(&dir).map_err(|source| Failure::at(&dir, source))?;
    }
    fs::create_dir_all(&dir).map_err(|source| Failure::at(&dir, source))?;
    let ran = run_program(workspace.program(&script).arg("--servers"))
        .and_then(|()| run_program(&mut workspace.program(&more)));
    match ran {
        Ok(()) => {
            let _ = fs::remove_file(&missing);
            fs::write(&installed, wanted).map_err(|source| Failure::at(&installed, source))
        }
        Err(failure) if std::env::var_os("CI").is_some() => Err(failure),
        Err(failure) => {
            println!("== THE TOOL SERVERS ARE MISSING: {failure}");
            println!(
                "== tests with real servers cannot look; `{SCRIPT}` needs npm, Python and their registries"
            );
            fs::write(&missing, failure.to_string()).map_err(|source| Failure::at(&missing, source))
        }
    }
}
