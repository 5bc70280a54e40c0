//! Behaviour of the policy language, one module per subject.

mod import;
mod judging;
mod loading;
mod starter;
mod support;
