//! Revisions: another plan takes the place of the one that runs. What has begun stays as it is; everything else may
//! change, and is approved like a plan of its own.

use crate::ask::Asked;
use crate::decide::Command;
use crate::event::{APPROVE, Body, Fault, REJECT, Request, RequestKind};
use crate::fallback::fallback_of;
use crate::invariant;
use crate::life::{Illegal, Phase, StepState};
use crate::narrowed::StandsOn;
use crate::state::{State, StepData};
use mandate_plan::{CheckedPlan, CheckedStep, Digest, ErrorCode, canonical_json, reload};
use mandate_policy::{Decision, Outcome};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A revision that is proposed and not in force yet.
#[derive(Debug, Clone, Serialize)]
pub struct Proposed {
    #[serde(skip)]
    plan: Arc<CheckedPlan>,
    /// The number that it will have.
    pub revision: u32,
    /// Its hash.
    pub plan_hash: Digest,
    /// What an approval of it binds to.
    pub execution_digest: Digest,
    /// The digests of its tools.
    pub tools: BTreeMap<String, Digest>,
    /// Those of them that somebody outside calls.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub external: BTreeSet<String>,
    /// What policy said of it.
    pub decision: Decision,
    /// What it changes.
    pub diff: Value,
    /// Who proposed it.
    pub by: String,
    /// Why.
    pub reason: Option<String>,
    /// The approval that stands for it, since it only narrows what was approved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stands: Option<StandsOn>,
    /// In what it asks for more than was approved.
    #[serde(skip)]
    delta: Option<Value>,
    /// An agent asked for it, by a call that the plan does not hold.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub asked_for: bool,
    /// Somebody who may said yes.
    pub approved: bool,
}

impl Proposed {
    /// The plan that is proposed.
    pub fn plan(&self) -> &Arc<CheckedPlan> {
        &self.plan
    }

    /// Nobody has to be asked, or somebody was and said yes.
    fn may_take_effect(&self) -> bool {
        self.decision.outcome == Outcome::Allow || self.stands.is_some() || self.approved
    }
}

/// Why a plan is no revision of the one that runs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotARevision {
    /// The execution does not take one now.
    #[error("the execution is {0}: its plan cannot be revised now")]
    NotNow(&'static str),
    /// Another one is open.
    #[error("revision {0} is proposed already, and waits for its approval")]
    Open(u32),
    /// It is the plan that runs.
    #[error("it is the plan that runs: nothing would change")]
    Same,
    /// What the caller supplied was checked against the old declarations.
    #[error("`{0}` must stay as it is")]
    Fixed(&'static str),
    /// The step has begun.
    #[error("step `{step}` has begun ({state}), and {problem}")]
    Begun {
        /// The step.
        step: String,
        /// Where it is.
        state: &'static str,
        /// What the proposed plan does to it.
        problem: &'static str,
    },
}

/// What follows from a revision that is proposed.
pub(crate) fn follow_up(state: &State, out: &mut Vec<Command>) {
    let Some(proposed) = &state.proposed else {
        return;
    };
    if proposed.may_take_effect() {
        out.push(Command::Record(Body::PlanRevised {
            revision: proposed.revision,
            plan_hash: proposed.plan_hash,
            diff: proposed.diff.clone(),
        }));
    } else if !state.is_asked(RequestKind::Revision, None, None) {
        out.push(Command::Record(request(state, proposed)));
    }
}

fn request(state: &State, proposed: &Proposed) -> Body {
    let name = &proposed.plan.plan().name;
    let question = format!(
        "`{}` proposes revision {} of the plan `{name}`. May it take its place?",
        proposed.by, proposed.revision
    );
    let mut asked = Asked::new(RequestKind::Revision, question, &[APPROVE, REJECT]);
    asked.detail = json!({
        "plan": name,
        "plan_hash": proposed.plan_hash,
        "diff": proposed.diff,
        "reason": proposed.reason,
        "decision": proposed.decision,
    });
    if let (Some(delta), Value::Object(detail)) = (&proposed.delta, &mut asked.detail) {
        detail.insert("delta".to_owned(), delta.clone());
    }
    let approvers = &proposed.decision.approvers;
    if !approvers.is_empty() {
        asked.approvers = Some(approvers.iter().map(ToString::to_string).collect());
    }
    asked.expires_ms = state.expiry();
    let mut body = asked.open(state);
    if let Body::RequestOpened(request) = &mut body {
        // The same that an approval of a plan binds to: the plan, the inputs, the tools.
        request.subject = proposed.execution_digest;
    }
    body
}

impl StepData {
    /// It failed, and a revision is awaited that makes up for it.
    pub(crate) fn awaits_revision(&self) -> bool {
        self.state == StepState::Failed && self.replan
    }

    /// Something of it happened that cannot be made undone by writing another plan.
    pub(crate) fn has_begun(&self) -> bool {
        let units = &self.units;
        let touched = units.iter().any(|unit| {
            unit.attempt > 0 || !matches!(unit.state, StepState::Pending | StepState::Skipped)
        });
        let settled = self.state.settled() && self.state != StepState::Skipped;
        touched || settled || self.items.is_some()
    }
}

fn same(old: &CheckedStep, new: &CheckedStep) -> bool {
    old.step == new.step && old.retry == new.retry
}

impl State {
    /// Whether the plan can take the place of the one that runs.
    ///
    /// # Errors
    /// Everything that keeps it from that.
    pub fn check_revision(&self, new: &CheckedPlan) -> Result<(), Vec<NotARevision>> {
        if self.phase != Phase::Active || self.revoked {
            return Err(vec![NotARevision::NotNow(self.shown_state())]);
        }
        if let Some(proposed) = &self.proposed {
            return Err(vec![NotARevision::Open(proposed.revision)]);
        }
        if *new.hash() == self.created.plan_hash {
            return Err(vec![NotARevision::Same]);
        }
        let mut problems = Vec::new();
        let (before, after) = (self.plan.plan(), new.plan());
        let fixed = [
            ("inputs", before.inputs == after.inputs),
            ("mode", before.mode == after.mode),
            ("workspace", before.workspace == after.workspace),
        ];
        for (key, kept) in fixed {
            if !kept {
                problems.push(NotARevision::Fixed(key));
            }
        }
        let places = |plan: &CheckedPlan| (plan.steps().len(), plan.first_finally());
        let kind = |number: usize, (steps, finally): (usize, usize)| match number {
            number if number < steps => 0,
            number if number < finally => 1,
            _ => 2,
        };
        for (step, data) in self.every_step().filter(|(_, data)| data.has_begun()) {
            let id = &step.step.id;
            let found = new.number_of(id).and_then(|number| new.numbered(number));
            let problem = match found {
                None => "is not in the proposed plan",
                Some(found) if !same(step, found) => "is another one in the proposed plan",
                Some(found)
                    if kind(step.index, places(&self.plan)) != kind(found.index, places(new)) =>
                {
                    "stands somewhere else in the proposed plan"
                }
                Some(_) => continue,
            };
            problems.push(NotARevision::Begun {
                step: id.clone(),
                state: data.state.as_str(),
                problem,
            });
        }
        if problems.is_empty() {
            Ok(())
        } else {
            Err(problems)
        }
    }

    /// A revision is proposed: nothing new starts until it is in force or dropped.
    pub(crate) fn propose(&mut self, body: &Body) -> Result<(), Illegal> {
        let Body::RevisionProposed {
            revision,
            plan,
            plan_hash,
            execution_digest,
            tools,
            external,
            decision,
            diff,
            by,
            reason,
            stands,
            delta,
            asked_for,
        } = body
        else {
            return Err(Illegal);
        };
        let plan = reload(&canonical_json(plan)).map_err(|_| Illegal)?;
        let outcome = decision.outcome;
        let fits = *revision == self.created.revision.saturating_add(1)
            && plan.hash() == plan_hash
            && decision.subject == *execution_digest
            && matches!(outcome, Outcome::Allow | Outcome::RequireApproval)
            && self.check_revision(&plan).is_ok()
            && stands
                .as_ref()
                .is_none_or(|claim| self.stands(&plan, claim));
        if !fits {
            return Err(Illegal);
        }
        self.proposed = Some(Proposed {
            plan,
            revision: *revision,
            plan_hash: *plan_hash,
            execution_digest: *execution_digest,
            tools: tools.clone(),
            external: external.clone(),
            decision: (**decision).clone(),
            diff: diff.clone(),
            by: by.clone(),
            reason: reason.clone(),
            stands: stands.as_deref().cloned(),
            delta: delta.clone(),
            asked_for: *asked_for,
            approved: false,
        });
        Ok(())
    }

    pub(crate) fn opens_revision(&self, request: &Request) -> Result<(), Illegal> {
        let proposed = self.proposed.as_ref().ok_or(Illegal)?;
        let asked = self.is_asked(RequestKind::Revision, None, None);
        if self.phase == Phase::Active && !asked && request.subject == proposed.execution_digest {
            Ok(())
        } else {
            Err(Illegal)
        }
    }

    /// The answer to a proposed revision.
    pub(crate) fn decide_revision(&mut self, yes: bool) -> Result<(), Illegal> {
        if yes {
            self.proposed.as_mut().ok_or(Illegal)?.approved = true;
        } else {
            self.proposed.take().ok_or(Illegal)?;
        }
        Ok(())
    }

    /// Nobody answered in time: that ends the execution.
    pub(crate) fn expire_revision(&mut self) -> Result<(), Illegal> {
        let proposed = self.proposed.take();
        if proposed.is_some_and(|proposed| proposed.asked_for) {
            return Ok(()); // the call is not made, and everything else goes on
        }
        let message = "the revision of the plan was not approved in time";
        self.stop(
            Fault::new(ErrorCode::ApprovalExpired, message),
            false,
            false,
        )
    }

    /// The proposed plan takes the place of the one that ran.
    pub(crate) fn revise(&mut self, revision: u32, plan_hash: &Digest) -> Result<(), Illegal> {
        let due = self.proposed.as_ref().is_some_and(|proposed| {
            proposed.revision == revision
                && proposed.plan_hash == *plan_hash
                && proposed.may_take_effect()
        });
        if self.phase != Phase::Active || !due {
            return Err(Illegal);
        }
        let proposed = self.proposed.take().ok_or(Illegal)?;
        let before = self.plan.clone();
        self.narrowed_from = proposed.stands.as_ref().map(|_| self.basis());
        if self.submitted.is_none() {
            self.submitted = Some((Box::new(self.created.clone()), before.clone()));
        }
        let old_steps: Vec<StepData> = std::mem::take(&mut self.steps);
        let mut old: BTreeMap<&str, (&CheckedStep, StepData)> = before
            .every_step()
            .zip(old_steps)
            .map(|(step, data)| (step.step.id.as_str(), (step, data)))
            .collect();
        let plan = proposed.plan;
        self.steps = plan
            .every_step()
            .map(|step| match old.remove(step.step.id.as_str()) {
                Some((was, data)) if same(was, step) => carried_on(step, data),
                _ => StepData::new(step),
            })
            .collect();
        self.invariants = invariant::at_first(&plan);
        self.settled_steps = 0; // they are looked at now, and not only after the next step
        self.frontier = 0;
        self.replans = 0;
        self.plan = plan;
        self.count_open_calls();
        let created = &mut self.created;
        match proposed.asked_for {
            true => self.tokens_of.push(created.execution_digest),
            false => self.tokens_of.clear(),
        }
        created.revision = proposed.revision;
        created.plan_hash = proposed.plan_hash;
        created.execution_digest = proposed.execution_digest;
        created.tools = proposed.tools;
        created.external = proposed.external;
        created
            .policy_version
            .clone_from(&proposed.decision.policy_version);
        created.decision = proposed.decision.into();
        Ok(())
    }

    /// A step failed under `on_failure: replan`, and no revision has made up for it yet: the first such step.
    pub(crate) fn step_awaiting_revision(&self) -> Option<&CheckedStep> {
        if self.phase != Phase::Active || self.replans == 0 {
            return None;
        }
        let mut steps = self.every_step();
        let (step, _) = steps.find(|(_, data)| data.awaits_revision())?;
        Some(step)
    }

    /// A revision is awaited, or one waits for its approval: nothing new starts.
    pub(crate) fn is_replanning(&self) -> bool {
        self.proposed.is_some() || self.replans > 0
    }

    /// The ids of the steps that a revision must leave as they are.
    pub fn begun_steps(&self) -> BTreeSet<&str> {
        let begun = self.every_step().filter(|(_, data)| data.has_begun());
        begun.map(|(step, _)| step.step.id.as_str()).collect()
    }
}

/// A step that both plans hold: what came of it stays, and a revision that it waited for is there.
fn carried_on(step: &CheckedStep, mut data: StepData) -> StepData {
    data.replan = false;
    if data.fallback.is_some() {
        // The numbers of its fallback steps may be others now.
        let code = data.error.as_ref().map(|error| error.code);
        data.fallback = code.and_then(|code| fallback_of(step, code));
    }
    data
}
