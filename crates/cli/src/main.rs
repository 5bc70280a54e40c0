//! The binary `mandate`. Everything is in the library, so that tests and generators can use it.

fn main() -> std::process::ExitCode {
    mandate_cli::main()
}
