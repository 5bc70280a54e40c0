//! What a backtest found.

use mandate_policy::{Decision, Outcome, Purpose};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What was decided about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A plan, before it ran.
    Plan,
    /// A plan in the place of one that ran.
    Revision,
    /// One call, just before it was made.
    Call,
}

/// How a decision would have turned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Turned {
    /// It ran, or could have been approved; the candidate denies it.
    NewlyDenied,
    /// It ran; under the candidate it would have had to wait.
    NewlyRateLimited,
    /// It ran without; the candidate wants an approval.
    NewlyNeedsApproval,
    /// It needs an approval as before, by somebody else.
    OtherApprovers,
    /// It was denied, or needed an approval; the candidate allows it, or lets it be approved.
    NewlyAllowed,
}

impl Turned {
    /// Every turn, gravest first.
    pub const ALL: [Turned; 5] = [
        Turned::NewlyDenied,
        Turned::NewlyRateLimited,
        Turned::NewlyNeedsApproval,
        Turned::OtherApprovers,
        Turned::NewlyAllowed,
    ];

    pub(crate) fn of(from: Outcome, to: Outcome) -> Option<Self> {
        use Outcome as O;
        match (from, to) {
            (from, to) if from == to => None,
            (_, O::Deny) => Some(Turned::NewlyDenied),
            (O::Deny, _) => Some(Turned::NewlyAllowed),
            (_, O::RateLimited) => Some(Turned::NewlyRateLimited),
            (O::RateLimited, _) => Some(Turned::NewlyAllowed),
            (_, O::RequireApproval) => Some(Turned::NewlyNeedsApproval),
            _ => Some(Turned::NewlyAllowed),
        }
    }

    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Turned::NewlyDenied => "newly denied",
            Turned::NewlyRateLimited => "newly rate limited",
            Turned::NewlyNeedsApproval => "newly needing approval",
            Turned::OtherApprovers => "approved by others",
            Turned::NewlyAllowed => "newly allowed",
        }
    }
}

/// One decision that would have been another one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// How it turned.
    pub turned: Turned,
    /// What was decided about.
    pub what: What,
    /// The execution; none: a plan that was refused, so that no execution began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_id: Option<String>,
    /// The plan's name.
    pub plan: String,
    /// Of a call, its step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Of a call, its item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<u32>,
    /// Of a call, whether it ran the step or undid it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<Purpose>,
    /// Of a call, its tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// What was decided.
    pub from: Outcome,
    /// What the candidate decides.
    pub to: Outcome,
    /// The candidate's rules that want this, with the steps of the plan that they matched.
    pub rules: Vec<String>,
    /// The steps of a plan that they matched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<String>,
    /// Of the first of them, for people.
    pub message: String,
    /// Unix milliseconds.
    pub at_ms: i64,
    /// The version of the policy that decided then.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub policy_then: String,
}

/// Changes that say the same, over many executions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    /// How they turned.
    pub turned: Turned,
    /// What was decided about.
    pub what: What,
    /// The plan's name.
    pub plan: String,
    /// The step of a call; the steps of a plan that the rules matched.
    pub steps: Vec<String>,
    /// Of a call, its tool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// What was decided.
    pub from: Outcome,
    /// What the candidate decides.
    pub to: Outcome,
    /// The candidate's rules that want this.
    pub rules: Vec<String>,
    /// Of the first of them, for people.
    pub message: String,
    /// How many.
    pub count: u64,
    /// The execution of the last of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
}

/// What was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Executions.
    pub executions: u64,
    /// Plans that were refused when they were submitted.
    pub refused_plans: u64,
    /// Calls that were judged.
    pub calls: u64,
    /// Sessions.
    pub sessions: u64,
    /// Calls that could not have been made, because the candidate stops their execution before.
    pub not_reached: u64,
}

/// What a backtest found.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct BacktestReport {
    /// The candidate's version.
    pub policy_version: String,
    /// What was looked at.
    pub counts: Counts,
    /// Every decision that would have been another one, in the order of the journal.
    pub changes: Vec<Change>,
    /// The candidate's rules that matched nothing.
    pub never_matched: Vec<String>,
    /// What could not be judged, and why.
    pub skipped: Vec<String>,
}

impl BacktestReport {
    /// How many changes of each kind.
    pub fn totals(&self) -> BTreeMap<Turned, u64> {
        let mut totals: BTreeMap<Turned, u64> =
            Turned::ALL.into_iter().map(|turned| (turned, 0)).collect();
        for change in &self.changes {
            let total = totals.entry(change.turned).or_default();
            *total = total.saturating_add(1);
        }
        totals
    }

    /// The changes that say the same taken together, gravest and most frequent first.
    pub fn groups(&self) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        for change in &self.changes {
            let steps = match &change.step {
                Some(step) => vec![step.clone()],
                None => change.steps.clone(),
            };
            let same = |group: &&mut Group| {
                group.turned == change.turned
                    && group.what == change.what
                    && group.plan == change.plan
                    && group.steps == steps
                    && group.tool == change.tool
                    && (group.from, group.to) == (change.from, change.to)
                    && group.rules == change.rules
            };
            match groups.iter_mut().find(same) {
                Some(group) => {
                    group.count = group.count.saturating_add(1);
                    group.example = change.execution_id.clone();
                }
                None => groups.push(Group {
                    turned: change.turned,
                    what: change.what,
                    plan: change.plan.clone(),
                    steps,
                    tool: change.tool.clone(),
                    from: change.from,
                    to: change.to,
                    rules: change.rules.clone(),
                    message: change.message.clone(),
                    count: 1,
                    example: change.execution_id.clone(),
                }),
            }
        }
        let order = |group: &Group| {
            let many = std::cmp::Reverse(group.count);
            let place = (group.plan.clone(), group.what, group.steps.clone());
            (group.turned, many, place)
        };
        groups.sort_by_key(order);
        groups
    }
}

/// What a policy would have decided otherwise about a plan.
pub(crate) fn decision_change(
    what: What,
    id: Option<&str>,
    plan: &str,
    past: &Decision,
    said: &Decision,
    at_ms: i64,
) -> Option<Change> {
    let turned = match Turned::of(past.outcome, said.outcome) {
        Some(turned) => turned,
        None if past.approvers != said.approvers => Turned::OtherApprovers,
        None => return None,
    };
    let wanting = said
        .reasons
        .iter()
        .filter(|reason| reason.outcome == said.outcome);
    let (mut rules, mut steps, mut message) = (BTreeSet::new(), Vec::new(), None);
    for reason in wanting {
        rules.insert(reason.rule.clone());
        let step = reason.step.clone();
        steps.extend(step.filter(|step| !steps.contains(step)));
        message.get_or_insert_with(|| reason.message.clone());
    }
    Some(Change {
        turned,
        what,
        execution_id: id.map(str::to_owned),
        plan: plan.to_owned(),
        step: None,
        item: None,
        purpose: None,
        tool: None,
        from: past.outcome,
        to: said.outcome,
        rules: rules.into_iter().collect(),
        steps,
        message: message.unwrap_or_default(),
        at_ms,
        policy_then: past.policy_version.clone(),
    })
}
