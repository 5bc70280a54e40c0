//! The connection that copies.

#![expect(
    unsafe_code,
    reason = "what was copied is synced by the function of SQLite's open file, to which only a raw pointer leads"
)]

use crate::{StoreError, reader::database_path};
use rusqlite::{Connection, OpenFlags, ffi};
use std::{ffi::c_void, path::Path, ptr::null_mut};

/// It copies what came meanwhile too, at most so many times in all.
const ROUNDS: u32 = 4;
/// So many pages are left to the writer.
const FEW: u32 = 200;

/// A connection of its own.
#[derive(Debug)]
pub(super) struct Copier {
    db: Connection,
}

impl Copier {
    pub(super) fn open(dir: &Path) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(database_path(dir), flags)?;
        db.pragma_update(None, "synchronous", "FULL")?;
        db.pragma_update(None, "wal_autocheckpoint", 0)?;
        Ok(Self { db })
    }

    /// Copies until there is little left of the pages that the log has by then, and syncs what was copied, so that the writer need not.
    pub(super) fn copy_all(&self, pages: impl Fn() -> u32) -> Result<(), StoreError> {
        let mut before = 0;
        for _ in 0..ROUNDS {
            let copied = copy(&self.db)?;
            let left = pages().saturating_sub(copied);
            // A reader keeps the rest, or the log began anew.
            if left < FEW || copied <= before {
                break;
            }
            before = copied;
        }
        sync(&self.db)
    }
}

/// Copies what is in the log into the database, as far as nobody needs it there, and says how many pages were by now.
pub(super) fn copy(db: &Connection) -> Result<u32, StoreError> {
    let mut statement = db.prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")?;
    let copied: i64 = statement.query_row([], |row| row.get(2))?;
    Ok(u32::try_from(copied).unwrap_or(0))
}

/// Syncs the database's own file. Not through another handle: closing that would take SQLite's locks away.
fn sync(db: &Connection) -> Result<(), StoreError> {
    let mut file: *mut ffi::sqlite3_file = null_mut();
    // SAFETY: the connection is open, and SQLite puts a pointer to its open file where it is told to. The file is used on this
    // thread only, as its connection is.
    let code = unsafe {
        let into = (&raw mut file).cast::<c_void>();
        let found = ffi::sqlite3_file_control(
            db.handle(),
            c"main".as_ptr(),
            ffi::SQLITE_FCNTL_FILE_POINTER,
            into,
        );
        let methods = file.as_ref().and_then(|file| file.pMethods.as_ref());
        match methods.and_then(|methods| methods.xSync) {
            Some(sync) if found == ffi::SQLITE_OK => sync(file, ffi::SQLITE_SYNC_NORMAL),
            _ => ffi::SQLITE_IOERR_FSYNC,
        }
    };
    match code {
        ffi::SQLITE_OK => Ok(()),
        code => Err(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None).into()),
    }
}
