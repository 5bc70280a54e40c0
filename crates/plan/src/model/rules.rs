//! What a step's resolved arguments may and must not be.

use super::Pattern;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};
use std::collections::BTreeMap;

/// Rules on resolved arguments, checked just before the call.
///
/// A list under `allow`: every resource of that kind found in the arguments must match one entry. A list under `deny`:
/// none may match any. No list, no limit.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Files and directories.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<Pattern>")]
    pub paths: Option<Vec<Pattern>>,
    /// Addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<Pattern>")]
    pub urls: Option<Vec<Pattern>>,
    /// Commands: the argument list, quoted as POSIX shells do, joined by single spaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<Pattern>")]
    pub commands: Option<Vec<Pattern>>,
    /// Single arguments, by name or by JSON pointer.
    #[serde(default)]
    pub args: BTreeMap<String, ArgRule>,
}

/// What one argument may be. All values are literal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
pub enum ArgRule {
    /// Exactly this value.
    Equals {
        /// The value.
        equals: Value,
    },
    /// One of these values.
    OneOf {
        /// The values.
        #[schemars(length(min = 1))]
        one_of: Vec<Value>,
    },
    /// A string that the glob pattern matches as a whole.
    Glob {
        /// The pattern.
        glob: String,
    },
    /// A string that the regular expression matches as a whole.
    Regex {
        /// The expression.
        regex: String,
    },
    /// Anything.
    Any {
        /// Always `true`.
        #[schemars(extend("const" = true))]
        any: bool,
    },
    /// A number within bounds, which are included. At least one is given.
    #[schemars(extend("minProperties" = 1))]
    Range {
        /// The lower bound.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "Number")]
        min: Option<Number>,
        /// The upper bound.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "Number")]
        max: Option<Number>,
    },
}
