//! Behaviour tests of `mandate-engine`.
