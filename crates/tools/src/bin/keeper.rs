//! The helper that starts programs, alone: the tests of this crate have no `mandate` at hand.

fn main() -> std::process::ExitCode {
    mandate_sandbox::helper().unwrap_or(std::process::ExitCode::FAILURE)
}
