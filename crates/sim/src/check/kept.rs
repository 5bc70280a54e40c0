//! What must be kept nowhere: secrets, and what is sensitive in an output.

use super::{Faults, Found};
use crate::secrets_of;
use crate::world::World;
use mandate_store::{Journal, SYSTEM};

pub(super) fn check(world: &World<'_>, journal: &dyn Journal, all: &[Found], faults: &mut Faults) {
    let (secret, sensitive) = secrets_of(world.scenario().seed);
    let streams = all.iter().map(|found| found.id.as_str());
    for stream in streams.chain([SYSTEM]) {
        let rows = journal.read(stream, 1, usize::MAX >> 1).unwrap_or_default();
        for row in rows {
            let text = String::from_utf8_lossy(&row.payload);
            for (name, value) in [("secret", &secret), ("sensitive output", &sensitive)] {
                if text.contains(value.as_str()) {
                    let what = format!("a {name} in `{}` of {stream}", row.kind);
                    faults.push(("no secret is in the journal", what));
                }
            }
        }
    }
}
