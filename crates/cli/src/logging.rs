//! Logs: to standard error, and only if they are asked for. What people need to know is said by the commands.

use crate::config::{Log, Style};
use std::io::IsTerminal as _;
use tracing_subscriber::EnvFilter;

/// Logs from now on, if the configuration wants that. The first call counts.
pub(crate) fn start(log: &Log) {
    let Some(filter) = &log.filter else {
        return;
    };
    let logger = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let _ = match log.style {
        Style::Json => logger.json().flatten_event(true).try_init(),
        Style::Pretty => logger.try_init(),
    };
}
