//! Why there are no figures.

use std::io;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(
        "{0}; usage: peer-dbos --url postgres://… --workload A|B [--executions N] [--steps N] [--at-a-time N] \
         [--connections N] [--postmaster PID]"
    )]
    Usage(String),
    #[error("cannot {doing}: {source}")]
    Io { doing: String, source: io::Error },
    #[error("DBOS failed: {0}; the server's log says more")]
    Peer(#[from] dbos::Error),
    #[error("the rows cannot be counted: {0}; the server's log says more")]
    Database(#[from] sqlx::Error),
    #[error("{0}: these figures would be wrong")]
    Wrong(String),
}

impl Failure {
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }
}
