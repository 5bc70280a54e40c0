//! The work that one evaluation may do, counted and never timed, so that a replay takes the same turn.

use super::{
    failure::{Fail, Failure},
    limits::{BYTES_PER_UNIT, MAX_ITEMS, MAX_VALUE_BYTES, WORK_UNITS},
};
use std::cell::Cell;

/// What is left of an evaluation's work.
#[derive(Debug)]
pub(super) struct Budget {
    left: Cell<u64>,
}

impl Budget {
    pub(super) fn new() -> Self {
        Self {
            left: Cell::new(WORK_UNITS),
        }
    }

    /// Takes `units` away, or fails for good.
    pub(super) fn charge(&self, units: u64) -> Result<(), Fail> {
        match self.left.get().checked_sub(units) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => {
                self.left.set(0);
                Err(Failure::exhausted(format!(
                    "the expression takes too much work: more than {WORK_UNITS} units"
                )))
            }
        }
    }

    /// Charges for touching `count` items.
    pub(super) fn items(&self, count: usize) -> Result<(), Fail> {
        self.charge(count as u64)
    }

    /// Charges for reading `count` bytes.
    pub(super) fn bytes(&self, count: usize) -> Result<(), Fail> {
        self.charge((count / BYTES_PER_UNIT) as u64 + 1)
    }

    /// Charges for making a text of `count` bytes, before it is made.
    pub(super) fn text(&self, count: usize) -> Result<(), Fail> {
        if count > MAX_VALUE_BYTES {
            return Err(Failure::exhausted(format!(
                "the expression makes a text that is larger than {MAX_VALUE_BYTES} bytes"
            )));
        }
        self.bytes(count)
    }

    /// Charges for making a list or map of `count` items, before it is made.
    pub(super) fn list(&self, count: usize) -> Result<(), Fail> {
        if count > MAX_ITEMS {
            return Err(Failure::exhausted(format!(
                "the expression makes a list or map of more than {MAX_ITEMS} items"
            )));
        }
        self.items(count)
    }

    /// Charges for sorting `count` items whose keys hold `bytes` bytes together.
    pub(super) fn sort(&self, count: usize, bytes: usize) -> Result<(), Fail> {
        let rounds = u64::from(usize::BITS - count.leading_zeros()) + 1;
        self.charge((count as u64 + (bytes / BYTES_PER_UNIT) as u64).saturating_mul(rounds))
    }
}
