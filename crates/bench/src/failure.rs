//! Why a measurement has no result.

use std::path::Path;

/// Why a measurement has no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The host refused or stopped.
    #[error(transparent)]
    Host(#[from] mandate_host::HostError),
    /// The journal cannot be used.
    #[error(transparent)]
    Store(#[from] mandate_store::StoreError),
    /// SQLite, in a raw measurement or in counting rows.
    #[error("SQLite failed: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// A process of a measurement gave something else than its figures.
    #[error("a measurement printed no figures: {0}")]
    Json(#[from] serde_json::Error),
    /// The operating system refused something.
    #[error("cannot {what}: {error}")]
    Io {
        /// What was tried.
        what: String,
        /// Why not.
        error: std::io::Error,
    },
    /// What ran is not what was to be measured, so that its figures mean nothing.
    #[error("{0}")]
    Wrong(String),
}

impl Failure {
    pub(crate) fn io(what: &str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let what = format!("{what} `{}`", path.display());
        move |error| Self::Io { what, error }
    }

    pub(crate) fn doing(what: &str) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.to_owned();
        move |error| Self::Io { what, error }
    }
}
