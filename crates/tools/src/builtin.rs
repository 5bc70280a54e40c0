//! The tools that Mandate brings itself.

mod data;
mod fs;
mod glob;
pub(crate) mod http;
pub(crate) mod process;
mod stop;
mod time;
mod typed;

pub use data::DataTools;
pub use fs::{FileTools, RootError};
pub use http::{HttpTools, HttpToolsError};
pub use process::{
    ProcessTools,
    confinement::{Confining, kernel as sandbox_kernel},
    environment::CHILD_MARK,
    kept::use_sandbox_helper,
};
pub use time::{EngineTools, TimeTools};

use crate::{Provider, ToolsConfig};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// Whether this process was started as a helper of tools: then it has done what it is there for, and is to end. The `main` of
/// every executable that calls tools gives way to this before it does anything else.
pub fn helper() -> Option<std::process::ExitCode> {
    mandate_sandbox::helper().or_else(data::helper)
}

/// A built-in that cannot be set up as configured.
#[derive(Debug, thiserror::Error)]
pub enum BuiltinError {
    /// A root of the file tools.
    #[error(transparent)]
    Root(#[from] RootError),
    /// `http.request`.
    #[error(transparent)]
    Http(#[from] HttpToolsError),
}

/// Every built-in provider. `project` is the root of the file and process tools where none is configured;
/// `protected` are the data directory, configuration files, policies and keys, which no file tool may touch.
///
/// # Errors
/// A part of the configuration that cannot be used.
pub fn builtins(
    config: &ToolsConfig,
    project: &Path,
    protected: &[PathBuf],
) -> Result<Vec<Arc<dyn Provider>>, BuiltinError> {
    let files = FileTools::new(&config.fs, project, protected)?;
    let processes = ProcessTools::new(&config.process, &config.sandbox, files.roots());
    Ok(vec![
        Arc::new(files),
        Arc::new(DataTools::new()),
        Arc::new(TimeTools),
        Arc::new(HttpTools::new(&config.http)?),
        Arc::new(processes),
        Arc::new(EngineTools),
    ])
}
