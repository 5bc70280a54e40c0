//! The audit key: what makes the chain of commits unforgeable for whoever can write the database but cannot read the key.

use crate::{Head, StoreError, failure::file_failed};
use hmac::{Hmac, KeyInit, Mac};
use mandate_plan::Digest;
use sha2::Sha256;
use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

/// A loaded audit key. It is never printed.
#[derive(Clone)]
pub(crate) struct AuditKey(Hmac<Sha256>);

/// Where the key of the data directory `dir` lies.
pub(crate) fn key_path(dir: &Path) -> PathBuf {
    dir.join("keys").join("audit.key")
}

/// The key of `dir` is not there, and something was committed under it.
pub(crate) fn missing_key(dir: &Path) -> StoreError {
    let path = key_path(dir);
    StoreError::Damaged(format!(
        "the audit key `{}` is missing; put it back from your backup",
        path.display()
    ))
}

impl AuditKey {
    /// Loads the key of `dir`; `None` = there is none.
    pub(crate) fn load(dir: &Path) -> Result<Option<Self>, StoreError> {
        let path = key_path(dir);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(file_failed("read the audit key", &path, &error)),
        };
        let key: Digest = text.trim_end().parse().map_err(|_| {
            StoreError::Damaged(format!(
                "the audit key `{}` is not 64 hexadecimal digits",
                path.display()
            ))
        })?;
        Ok(Some(Self::from_bytes(key.as_bytes())))
    }

    /// Makes the key of `dir` and sees it to the disk: a commit whose key is lost could never be verified.
    pub(crate) fn create(dir: &Path) -> Result<Self, StoreError> {
        let path = key_path(dir);
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes)
            .map_err(|error| StoreError::Failed(format!("no randomness for a key: {error}")))?;
        write_key(&path, &bytes).map_err(|error| file_failed("create", &path, &error))?;
        Ok(Self::from_bytes(&bytes))
    }

    fn from_bytes(bytes: &[u8; 32]) -> Self {
        // HMAC itself fills a short key up with zeros to the block, 64 bytes for SHA-256; doing it here cannot fail.
        let mut block = [0_u8; 64];
        for (slot, byte) in block.iter_mut().zip(bytes) {
            *slot = *byte;
        }
        Self(Hmac::new(&block.into()))
    }

    /// The code over a commit's number and hash.
    pub(crate) fn commit_mac(&self, head: &Head) -> [u8; 32] {
        self.mac(&commit_message(head))
            .finalize()
            .into_bytes()
            .into()
    }

    /// True if `mac` is the code over that commit; in constant time.
    pub(crate) fn is_commit_mac(&self, head: &Head, mac: &[u8]) -> bool {
        self.mac(&commit_message(head)).verify_slice(mac).is_ok()
    }

    /// The code over a lease and the head it started from.
    pub(crate) fn lease_mac(&self, lease: u64, pid: u32, head: &Head) -> [u8; 32] {
        self.mac(&lease_message(lease, pid, head))
            .finalize()
            .into_bytes()
            .into()
    }

    /// True if `mac` is the code over that lease; in constant time.
    pub(crate) fn is_lease_mac(&self, lease: u64, pid: u32, head: &Head, mac: &[u8]) -> bool {
        self.mac(&lease_message(lease, pid, head))
            .verify_slice(mac)
            .is_ok()
    }

    fn mac(&self, message: &Digest) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        mac.update(message.as_bytes());
        mac
    }
}

fn commit_message(head: &Head) -> Digest {
    Digest::framed(
        "mandate.journal.commit-mac.v1",
        [head.number.to_be_bytes().as_slice(), head.hash.as_bytes()],
    )
}

fn lease_message(lease: u64, pid: u32, head: &Head) -> Digest {
    Digest::framed(
        "mandate.journal.lease-mac.v1",
        [
            lease.to_be_bytes().as_slice(),
            &pid.to_be_bytes(),
            &head.number.to_be_bytes(),
            head.hash.as_bytes(),
        ],
    )
}

/// Written beside and renamed, so that a crash leaves no key or the whole key.
fn write_key(path: &Path, bytes: &[u8; 32]) -> std::io::Result<()> {
    let parent = path.parent().unwrap_or(Path::new("."));
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(parent)?;
    let new = path.with_extension("new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)?;
    writeln!(file, "{}", Digest::from_bytes(*bytes))?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    File::open(parent)?.sync_all()?;
    match parent.parent() {
        Some(dir) => File::open(dir)?.sync_all(),
        None => Ok(()),
    }
}
