//! Who asks, how that is known, and what they may do.

mod caller;
mod identify;
mod link;
mod log_in;
mod origin;
mod rate;
mod rights;
mod secret;
mod sessions;

pub(crate) use caller::{Caller, Via};
pub(crate) use identify::identify;
pub(crate) use link::Link;
pub(crate) use log_in::{Shown, log_in, log_out};
pub(crate) use origin::is_own;
pub(crate) use rate::Rates;
pub(crate) use rights::Right;
pub(crate) use sessions::Sessions;
