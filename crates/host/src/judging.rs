//! What calls are judged by: the tools and rules as they are now, and the counters of the session that they belong to.

use crate::ask::Submission;
use crate::drive::Drive;
use crate::gate::Bench;
use crate::host::Host;
use crate::reserving::root_of;
use crate::shadow::Shadow;
use mandate_policy::SessionView;

impl Host {
    /// What the calls of an execution, in a session, are judged by now; of one that does not exist yet, with no id.
    pub(crate) fn bench(
        &mut self,
        session: &str,
        principal: &str,
        root: &str,
        now_ms: i64,
    ) -> Bench {
        Bench {
            lookup: self.parts.tools.lookup(),
            rules: self.parts.rules.clone(),
            shadow: self.shadow(),
            session: self.session(session, principal, root, now_ms),
            now_ms,
        }
    }

    /// What a plan that somebody wants run is judged by, as a part of the execution `root` if it is nested in one.
    pub(crate) fn bench_of(
        &mut self,
        submission: &Submission,
        root: Option<&str>,
        now_ms: i64,
    ) -> Bench {
        let (session, principal) = (&submission.session, &submission.principal);
        let bench = self.bench(session, principal, root.unwrap_or_default(), now_ms);
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
        let root = root_of(&self.drives, execution_id).map(str::to_owned);
        let root = root.as_deref().unwrap_or(execution_id);
        let bench = Bench {
            rules: self.rules_for(&began_under),
            ..self.bench(&session, &principal, root, now_ms)
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

    fn session(&mut self, session: &str, principal: &str, root: &str, now_ms: i64) -> SessionView {
        self.meet(principal, session, now_ms);
        let mut view = self.sessions.view(session, principal, root, now_ms);
        view.frozen = self.frozen.is_some();
        view
    }
}
