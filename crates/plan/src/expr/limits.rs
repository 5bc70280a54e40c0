//! What an expression may cost: bounds on its text, and on the work and the values of one evaluation.

/// Longest source, in bytes.
pub const MAX_SOURCE_BYTES: usize = 2048;
/// How deep operators, calls and literals may nest. Evaluation recurses once per level, and has to fit the
/// smallest stack in use, which is a thread's 2 MiB, in a build without optimisation.
pub const MAX_DEPTH: usize = 48;
/// How many operators, brackets and dots a source may hold. The parser recurses along chains of them.
pub const MAX_LINKS: usize = 512;
/// How many comprehensions (`map`, `filter`, `all`, `exists`, `exists_one`, `sortBy`) an expression may hold.
pub const MAX_LOOPS: usize = 8;
/// How deep comprehensions may stand within each other.
pub const MAX_LOOP_NESTING: usize = 2;
/// The work of one evaluation: one unit is a node visited, an item touched, or [`BYTES_PER_UNIT`] bytes read or made.
pub const WORK_UNITS: u64 = 4_000_000;
/// How many bytes a native operation reads or makes for one unit of work.
pub const BYTES_PER_UNIT: usize = 16;
/// Most items in a list or a map that an expression makes.
pub const MAX_ITEMS: usize = 100_000;
/// Largest text, and largest result counted over all its parts, in bytes.
pub const MAX_VALUE_BYTES: usize = 4 * 1024 * 1024;
/// How deep a result may nest. A journal line holds it within other objects and has to be readable again.
pub const MAX_VALUE_DEPTH: usize = 96;
/// Longest regular expression, in bytes.
pub const MAX_PATTERN_BYTES: usize = 1024;
/// Longest date layout, in bytes.
pub const MAX_LAYOUT_BYTES: usize = 256;
/// The largest whole number that every JSON reader keeps exactly: 2^53 − 1.
pub const MAX_SAFE_INTEGER: i64 = 9_007_199_254_740_991;
