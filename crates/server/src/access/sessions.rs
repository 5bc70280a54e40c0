//! Log-ins of the console. They live in memory: after a restart people log in again.

use super::caller::{Caller, Via};
use super::secret;
use mandate_plan::Digest;
use mandate_policy::Principal;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Log-ins that there may be at a time; beyond, the one that was idle longest ends.
const MOST: usize = 4_096;

#[derive(Clone)]
struct Session {
    principal: Principal,
    via: Via,
    csrf: String,
    seen_ms: i64,
    ends_ms: i64,
}

/// The log-ins.
pub(crate) struct Sessions {
    idle_ms: i64,
    lasts_ms: i64,
    open: Mutex<HashMap<Digest, Session>>,
}

/// A log-in that was made.
pub(crate) struct LoggedIn {
    /// What the cookie holds.
    pub(crate) cookie: String,
    pub(crate) caller: Caller,
}

impl Sessions {
    /// Log-ins that end after that long idle, and that long at most.
    pub(crate) fn new(idle: Duration, lasts: Duration) -> Self {
        let ms = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        Self {
            idle_ms: ms(idle),
            lasts_ms: ms(lasts),
            open: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Digest, Session>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_over(&self, session: &Session, now_ms: i64) -> bool {
        now_ms >= session.ends_ms || now_ms.saturating_sub(session.seen_ms) >= self.idle_ms
    }

    /// Begins one; none if the system gives no randomness.
    pub(crate) fn begin(&self, principal: Principal, via: Via, now_ms: i64) -> Option<LoggedIn> {
        let (cookie, csrf) = (secret::random()?, secret::random()?);
        let session = Session {
            principal,
            via,
            csrf,
            seen_ms: now_ms,
            ends_ms: now_ms.saturating_add(self.lasts_ms),
        };
        let caller = session.caller();
        let mut open = self.lock();
        open.retain(|_, session| !self.is_over(session, now_ms));
        if open.len() >= MOST
            && let Some(idlest) = { open.iter() }
                .min_by_key(|(_, session)| session.seen_ms)
                .map(|(digest, _)| *digest)
        {
            open.remove(&idlest);
        }
        open.insert(secret::digest(&cookie), session);
        Some(LoggedIn { cookie, caller })
    }

    /// Whose cookie it is.
    pub(crate) fn of(&self, cookie: &str, now_ms: i64) -> Option<Caller> {
        let mut open = self.lock();
        let digest = secret::digest(cookie);
        let session = open.get_mut(&digest)?;
        if self.is_over(session, now_ms) {
            open.remove(&digest);
            return None;
        }
        session.seen_ms = now_ms;
        Some(session.caller())
    }

    /// Ends one.
    pub(crate) fn end(&self, cookie: &str) {
        self.lock().remove(&secret::digest(cookie));
    }
}

impl Session {
    fn caller(&self) -> Caller {
        Caller {
            principal: self.principal.clone(),
            via: self.via,
            csrf: Some(self.csrf.clone()),
            expires_ms: Some(self.ends_ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_in_ends_idle_and_at_last() {
        let (idle, lasts) = (Duration::from_millis(100), Duration::from_millis(250));
        let sessions = Sessions::new(idle, lasts);
        let begin = |now_ms| {
            let made = sessions.begin(Principal::local(1), Via::Link, now_ms);
            made.unwrap().cookie
        };
        let cookie = begin(0);
        assert!(sessions.of(&cookie, 99).is_some());
        assert!(sessions.of(&cookie, 198).is_some(), "it was seen meanwhile");
        assert!(sessions.of(&cookie, 250).is_none(), "it lasts no longer");
        let cookie = begin(0);
        assert!(sessions.of(&cookie, 100).is_none(), "it was idle");
        assert!(sessions.of(&cookie, 1).is_none(), "it is gone");
        let cookie = begin(0);
        sessions.end(&cookie);
        assert!(sessions.of(&cookie, 1).is_none());
        assert!(sessions.of("", 1).is_none());
    }
}
