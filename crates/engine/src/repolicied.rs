//! Another policy is in force than the one that an execution began with: what is asked is asked anew, and every further
//! call is judged by the new one as it comes.

use crate::event::{Fault, Request, RequestKind};
use crate::life::{Illegal, Phase};
use crate::state::State;
use mandate_plan::ErrorCode;
use mandate_policy::{Decision, Outcome};

impl State {
    /// The policy that holds for the execution.
    pub fn policy_version(&self) -> &str {
        let own = &self.created.policy_version;
        self.policy.as_ref().unwrap_or(own)
    }

    /// How many requests for the plan's approval were taken back because another policy asks for another one.
    pub(crate) fn plan_rounds(&self) -> usize {
        let plan = |request: &Request| request.kind == RequestKind::Plan;
        self.requests
            .values()
            .filter(|open| plan(&open.request))
            .count()
    }

    pub(crate) fn change_policy(
        &mut self,
        version: &str,
        decision: &Decision,
        revision: Option<&Decision>,
    ) -> Result<(), Illegal> {
        if self.policy_version() == version {
            return Err(Illegal);
        }
        match self.phase {
            Phase::Created => self.decide_anew(decision)?,
            Phase::Active => {
                self.ask_anew()?;
                if let Some(decision) = revision {
                    self.revise_anew(decision);
                }
            }
            Phase::Stopping | Phase::Compensating | Phase::Closing => {}
            Phase::Ended => return Err(Illegal),
        }
        self.policy = Some(version.to_owned());
        Ok(())
    }

    /// The plan was not admitted yet: the new decision takes the place of the old one.
    fn decide_anew(&mut self, decision: &Decision) -> Result<(), Illegal> {
        let asked = self
            .plan_request()
            .map(|open| open.request.approvers.clone());
        let stands = decision.outcome == Outcome::RequireApproval
            && asked.is_some_and(|asked| {
                let wanted = decision.approvers.iter().map(ToString::to_string);
                { wanted }.all(|approver| asked.contains(&approver))
            });
        if decision.outcome == Outcome::Deny {
            let why = decision
                .reasons
                .iter()
                .find(|reason| reason.outcome == Outcome::Deny);
            let why = why.map_or_else(String::new, |reason| format!(": {}", reason.message));
            let message = format!("the policy that is in force now denies the plan{why}");
            self.stop(Fault::new(ErrorCode::PolicyDenied, message), false, true)?;
        } else if !stands {
            let ids: Vec<String> = { self.requests.values() }
                .filter(|open| open.request.kind == RequestKind::Plan)
                .map(|open| open.request.request_id.clone())
                .collect();
            for id in ids {
                self.close_request(&id, "withdrawn", None);
            }
        }
        self.created.decision = decision.clone().into();
        Ok(())
    }

    /// A revision is proposed: denied now, it is off, and the plan goes on as it was; otherwise the new decision takes the
    /// place of the old one, and whoever was asked stays asked where that is who the new policy wants.
    fn revise_anew(&mut self, decision: &Decision) {
        let Some(proposed) = &mut self.proposed else {
            return;
        };
        if decision.subject != proposed.execution_digest {
            return;
        }
        let subject = proposed.execution_digest;
        let of_it =
            |request: &Request| request.kind == RequestKind::Revision && request.subject == subject;
        let wanted: Vec<String> = decision.approvers.iter().map(ToString::to_string).collect();
        let satisfied = self.requests.values().any(|open| {
            of_it(&open.request)
                && open.closed.as_deref() != Some("withdrawn")
                && wanted.iter().all(|it| open.request.approvers.contains(it))
        });
        let stands = decision.outcome == Outcome::RequireApproval && satisfied;
        if matches!(decision.outcome, Outcome::Allow | Outcome::RequireApproval) {
            proposed.approved = proposed.approved && stands;
            proposed.decision = decision.clone();
        } else {
            self.proposed = None;
        }
        if stands {
            return;
        }
        let ids: Vec<String> = { self.requests.values() }
            .filter(|open| of_it(&open.request) && open.closed.is_none())
            .map(|open| open.request.request_id.clone())
            .collect();
        for id in ids {
            self.close_request(&id, "withdrawn", None);
        }
    }

    /// Calls that the old policy wanted approved are tried again, and asked about as the new one says. What the plan itself
    /// wants confirmed stays asked.
    fn ask_anew(&mut self) -> Result<(), Illegal> {
        let asked: Vec<Request> = self
            .open_requests()
            .map(|open| open.request.clone())
            .filter(|request| {
                let policy = request.refusal.as_ref().is_some_and(|refusal| {
                    !refusal
                        .rule
                        .as_deref()
                        .is_some_and(|rule| rule.starts_with("steps."))
                });
                request.kind == RequestKind::Step && policy
            })
            .collect();
        for request in asked {
            self.let_go_of(&request)?;
            self.close_request(&request.request_id, "withdrawn", None);
        }
        Ok(())
    }
}
