//! The machine under the processes: what a crash leaves of its disk.

use crate::disk::Disk;
use crate::memory::{Durable, MemoryDisk};
use crate::random::Random;
use crate::scenario::{DiskKind, Scenario};
use crate::sqlite::SqliteMachine;
use std::sync::{Arc, Mutex};

/// A machine with one disk.
pub(crate) enum Machine {
    /// A journal in memory.
    Memory(Arc<Mutex<Durable>>),
    /// The real store.
    Sqlite(SqliteMachine),
}

impl Machine {
    /// A machine on which nothing ever ran.
    ///
    /// # Errors
    /// It cannot be set up.
    pub(crate) fn new(scenario: &Scenario) -> Result<Self, String> {
        Ok(match scenario.disk {
            DiskKind::Memory => Machine::Memory(Arc::default()),
            DiskKind::Sqlite => Machine::Sqlite(SqliteMachine::new(scenario.seed)?),
        })
    }

    /// Opens the disk for a process.
    ///
    /// # Errors
    /// It does not open.
    pub(crate) fn open(&mut self) -> Result<Box<dyn Disk>, String> {
        match self {
            Machine::Memory(durable) => Ok(Box::new(MemoryDisk::on(Arc::clone(durable)))),
            Machine::Sqlite(machine) => machine.open(),
        }
    }

    /// The process, or with it the power, is gone.
    pub(crate) fn crash(&mut self, power: bool, random: &mut Random) {
        match self {
            // A prefix is all that it ever has.
            Machine::Memory(_) => {}
            Machine::Sqlite(machine) => machine.crash(power, random),
        }
    }

    /// What the store's own verification finds.
    pub(crate) fn verify(&self) -> Vec<String> {
        match self {
            Machine::Memory(_) => Vec::new(),
            Machine::Sqlite(machine) => machine.verify(),
        }
    }
}
