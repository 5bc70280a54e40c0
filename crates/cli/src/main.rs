//! The binary `mandate`. Everything is in the library, so that tests and generators can use it.

/// Memory passes from thread to thread here (client, host, journal, tools), which is where the C library's allocator
/// waits for its locks: `docs/performance.md` has the figures.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    mandate_cli::main()
}
