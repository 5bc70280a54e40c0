//! What calls are judged by: the tools and rules as they are now, and the counters of the session that they belong to.

use crate::ask::Submission;
use crate::drive::Drive;
use crate::gate::Bench;
use crate::host::{Host, Parts};
use crate::policies::rules_for;
use crate::reserving::root_of;
use crate::sessions::Sessions;
use crate::shadow::Shadow;
use mandate_engine::Created;
use mandate_policy::{KnownCalls, Rules};
use std::sync::Arc;

impl Host {
    /// What the calls of an execution, in a session, are judged by now; of one that does not exist yet, with no id.
    pub(crate) fn bench(
        &mut self,
        session: &str,
        principal: &str,
        root: &str,
        now_ms: i64,
    ) -> Bench {
        self.meet(principal, session, now_ms);
        let mut means = Means {
            parts: &self.parts,
            sessions: &mut self.sessions,
            frozen: self.frozen.is_some(),
            rules: self.parts.rules.clone(),
            calls: None,
            root: None,
            now_ms,
        };
        means.bench(session, principal, root)
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
    ) -> Option<(&mut Drive, Means<'_>)> {
        let created = &self.drives.get(execution_id)?.state.created;
        if !self.sessions.knows(&created.principal, &created.session) {
            let (principal, session) = (created.principal.clone(), created.session.clone());
            self.meet(&principal, &session, now_ms);
        }
        let root = root_of(&self.drives, execution_id).map(str::to_owned);
        let drive = self.drives.get_mut(execution_id)?;
        let began_under = drive.state.created.policy_version.as_str();
        let rules = rules_for(&self.parts, &mut self.pinned, began_under);
        let means = Means {
            parts: &self.parts,
            sessions: &mut self.sessions,
            frozen: self.frozen.is_some(),
            rules,
            calls: Some(&mut self.calls),
            root,
            now_ms,
        };
        Some((drive, means))
    }
}

/// What a bench is made of, at the first call of a turn that is to be judged: most turns judge none.
pub(crate) struct Means<'a> {
    parts: &'a Parts,
    sessions: &'a mut Sessions,
    frozen: bool,
    rules: Arc<dyn Rules>,
    /// The calls that were made ready for other executions.
    pub(crate) calls: Option<&'a mut KnownCalls>,
    /// The execution at the top of those that hold this one; none = itself.
    root: Option<String>,
    now_ms: i64,
}

impl Means<'_> {
    /// What calls of this execution are judged by now.
    pub(crate) fn bench_of(&mut self, created: &Created) -> Bench {
        let root = self.root.take();
        let root = root.as_deref().unwrap_or(&created.execution_id);
        let bench = self.bench(&created.session, &created.principal, root);
        bench.with_roles(&created.roles)
    }

    fn bench(&mut self, session: &str, principal: &str, root: &str) -> Bench {
        let parts = self.parts;
        let shadow = parts.shadow.clone().map(|rules| Shadow {
            rules,
            journal: parts.journal.clone(),
        });
        let mut view = self.sessions.view(session, principal, root, self.now_ms);
        view.frozen = self.frozen;
        Bench {
            lookup: parts.tools.lookup(),
            rules: self.rules.clone(),
            shadow,
            session: view,
            witness: parts.witness.clone(),
            now_ms: self.now_ms,
        }
    }
}
