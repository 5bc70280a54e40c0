//! Where a setting stands.

use std::{fmt, path::PathBuf, sync::Arc};

/// Where a setting stands, for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a file, at a line and a column in characters, both from 1.
    File {
        path: Arc<PathBuf>,
        line: usize,
        column: usize,
    },
    /// In a variable of the environment.
    Variable(String),
}

impl Place {
    /// The place of a byte offset in a file's text.
    pub(crate) fn in_file(path: &Arc<PathBuf>, text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let last = before.rsplit_once('\n').map_or(before, |(_, last)| last);
        Place::File {
            path: Arc::clone(path),
            line: before.matches('\n').count() + 1,
            column: last.chars().count() + 1,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File { path, line, column } => {
                write!(f, "{}:{line}:{column}", path.display())
            }
            Place::Variable(name) => write!(f, "the variable {name}"),
        }
    }
}
