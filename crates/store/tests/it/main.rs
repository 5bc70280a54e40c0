//! Behaviour tests of `mandate-store`.
