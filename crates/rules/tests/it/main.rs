//! Behaviour of the policy language, one module per subject.

mod agreement;
mod guide;
mod judging;
mod loading;
mod slow;
mod starter;
mod support;
