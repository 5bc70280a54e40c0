//! The keys of tokens: a file beside the audit key, outside the database, which only its owner can read. Made on first
//! use; the last key makes new tokens, and those before it still check the tokens that they made.

use crate::{StoreError, failure::file_failed};
use mandate_plan::Digest;
use mandate_policy::token::{KeyRing, TokenKey};
use std::{
    fmt::Write as _,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{ErrorKind, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How many keys are kept: tokens live for minutes, so that older ones check nothing that still holds.
const KEPT: usize = 4;

/// The token keys of a data directory. Whoever changes them holds its lock.
#[derive(Debug, Clone)]
pub struct TokenKeys {
    path: PathBuf,
    /// What the file held when it was read last.
    kept: Arc<Mutex<Option<Kept>>>,
}

/// The keys as they were read, and what the file looked like just before.
#[derive(Debug)]
struct Kept {
    looks: Looks,
    ring: KeyRing,
    looked_at: Instant,
}

/// For so long it is believed that the file is as it was: agents call far more often than somebody takes their keys away.
const BELIEVED: Duration = Duration::from_millis(250);

/// A file that was written, replaced or given other permissions looks different: device, inode, size, the time of its last
/// change in seconds and nanoseconds.
type Looks = (u64, u64, u64, i64, i64);

impl TokenKeys {
    /// The keys of the data directory `dir`.
    pub fn of(dir: &Path) -> Self {
        Self {
            path: dir.join("keys").join("token.keys"),
            kept: Arc::default(),
        }
    }

    /// All keys, the current one last; the first one is made now if there is none.
    ///
    /// # Errors
    /// The file cannot be read or written, or is not what was written.
    pub fn ring(&self) -> Result<KeyRing, StoreError> {
        if let Some(ring) = self.known()? {
            return Ok(ring);
        }
        let keys = vec![fresh()?];
        self.write(&keys)?;
        self.ring_of(&keys)
    }

    /// The same; none = there is none yet, and none is made.
    ///
    /// # Errors
    /// As [`TokenKeys::ring`].
    pub fn known(&self) -> Result<Option<KeyRing>, StoreError> {
        // Every call of an agent asks for them.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept.as_mut() {
            let believed = known.looked_at.elapsed() < BELIEVED;
            if believed || Some(known.looks) == self.looks() {
                if !believed {
                    known.looked_at = Instant::now();
                }
                return Ok(Some(known.ring.clone()));
            }
        }
        let looks = self.looks();
        let keys = self.load()?;
        if keys.is_empty() {
            return Ok(None);
        }
        let ring = self.ring_of(&keys)?;
        *kept = looks.map(|looks| Kept {
            looks,
            ring: ring.clone(),
            looked_at: Instant::now(),
        });
        Ok(Some(ring))
    }

    /// What the file looks like; none if it is not there.
    fn looks(&self) -> Option<Looks> {
        let found = fs::metadata(&self.path).ok()?;
        let changed = (found.ctime(), found.ctime_nsec());
        Some((found.dev(), found.ino(), found.size(), changed.0, changed.1))
    }

    /// The ids of the keys, the current one last; empty = none was made yet.
    ///
    /// # Errors
    /// As [`TokenKeys::ring`].
    pub fn ids(&self) -> Result<Vec<String>, StoreError> {
        Ok(self.load()?.into_iter().map(|(id, _)| id).collect())
    }

    /// A new key for new tokens. With `at_once`, those before it are gone, and so is every token that was given out.
    /// Gives the new key's id.
    ///
    /// # Errors
    /// As [`TokenKeys::ring`].
    pub fn rotate(&self, at_once: bool) -> Result<String, StoreError> {
        let mut keys = self.load()?;
        if at_once {
            keys.clear();
        }
        keys.push(fresh()?);
        let surplus = keys.len().saturating_sub(KEPT);
        keys.drain(..surplus);
        let ring = self.ring_of(&keys)?;
        self.write(&keys)?;
        Ok(ring.current().id().to_owned())
    }

    fn load(&self) -> Result<Vec<(String, Digest)>, StoreError> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(file_failed("read the token keys", &self.path, &error)),
        };
        let key = |line: &str| {
            let (id, key) = line.split_once(' ')?;
            Some((id.to_owned(), key.parse().ok()?))
        };
        let keys: Option<Vec<_>> = text.lines().map(key).collect();
        keys.filter(|keys| !keys.is_empty())
            .ok_or_else(|| self.damaged("it is not a list of keys"))
    }

    fn ring_of(&self, keys: &[(String, Digest)]) -> Result<KeyRing, StoreError> {
        let keys = keys
            .iter()
            .map(|(id, key)| TokenKey::new(id, key.as_bytes()))
            .collect::<Result<Vec<_>, _>>()
            .and_then(KeyRing::new);
        keys.map_err(|error| self.damaged(&error.to_string()))
    }

    fn damaged(&self, why: &str) -> StoreError {
        let path = self.path.display();
        StoreError::Damaged(format!(
            "the token keys `{path}` cannot be used: {why}; without the file new ones are made, and tokens that were given out end"
        ))
    }

    /// Whatever was read is read again.
    fn forget(&self) {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Written beside and renamed, so that a crash leaves the keys before or the keys after.
    fn write(&self, keys: &[(String, Digest)]) -> Result<(), StoreError> {
        let failed = |error: std::io::Error| file_failed("write", &self.path, &error);
        let mut text = String::new();
        for (id, key) in keys {
            let _ = writeln!(text, "{id} {key}");
        }
        let parent = self.path.parent().unwrap_or(Path::new("."));
        let made = DirBuilder::new().recursive(true).mode(0o700).create(parent);
        made.map_err(failed)?;
        let new = self.path.with_extension("new");
        // One that a crash left may have other permissions.
        let _ = fs::remove_file(&new);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&new);
        let mut file = file.map_err(failed)?;
        file.write_all(text.as_bytes()).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        fs::rename(&new, &self.path).map_err(failed)?;
        self.forget();
        File::open(parent)
            .and_then(|parent| parent.sync_all())
            .map_err(failed)
    }
}

fn fresh() -> Result<(String, Digest), StoreError> {
    let (mut id, mut key) = ([0_u8; 4], [0_u8; 32]);
    for bytes in [&mut id[..], &mut key[..]] {
        getrandom::fill(bytes)
            .map_err(|error| StoreError::Failed(format!("no randomness for a key: {error}")))?;
    }
    let id = format!("t{:08x}", u32::from_be_bytes(id));
    Ok((id, Digest::from_bytes(key)))
}
