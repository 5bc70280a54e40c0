//! The binary `mandate`. Everything is in the library, so that tests and generators can use it.

/// Memory passes from thread to thread here (client, host, journal, tools), which is where the C library's allocator
/// waits for its locks: `docs/performance.md` has the figures.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    // Threads come and go here and touch little memory each. Emptying two megabytes for every piece of it took a third of a
    // busy server's processor time.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    mandate_cli::main()
}
