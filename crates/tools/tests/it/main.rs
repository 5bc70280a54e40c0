//! Behaviour tests of `mandate-tools`.
