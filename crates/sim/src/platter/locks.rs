//! Locks and shared memory of files, as SQLite uses them. Nobody ever waits: there is one thread.

use super::{Platter, Trouble};

const NONE: i32 = 0;
const SHARED: i32 = 1;
const RESERVED: i32 = 2;
const PENDING: i32 = 3;
const EXCLUSIVE: i32 = 4;

impl Platter {
    /// Takes a lock of that level, or says that somebody is in the way.
    pub(crate) fn lock(&mut self, name: &str, handle: u64, level: i32) -> Result<(), Trouble> {
        self.alive()?;
        let file = self.file(name)?;
        let mine = file.locks.get(&handle).copied().unwrap_or(NONE);
        if mine >= level {
            return Ok(());
        }
        let others = file.locks.iter().filter(|(other, _)| **other != handle);
        let others = others.map(|(_, level)| *level).max().unwrap_or(NONE);
        let (taken, done) = match level {
            SHARED if others >= PENDING => (mine, Err(Trouble::Busy)),
            RESERVED if others >= RESERVED => (mine, Err(Trouble::Busy)),
            EXCLUSIVE if others >= RESERVED => (mine, Err(Trouble::Busy)),
            // It keeps new readers out until those that are there have gone.
            EXCLUSIVE if others >= SHARED => (PENDING, Err(Trouble::Busy)),
            _ => (level, Ok(())),
        };
        file.locks.insert(handle, taken);
        done
    }

    /// Goes back to a lower lock.
    pub(crate) fn unlock(&mut self, name: &str, handle: u64, level: i32) {
        if let Ok(file) = self.file(name) {
            file.locks.insert(handle, level);
        }
    }

    /// Whether somebody is about to write.
    pub(crate) fn is_reserved(&mut self, name: &str) -> bool {
        let file = self.file(name);
        file.is_ok_and(|file| file.locks.values().any(|level| *level >= RESERVED))
    }

    /// A file was closed.
    pub(crate) fn let_go(&mut self, name: &str, handle: u64) {
        if let Ok(file) = self.file(name) {
            file.locks.remove(&handle);
            file.shared_locks.remove(&handle);
        }
    }

    /// A part of the memory that all handles of a file share.
    pub(crate) fn shared_memory(
        &mut self,
        name: &str,
        region: usize,
        size: usize,
        extend: bool,
    ) -> Option<*mut u8> {
        let file = self.file(name).ok()?;
        while extend && file.shared_memory.len() <= region {
            file.shared_memory.push(vec![0; size].into_boxed_slice());
        }
        let memory = file.shared_memory.get_mut(region)?;
        Some(memory.as_mut_ptr())
    }

    /// Takes locks on the shared memory.
    pub(crate) fn lock_shared(
        &mut self,
        name: &str,
        handle: u64,
        bits: u32,
        exclusive: bool,
    ) -> Result<(), Trouble> {
        self.alive()?;
        let file = self.file(name)?;
        let others = file
            .shared_locks
            .iter()
            .filter(|(other, _)| **other != handle);
        let in_the_way = others.fold(0, |all, (_, (shared, alone))| match exclusive {
            true => all | shared | alone,
            false => all | alone,
        });
        if in_the_way & bits != 0 {
            return Err(Trouble::Busy);
        }
        let (shared, alone) = file.shared_locks.entry(handle).or_default();
        match exclusive {
            true => *alone |= bits,
            false => *shared |= bits,
        }
        Ok(())
    }

    /// Gives locks on the shared memory back.
    pub(crate) fn unlock_shared(&mut self, name: &str, handle: u64, bits: u32) {
        if let Ok(file) = self.file(name)
            && let Some((shared, alone)) = file.shared_locks.get_mut(&handle)
        {
            *shared &= !bits;
            *alone &= !bits;
        }
    }
}
