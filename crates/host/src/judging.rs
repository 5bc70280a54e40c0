//! What calls are judged by: the tools and rules as they are now, and the counters of the session that they belong to.

use crate::ask::Submission;
use crate::drive::Drive;
use crate::gate::Bench;
use crate::host::Host;
use crate::shadow::Shadow;
use mandate_policy::SessionView;

impl Host {
    /// What the calls of a session are judged by now.
    pub(crate) fn bench(&mut self, session: &str, principal: &str, now_ms: i64) -> Bench {
        Bench {
            lookup: self.parts.tools.lookup(),
            rules: self.parts.rules.clone(),
            shadow: self.shadow(),
            session: self.session(session, principal, now_ms),
            now_ms,
        }
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
    ) -> Option<(&mut Drive, Bench)> {
        let created = &self.drives.get(execution_id)?.state.created;
        let (session, principal) = (created.session.clone(), created.principal.clone());
        let (began_under, roles) = (created.policy_version.clone(), created.roles.clone());
        let bench = Bench {
            rules: self.rules_for(&began_under),
            ..self.bench(&session, &principal, now_ms)
        };
        let bench = bench.with_roles(&roles);
        Some((self.drives.get_mut(execution_id)?, bench))
    }

    fn shadow(&self) -> Option<Shadow> {
        let journal = || self.parts.journal.clone();
        self.parts.shadow.clone().map(|rules| Shadow {
            rules,
            journal: journal(),
        })
    }

    fn session(&mut self, session: &str, principal: &str, now_ms: i64) -> SessionView {
        let journal = self.parts.journal.as_ref();
        if let Err(error) = self.sessions.meet(journal, session, now_ms) {
            tracing::error!(session, %error, "the calls of the session cannot be counted");
        }
        let mut view = self.sessions.view(session, principal, now_ms);
        view.frozen = self.frozen.is_some();
        view
    }
}
