//! `cargo xtask tool-servers`: the real MCP servers that tests and the example use, in `target/tool-servers`.
//!
//! The example's own script installs them, at fixed versions, once. Where the registries cannot be reached a file says
//! so, and the tests that need the servers report that they could not look; in continuous integration that is a
//! failure.

use crate::Failure;
use crate::workspace::{Workspace, run as run_program};
use std::fs;
use std::path::Path;

const SCRIPT: &str = "examples/tool-servers/setup";
const DIR: &str = "target/tool-servers";

/// Installs what is not there yet.
pub(crate) fn install(workspace: &Workspace) -> Result<(), Failure> {
    let script = workspace.root().join(SCRIPT);
    let dir = workspace.root().join(DIR);
    let (installed, missing) = (dir.join("installed"), dir.join("missing"));
    // The script names the versions.
    let wanted = fs::read_to_string(&script).map_err(|source| at(&script, source))?;
    if fs::read_to_string(&installed).is_ok_and(|present| present == wanted) {
        return Ok(());
    }
    println!("== tool servers: installing them into {DIR}");
    fs::create_dir_all(&dir).map_err(|source| at(&dir, source))?;
    match run_program(workspace.program(&script).arg("--servers")) {
        Ok(()) => {
            let _ = fs::remove_file(&missing);
            fs::write(&installed, wanted).map_err(|source| at(&installed, source))
        }
        Err(failure) if std::env::var_os("CI").is_some() => Err(failure),
        Err(failure) => {
            println!("== THE TOOL SERVERS ARE MISSING: {failure}");
            println!(
                "== tests with real servers cannot look; `{SCRIPT}` needs npm, Python and their registries"
            );
            fs::write(&missing, failure.to_string()).map_err(|source| at(&missing, source))
        }
    }
}

fn at(path: &Path, source: std::io::Error) -> Failure {
    Failure::File {
        path: path.to_path_buf(),
        source,
    }
}
