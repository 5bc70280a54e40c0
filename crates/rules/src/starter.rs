//! The policy that runs where nobody wrote one. It ships with the program.

use crate::{error::Source, load::load, set::PolicySet};
use std::sync::{Arc, LazyLock};

/// Its rules.
pub const RULES: &str = include_str!("../starter/starter.cedar");
/// The definitions beside them.
pub const DEFINITIONS: &str = include_str!("../starter/policy.toml");

static STARTER: LazyLock<Arc<PolicySet>> = LazyLock::new(|| {
    let rules = Source::new("starter.cedar", RULES);
    let definitions = Source::new("policy.toml", DEFINITIONS);
    // Its texts are constants, and a test loads them. Were they broken, no rule would match, and all would be denied.
    let set = load(&[rules], &[definitions]).or_else(|_| load(&[], &[]));
    Arc::new(set.unwrap_or_default())
});

/// The starter set.
pub fn starter() -> Arc<PolicySet> {
    Arc::clone(&STARTER)
}
