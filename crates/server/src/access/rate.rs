//! How many requests one key may make: a bucket that a minute fills.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Buckets that are kept; beyond, those that are full again are forgotten.
const KEPT: usize = 10_000;

struct Bucket {
    left: f64,
    at: Instant,
}

/// The buckets.
pub(crate) struct Rates {
    per_minute: Option<u32>,
    buckets: Mutex<HashMap<String, Bucket>>,
}

impl Rates {
    /// So many requests in a minute; none = no limit.
    pub(crate) fn new(per_minute: Option<u32>) -> Self {
        Self {
            per_minute,
            buckets: Mutex::default(),
        }
    }

    /// Takes one request of `whose`.
    ///
    /// # Errors
    /// After how many seconds the next one fits.
    pub(crate) fn take(&self, whose: &str, now: Instant) -> Result<(), u64> {
        let Some(per_minute) = self.per_minute else {
            return Ok(());
        };
        let (most, per_second) = (f64::from(per_minute), f64::from(per_minute) / 60.0);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let filled = |bucket: &Bucket| {
            let gone = now.saturating_duration_since(bucket.at).as_secs_f64();
            (bucket.left + gone * per_second).min(most)
        };
        if buckets.len() >= KEPT {
            buckets.retain(|_, bucket| filled(bucket) < most);
        }
        let fresh = || Bucket {
            left: most,
            at: now,
        };
        let bucket = buckets.entry(whose.to_owned()).or_insert_with(fresh);
        bucket.left = filled(bucket);
        bucket.at = now;
        if bucket.left >= 1.0 {
            bucket.left -= 1.0;
            return Ok(());
        }
        let wait_s = ((1.0 - bucket.left) / per_second).ceil();
        // At most a minute by what came before.
        Err(if wait_s.is_finite() {
            wait_s as u64
        } else {
            60
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_bucket_fills_within_a_minute_and_is_nobody_elses() {
        let rates = Rates::new(Some(2));
        let now = Instant::now();
        assert_eq!(rates.take("a", now), Ok(()));
        assert_eq!(rates.take("a", now), Ok(()));
        assert_eq!(rates.take("a", now), Err(30));
        assert_eq!(rates.take("b", now), Ok(()));
        let later = now + Duration::from_secs(30);
        assert_eq!(rates.take("a", later), Ok(()));
        assert!(rates.take("a", later).is_err());
        assert_eq!(Rates::new(None).take("a", now), Ok(()));
    }
}
