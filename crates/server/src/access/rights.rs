//! What somebody may want over HTTP. The table of routes says which right each needs; the host asks again for what
//! concerns a single execution.

use mandate_policy::Principal;
use mandate_policy::principal::{ADMIN, AGENT, APPROVER, AUDITOR, OPERATOR, SUBMITTER, VIEWER};

/// What somebody may want.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Right {
    /// Look at their own executions, and at the tools.
    View,
    /// Look at everybody's.
    ViewAll,
    /// Have plans run.
    Submit,
    /// Hold up or end executions: their own, or with `Operate` anybody's.
    Steer,
    /// Let executions go on that were held up, or in doubt.
    LetGoOn,
    /// Take an approval back.
    Revoke,
    /// Stop every call.
    Stop,
    /// Steer whatever runs here, the tools and the freeze.
    Operate,
    /// Answer requests. Which ones is for each request to say.
    Answer,
    /// Verify and export the journal.
    Audit,
    /// See who has which key.
    SeeKeys,
    /// Make and revoke keys, let calls pass a deny.
    Administer,
}

impl Right {
    /// Every right, for whoever is told theirs.
    pub(crate) const ALL: [Right; 12] = [
        Right::View,
        Right::ViewAll,
        Right::Submit,
        Right::Steer,
        Right::LetGoOn,
        Right::Revoke,
        Right::Stop,
        Right::Operate,
        Right::Answer,
        Right::Audit,
        Right::SeeKeys,
        Right::Administer,
    ];

    /// As it is written outside.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Right::View => "view",
            Right::ViewAll => "view_all",
            Right::Submit => "submit",
            Right::Steer => "steer",
            Right::LetGoOn => "let_go_on",
            Right::Revoke => "revoke",
            Right::Stop => "stop",
            Right::Operate => "operate",
            Right::Answer => "answer",
            Right::Audit => "audit",
            Right::SeeKeys => "see_keys",
            Right::Administer => "administer",
        }
    }

    /// For messages: what somebody may not do.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Right::View => "look at executions",
            Right::ViewAll => "look at what others asked for",
            Right::Submit => "have plans run",
            Right::Steer => "steer executions",
            Right::LetGoOn => "let executions go on",
            Right::Revoke => "take approvals back",
            Right::Stop => "freeze calls",
            Right::Operate => "steer what runs here",
            Right::Answer => "answer requests",
            Right::Audit => "verify and export the journal",
            Right::SeeKeys => "see the keys",
            Right::Administer => "do that: it is for administrators",
        }
    }

    /// The roles that have it.
    pub(crate) fn roles(self) -> Vec<&'static str> {
        use mandate_policy::Right as P;
        match self {
            Right::View => vec![AGENT, SUBMITTER, VIEWER, APPROVER, OPERATOR, AUDITOR, ADMIN],
            Right::ViewAll => P::LookOn.roles().to_vec(),
            Right::Submit | Right::Steer | Right::LetGoOn => P::Submit.roles().to_vec(),
            Right::Revoke => vec![SUBMITTER, AGENT, APPROVER, OPERATOR, ADMIN],
            Right::Stop | Right::Operate => P::Operate.roles().to_vec(),
            Right::Answer => vec![SUBMITTER, APPROVER, OPERATOR, ADMIN],
            Right::Audit => P::Audit.roles().to_vec(),
            Right::SeeKeys => vec![AUDITOR, ADMIN],
            Right::Administer => P::Administer.roles().to_vec(),
        }
    }

    /// Whether whoever has this key has it.
    pub(super) fn is_of(self, principal: &Principal) -> bool {
        let has = |role: &str| principal.roles.contains(role);
        match self {
            Right::View => true,
            // An agent never approves, whatever else it is; and a role of somebody's own is there to be asked.
            Right::Answer => {
                let known =
                    |role: &String| mandate_policy::principal::ROLES.contains(&role.as_str());
                let own = principal.roles.iter().any(|role| !known(role));
                !has(AGENT) && (own || self.roles().into_iter().any(has))
            }
            _ => self.roles().into_iter().any(has),
        }
    }

    /// Whether anybody on this machine has it where nobody has a key: to look, to ask, and to stop. What lets something
    /// happen needs somebody who is known, since a program that a plan runs could ask, too.
    pub(super) fn is_for_anybody_here(self) -> bool {
        matches!(
            self,
            Right::View | Right::ViewAll | Right::Submit | Right::Steer | Right::Stop
        )
    }
}
