//! The machine under the processes: what a crash leaves of its disk.

use crate::disk::Disk;
use crate::memory::{Durable, MemoryDisk};
use crate::random::Random;
use crate::scenario::{DiskKind, Scenario};
use std::sync::{Arc, Mutex};

/// A machine with one disk.
pub(crate) enum Machine {
    /// A journal in memory.
    Memory(Arc<Mutex<Durable>>),
}

impl Machine {
    /// A machine on which nothing ever ran.
    ///
    /// # Errors
    /// It cannot be set up.
    pub(crate) fn new(scenario: &Scenario) -> Result<Self, String> {
        Ok(match scenario.disk {
            DiskKind::Memory | DiskKind::Sqlite => Machine::Memory(Arc::default()),
        })
    }

    /// Opens the disk for a process.
    ///
    /// # Errors
    /// It does not open.
    pub(crate) fn open(&mut self, _random: &mut Random) -> Result<Box<dyn Disk>, String> {
        match self {
            Machine::Memory(durable) => Ok(Box::new(MemoryDisk::on(Arc::clone(durable)))),
        }
    }

    /// The process, or with it the power, is gone.
    pub(crate) fn crash(&mut self, _power: bool, _random: &mut Random) {
        match self {
            // A prefix is all that it ever has.
            Machine::Memory(_) => {}
        }
    }

    /// What the store's own verification finds.
    pub(crate) fn verify(&mut self) -> Vec<String> {
        match self {
            Machine::Memory(_) => Vec::new(),
        }
    }
}
