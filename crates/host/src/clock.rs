//! Time, as the host sees it.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Tells the time. The host asks it only when an input arrives, never in between.
pub trait Clock: Send + Sync {
    /// Unix time in milliseconds.
    fn now_ms(&self) -> i64;
}

/// The machine's clock, except that it never goes back: set back, it goes on from where it was, at the pace of the
/// machine's steady clock, until the machine's time has caught up. What is due in a second is due in a second. Set
/// forward, it follows.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

/// The last time that was told in this process, and when that was.
static TOLD: Mutex<Option<(Instant, i64)>> = Mutex::new(None);

impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
        let (steady, wall_ms) = (Instant::now(), wall_ms());
        let now_ms = after(*told, steady, wall_ms);
        *told = Some((steady, now_ms));
        now_ms
    }
}

fn wall_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| millis(since.as_millis()))
}

fn millis(millis: u128) -> i64 {
    i64::try_from(millis).unwrap_or(i64::MAX)
}

/// The time to be told, where `told` is the last one.
fn after(told: Option<(Instant, i64)>, steady: Instant, wall_ms: i64) -> i64 {
    match told {
        Some((then, told_ms)) if wall_ms < told_ms => {
            let passed = steady.saturating_duration_since(then);
            told_ms.saturating_add(millis(passed.as_millis()))
        }
        _ => wall_ms,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn it_goes_on_when_the_machines_clock_is_set_back_and_follows_when_set_forward() {
        let begun = Instant::now();
        let later = |ms| begun + Duration::from_millis(ms);
        assert_eq!(after(None, begun, 1_000), 1_000);
        assert_eq!(after(Some((begun, 1_000)), later(5), 1_005), 1_005);
        assert_eq!(after(Some((begun, 1_000)), later(5), 999_000), 999_000);
        // Set back by a second.
        assert_eq!(after(Some((begun, 1_000)), later(5), 5), 1_005);
        assert_eq!(after(Some((later(5), 1_005)), later(900), 900), 1_900);
        // It has caught up.
        assert_eq!(after(Some((later(5), 1_005)), later(1_100), 1_100), 1_100);
    }
}
