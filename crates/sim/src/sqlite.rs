//! The real store, on a platter: what it writes can be lost, torn and cut off at any operation.

use crate::disk::Disk;
use crate::hold::hold;
use crate::platter::{File, Platter};
use crate::random::Random;
use crate::vfs;
use mandate_host::Rebuilder;
use mandate_plan::Digest;
use mandate_store::{
    Ack, Batch, ByHand, ExecutionRow, Head, Journal, LastApproved, Record, RequestRow, SqliteStore,
    StoreError, Tally,
};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

/// Batches in one commit, at most.
const GROUP: u64 = 4;

/// A machine with a data directory. The database is on the platter; the audit key, the lock and the head file are real
/// files, of which only the head file can lag behind.
pub(crate) struct SqliteMachine {
    dir: TempDir,
    platter: Arc<Mutex<Platter>>,
    /// What the head file held since the store was last opened: any of it may be there after the power has failed.
    heads: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl SqliteMachine {
    /// An empty data directory, but for the audit key.
    ///
    /// # Errors
    /// It cannot be made.
    pub(crate) fn new(seed: u64) -> Result<Self, String> {
        let told = |error: std::io::Error| error.to_string();
        let memory = Path::new("/dev/shm");
        let within = match memory.is_dir() {
            true => memory.to_owned(),
            false => std::env::temp_dir(),
        };
        let dir = tempfile::Builder::new()
            .prefix("mandate-sim-")
            .tempdir_in(within)
            .map_err(told)?;
        // SQLite never sees this file; the store asks whether it is there and not empty.
        std::fs::write(dir.path().join("journal.db"), "on the platter").map_err(told)?;
        let keys = dir.path().join("keys");
        std::fs::create_dir(&keys).map_err(told)?;
        let key = Digest::of(&seed.to_be_bytes());
        std::fs::write(keys.join("audit.key"), format!("{key}\n")).map_err(told)?;
        let platter: Arc<Mutex<Platter>> = Arc::default();
        // The store makes it before SQLite opens it.
        hold(&platter)
            .files
            .insert("journal.db".to_owned(), File::default());
        vfs::mount(dir.path(), Arc::clone(&platter));
        Ok(Self {
            dir,
            platter,
            heads: Arc::default(),
        })
    }

    /// Opens the store for a process.
    ///
    /// # Errors
    /// It does not open.
    pub(crate) fn open(&mut self) -> Result<Box<dyn Disk>, String> {
        let (store, by_hand) =
            SqliteStore::open_by_hand(self.dir.path()).map_err(|error| error.to_string())?;
        *hold(&self.heads) = vec![head_file(self.dir.path())];
        Ok(Box::new(SqliteDisk {
            by_hand: Mutex::new(by_hand),
            store,
            platter: Arc::clone(&self.platter),
            heads: Arc::clone(&self.heads),
            dir: self.dir.path().to_owned(),
        }))
    }

    /// The process, or with it the power, is gone.
    pub(crate) fn crash(&mut self, power: bool, random: &mut Random) {
        let after = hold(&self.platter).after_crash(power, random);
        self.platter = Arc::new(Mutex::new(after));
        vfs::mount(self.dir.path(), Arc::clone(&self.platter));
        if power {
            let heads = hold(&self.heads);
            if let Some(head) = random.one_of(&heads) {
                // Should it fail, the head is the newest, which it may be.
                let _ = std::fs::write(self.dir.path().join("audit-head"), head);
            }
        }
    }

    /// What the store's own verification finds.
    pub(crate) fn verify(&self) -> Vec<String> {
        match mandate_store::verify(self.dir.path(), None, &Rebuilder) {
            Ok(report) => {
                let findings = report.findings.iter();
                findings.map(|finding| format!("{finding:?}")).collect()
            }
            Err(error) => vec![error.to_string()],
        }
    }
}

impl Drop for SqliteMachine {
    fn drop(&mut self) {
        vfs::unmount(self.dir.path());
    }
}

fn head_file(dir: &Path) -> Vec<u8> {
    std::fs::read(dir.join("audit-head")).unwrap_or_default()
}

/// The store of one process.
struct SqliteDisk {
    // Before the store: its connection is the last but one to close, as in a process that ends.
    by_hand: Mutex<ByHand>,
    store: SqliteStore,
    platter: Arc<Mutex<Platter>>,
    heads: Arc<Mutex<Vec<Vec<u8>>>>,
    dir: PathBuf,
}

impl Disk for SqliteDisk {
    fn sync(&self, random: &mut Random) -> bool {
        let batches = usize::try_from(random.between(1, GROUP)).unwrap_or(1);
        let mut by_hand = hold(&self.by_hand);
        let wrote = by_hand.write(batches);
        // Some commits come before that is done, and it may not be done at all.
        if random.one_in(3) {
            by_hand.copy_log();
        }
        drop(by_hand);
        if wrote {
            let head = head_file(&self.dir);
            let mut heads = hold(&self.heads);
            if heads.last() != Some(&head) {
                heads.push(head);
            }
        }
        wrote
    }

    fn waits(&self) -> bool {
        hold(&self.by_hand).has_waiting()
    }

    fn fill(&self) {
        hold(&self.platter).fill();
    }

    fn fail_power_in(&self, operations: u32) {
        hold(&self.platter).fail_power_in(operations);
    }

    fn is_dead(&self) -> bool {
        hold(&self.platter).is_dead()
    }
}

impl Journal for SqliteDisk {
    fn append(&self, batch: Batch, ack: Ack) {
        self.store.append(batch, ack);
    }

    fn read(&self, stream: &str, from_seq: u64, limit: usize) -> Result<Vec<Record>, StoreError> {
        Journal::read(&self.store, stream, from_seq, limit)
    }

    fn plan(&self, hash: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        Journal::plan(&self.store, hash)
    }

    fn execution(&self, execution_id: &str) -> Result<Option<ExecutionRow>, StoreError> {
        Journal::execution(&self.store, execution_id)
    }

    fn unfinished(&self) -> Result<Vec<String>, StoreError> {
        Journal::unfinished(&self.store)
    }

    fn request(&self, request_id: &str) -> Result<Option<RequestRow>, StoreError> {
        Journal::request(&self.store, request_id)
    }

    fn head(&self) -> Result<Head, StoreError> {
        Journal::head(&self.store)
    }

    fn tally(
        &self,
        principal: &str,
        session: &str,
        now_ms: i64,
        idle_ms: i64,
    ) -> Result<Tally, StoreError> {
        Journal::tally(&self.store, principal, session, now_ms, idle_ms)
    }

    fn last_approved(&self, name: &str) -> Result<Option<LastApproved>, StoreError> {
        self.store.last_approved(name)
    }

    fn system_rows(&self, kind: &str) -> Result<Vec<Record>, StoreError> {
        Journal::system_rows(&self.store, kind)
    }

    fn last_of_system(&self, kinds: &[&str]) -> Result<Option<Record>, StoreError> {
        Journal::last_of_system(&self.store, kinds)
    }
}
