//! How failures of SQLite and of the file system become a [`StoreError`].

use crate::StoreError;
use rusqlite::{Error, ErrorCode};
use std::{io::ErrorKind, path::Path};

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        if let Error::FromSqlConversionFailure(..)
        | Error::IntegralValueOutOfRange(..)
        | Error::InvalidColumnType(..)
        | Error::Utf8Error(..) = error
        {
            return Self::Damaged(format!("a stored value has the wrong type ({error})"));
        }
        let text = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged(text),
            Some(ErrorCode::DiskFull) => Self::Full("the journal cannot grow".to_owned()),
            Some(ErrorCode::ReadOnly) => Self::ReadOnly(text),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                Self::Busy("it did not let go of it in time".to_owned())
            }
            _ => Self::Failed(text),
        }
    }
}

/// `what` could not be done with the file at `path`.
pub(crate) fn file_failed(what: &str, path: &Path, error: &std::io::Error) -> StoreError {
    let text = format!("cannot {what} `{}`: {error}", path.display());
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => StoreError::Full(text),
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => StoreError::ReadOnly(text),
        _ => StoreError::Failed(text),
    }
}
