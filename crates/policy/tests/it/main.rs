//! Behaviour tests of `mandate-policy`.
