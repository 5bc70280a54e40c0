//! `mandate completions SHELL`.

use crate::{
    args,
    context::Context,
    errors::{Exit, Failure},
};
use clap::Args;
use clap_complete::Shell;

/// What `completions` takes.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  mandate completions bash > ~/.local/share/bash-completion/completions/mandate\n  mandate completions zsh > ~/.zfunc/_mandate\n  mandate completions fish > ~/.config/fish/completions/mandate.fish")]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

pub(super) fn run(args: &CompletionsArgs, context: &Context) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut args::command(), "mandate", &mut script);
    context.out().write(&script);
    Ok(Exit::Success)
}
