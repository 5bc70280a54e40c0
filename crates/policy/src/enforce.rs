//! The gate that every call passes just before it runs.

mod permit;

pub use permit::Permit;
