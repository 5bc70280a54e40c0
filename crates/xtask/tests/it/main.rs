//! Behaviour tests of `mandate-xtask`.
