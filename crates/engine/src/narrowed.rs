//! Revisions that only narrow what was approved: the approval stands for them, and nobody is asked again.

use crate::event::{APPROVE, RequestKind};
use crate::state::{OpenRequest, State};
use mandate_plan::{CheckedPlan, Digest, Narrowing, narrows};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Of a proposed revision: the approval that stands for it, and in what it asks for less.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandsOn {
    /// The request whose answer is the approval.
    pub request_id: String,
    /// What was approved: the execution digest that the answer is bound to.
    pub subject: Digest,
    /// Who gave it, in words.
    pub by: String,
    /// What is left out and what is tighter.
    #[serde(flatten)]
    pub narrowing: Narrowing,
}

/// What was approved last: the plan, its digests, its tools.
#[derive(Debug, Clone)]
pub struct Basis {
    /// The plan.
    pub plan: Arc<CheckedPlan>,
    /// What its approval binds to.
    pub execution_digest: Digest,
    /// The digests of its tools.
    pub tools: BTreeMap<String, Digest>,
}

impl State {
    /// The plan that the approval in force was given for: the one that runs, or one that it narrows.
    pub fn basis(&self) -> Basis {
        self.narrowed_from().cloned().unwrap_or_else(|| Basis {
            plan: self.plan.clone(),
            execution_digest: self.created.execution_digest,
            tools: self.created.tools.clone(),
        })
    }

    /// The plan that was approved in the place of the one that runs, which narrows it.
    pub fn narrowed_from(&self) -> Option<&Basis> {
        // Where policy changed, somebody may have been asked about the narrower plan itself.
        let own = self.approved_request(&self.created.execution_digest);
        self.narrowed_from.as_ref().filter(|_| own.is_none())
    }

    /// The request by which somebody approved the plan, or the revision, of this digest.
    pub fn approved_request(&self, subject: &Digest) -> Option<&OpenRequest> {
        self.requests.values().find(|open| {
            matches!(open.request.kind, RequestKind::Plan | RequestKind::Revision)
                && open.request.subject == *subject
                && open.closed.as_deref() == Some(APPROVE)
        })
    }

    /// Whether what a proposal says of the approval that stands for it is so.
    pub(crate) fn stands(&self, new: &CheckedPlan, claim: &StandsOn) -> bool {
        let basis = self.basis();
        let approved = self.approved_request(&basis.execution_digest);
        claim.subject == basis.execution_digest
            && approved.is_some_and(|open| open.request.request_id == claim.request_id)
            && narrows(&basis.plan, new).as_ref() == Ok(&claim.narrowing)
    }
}
