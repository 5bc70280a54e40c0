//! The link that is printed where the server is started: whoever can read that is this machine's user. It works once, and
//! the next one is printed then.

use super::secret;
use mandate_plan::Digest;
use std::sync::{Mutex, PoisonError};

/// How long a link works, in milliseconds.
const LASTS_MS: i64 = 3_600_000;

/// The link that works now.
#[derive(Default)]
pub(crate) struct Link {
    kept: Mutex<Option<(Digest, i64)>>,
}

impl Link {
    /// Makes a new one in the place of the one before, and gives its secret.
    pub(crate) fn renew(&self, now_ms: i64) -> Option<String> {
        let fresh = secret::random()?;
        let until_ms = now_ms.saturating_add(LASTS_MS);
        *self.lock() = Some((secret::digest(&fresh), until_ms));
        Some(fresh)
    }

    /// Whether it is the one that works. It does not work a second time.
    pub(crate) fn take(&self, shown: &str, now_ms: i64) -> bool {
        let mut kept = self.lock();
        let works = { kept.as_ref() }
            .is_some_and(|(digest, until_ms)| secret::is(shown, digest) && now_ms < *until_ms);
        if works {
            *kept = None;
        }
        works
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<(Digest, i64)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_works_once_and_not_for_long() {
        let link = Link::default();
        assert!(!link.take("", 0));
        let first = link.renew(0).unwrap();
        assert!(!link.take(&format!("{first}0"), 1));
        assert!(link.take(&first, 1));
        assert!(!link.take(&first, 2));
        let second = link.renew(0).unwrap();
        assert!(!link.take(&second, LASTS_MS));
        let third = link.renew(0).unwrap();
        assert!(!link.take(&second, 1) && link.take(&third, 1));
    }
}
