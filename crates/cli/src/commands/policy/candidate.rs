//! The policy that a command is to look at: one that lies somewhere, or the one in force.

use crate::{
    config::{SetPaths, broken},
    context::Context,
    errors::Failure,
};
use mandate_policy::Rules;
use mandate_rules::Active;
use std::{path::Path, sync::Arc};

/// The policy at `path`, with the limits of the configuration, or the one in force.
///
/// # Errors
/// It cannot be read, or is not valid.
pub(super) fn candidate(path: Option<&Path>, context: &Context) -> Result<Arc<dyn Rules>, Failure> {
    let Some(path) = path else {
        return Ok(context.settings()?.rules.clone());
    };
    let set = SetPaths::at(path)
        .loaded()?
        .map_err(|wrong| broken(&wrong))?;
    let limits = context.settings_without_policies()?.limits;
    Ok(Arc::new(Active::new(vec![Arc::new(set)], limits)))
}
