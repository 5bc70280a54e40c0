//! How failures of SQLite and of the file system become a [`StoreError`].

use crate::StoreError;
use rusqlite::{Error, ErrorCode};
use std::path::Path;

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        if let Error::FromSqlConversionFailure(..)
        | Error::IntegralValueOutOfRange(..)
        | Error::InvalidColumnType(..)
        | Error::Utf8Error(..) = error
        {
            return Self::Damaged(format!("a stored value has the wrong type ({error})"));
        }
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Damaged(error.to_string())
            }
            Some(ErrorCode::DiskFull) => {
                Self::Failed("the disk is full; make room and start again".to_owned())
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Failed(
                "another program holds a lock on the journal; close it and start again".to_owned(),
            ),
            _ => Self::Failed(error.to_string()),
        }
    }
}

/// `what` could not be done with the file at `path`.
pub(crate) fn file_failed(what: &str, path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Failed(format!("cannot {what} `{}`: {error}", path.display()))
}
