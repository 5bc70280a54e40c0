//! Bringing the log into the database without a commit that waits for it.
//!
//! SQLite does that within whichever commit makes the log long enough: some thousand pages are copied and synced before anybody hears of
//! that commit. Here another connection copies them on a thread of its own, while commits go on. What they have added meanwhile is little;
//! the writer copies that itself once they have been told of, and the log begins anew.
//!
//! Nothing depends on it for what lasts: until SQLite has found that everything was copied and is synced, it keeps the log, whoever copied. A
//! reader that still reads the log keeps it too, and so does a full disk; then it grows, and it is tried again later.

mod copier;

use crate::StoreError;
use copier::Copier;
use rusqlite::Connection;
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
        mpsc::{SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
};

/// So many pages of the log are brought into the database: 32 MB, which are used over and over.
const DUE: u32 = 8_000;
/// The same where a simulation is to see it often.
const DUE_BY_HAND: u32 = 40;

/// When the log is brought into the database, and by whom.
#[derive(Debug)]
pub(crate) struct Checkpoints {
    /// How many pages the log has, as of the last commit.
    pages: Arc<AtomicU32>,
    /// How many it had when last looked at.
    seen: u32,
    /// From so many on it is brought into the database.
    at: u32,
    /// From so many on this time.
    due: u32,
    /// The other connection was told to copy, and the writer has not done the rest yet.
    ordered: bool,
    beside: Beside,
}

impl Checkpoints {
    pub(crate) fn open(dir: &Path, db: &mut Connection) -> Result<Self, StoreError> {
        let pages: Arc<AtomicU32> = Arc::default();
        let told = Arc::clone(&pages);
        // It takes the place of SQLite's own, which brings in the log by itself.
        db.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages| {
            told.store(u32::try_from(pages).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        }))?;
        Ok(Self {
            beside: Beside {
                dir: dir.to_owned(),
                pages: Arc::clone(&pages),
                done: Arc::default(),
                hand: Hand::Idle,
            },
            pages,
            seen: 0,
            at: DUE,
            due: DUE,
            ordered: false,
        })
    }

    pub(crate) fn by_hand(&mut self) {
        (self.at, self.due) = (DUE_BY_HAND, DUE_BY_HAND);
        self.beside.hand = Hand::Own(None);
    }

    pub(crate) fn copy_by_hand(&mut self) -> bool {
        if !self.ordered || self.beside.is_done() {
            return false;
        }
        self.beside.copy_here();
        true
    }

    /// Looks whether there is something to copy, or whether everything but a little has been.
    pub(crate) fn after_commit(&mut self, db: &Connection) {
        let pages = self.pages.load(Ordering::Relaxed);
        if pages < self.seen {
            // It began anew.
            self.due = self.at;
        }
        self.seen = pages;
        if self.ordered {
            if !self.beside.is_done() {
                return;
            }
            self.ordered = false;
            if pages >= self.at {
                // Where a reader keeps some of it, a quarter more is worth another look.
                self.due = pages.saturating_add(self.at / 4);
                if let Err(error) = copier::copy(db) {
                    tracing::debug!(%error, "the log is not brought into the database");
                }
            }
        } else if pages >= self.due {
            self.ordered = true;
            self.beside.order();
        }
    }
}

/// Who copies while commits go on.
#[derive(Debug)]
struct Beside {
    dir: PathBuf,
    pages: Arc<AtomicU32>,
    /// It has done what it was told to, as far as it could.
    done: Arc<AtomicBool>,
    hand: Hand,
}

#[derive(Debug)]
enum Hand {
    /// Nothing was to be copied yet.
    Idle,
    /// A thread copies.
    Thread {
        orders: Option<SyncSender<()>>,
        thread: Option<JoinHandle<()>>,
    },
    /// Whoever drives the writer says when.
    Own(Option<Copier>),
}

impl Beside {
    /// Also when its thread is gone, which then cannot say so.
    fn is_done(&self) -> bool {
        let gone = match &self.hand {
            Hand::Thread { thread, .. } => thread.as_ref().is_none_or(JoinHandle::is_finished),
            Hand::Idle | Hand::Own(_) => false,
        };
        gone || self.done.load(Ordering::Acquire)
    }

    /// Has it copied; where nobody can, the writer does it all, as if that were the rest.
    fn order(&mut self) {
        self.done.store(false, Ordering::Release);
        if matches!(self.hand, Hand::Idle) {
            self.start();
        }
        let orders = match &self.hand {
            Hand::Thread { orders, .. } => orders.as_ref(),
            Hand::Own(_) => return,
            Hand::Idle => None,
        };
        if orders.is_none_or(|orders| orders.try_send(()).is_err()) {
            self.done.store(true, Ordering::Release);
        }
    }

    fn start(&mut self) {
        let (orders, ordered) = sync_channel(1);
        let (dir, pages) = (self.dir.clone(), Arc::clone(&self.pages));
        let done = Arc::clone(&self.done);
        let copies = move || {
            let mut copier = None;
            while ordered.recv().is_ok() {
                copy_beside(&mut copier, &dir, &pages);
                done.store(true, Ordering::Release);
            }
        };
        let name = "journal-log".to_owned();
        match thread::Builder::new().name(name).spawn(copies) {
            Ok(thread) => {
                self.hand = Hand::Thread {
                    orders: Some(orders),
                    thread: Some(thread),
                };
            }
            Err(error) => tracing::debug!(%error, "no thread to copy the log"),
        }
    }

    fn copy_here(&mut self) {
        if let Hand::Own(copier) = &mut self.hand {
            copy_beside(copier, &self.dir, &self.pages);
            self.done.store(true, Ordering::Release);
        }
    }
}

impl Drop for Beside {
    /// Its connection closes before the writer's, which is the last one and removes the log.
    fn drop(&mut self) {
        if let Hand::Thread { orders, thread } = &mut self.hand {
            orders.take();
            if let Some(thread) = thread.take() {
                let _ = thread.join();
            }
        }
    }
}

/// What cannot be copied is left to the writer.
fn copy_beside(copier: &mut Option<Copier>, dir: &Path, pages: &AtomicU32) {
    let copied = match copier {
        Some(copier) => Ok(copier),
        None => Copier::open(dir).map(|opened| copier.insert(opened)),
    }
    .and_then(|copier| copier.copy_all(|| pages.load(Ordering::Relaxed)));
    if let Err(error) = copied {
        tracing::debug!(%error, "the log is not copied");
    }
}

#[cfg(test)]
mod tests;
