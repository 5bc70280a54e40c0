//! `mandate init`: a commented configuration, and a data directory that stays out of git.

use crate::{
    config::{DATA_NAME, FILE_NAME, template},
    context::Context,
    errors::{Exit, Failure},
    hosting::keep_out_of_git,
    output::Look,
};
use clap::Args;
use serde_json::json;
use std::{
    fs::{DirBuilder, OpenOptions},
    io::{ErrorKind, Write as _},
    os::unix::fs::DirBuilderExt as _,
    path::PathBuf,
};

/// What `init` takes.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mandate init\n  mandate init ~/project\n\nNothing that is there is ever overwritten."
)]
pub(crate) struct InitArgs {
    /// The folder
    #[arg(default_value = ".")]
    folder: PathBuf,
}

pub(super) fn run(args: &InitArgs, context: &Context) -> Result<Exit, Failure> {
    let out = context.out();
    let file = args.folder.join(FILE_NAME);
    let cannot = |path: &PathBuf, error: std::io::Error| {
        Failure::io(&format!("cannot write `{}`", path.display()), &error)
    };
    let mut opened = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&file)
        .map_err(|error| {
            if error.kind() == ErrorKind::AlreadyExists {
                Failure::usage(format!("`{}` is there already", file.display())).remedy(
                    "edit it, or remove it first; `mandate doctor` says whether it is right",
                )
            } else {
                cannot(&file, error)
            }
        })?;
    opened
        .write_all(template::text().as_bytes())
        .map_err(|error| cannot(&file, error))?;
    let data = args.folder.join(DATA_NAME);
    match DirBuilder::new().mode(0o700).create(&data) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(cannot(&data, error)),
    }
    keep_out_of_git(&data);
    if out.is_json() {
        out.value(&json!({ "created": [file, data] }));
    } else {
        let paint = out.paint();
        out.line(&format!(
            "{} {}",
            paint.look(Look::Good, "wrote"),
            file.display()
        ));
        out.line(&format!(
            "{} {}  {}",
            paint.look(Look::Good, "made "),
            data.display(),
            paint.dim("the journal lies there")
        ));
        out.line("\nnext:\n  mandate doctor\n  mandate tools list\n  mandate run PLAN");
    }
    Ok(Exit::Success)
}
