//! Behaviour tests of `mandate-plan`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::disallowed_macros,
    missing_docs,
    reason = "tests"
)]

mod canonical;
mod documents;
mod edges;
mod expr_attacks;
mod expr_cel;
mod expr_compile;
mod expr_functions;
mod expr_numbers;
mod expr_scope;
mod expr_speed;
mod expr_steps;
mod expr_template;
mod expr_values;
mod fuzz;
mod fuzzing;
mod hostile;
mod mistakes;
mod narrowing;
mod patterns;
mod plan_rules;
mod plans;
mod rules;
mod support;
mod views;
