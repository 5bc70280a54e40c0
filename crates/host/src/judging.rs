//! What calls are judged by: the tools and rules as they are now, and the counters of the session that they belong to.

use crate::ask::Submission;
use crate::drive::Drive;
use crate::gate::Bench;
use crate::host::{Host, Parts};
use crate::policies::rules_for;
use crate::sessions::Sessions;
use crate::shadow::Shadow;
use mandate_engine::Created;
use mandate_policy::{Rules, SessionView};
use std::sync::Arc;

impl Host {
    /// What the calls of a session are judged by now.
    pub(crate) fn bench(&mut self, session: &str, principal: &str, now_ms: i64) -> Bench {
        self.means(now_ms).bench(session, principal)
    }

    /// What a plan that somebody wants run is judged by.
    pub(crate) fn bench_of(&mut self, submission: &Submission, now_ms: i64) -> Bench {
        let bench = self.bench(&submission.session, &submission.principal, now_ms);
        bench.with_roles(&submission.roles)
    }

    /// An execution that is driven, with what its calls are judged by.
    pub(crate) fn judged(
        &mut self,
        execution_id: &str,
        now_ms: i64,
    ) -> Option<(&mut Drive, Means<'_>)> {
        let drive = self.drives.get_mut(execution_id)?;
        let began_under = drive.state.created.policy_version.as_str();
        let rules = rules_for(&self.parts, &mut self.pinned, began_under);
        let means = Means {
            parts: &self.parts,
            sessions: &mut self.sessions,
            frozen: self.frozen.is_some(),
            rules,
            now_ms,
        };
        Some((drive, means))
    }

    fn means(&mut self, now_ms: i64) -> Means<'_> {
        Means {
            parts: &self.parts,
            sessions: &mut self.sessions,
            frozen: self.frozen.is_some(),
            rules: self.parts.rules.clone(),
            now_ms,
        }
    }
}

/// What a bench is made of, at the first call of a turn that is to be judged: most turns judge none.
pub(crate) struct Means<'a> {
    parts: &'a Parts,
    sessions: &'a mut Sessions,
    frozen: bool,
    rules: Arc<dyn Rules>,
    now_ms: i64,
}

impl Means<'_> {
    /// What calls of this execution are judged by now.
    pub(crate) fn bench_of(&mut self, created: &Created) -> Bench {
        let bench = self.bench(&created.session, &created.principal);
        bench.with_roles(&created.roles)
    }

    fn bench(&mut self, session: &str, principal: &str) -> Bench {
        let parts = self.parts;
        let shadow = parts.shadow.clone().map(|rules| Shadow {
            rules,
            journal: parts.journal.clone(),
        });
        Bench {
            lookup: parts.tools.lookup(),
            rules: self.rules.clone(),
            shadow,
            session: self.session(session, principal),
            now_ms: self.now_ms,
        }
    }

    fn session(&mut self, session: &str, principal: &str) -> SessionView {
        let journal = self.parts.journal.as_ref();
        if let Err(error) = self.sessions.meet(journal, session, self.now_ms) {
            tracing::error!(session, %error, "the calls of the session cannot be counted");
        }
        let mut view = self.sessions.view(session, principal, self.now_ms);
        view.frozen = self.frozen;
        view
    }
}
