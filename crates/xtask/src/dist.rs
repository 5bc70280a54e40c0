//! `cargo xtask dist`: the program as it is shipped, in `target/shipped`. It is built twice: once so that it counts what runs, and
//! then, after the workloads of `mandate-bench` have run, from what was counted. Code that runs lies together then, which matters
//! to a call: it goes through much code once, not through little code often.
//!
//! `llvm-profdata` brings the counts together. It comes with `rustup component add llvm-tools`, and must be of the LLVM that `rustc`
//! was made with.

mod counts;

use crate::Failure;
use crate::tool_servers;
use crate::workspace::{Workspace, output_of, run as run_program};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// Where the two builds are.
const COUNTING: &str = "target/counting";
const TRAINED: &str = "target/trained";
/// What was counted, by each program, and all of it.
const COUNTS: &str = "target/counts";
const PROFILE: &str = "target/counts/all.profdata";
/// Where the programs are in the end.
const SHIPPED: &str = "target/shipped";
const PROGRAMS: [&str; 2] = ["mandate", "mandate-bench"];
/// What part of the functions that ran has to be in each program by name. Many become parts of others; where the names of the two
/// builds differ, it is one in hundreds.
const TAKEN_UP: f64 = 0.1;

/// What is run to count: durable plans, judging, the API, the gateway over both transports.
const WORKLOADS: [&str; 6] = [
    "durable --workload B --runs 2 --dir target",
    "durable --workload B-read --runs 1 --dir target",
    "durable --workload A --runs 1 --dir target",
    "policy --times 60",
    "http --executions 500 --times 200 --runs 1 --dir target",
    "mcp --runs 2 --times 600 --dir target",
];

/// Builds, counts, and builds again.
pub(crate) fn run(workspace: &Workspace) -> Result<(), Failure> {
    let rustc = Rustc::of(workspace)?;
    let merge = rustc.profdata(workspace)?;
    tool_servers::install(workspace)?;
    let counts = workspace.root().join(COUNTS);
    if counts.exists() {
        fs::remove_dir_all(&counts).map_err(|source| Failure::at(&counts, source))?;
    }
    println!("== building what counts");
    let counting = format!("-Cprofile-generate={}", counts.display());
    // In nothing else does it differ from what is shipped: functions are found by their names, and a setting of the profile changes
    // them all.
    run_program(&mut rustc.build(workspace, COUNTING, &counting))?;
    println!("== counting");
    let bench = rustc.built(workspace, COUNTING, "mandate-bench");
    for words in WORKLOADS {
        run_program(workspace.program(&bench).args(words.split(' ')))?;
    }
    run_program(
        workspace
            .program(&merge)
            .args(["merge", "--output", PROFILE, COUNTS]),
    )?;
    let show = ["show", "--all-functions", "--counts", PROFILE];
    let ran = counts::ran(&output_of(workspace.program(&merge).args(show))?);
    println!("== building what is shipped");
    let profile = workspace.root().join(PROFILE);
    let trained = format!("-Cprofile-use={}", profile.display());
    run_program(&mut rustc.build(workspace, TRAINED, &trained))?;
    let shipped = workspace.root().join(SHIPPED);
    fs::create_dir_all(&shipped).map_err(|source| Failure::at(&shipped, source))?;
    for name in PROGRAMS {
        let (from, to) = (rustc.built(workspace, TRAINED, name), shipped.join(name));
        fs::copy(&from, &to).map_err(|source| Failure::at(&from, source))?;
        let program = fs::read(&to).map_err(|source| Failure::at(&to, source))?;
        let part = counts::part_in(&program, &ran);
        if part < TAKEN_UP {
            return Err(Failure::Untrained(name));
        }
        println!("{}", to.display());
    }
    Ok(())
}

/// The compiler that cargo uses.
struct Rustc {
    /// What it builds for, where nothing is said.
    host: String,
    /// Where its own files are.
    sysroot: PathBuf,
    /// The version of its LLVM.
    llvm: String,
}

impl Rustc {
    fn of(workspace: &Workspace) -> Result<Self, Failure> {
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let told = output_of(workspace.program(&rustc).arg("-vV"))?;
        let line = |name: &str| {
            let line = told.lines().find_map(|line| line.strip_prefix(name));
            let line = line.map(|value| value.trim().to_owned());
            line.ok_or_else(|| Failure::Missing(format!("`rustc -vV` does not say `{name}`")))
        };
        let sysroot = output_of(workspace.program(&rustc).args(["--print", "sysroot"]))?;
        Ok(Self {
            host: line("host:")?,
            sysroot: PathBuf::from(sysroot.trim()),
            llvm: line("LLVM version:")?,
        })
    }

    /// Where `llvm-profdata` is: what `LLVM_PROFDATA` names, or the one that belongs to the compiler.
    fn profdata(&self, workspace: &Workspace) -> Result<PathBuf, Failure> {
        let own = { self.sysroot.join("lib/rustlib").join(&self.host) }.join("bin/llvm-profdata");
        let named = std::env::var_os("LLVM_PROFDATA").map(PathBuf::from);
        let program = named.unwrap_or(own);
        let version = output_of(workspace.program(&program).arg("--version"));
        let major = |version: &str| version.split('.').next().map(str::to_owned);
        let found = version.ok().and_then(|told| {
            let version = told.split("version ").nth(1)?;
            major(version.trim())
        });
        if found.is_some() && found == major(&self.llvm) {
            return Ok(program);
        }
        Err(Failure::Missing(format!(
            "`{}` is not there, or not of LLVM {}: `rustup component add llvm-tools` brings it, or name one by `LLVM_PROFDATA`",
            program.display(),
            self.llvm
        )))
    }

    /// Builds what is shipped, and what measures it, into a folder of its own. The target is named, so that programs which only
    /// build do not count.
    fn build(&self, workspace: &Workspace, into: &str, flag: &str) -> Command {
        let mut build = workspace.cargo();
        build.args(["build", "--locked", "--profile", "dist", "--workspace"]);
        build.args(PROGRAMS.iter().flat_map(|name| ["--bin", name]));
        build.args(["--target", &self.host, "--target-dir", into]);
        build.env("CARGO_ENCODED_RUSTFLAGS", flag);
        build
    }

    fn built(&self, workspace: &Workspace, into: &str, name: &str) -> PathBuf {
        let into = workspace.root().join(into).join(&self.host);
        into.join("dist").join(name)
    }
}
