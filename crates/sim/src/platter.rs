//! The files of a simulated disk: what was synced lasts; what was only written may be there after the power has failed, in
//! whole, in part, or not at all.

mod locks;

use crate::random::Random;
use std::collections::BTreeMap;

/// Writes are torn at these boundaries, or at any byte.
const SECTOR: u64 = 512;

/// Why an operation is not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The power has failed.
    Dead,
    /// There is no room.
    Full,
    /// There is no such file.
    Missing,
    /// Somebody else has a lock.
    Busy,
}

/// A change that is not on the disk for certain.
#[derive(Debug, Clone)]
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Cut { to: usize },
}

/// One file.
#[derive(Default)]
pub(crate) struct File {
    synced: Vec<u8>,
    now: Vec<u8>,
    unsynced: Vec<Change>,
    /// Level of each handle's lock, as SQLite counts them.
    pub(crate) locks: BTreeMap<u64, i32>,
    /// Of each handle the locks on the shared memory: shared and exclusive, one bit each.
    pub(crate) shared_locks: BTreeMap<u64, (u32, u32)>,
    /// The shared memory, which no crash survives. Its parts stay where they are.
    pub(crate) shared_memory: Vec<Box<[u8]>>,
}

/// The files of one directory.
#[derive(Default)]
pub(crate) struct Platter {
    pub(crate) files: BTreeMap<String, File>,
    dead: bool,
    full: bool,
    operations_left: Option<u32>,
    next_handle: u64,
}

impl Platter {
    /// What is left after a crash; what the dead process still does to the old platter is lost.
    pub(crate) fn after_crash(&mut self, power: bool, random: &mut Random) -> Self {
        self.dead = true;
        let files = self.files.iter().map(|(name, file)| {
            let bytes = match power {
                true => file.after_power_loss(random),
                false => file.now.clone(),
            };
            // What only the process's own system knew of is as safe as before.
            let file = match power {
                true => File {
                    synced: bytes.clone(),
                    now: bytes,
                    ..File::default()
                },
                false => File {
                    synced: file.synced.clone(),
                    now: bytes,
                    unsynced: file.unsynced.clone(),
                    ..File::default()
                },
            };
            (name.clone(), file)
        });
        Self {
            files: files.collect(),
            ..Self::default()
        }
    }

    /// A handle for somebody who opens a file.
    pub(crate) fn handle(&mut self) -> u64 {
        self.next_handle = self.next_handle.wrapping_add(1);
        self.next_handle
    }

    /// From here on nothing can be written.
    pub(crate) fn fill(&mut self) {
        self.full = true;
    }

    /// The power fails after so many further operations that change something.
    pub(crate) fn fail_power_in(&mut self, operations: u32) {
        self.operations_left = Some(operations);
    }

    /// Whether the power has failed.
    pub(crate) fn is_dead(&self) -> bool {
        self.dead
    }

    /// An operation that changes something is about to be carried out.
    fn operate(&mut self) -> Result<(), Trouble> {
        if let Some(left) = &mut self.operations_left {
            match left.checked_sub(1) {
                Some(less) => *left = less,
                None => self.dead = true,
            }
        }
        self.alive()
    }

    /// Nothing can be done without power.
    pub(crate) fn alive(&self) -> Result<(), Trouble> {
        match self.dead {
            true => Err(Trouble::Dead),
            false => Ok(()),
        }
    }

    pub(crate) fn file(&mut self, name: &str) -> Result<&mut File, Trouble> {
        self.files.get_mut(name).ok_or(Trouble::Missing)
    }

    pub(crate) fn write(&mut self, name: &str, at: usize, bytes: &[u8]) -> Result<(), Trouble> {
        self.operate()?;
        if self.full {
            return Err(Trouble::Full);
        }
        let change = Change::Write {
            at,
            bytes: bytes.to_vec(),
        };
        let file = self.file(name)?;
        change.apply(&mut file.now);
        file.unsynced.push(change);
        Ok(())
    }

    pub(crate) fn cut(&mut self, name: &str, to: usize) -> Result<(), Trouble> {
        self.operate()?;
        let file = self.file(name)?;
        let change = Change::Cut { to };
        change.apply(&mut file.now);
        file.unsynced.push(change);
        Ok(())
    }

    pub(crate) fn sync(&mut self, name: &str) -> Result<(), Trouble> {
        self.operate()?;
        let file = self.file(name)?;
        for change in std::mem::take(&mut file.unsynced) {
            change.apply(&mut file.synced);
        }
        Ok(())
    }

    pub(crate) fn remove(&mut self, name: &str) -> Result<(), Trouble> {
        self.operate()?;
        self.files.remove(name).map(|_| ()).ok_or(Trouble::Missing)
    }

    /// Fills `into` with what is there; the rest of it becomes zero. True: all of it was there.
    pub(crate) fn read(&mut self, name: &str, at: usize, into: &mut [u8]) -> Result<bool, Trouble> {
        self.alive()?;
        let file = self.file(name)?;
        let there = file.now.get(at..).unwrap_or(&[]);
        let mut whole = true;
        for (place, byte) in into.iter_mut().enumerate() {
            let found = there.get(place).copied();
            whole = whole && found.is_some();
            *byte = found.unwrap_or(0);
        }
        Ok(whole)
    }

    pub(crate) fn size(&mut self, name: &str) -> Result<usize, Trouble> {
        Ok(self.file(name)?.now.len())
    }
}

impl File {
    /// Whether there is nothing in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.now.is_empty()
    }

    fn after_power_loss(&self, random: &mut Random) -> Vec<u8> {
        let mut bytes = self.synced.clone();
        for change in &self.unsynced {
            match random.below(4) {
                0 => {}
                1 => change.torn(random).apply(&mut bytes),
                _ => change.apply(&mut bytes),
            }
        }
        bytes
    }
}

impl Change {
    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Change::Write { at, bytes } => {
                let end = at.saturating_add(bytes.len());
                if to.len() < end {
                    to.resize(end, 0);
                }
                if let Some(place) = to.get_mut(*at..end) {
                    place.copy_from_slice(bytes);
                }
            }
            Change::Cut { to: size } => to.truncate(*size),
        }
    }

    /// A part of it.
    fn torn(&self, random: &mut Random) -> Change {
        match self {
            Change::Write { at, bytes } => {
                let length = bytes.len() as u64;
                let kept = match random.one_in(2) {
                    true => random.below(length),
                    false => random.below(length / SECTOR + 1).saturating_mul(SECTOR),
                };
                let kept = usize::try_from(kept).unwrap_or(0);
                Change::Write {
                    at: *at,
                    bytes: bytes.get(..kept).unwrap_or_default().to_vec(),
                }
            }
            Change::Cut { to } => Change::Cut { to: *to },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_synced_lasts_and_nothing_else_is_promised() {
        let mut lost = 0;
        let mut torn = 0;
        for seed in 0..200 {
            let mut platter = Platter::default();
            platter.files.insert("a".to_owned(), File::default());
            platter.write("a", 0, &[1; 2_000]).unwrap();
            platter.sync("a").unwrap();
            platter.write("a", 2_000, &[2; 2_000]).unwrap();
            let mut after = platter.after_crash(true, &mut Random::of(seed, "test"));
            let mut there = [0; 4_000];
            after.read("a", 0, &mut there).unwrap();
            assert_eq!(there[..2_000], [1; 2_000]);
            let kept = there.iter().filter(|byte| **byte == 2).count();
            lost += usize::from(kept == 0);
            torn += usize::from(kept > 0 && kept < 2_000);
            assert_eq!(platter.write("a", 0, &[3]), Err(Trouble::Dead));
        }
        assert!(lost > 20 && torn > 20, "{lost} {torn}");
    }

    #[test]
    fn a_process_that_dies_takes_nothing_with_it() {
        let mut platter = Platter::default();
        platter.files.insert("a".to_owned(), File::default());
        platter.write("a", 0, &[1; 10]).unwrap();
        let mut after = platter.after_crash(false, &mut Random::of(1, "test"));
        assert_eq!(after.size("a"), Ok(10));
    }

    #[test]
    fn the_power_fails_when_it_is_told_to() {
        let mut platter = Platter::default();
        platter.files.insert("a".to_owned(), File::default());
        platter.fail_power_in(1);
        platter.write("a", 0, &[1]).unwrap();
        assert_eq!(platter.sync("a"), Err(Trouble::Dead));
        assert!(platter.is_dead());
    }
}
