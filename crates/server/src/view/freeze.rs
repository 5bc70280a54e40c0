//! The freeze as it stands.

use mandate_host::{Freeze, HostError, switch};
use mandate_store::Reader;

/// The freeze that holds, if one does.
///
/// # Errors
/// The journal cannot be read.
pub fn freeze(reader: &Reader) -> Result<Option<Freeze>, HostError> {
    let last = reader.last_of_system(&switch::KINDS)?;
    Ok(Freeze::standing(last.as_ref()))
}
