//! The helpers that tools start, alone: the tests of this crate have no `mandate` at hand.

fn main() -> std::process::ExitCode {
    mandate_tools::helper().unwrap_or(std::process::ExitCode::FAILURE)
}
