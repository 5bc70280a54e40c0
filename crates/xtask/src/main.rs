//! The project's own commands: `cargo xtask test`, `cargo xtask tidy`, `cargo xtask generate`,
//! `cargo xtask browser`, `cargo xtask claude-code`, `cargo xtask conformance`, `cargo xtask coverage`, `cargo xtask dist`,
//! `cargo xtask schemathesis`, `cargo xtask simulate`, `cargo xtask soak`, `cargo xtask tool-servers`.
//!
//! `test` runs every check there is, `tidy` holds the house rules, one file per rule, and `generate` writes the
//! committed files that come out of the code. Nothing in here is part of the product.

mod browser;
mod claude_code;
mod conformance;
mod coverage;
mod dist;
mod failure;
mod generate;
mod markdown;
mod rust_source;
mod schemathesis;
mod simulate;
mod soak;
mod test;
mod tidy;
mod tool_servers;
mod tree;
mod workspace;

use failure::Failure;
use std::process::ExitCode;
use workspace::Workspace;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  test [--quick]      every check and every test; --quick leaves out clippy, doc tests and slow tests
  tidy                the house rules
  generate [--check]  write the generated files; --check compares only
  browser             the web console in a real browser; pictures of it in target/browser
  claude-code         Claude Code from npm behind the gateway, with a script for a model
  conformance         MCP's own conformance suite through the gateway
  coverage            which lines the tests run, crate by crate
  dist                the program as it is shipped, built from counts of what runs, into target/shipped
  schemathesis [--examples N]
                      requests made up from docs/openapi.json, against the real server; N for each operation
  simulate [OPTION].. run seeds of the simulation, or `show SEED`, `replay FILE`, `--mutants [NAME]..`
  soak [--minutes N]  mixed load while hosts and clients are killed; 20 minutes where nothing is said
  soak --agents       64 agents at the gateway while servers and the host are killed; 10 minutes
  tool-servers        install the MCP servers that tests call, into target/tool-servers
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(what)) => {
            eprint!("{what}\n\n{USAGE}");
            ExitCode::from(2)
        }
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> Result<(), Failure> {
    let workspace = Workspace::here();
    match words {
        ["test"] => test::run(&workspace, test::Extent::Everything),
        ["test", "--quick"] => test::run(&workspace, test::Extent::Quick),
        ["tidy"] => tidy::run(&workspace),
        ["generate"] => generate::run(&workspace, generate::Mode::Write),
        ["generate", "--check"] => generate::run(&workspace, generate::Mode::Check),
        ["browser"] => {
            browser::install(&workspace)?;
            browser::run(&workspace).map(|note| println!("{note}"))
        }
        ["claude-code"] => claude_code::run(&workspace),
        ["conformance"] => conformance::run(&workspace),
        ["coverage"] => coverage::run(&workspace),
        ["dist"] => dist::run(&workspace),
        ["schemathesis"] => schemathesis::run(&workspace, schemathesis::EXAMPLES),
        ["schemathesis", "--examples", most] => match most.parse() {
            Ok(most) => schemathesis::run(&workspace, most),
            Err(_) => Err(Failure::Usage(format!("`{most}` is no number"))),
        },
        ["simulate", words @ ..] => simulate::run(&workspace, words),
        ["soak", words @ ..] => soak::run(&workspace, words),
        ["tool-servers"] => tool_servers::install(&workspace),
        ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(())
        }
        [] => Err(Failure::Usage("a command is missing".to_owned())),
        words => Err(Failure::Usage(format!(
            "`{}` is not a command",
            words.join(" ")
        ))),
    }
}
