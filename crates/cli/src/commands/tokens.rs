//! `mandate tokens …`: what can be done to tokens and their keys.

use crate::{
    context::Context,
    drive::Driver,
    errors::{Exit, Failure, Kind},
    token_file, toolbox, when,
};
use clap::{Args, Subcommand};
use mandate_host::TokenText;
use mandate_policy::token::Token;
use serde_json::json;
use std::path::PathBuf;

/// The commands under `tokens`.
#[derive(Debug, Subcommand)]
pub(crate) enum TokensCommand {
    /// Make a token that allows less out of one, without any key
    #[command(
        after_help = "Examples:\n  mandate tokens narrow agent.token --out helper.token --steps fetch,parse\n  mandate tokens narrow agent.token --out helper.token --expires 2m"
    )]
    Narrow(NarrowArgs),
    /// Make a new key for tokens
    #[command(
        after_help = "Examples:\n  mandate tokens rotate\n  mandate tokens rotate --at-once   # every token that was given out is void"
    )]
    Rotate(RotateArgs),
}

/// What `tokens narrow` takes.
#[derive(Debug, Args)]
pub(crate) struct NarrowArgs {
    /// The file with the token
    file: PathBuf,
    /// Where the other token is written; only its owner can read the file
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Only these steps can be called with it
    #[arg(long, value_name = "STEP,…", value_delimiter = ',')]
    steps: Option<Vec<String>>,
    /// When it ends: `2m` from now, or a time; such a token is never renewed
    #[arg(long, value_name = "TIME")]
    expires: Option<String>,
}

/// What `tokens rotate` takes.
#[derive(Debug, Args)]
pub(crate) struct RotateArgs {
    /// The keys before it are gone at once, and so is every token that was given out
    #[arg(long)]
    at_once: bool,
}

pub(crate) fn run(command: TokensCommand, context: &Context) -> Result<Exit, Failure> {
    match command {
        TokensCommand::Narrow(args) => narrow(&args, context),
        TokensCommand::Rotate(args) => rotate(&args, context),
    }
}

fn narrow(args: &NarrowArgs, context: &Context) -> Result<Exit, Failure> {
    let held = token_file::read(&args.file)?;
    let parsed = held.reveal().parse::<Token>();
    let mut token = parsed.map_err(|error| {
        let message = format!("`{}`: {error}", args.file.display());
        Failure::new(Kind::Usage, message)
    })?;
    if args.steps.is_none() && args.expires.is_none() {
        return Err(
            Failure::usage("nothing is said of what the token is to allow")
                .remedy("give `--steps`, `--expires` or both"),
        );
    }
    if let Some(steps) = &args.steps {
        token = token.for_steps(steps.iter().cloned().collect());
    }
    if let Some(expires) = &args.expires {
        let at_ms = when::future_ms(expires, when::now_ms())
            .map_err(|error| Failure::usage(format!("`--expires`: {error}")))?;
        token = token.until(at_ms);
    }
    token_file::write(&args.out, &TokenText::new(&token.reveal()))?;
    let out = context.out();
    match out.is_json() {
        true => out.value(&json!({ "token_file": args.out })),
        false => out.line(&format!("token in {}", args.out.display())),
    }
    Ok(Exit::Success)
}

fn rotate(args: &RotateArgs, context: &Context) -> Result<Exit, Failure> {
    let settings = context.settings()?;
    let driver = Driver::start_for_one(settings, toolbox::registry(settings)?)?;
    let key = driver.rotate_tokens(args.at_once)?;
    let out = context.out();
    if out.is_json() {
        out.value(&json!({ "key": key, "at_once": args.at_once }));
    } else {
        out.line(&format!("new tokens are made with the key {key}"));
        if args.at_once {
            out.line("every token that was given out is void");
        }
    }
    driver.finish(context, &[])?;
    Ok(Exit::Success)
}
