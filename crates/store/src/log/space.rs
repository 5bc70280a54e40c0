//! Room in SQLite's log ahead of what is written: a commit that overwrites needs to put nothing on the disk but its bytes,
//! one that makes the file longer has to record that too, which takes several times as long.
//!
//! Zeros at the end of the log are no frames, so that recovery stops before them. They are added by the writer between
//! commits and at the end of the file wherever that is by then, so that nothing that SQLite wrote is ever touched.

use crate::reader::database_path;
use std::{
    fs::{File, OpenOptions},
    io::Write as _,
    path::Path,
};

/// The least that is added.
const LEAST: usize = 256 * 1024;
/// The most that is added at a time.
const MOST: usize = 1024 * 1024;

/// What must be free on the disk for room to be taken ahead.
const ENOUGH_BYTES: u64 = 256 * 1024 * 1024;

/// The log of one data directory.
#[derive(Debug)]
pub(crate) struct LogSpace {
    file: Option<File>,
    /// Its length when room was last added.
    known_bytes: u64,
}

impl LogSpace {
    /// The log beside the database, which is there as soon as something was written.
    pub(crate) fn open(dir: &Path) -> Self {
        let mut path = database_path(dir).into_os_string();
        path.push("-wal");
        Self {
            file: OpenOptions::new().append(true).open(path).ok(),
            known_bytes: 0,
        }
    }

    /// Adds room once the log has outgrown what there was. Without it everything goes on, only slower.
    pub(crate) fn keep_ahead(&mut self) {
        let Some(file) = &mut self.file else {
            return;
        };
        let Ok(bytes) = file.metadata().map(|found| found.len()) else {
            return;
        };
        if bytes <= self.known_bytes {
            return;
        }
        // Where there is little room, it is not taken before it is needed.
        let free =
            rustix::fs::fstatvfs(&*file).map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize));
        if free.is_ok_and(|free| free < ENOUGH_BYTES) {
            return;
        }
        let half = usize::try_from(bytes / 2).unwrap_or(MOST);
        let more = vec![0_u8; half.clamp(LEAST, MOST)];
        if let Err(error) = file.write_all(&more) {
            tracing::debug!(%error, "the log gets no room ahead");
            self.file = None;
            return;
        }
        self.known_bytes = bytes.saturating_add(more.len() as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;

    fn database(dir: &Path) -> Connection {
        let db = Connection::open(database_path(dir)).unwrap();
        db.pragma_update(None, "journal_mode", "WAL").unwrap();
        db
    }

    #[test]
    fn room_is_added_once_and_harms_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let db = database(dir.path());
        db.execute_batch("CREATE TABLE t (x)").unwrap();
        let mut space = LogSpace::open(dir.path());
        let length = |space: &LogSpace| space.file.as_ref().unwrap().metadata().unwrap().len();
        let before = length(&space);
        space.keep_ahead();
        assert_eq!(length(&space), before + LEAST as u64);
        space.keep_ahead();
        db.execute_batch("INSERT INTO t VALUES (1), (2)").unwrap();
        space.keep_ahead();
        assert_eq!(length(&space), before + LEAST as u64, "there is room still");
        // As after a crash: a copy of both files is read from the log.
        let copy = tempfile::tempdir().unwrap();
        for name in ["journal.db", "journal.db-wal"] {
            std::fs::copy(dir.path().join(name), copy.path().join(name)).unwrap();
        }
        let count = |db: &Connection| -> i64 {
            db.query_row("SELECT count(*) FROM t", [], |row| row.get(0))
                .unwrap()
        };
        assert_eq!(count(&database(copy.path())), 2);
        // Past the room, and with the log begun anew.
        db.execute_batch("INSERT INTO t VALUES (zeroblob(600000))")
            .unwrap();
        space.keep_ahead();
        assert!(length(&space) > before + 2 * LEAST as u64);
        db.execute_batch("PRAGMA wal_checkpoint(RESTART); INSERT INTO t VALUES (4)")
            .unwrap();
        assert_eq!(count(&db), 4);
        drop(db);
        assert_eq!(count(&database(dir.path())), 4);
    }
}
