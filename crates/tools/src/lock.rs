//! Which definitions of tool servers' tools were accepted, and which tools are switched off: `tools.lock` in the data
//! directory.
//!
//! It lies there, and not in the project, because it says what is trusted: a folder that comes from somebody else brings
//! no such trust along, and no tool of a plan reaches into the data directory. The host is the only one that writes.

use crate::ToolFacts;
use mandate_plan::Digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// The version of the file's format.
const VERSION: u32 = 1;

/// What was accepted, and what is switched off.
#[derive(Default)]
pub struct ToolLock {
    file: Option<PathBuf>,
    strict: bool,
    kept: RwLock<Kept>,
    /// Raised whenever what is kept changes.
    changes: AtomicU64,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Kept {
    version: u32,
    #[serde(default)]
    tools: BTreeMap<String, Accepted>,
    #[serde(default)]
    off: BTreeMap<String, SwitchedOff>,
}

/// A definition that was accepted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Accepted {
    /// Of the definition.
    pub digest: Digest,
    /// The definition as the server gave it.
    pub definition: Value,
    /// What the one who accepted it said that it does to the world.
    #[serde(default)]
    pub facts: ToolFacts,
    /// Who; `first use` if nobody was asked.
    pub by: String,
    /// When, Unix milliseconds.
    pub at_ms: i64,
    /// A later definition that was found, and told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<Digest>,
}

/// Who switched a tool or server off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwitchedOff {
    /// Who.
    pub by: String,
    /// When, Unix milliseconds.
    pub at_ms: i64,
}

/// How a definition stands to what was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It is the one that was accepted.
    Accepted,
    /// Another one was.
    Changed,
    /// None was: it is accepted by its first use.
    New,
    /// None was, and it takes somebody to accept it.
    Unaccepted,
}

/// The file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the accepted tools in `{file}` cannot be {what}: {why}")]
pub struct LockError {
    file: String,
    what: &'static str,
    why: String,
}

impl ToolLock {
    /// What the file holds; nothing if there is none. `strict`: first use accepts nothing.
    ///
    /// # Errors
    /// A file that cannot be read: what it trusts is not guessed.
    pub fn open(file: PathBuf, strict: bool) -> Result<Self, LockError> {
        let kept = RwLock::new(read(&file)?);
        Ok(Self {
            file: Some(file),
            strict,
            kept,
            changes: AtomicU64::new(0),
        })
    }

    /// Reads the file again: before this process was the host, another one may have written it.
    ///
    /// # Errors
    /// As [`ToolLock::open`].
    pub fn reload(&self) -> Result<(), LockError> {
        if let Some(file) = &self.file {
            let new = read(file)?;
            *self.kept.write().unwrap_or_else(PoisonError::into_inner) = new;
            self.changes.fetch_add(1, Ordering::AcqRel);
        }
        Ok(())
    }

    /// A number that is another one after every change.
    pub(crate) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// What was accepted of a tool.
    pub fn accepted(&self, tool: &str) -> Option<Accepted> {
        self.read(|kept| kept.tools.get(tool).cloned())
    }

    /// Every tool of which something was accepted.
    pub fn names(&self) -> Vec<String> {
        self.read(|kept| kept.tools.keys().cloned().collect())
    }

    /// How a definition stands to what was accepted of the tool.
    pub fn standing(&self, tool: &str, digest: &Digest) -> Standing {
        let accepted = self.read(|kept| kept.tools.get(tool).map(|tool| tool.digest));
        match accepted {
            Some(accepted) if accepted == *digest => Standing::Accepted,
            Some(_) => Standing::Changed,
            None if self.strict => Standing::Unaccepted,
            None => Standing::New,
        }
    }

    /// What was said of the tool when this definition was accepted.
    pub fn facts(&self, tool: &str, digest: &Digest) -> ToolFacts {
        self.read(|kept| {
            let accepted = kept.tools.get(tool).filter(|tool| tool.digest == *digest);
            accepted.map(|tool| tool.facts.clone()).unwrap_or_default()
        })
    }

    /// Who switched the tool off, or its whole server.
    pub fn switched_off(&self, tool: &str) -> Option<(String, SwitchedOff)> {
        let server = tool.split_once('.').map_or(tool, |(server, _)| server);
        self.read(|kept| {
            [tool, server].iter().find_map(|name| {
                let off = kept.off.get(*name)?;
                Some(((*name).to_owned(), off.clone()))
            })
        })
    }

    /// Keeps that definitions were accepted.
    ///
    /// # Errors
    /// The file cannot be written; then nothing has changed.
    pub fn accept(&self, tools: BTreeMap<String, Accepted>) -> Result<(), LockError> {
        self.change(|kept| kept.tools.extend(tools))
    }

    /// Keeps that a change was told. False if it was before.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn note_found(&self, tool: &str, digest: Digest) -> Result<bool, LockError> {
        if self.accepted(tool).and_then(|tool| tool.found) == Some(digest) {
            return Ok(false);
        }
        self.change(|kept| {
            if let Some(tool) = kept.tools.get_mut(tool) {
                tool.found = Some(digest);
            }
        })?;
        Ok(true)
    }

    /// Switches a tool or a server off, or on again with none.
    ///
    /// # Errors
    /// The file cannot be written; then nothing has changed.
    pub fn switch(&self, name: &str, off: Option<SwitchedOff>) -> Result<(), LockError> {
        self.change(|kept| match off {
            Some(off) => drop(kept.off.insert(name.to_owned(), off)),
            None => drop(kept.off.remove(name)),
        })
    }

    /// Whether this very name was switched off.
    pub fn is_off(&self, name: &str) -> bool {
        self.read(|kept| kept.off.contains_key(name))
    }

    fn read<T>(&self, look: impl FnOnce(&Kept) -> T) -> T {
        look(&self.kept.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change(&self, change: impl FnOnce(&mut Kept)) -> Result<(), LockError> {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        let mut new = kept.clone();
        new.version = VERSION;
        change(&mut new);
        if let Some(file) = &self.file {
            write(file, &new).map_err(|error| LockError {
                file: file.display().to_string(),
                what: "written",
                why: error.to_string(),
            })?;
        }
        *kept = new;
        self.changes.fetch_add(1, Ordering::AcqRel);
        Ok(())
    }
}

fn read(file: &Path) -> Result<Kept, LockError> {
    let unreadable = |why: String| LockError {
        file: file.display().to_string(),
        what: "read",
        why,
    };
    let kept = match fs::read(file) {
        Ok(text) => {
            serde_json::from_slice::<Kept>(&text).map_err(|error| unreadable(error.to_string()))?
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Kept::default(),
        Err(error) => return Err(unreadable(error.to_string())),
    };
    if kept.version > VERSION {
        return Err(unreadable("it is of a newer version of Mandate".to_owned()));
    }
    Ok(kept)
}

/// All or nothing, also when the power fails.
fn write(file: &Path, kept: &Kept) -> io::Result<()> {
    let new = file.with_extension("lock.new");
    let mut text = serde_json::to_vec_pretty(kept)?;
    text.push(b'\n');
    let mut written = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)?;
    written.write_all(&text)?;
    written.sync_all()?;
    fs::rename(&new, file)
}
