//! The policy language: Cedar, with a schema of Mandate's own.
//!
//! Pure, like `plan` and `policy`: texts come in, a set of rules comes out. Where policies lie on the disk is the
//! command line's business.

pub mod import;
pub mod testing;
