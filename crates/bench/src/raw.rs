//! What disk and database can do at best, without any of Mandate: measured beside each run, on the same directory.

use crate::{
    failure::Failure,
    figures::{Figures, quantile},
    measure::figures,
    rows::RawRow,
    usage,
};
use rusqlite::{Connection, params};
use std::{
    fs::{File, OpenOptions},
    io::Write as _,
    os::unix::fs::FileExt as _,
    path::Path,
    time::{Duration, Instant},
};

/// What one append or overwrite writes, in bytes.
const BLOCK_BYTES: usize = 4096;
/// The file that is overwritten has so many blocks.
const BLOCKS: u64 = 4096;

/// What the disk and SQLite do with small writes, each measured for `each`.
pub(crate) fn small_writes(dir: &Path, each: Duration) -> Result<Figures, Failure> {
    Ok(figures([
        ("raw_fdatasync_appends_per_s", appends(dir, each)?),
        ("raw_fdatasync_overwrites_per_s", overwrites(dir, each)?),
        ("raw_sqlite_commits_per_s", single_row_commits(dir, each)?),
    ]))
}

/// Does `one` until the time is over; gives how often a second.
fn rate(each: Duration, mut one: impl FnMut(u64) -> Result<(), Failure>) -> Result<f64, Failure> {
    let begun = Instant::now();
    let mut done = 0_u64;
    while begun.elapsed() < each {
        one(done)?;
        done = done.saturating_add(1);
    }
    Ok(done as f64 / begun.elapsed().as_secs_f64())
}

fn create(path: &Path) -> Result<File, Failure> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)
        .map_err(Failure::io("create", path))
}

fn remove(path: &Path) -> Result<(), Failure> {
    std::fs::remove_file(path).map_err(Failure::io("remove", path))
}

fn appends(dir: &Path, each: Duration) -> Result<f64, Failure> {
    let path = dir.join("raw-appends");
    let (mut file, block) = (create(&path)?, [7_u8; BLOCK_BYTES]);
    let rate = rate(each, |_| {
        file.write_all(&block)
            .map_err(Failure::io("append to", &path))?;
        file.sync_data().map_err(Failure::io("sync", &path))
    })?;
    remove(&path)?;
    Ok(rate)
}

fn overwrites(dir: &Path, each: Duration) -> Result<f64, Failure> {
    let path = dir.join("raw-overwrites");
    let (mut file, block) = (create(&path)?, [7_u8; BLOCK_BYTES]);
    for _ in 0..BLOCKS {
        file.write_all(&block).map_err(Failure::io("fill", &path))?;
    }
    file.sync_all().map_err(Failure::io("sync", &path))?;
    let rate = rate(each, |done| {
        let at = (done % BLOCKS) * BLOCK_BYTES as u64;
        file.write_all_at(&block, at)
            .map_err(Failure::io("overwrite", &path))?;
        file.sync_data().map_err(Failure::io("sync", &path))
    })?;
    remove(&path)?;
    Ok(rate)
}

/// How much room the log of a raw database has from the start, in bytes: as much as the journal's log ever has.
const ROOM_BYTES: usize = 32 * 1024 * 1024;

/// Gives the log of the raw database in `own` room ahead, on the disk: nothing that is measured makes it longer.
pub(crate) fn make_room(own: &Path) -> Result<(), Failure> {
    let path = own.join("raw.db-wal");
    let mut log = OpenOptions::new()
        .append(true)
        .open(&path)
        .map_err(Failure::io("open", &path))?;
    log.write_all(&vec![0; ROOM_BYTES])
        .map_err(Failure::io("fill", &path))?;
    log.sync_all().map_err(Failure::io("sync", &path))
}

/// A database with the settings of the journal's, in a directory that is gone afterwards.
pub(crate) fn database(dir: &Path) -> Result<(tempfile::TempDir, Connection), Failure> {
    let own = tempfile::tempdir_in(dir).map_err(Failure::io("make a directory in", dir))?;
    let db = Connection::open(own.path().join("raw.db"))?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "wal_autocheckpoint", 8000)?;
    db.pragma_update(None, "cache_size", -32_768)?;
    Ok((own, db))
}

fn single_row_commits(dir: &Path, each: Duration) -> Result<f64, Failure> {
    let (own, db) = database(dir)?;
    db.execute_batch("CREATE TABLE rows (id INTEGER PRIMARY KEY, payload TEXT NOT NULL) STRICT")?;
    make_room(own.path())?;
    let payload = "x".repeat(crate::bench_tools::OUTPUT_BYTES);
    let mut insert = db.prepare("INSERT INTO rows (payload) VALUES (?1)")?;
    rate(each, |_| {
        insert.execute([&payload])?;
        Ok(())
    })
}

/// Writes the rows of a journal again, commit by commit, into a table like the journal's: no hashing, no projections.
pub(crate) fn group_commits(dir: &Path, commits: &[Vec<RawRow>]) -> Result<Figures, Failure> {
    let (own, db) = database(dir)?;
    db.execute_batch(
        "CREATE TABLE events (gseq INTEGER PRIMARY KEY, stream TEXT NOT NULL, seq INTEGER NOT NULL, \
         at_ms INTEGER NOT NULL, kind TEXT NOT NULL, payload TEXT NOT NULL, prev_hash BLOB NOT NULL, \
         hash BLOB NOT NULL, UNIQUE (stream, seq)) STRICT",
    )?;
    make_room(own.path())?;
    let mut begin = db.prepare("BEGIN IMMEDIATE")?;
    let mut insert = db.prepare("INSERT INTO events VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?;
    let mut commit = db.prepare("COMMIT")?;
    let mut each_ms = Vec::with_capacity(commits.len());
    let (begun, cpu_s) = (Instant::now(), usage::cpu_s());
    for rows in commits {
        let before = Instant::now();
        begin.execute([])?;
        for row in rows {
            insert.execute(params![
                row.gseq,
                row.stream,
                row.seq,
                row.at_ms,
                row.kind,
                row.payload,
                row.prev_hash,
                row.hash
            ])?;
        }
        commit.execute([])?;
        each_ms.push(before.elapsed().as_secs_f64() * 1e3);
    }
    let (wall_s, cpu_s) = (begun.elapsed().as_secs_f64(), usage::cpu_s() - cpu_s);
    let events = commits.iter().map(Vec::len).sum::<usize>() as f64;
    Ok(figures([
        ("raw_group_commit_events_per_s", events / wall_s),
        ("raw_group_commit_ms_p50", quantile(&each_ms, 0.5)),
        ("raw_group_commit_cpu_us_per_event", cpu_s * 1e6 / events),
    ]))
}
