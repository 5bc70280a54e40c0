//! The file of an archive: it has its name only once all of it is on the disk, and nothing is removed before it was read
//! back and verified.

use super::ArchiveFile;
use crate::{
    Archived, ExportReport, Known, Reader, SigningKey, StoreError, export_archive, failpoint::hit,
    failure::file_failed, verify_archive,
};
use mandate_plan::Digest;
use sha2::{Digest as _, Sha256};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, BufWriter, Read, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

/// Writes an archive of these executions to `path`, where nothing may be yet, and gives what was written. Returns when the
/// disk has it.
pub fn write_archive(
    reader: &Reader,
    executions: impl IntoIterator<Item = String>,
    key: &SigningKey,
    path: &Path,
) -> Result<Archived, StoreError> {
    let part = path.with_added_extension("part");
    let failed = |error: io::Error| file_failed("write", &part, &error);
    // One that a crash left is half of an archive and of no use.
    match fs::remove_file(&part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&part)
        .map_err(failed)?;
    let mut out = BufWriter::with_capacity(1 << 20, file);
    let archived = export_archive(reader, executions, key, &mut out)?;
    out.flush().map_err(failed)?;
    let file = out
        .into_inner()
        .map_err(|error| failed(error.into_error()))?;
    file.sync_all().map_err(failed)?;
    hit("archive.written");
    // A link, unlike a renaming, takes no other file's place.
    fs::hard_link(&part, path).map_err(|error| file_failed("make", path, &error))?;
    fs::remove_file(&part).map_err(failed)?;
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    File::open(parent)
        .and_then(|parent| parent.sync_all())
        .map_err(|error| file_failed("sync", parent, &error))?;
    hit("archive.named");
    Ok(archived)
}

/// An archive as it is on the disk.
#[derive(Debug, Clone)]
pub struct ReadArchive {
    /// What a tombstone says of it.
    pub file: ArchiveFile,
    /// What is wrong with it, if anything is.
    pub report: ExportReport,
    /// Its executions, each with the `seq` of its last event.
    pub executions: Vec<(String, u64)>,
}

/// Reads an archive from the disk and verifies it.
pub fn read_archive(path: &Path, known: &Known<'_>) -> Result<ReadArchive, StoreError> {
    let opened = File::open(path).map_err(|error| file_failed("open", path, &error))?;
    let mut input = Hashing {
        inner: BufReader::with_capacity(1 << 20, opened),
        digest: Sha256::new(),
        bytes: 0,
    };
    let (report, executions) = verify_archive(&mut input, known)?;
    io::copy(&mut input, &mut io::sink()).map_err(|error| file_failed("read", path, &error))?;
    let whole = fs::canonicalize(path).map_err(|error| file_failed("find", path, &error))?;
    let file = ArchiveFile {
        file: whole.display().to_string(),
        sha256: Digest::from_bytes(input.digest.finalize().into()),
        bytes: input.bytes,
    };
    Ok(ReadArchive {
        file,
        report,
        executions,
    })
}

struct Hashing<R> {
    inner: R,
    digest: Sha256,
    bytes: u64,
}

impl<R: BufRead> Read for Hashing<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(into)?;
        self.digest.update(into.get(..count).unwrap_or_default());
        self.bytes = self.bytes.saturating_add(count as u64);
        Ok(count)
    }
}

impl<R: BufRead> BufRead for Hashing<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        // What is consumed was filled before, so that nothing is read here.
        if let Ok(seen) = self.inner.fill_buf() {
            self.digest.update(seen.get(..count).unwrap_or_default());
            self.bytes = self.bytes.saturating_add(count as u64);
        }
        self.inner.consume(count);
    }
}
