//! The policy language: Cedar, with a schema of Mandate's own.
//!
//! A [`PolicySet`] is one or more texts in Cedar, with definitions beside them (`policy.toml`): tags, sequences,
//! categories, points of risk. [`load`] checks the texts against the schema, so that a set that exists cannot ask for
//! something that a call does not have. It implements [`mandate_policy::Rules`]: every rule that matches is reported,
//! the strictest wins, nothing that matches is a deny, and so is a rule that fails. Several sets at once are an
//! [`Active`] policy: all of them must allow.
//!
//! Pure, like `plan` and `policy`: texts come in, a set of rules comes out. Where policies lie on the disk is the
//! command line's business.
//!
//! Start reading at `load.rs`, then `facts.rs` for what rules see, then `judge.rs`; `condition.rs` for why
//! Cedar is seldom asked.

mod active;
mod annotations;
mod condition;
mod definitions;
mod error;
mod explain;
mod expression;
mod facts;
pub mod import;
mod judge;
pub mod lint;
mod literals;
mod load;
mod prepared;
mod rule;
mod schema;
mod sequences;
mod set;
pub mod starter;
mod stored;
pub mod testing;

pub use active::Active;
pub use definitions::{Definitions, SequenceDefinition, TagDefinition};
pub use error::{PolicyError, Source};
pub use load::load;
pub use rule::Rule;
pub use schema::SCHEMA;
pub use set::PolicySet;
