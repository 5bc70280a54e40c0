//! What people type: the commands of the binary `mandate`.
//!
//! Holds arguments, configuration, rendering and exit codes. Decides nothing about plans, permission or what happens
//! next: every command translates, asks the host or reads the journal, and translates back.
//!
//! Start reading at [`args`], which names every command; each is one file under `commands/`. `follow.rs` is how a
//! command stays with an execution until it rests, `errors.rs` how a failure becomes a message and an exit code. With
//! `--server`, `remote/` asks a server instead, and tells with the same functions.

mod agent_run;
mod args;
mod asking;
mod clients;
mod commands;
mod config;
mod context;
mod daemon;
mod document;
mod drive;
mod errors;
mod follow;
mod gateway;
mod holder;
mod hosting;
mod ids;
mod inputs;
mod interrupt;
mod lanes;
mod launch;
mod logging;
mod nearest;
mod open_files;
mod output;
mod progress;
mod prompt;
mod read_only;
mod remote;
mod render;
mod step_path;
mod token_file;
mod toolbox;
mod who;

pub use args::command;

use args::Cli;
use clap::{FromArgMatches as _, error::ErrorKind};
use context::Context;
use errors::{Exit, Failure};
use mandate_server::when;
use output::{Colour, Out};
use std::{ffi::OsString, process::ExitCode};

/// Runs the command line that the process was started with.
pub fn main() -> ExitCode {
    // Before anything else: this is what every program that a tool starts waits for.
    if let Some(exit) = mandate_tools::helper() {
        return exit;
    }
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let exit = start(&arguments);
    ExitCode::from(exit.code())
}

fn start(arguments: &[OsString]) -> Exit {
    // Before the arguments are understood, so that a usage error is JSON too where JSON was asked for.
    let json = arguments
        .iter()
        .skip(1)
        .any(|argument| argument == "--json");
    let matches = match command().try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) => return usage(&error, json),
    };
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => return usage(&error, json),
    };
    let out = Out::new(cli.globals.json, cli.globals.colour);
    let context = Context::new(cli.globals, out);
    let result = who::shield().and_then(|()| commands::run(cli.command, &context));
    let exit = match result {
        Ok(exit) => exit,
        Err(failure) => {
            failure.report(context.out());
            failure.exit()
        }
    };
    match context.out().finish() {
        Ok(()) => exit,
        Err(error) => {
            let failure = Failure::io("cannot write to standard output", &error);
            failure.report(context.out());
            failure.exit()
        }
    }
}

fn usage(error: &clap::Error, json: bool) -> Exit {
    let help = matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    );
    if json && !help {
        let out = Out::new(true, Colour::Never);
        let text = error.render().to_string();
        let text = text.trim_start_matches("error: ");
        let message = text.split("\n\n").next().unwrap_or(text);
        let remedy = "`--help` behind the command shows how it is used";
        Failure::usage(message.trim()).remedy(remedy).report(&out);
        return Exit::Invalid;
    }
    // A pipe that was closed is nobody's mistake.
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Success,
        _ => Exit::Invalid,
    }
}
