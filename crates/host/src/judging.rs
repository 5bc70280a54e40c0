//! What calls are judged by: the tools and rules as they are now, and the counters of the session that they belong to.

use crate::drive::Drive;
use crate::gate::Bench;
use crate::host::Host;
use crate::shadow::Shadow;
use mandate_policy::SessionView;

impl Host {
    /// What the calls of a session are judged by now.
    pub(crate) fn bench(&self, session: &str, principal: &str, now_ms: i64) -> Bench {
        Bench {
            lookup: self.parts.tools.lookup(),
            rules: self.parts.rules.clone(),
            shadow: self.shadow(),
            session: self.session(session, principal),
            now_ms,
        }
    }

    /// An execution that is driven, with what its calls are judged by.
    pub(crate) fn judged(
        &mut self,
        execution_id: &str,
        now_ms: i64,
    ) -> Option<(&mut Drive, Bench)> {
        let created = &self.drives.get(execution_id)?.state.created;
        let bench = self.bench(&created.session, &created.principal, now_ms);
        Some((self.drives.get_mut(execution_id)?, bench))
    }

    fn shadow(&self) -> Option<Shadow> {
        let journal = || self.parts.journal.clone();
        self.parts.shadow.clone().map(|rules| Shadow {
            rules,
            journal: journal(),
        })
    }

    fn session(&self, session: &str, principal: &str) -> SessionView {
        SessionView {
            session_id: session.to_owned(),
            principal: principal.to_owned(),
            frozen: self.frozen,
            calls: self.sessions.get(session).copied().unwrap_or(0),
            calls_last_minute: 0,
            ..SessionView::default()
        }
    }
}
