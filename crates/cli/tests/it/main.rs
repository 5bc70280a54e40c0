//! Behaviour tests of `mandate-cli`.
