//! What the simulation can do with a disk beside what the host can do with a journal.

use crate::random::Random;
use mandate_store::Journal;

/// A journal whose disk the simulation holds in its hands.
pub(crate) trait Disk: Journal {
    /// Takes one step towards what waits being durable and acknowledged. False: nothing waits.
    fn sync(&self, random: &mut Random) -> bool;
    /// Whether anything waits to be written or acknowledged.
    fn waits(&self) -> bool;
    /// From here on it takes nothing more.
    fn fill(&self);
    /// After so many further operations the power fails; a disk without operations ignores it.
    fn fail_power_in(&self, operations: u32);
    /// Whether the power failed meanwhile.
    fn is_dead(&self) -> bool;
}
