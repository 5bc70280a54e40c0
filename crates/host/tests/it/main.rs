//! Behaviour tests of `mandate-host`.
