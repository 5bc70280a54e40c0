//! The ways in which a command of the project fails.

use std::path::{Path, PathBuf};

/// Why a command ended without success.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The command line is wrong.
    #[error("{0}")]
    Usage(String),
    /// A file could not be read or written.
    #[error("`{path}`: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A program could not be started.
    #[error("cannot start `{program}`: {source}")]
    Start {
        /// The program.
        program: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A program ended without success.
    #[error("`{command}` failed ({status})")]
    Program {
        /// The command line.
        command: String,
        /// How it ended.
        status: std::process::ExitStatus,
    },
    /// The answer of `cargo metadata` is not what is expected of it.
    #[error("cannot read the answer of cargo metadata: {0}")]
    Metadata(#[from] serde_json::Error),
    /// What tests need is not there, where it has to be.
    #[error("cannot look: {0}")]
    Missing(String),
    /// What was counted is not what a program is made of.
    #[error(
        "`{0}` was built without what was counted: its functions have other names than those that were counted"
    )]
    Untrained(&'static str),
    /// The tests run too few lines, or it cannot be told how many.
    #[error("{0}")]
    Coverage(String),
    /// House rules are broken; each place has been printed.
    #[error("{0} places break the house rules")]
    Untidy(usize),
    /// Generated files differ from what is committed; each has been printed.
    #[error(
        "{0} generated files are out of date; run `cargo xtask generate` and commit the result"
    )]
    Stale(usize),
    /// Parts of `cargo xtask test` failed; their output stands above.
    #[error("failed: {0}")]
    Parts(String),
}

impl Failure {
    /// What the system said of a file.
    pub(crate) fn at(path: &Path, source: std::io::Error) -> Self {
        Self::File {
            path: path.to_path_buf(),
            source,
        }
    }
}
