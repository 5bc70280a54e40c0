//! The runs of the past, each with what the candidate decided about it so far.

use super::past::Past;
use super::report::{BacktestReport, Change, Counts, Turned, What, decision_change};
use super::sessions::Sessions;
use crate::ask::HostError;
use mandate_engine::event::{Request, RequestKind};
use mandate_engine::{Created, Event};
use mandate_plan::{BoundInputs, CheckedPlan, Digest, ErrorCode, Facts, canonical_json, reload};
use mandate_policy::rules::{Moment, Ruling};
use mandate_policy::{
    CallToJudge, Decision, EvaluateRequest, Outcome, PastTools, Purpose, Refusal, Rules,
    SessionView, counts_as_call, evaluate_with, judge_call, limit_reached,
};
use mandate_store::{Reader, Record};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A call that was made.
pub(super) struct Made {
    pub(super) step: String,
    pub(super) item: Option<u32>,
    pub(super) purpose: Purpose,
    pub(super) tool: String,
    pub(super) facts: Facts,
    pub(super) args: Value,
    /// As the journal has it.
    pub(super) args_digest: Option<Digest>,
}

/// One execution.
struct Run {
    plan: Arc<CheckedPlan>,
    inputs: BoundInputs,
    principal: String,
    session: String,
    roles: Vec<String>,
    parent: Option<String>,
    /// What the candidate says of the plan.
    said: Decision,
    /// Revisions that are proposed: the plan, and what the candidate says of it.
    proposed: BTreeMap<u32, (Arc<CheckedPlan>, Decision)>,
    /// The candidate has ended it.
    stopped: bool,
    reported: bool,
    /// Steps whose call the policy of then wanted approved.
    asked: BTreeSet<String>,
    /// What it was.
    past: Past,
}

/// All runs, as far as the journal was read.
pub(super) struct Runs<'a> {
    reader: &'a Reader,
    rules: &'a dyn Rules,
    since_ms: Option<i64>,
    plans: BTreeMap<Digest, Arc<CheckedPlan>>,
    runs: BTreeMap<String, Run>,
    sessions: Sessions,
    matched: BTreeSet<String>,
    report: BacktestReport,
}

impl<'a> Runs<'a> {
    pub(super) fn new(reader: &'a Reader, rules: &'a dyn Rules, since_ms: Option<i64>) -> Self {
        Self {
            reader,
            rules,
            since_ms,
            plans: BTreeMap::new(),
            runs: BTreeMap::new(),
            sessions: Sessions::default(),
            matched: BTreeSet::new(),
            report: BacktestReport {
                policy_version: rules.version(),
                ..BacktestReport::default()
            },
        }
    }

    pub(super) fn into_report(mut self) -> BacktestReport {
        self.report.counts.sessions = self.sessions.len() as u64;
        let mut never = self.rules.rule_ids();
        never.retain(|rule| !self.matched.contains(rule));
        self.report.never_matched = never;
        self.report
    }

    fn reports(&self, at_ms: i64) -> bool {
        self.since_ms.is_none_or(|since_ms| at_ms >= since_ms)
    }

    fn counts(&mut self) -> &mut Counts {
        &mut self.report.counts
    }

    fn plan(&mut self, hash: &Digest) -> Result<Option<Arc<CheckedPlan>>, HostError> {
        if let Some(plan) = self.plans.get(hash) {
            return Ok(Some(plan.clone()));
        }
        let plan = self.reader.plan(hash)?;
        let plan = plan.and_then(|canonical| reload(&canonical).ok());
        if let Some(plan) = &plan {
            self.plans.insert(*hash, plan.clone());
        }
        Ok(plan)
    }

    /// What the candidate says of a plan that `past` was decided about.
    fn evaluate(
        &mut self,
        plan: &CheckedPlan,
        inputs: &BoundInputs,
        past: &Decision,
        session: SessionView,
        at_ms: i64,
    ) -> Decision {
        let tools = PastTools::of(plan, inputs, past);
        let request = EvaluateRequest {
            principal: session.principal.clone(),
            session,
            now_ms: at_ms,
        };
        let said = evaluate_with(self.rules, plan, inputs, &tools, &request);
        let rules = said.reasons.iter().map(|reason| reason.rule.clone());
        self.matched.extend(rules);
        said
    }

    /// A plan that was refused when it was submitted.
    pub(super) fn refused(&mut self, record: &Record) -> Result<(), HostError> {
        let payload: Value = serde_json::from_slice(&record.payload).unwrap_or_default();
        let name = payload.get("plan").and_then(Value::as_str);
        let name = name.unwrap_or_default().to_owned();
        let past: Option<Decision> = payload
            .get("decision")
            .and_then(|decision| serde_json::from_value(decision.clone()).ok());
        let hash = payload
            .get("plan_hash")
            .and_then(|hash| serde_json::from_value::<Digest>(hash.clone()).ok());
        let plan = hash.map(|hash| self.plan(&hash)).transpose()?.flatten();
        let reported = self.reports(record.at_ms);
        if reported {
            let counts = self.counts();
            counts.refused_plans = counts.refused_plans.saturating_add(1);
        }
        let (Some(past), Some(plan)) = (past, plan) else {
            let why = format!("the refused plan `{name}`: its text is not in the journal");
            if reported && !self.report.skipped.contains(&why) {
                self.report.skipped.push(why);
            }
            return Ok(());
        };
        let inputs = shown_inputs(&plan, &past);
        let session = self
            .sessions
            .view(&past.session_id, &past.principal, record.at_ms);
        let said = self.evaluate(&plan, &inputs, &past, session, record.at_ms);
        if reported {
            self.note_plan(What::Plan, None, &plan, &past, &said, record.at_ms);
        }
        Ok(())
    }

    pub(super) fn created(&mut self, created: &Created, event: &Event) -> Result<(), HostError> {
        let (id, at_ms) = (created.execution_id.clone(), event.at_ms);
        let reported = self.reports(at_ms);
        if reported {
            let counts = self.counts();
            counts.executions = counts.executions.saturating_add(1);
        }
        let Some(plan) = self.plan(&created.plan_hash)? else {
            if reported {
                let why = format!("execution `{id}`: its plan cannot be read");
                self.report.skipped.push(why);
            }
            return Ok(());
        };
        let inputs = BoundInputs {
            values: created.inputs.clone(),
            secrets: created.secrets.clone(),
        };
        let session = self
            .sessions
            .view(&created.session, &created.principal, at_ms);
        let session = with_roles(session, &created.roles);
        let said = self.evaluate(&plan, &inputs, &created.decision, session, at_ms);
        let parent = created.parent.as_ref();
        let parent = parent.map(|parent| parent.execution_id.clone());
        let of_parent = parent.as_ref().and_then(|parent| self.runs.get(parent));
        let over = of_parent.is_some_and(|parent| parent.stopped);
        // What needs an approval within a plan that gets one is approved with it.
        let covered = said.outcome == Outcome::RequireApproval
            && of_parent.is_some_and(|parent| parent.said.outcome == Outcome::RequireApproval);
        if reported && !over && !covered {
            let past = &created.decision;
            self.note_plan(What::Plan, Some(&id), &plan, past, &said, at_ms);
        }
        let stopped = over || stops(said.outcome);
        let past = Past::of(plan.clone(), event);
        let run = Run {
            plan,
            inputs,
            principal: created.principal.clone(),
            session: created.session.clone(),
            roles: created.roles.clone(),
            parent,
            said,
            proposed: BTreeMap::new(),
            stopped,
            reported,
            asked: BTreeSet::new(),
            past,
        };
        self.runs.insert(id, run);
        Ok(())
    }

    pub(super) fn proposed(
        &mut self,
        id: &str,
        revision: u32,
        document: &Value,
        past: &Decision,
        at_ms: i64,
    ) {
        let Some(run) = self.runs.get(id) else {
            return;
        };
        let (inputs, reported) = (run.inputs.clone(), run.reported && !run.stopped);
        let (session, principal) = (run.session.clone(), run.principal.clone());
        let roles = run.roles.clone();
        let Ok(plan) = reload(&canonical_json(document)) else {
            let why = format!("execution `{id}`: its revision {revision} cannot be read");
            self.report.skipped.push(why);
            return;
        };
        let session = with_roles(self.sessions.view(&session, &principal, at_ms), &roles);
        let said = self.evaluate(&plan, &inputs, past, session, at_ms);
        if reported {
            self.note_plan(What::Revision, Some(id), &plan, past, &said, at_ms);
        }
        if let Some(run) = self.runs.get_mut(id) {
            run.proposed.insert(revision, (plan, said));
        }
    }

    pub(super) fn revised(&mut self, id: &str, revision: u32) {
        let Some(run) = self.runs.get_mut(id) else {
            return;
        };
        if let Some((plan, said)) = run.proposed.remove(&revision) {
            run.stopped = run.stopped || stops(said.outcome);
            (run.plan, run.said) = (plan, said);
        }
    }

    pub(super) fn asked(&mut self, id: &str, request: &Request) {
        let by_policy = request
            .refusal
            .as_ref()
            .is_some_and(|refusal| refusal.code == ErrorCode::ApprovalRequired);
        if let (true, Some(step), Some(run)) = (
            by_policy && request.kind == RequestKind::Step,
            &request.step,
            self.runs.get_mut(id),
        ) {
            run.asked.insert(step.clone());
        }
    }

    /// A call that was made: what would the candidate have said?
    pub(super) fn made(&mut self, id: &str, call: &Made, at_ms: i64) {
        let parent_stopped = self.parent_stopped(id);
        let Some(run) = self.runs.get_mut(id) else {
            return;
        };
        run.stopped = run.stopped || parent_stopped;
        let reported = run.reported;
        let let_pass = run.past.passed(call);
        let flow = run.past.flow(call);
        let policy_then = run.past.policy_version();
        run.past.begun = true;
        if run.stopped {
            if reported {
                let counts = self.counts();
                counts.not_reached = counts.not_reached.saturating_add(1);
            }
            return;
        }
        let session_id = run.session.clone();
        let session = self.sessions.view(&session_id, &run.principal, at_ms);
        let session = with_roles(session, &run.roles);
        let judged = judge_call(
            self.rules,
            &CallToJudge {
                moment: Moment::Call,
                step: &call.step,
                purpose: call.purpose,
                tool: &call.tool,
                facts: Some(call.facts),
                args: &call.args,
                flow: &flow,
                before: &[],
            },
            &session,
            at_ms,
        );
        let rules = judged.rulings.iter().map(|ruling| ruling.rule.clone());
        self.matched.extend(rules);
        let counted = counts_as_call(&call.tool, Purpose::Run);
        let limited = limit_reached(self.rules.limits(), &session).filter(|_| counted);
        let decided = run
            .said
            .assessment(&call.step, call.purpose)
            .map_or(Outcome::Allow, |assessed| assessed.outcome);
        let covered = run.said.outcome == Outcome::RequireApproval;
        let asked = run.asked.contains(&call.step);
        let to = match (&limited, judged.outcome()) {
            (_, Outcome::Deny) => Outcome::Deny,
            (Some(_), _) => Outcome::RateLimited,
            // The approval of the plan covers its calls.
            (None, Outcome::RequireApproval) if covered => Outcome::Allow,
            (None, outcome) if outcome > decided => outcome,
            (None, _) => Outcome::Allow,
        };
        // The policy of then denied what somebody let pass; so does the candidate, and they let it pass again, unless one of
        // its rules is absolute.
        let from = match (let_pass, asked && !covered) {
            (true, _) => Outcome::Deny,
            (false, true) => Outcome::RequireApproval,
            (false, false) => Outcome::Allow,
        };
        let mut denies = judged.rulings.iter();
        let absolute = denies.any(|it| it.outcome == Outcome::Deny && it.absolute);
        let passes = let_pass && !absolute;
        run.stopped =
            to == Outcome::Deny && !passes || limited.as_ref().is_some_and(|limit| limit.for_good);
        let stopped = run.stopped;
        let plan = run.plan.plan().name.clone();
        if !stopped && counted {
            self.sessions
                .count(&session_id, judged.call.category, at_ms);
        }
        if !reported {
            return;
        }
        let counts = self.counts();
        counts.calls = counts.calls.saturating_add(1);
        let turned = match let_pass && absolute {
            true => Some(Turned::NewlyDenied),
            false => Turned::of(from, to),
        };
        let Some(turned) = turned else {
            return;
        };
        let (rules, message) = match limited.filter(|_| to == Outcome::RateLimited) {
            Some(limit) => (vec![limit.rule.to_owned()], limit.message),
            None => wanting(&judged.rulings, judged.outcome()),
        };
        self.report.changes.push(Change {
            turned,
            what: What::Call,
            execution_id: Some(id.to_owned()),
            plan,
            step: Some(call.step.clone()),
            item: call.item,
            purpose: Some(call.purpose),
            tool: Some(call.tool.clone()),
            from,
            to,
            rules,
            steps: Vec::new(),
            message,
            at_ms,
            policy_then,
        });
    }

    fn parent_stopped(&self, id: &str) -> bool {
        let parent = |id: &str| self.runs.get(id).and_then(|run| run.parent.clone());
        let mut above = parent(id);
        while let Some(id) = above {
            if self.runs.get(&id).is_some_and(|run| run.stopped) {
                return true;
            }
            above = parent(&id);
        }
        false
    }

    /// A call that the policy of then denied. Its arguments are not in the journal: what the candidate says of the step
    /// before the plan runs stands for it.
    pub(super) fn blocked(
        &mut self,
        id: &str,
        step: &str,
        item: Option<u32>,
        refusal: &Refusal,
        at_ms: i64,
    ) {
        let from = match refusal.code {
            ErrorCode::PolicyDenied => Outcome::Deny,
            ErrorCode::RateLimited => Outcome::RateLimited,
            _ => return,
        };
        let Some(run) = self.runs.get(id).filter(|run| !run.stopped) else {
            return;
        };
        let Some(assessed) = run.said.assessment(step, Purpose::Run) else {
            return;
        };
        let (to, tool) = (assessed.outcome, assessed.tool.clone());
        let plan = run.plan.plan().name.clone();
        let wanting = run.said.reasons.iter().filter(|reason| {
            reason.step.as_deref() == Some(step) && reason.outcome == assessed.outcome
        });
        let reasons: Vec<_> = wanting.cloned().collect();
        let reported = run.reported;
        let policy_then = run.past.policy_version();
        let turned = Turned::of(from, to);
        let (Some(turned), true) = (turned, reported) else {
            return;
        };
        self.report.changes.push(Change {
            turned,
            what: What::Call,
            execution_id: Some(id.to_owned()),
            plan,
            step: Some(step.to_owned()),
            item,
            purpose: Some(Purpose::Run),
            tool: Some(tool),
            from,
            to,
            rules: reasons.iter().map(|reason| reason.rule.clone()).collect(),
            steps: Vec::new(),
            message: reasons
                .first()
                .map(|reason| reason.message.clone())
                .unwrap_or_default(),
            at_ms,
            policy_then,
        });
    }

    /// Another policy took the place of the one of then. Of a plan that had not begun, what that one said is what counts.
    pub(super) fn repolicied(&mut self, id: &str, past: &Decision, at_ms: i64) {
        let Some(run) = self.runs.get_mut(id) else {
            return;
        };
        for step in run.past.asked_about() {
            run.asked.remove(&step);
        }
        if run.past.begun || !run.reported || run.stopped && !stops(run.said.outcome) {
            return;
        }
        let (plan, said) = (run.plan.clone(), run.said.clone());
        let of_plan = |change: &Change| {
            change.what == What::Plan && change.execution_id.as_deref() == Some(id)
        };
        self.report.changes.retain(|change| !of_plan(change));
        self.note_plan(What::Plan, Some(id), &plan, past, &said, at_ms);
    }

    pub(super) fn let_pass(&mut self, id: &str, step: &str, item: Option<u32>, digest: Digest) {
        if let Some(run) = self.runs.get_mut(id) {
            run.past.lets_pass(step.to_owned(), item, digest);
        }
    }

    /// The event is looked at; what follows is judged in the state behind it.
    pub(super) fn applied(&mut self, id: &str, event: &Event) {
        let Some(run) = self.runs.get_mut(id) else {
            return;
        };
        let folded = run.past.folds();
        run.past.apply(event);
        if folded && !run.past.folds() && run.reported {
            let why = format!(
                "execution `{id}`: its journal does not fold; calls are judged without labels"
            );
            self.report.skipped.push(why);
        }
    }

    /// Nothing follows any more, except of what it holds: that has ended before.
    pub(super) fn finished(&mut self, id: &str) {
        self.runs.remove(id);
    }

    fn note_plan(
        &mut self,
        what: What,
        id: Option<&str>,
        plan: &CheckedPlan,
        past: &Decision,
        said: &Decision,
        at_ms: i64,
    ) {
        let name = &plan.plan().name;
        let change = decision_change(what, id, name, past, said, at_ms);
        self.report.changes.extend(change);
    }
}

fn with_roles(session: SessionView, roles: &[String]) -> SessionView {
    let roles = roles.to_vec();
    SessionView { roles, ..session }
}

fn stops(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Deny | Outcome::RateLimited)
}

/// The rules that want this outcome, and the words of the first.
fn wanting(rulings: &[Ruling], outcome: Outcome) -> (Vec<String>, String) {
    let mut wanting = rulings.iter().filter(|ruling| ruling.outcome == outcome);
    let first = wanting.clone().next();
    let message = first.map(|ruling| ruling.message.clone());
    let rules = wanting.by_ref().map(|ruling| ruling.rule.clone());
    (rules.collect(), message.unwrap_or_default())
}

/// The inputs of a refused plan, as far as its decision shows them: of a secret one its name.
fn shown_inputs(plan: &CheckedPlan, past: &Decision) -> BoundInputs {
    let mut values: Map<String, Value> = past.inputs.clone();
    let mut secrets = BTreeMap::new();
    for (name, value) in &mut values {
        let secret = value
            .as_str()
            .and_then(|text| text.strip_prefix("${secrets.")?.strip_suffix('}'));
        let Some(secret) = secret.map(str::to_owned) else {
            continue;
        };
        if plan
            .plan()
            .inputs
            .get(name)
            .is_some_and(|input| input.secret)
        {
            *value = Value::String(secret.clone());
            secrets.insert(name.clone(), secret);
        }
    }
    BoundInputs { values, secrets }
}
