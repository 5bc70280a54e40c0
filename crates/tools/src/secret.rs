//! Secrets: where they come from, who may receive them, how they get into a call and are kept out of its answer.

mod insert;
mod scrub;
mod source;
mod vault;

pub(crate) use insert::{Inserted, insert};
pub use scrub::Scrubber;
pub use source::{
    ConfiguredSecrets, NoSecrets, SecretConfig, SecretError, SecretSource, SecretUse, SecretValue,
};
pub(crate) use vault::{Taken, Vault};

/// A shorter value would be found by chance in any output, and can be guessed anyway. In bytes.
pub const MIN_SECRET_BYTES: usize = 8;
