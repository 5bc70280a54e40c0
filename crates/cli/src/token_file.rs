//! Files with tokens: read whole, written so that only their owner can read them. A token is never printed.

use crate::errors::{Failure, Kind};
use mandate_host::TokenText;
use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

/// Where the token of an execution lies if nothing else is said: in the data directory, which tools cannot read.
pub(crate) fn usual_path(data_dir: &Path, execution_id: &str) -> PathBuf {
    data_dir
        .join("tokens")
        .join(format!("{execution_id}.token"))
}

/// The token in a file.
///
/// # Errors
/// The file cannot be read, or holds nothing.
pub(crate) fn read(path: &Path) -> Result<TokenText, Failure> {
    let text = fs::read_to_string(path).map_err(|error| {
        let what = format!("the token in `{}` cannot be read", path.display());
        Failure::io(&what, &error)
            .remedy("`mandate executions token ID --token-file FILE` writes a new one")
    })?;
    let token = TokenText::new(&text);
    if token.reveal().is_empty() {
        let message = format!("`{}` holds no token", path.display());
        return Err(Failure::new(Kind::Usage, message)
            .remedy("`mandate executions token ID --token-file FILE` writes a new one"));
    }
    Ok(token)
}

/// Writes a token beside the file and puts it in its place, so that whoever reads finds the one before or the new one.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn write(path: &Path, token: &TokenText) -> Result<(), Failure> {
    let what = || format!("the token cannot be written to `{}`", path.display());
    let put = || {
        let parent = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        if let Some(parent) = parent {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(parent)?;
        }
        let mut new = path.as_os_str().to_owned();
        new.push(format!(".{}.new", std::process::id()));
        let new = PathBuf::from(new);
        let _ = fs::remove_file(&new);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&new)?;
        let written = writeln!(file, "{}", token.reveal()).and_then(|()| fs::rename(&new, path));
        if written.is_err() {
            let _ = fs::remove_file(&new);
        }
        written
    };
    put().map_err(|error| Failure::io(&what(), &error))
}
