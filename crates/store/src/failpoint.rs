//! Places where a test may kill the process. Without the feature `failpoints` nothing of it is compiled in.

/// Every failpoint of a commit, in the order in which it passes them. Archives have `archive.written`, `archive.named` and
/// `archive.removed` besides.
pub const NAMES: [&str; 8] = [
    "journal.before_begin",
    "journal.after_begin",
    "journal.after_insert",
    "journal.before_commit",
    "journal.after_commit",
    "journal.after_head",
    "journal.before_ack",
    "journal.after_ack",
];

/// Kills this process with SIGKILL if `MANDATE_FAILPOINT` is `name:N` and this is the Nth time here.
#[cfg(feature = "failpoints")]
pub fn hit(name: &str) {
    use std::sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    };
    static ARMED: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static HITS: AtomicU64 = AtomicU64::new(0);
    let armed = ARMED.get_or_init(|| {
        let value = std::env::var("MANDATE_FAILPOINT").ok()?;
        let (name, count) = value.rsplit_once(':')?;
        Some((name.to_owned(), count.parse().ok()?))
    });
    let Some((armed_name, at)) = armed else {
        return;
    };
    if armed_name == name && HITS.fetch_add(1, Ordering::Relaxed) + 1 == *at {
        let _ =
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        loop {
            std::thread::park();
        }
    }
}

/// Does nothing: the feature `failpoints` is off.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub fn hit(_name: &str) {}
