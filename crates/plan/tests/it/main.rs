//! Behaviour tests of `mandate-plan`.
