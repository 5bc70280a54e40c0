//! A second policy beside the one in force: it is asked the same questions, and where it would have decided otherwise the
//! journal's `system` stream says so. It decides nothing.

use crate::backtest::{Change, Turned, What, decision_change};
use mandate_engine::State;
use mandate_plan::{BoundInputs, CheckedPlan, Facts, ToolLookup};
use mandate_policy::rules::{Moment, Rules};
use mandate_policy::{
    CallFlow, CallToJudge, Decision, EvaluateRequest, Labels, Outcome, Purpose, ResolvedCall,
    SessionView, counts_as_call, evaluate_within, judge_call, limit_reached,
};
use mandate_store::{Batch, Journal, NewRecord, Reader, SYSTEM, StoreError};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};

/// The kind of the rows.
const KIND: &str = "shadow_decided";
const PAGE: usize = 1_000;

/// What the shadow would have decided otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shadowed {
    /// The shadow's version.
    pub version: String,
    /// The version of the policy that decided.
    pub active: String,
    /// What it would have been.
    #[serde(flatten)]
    pub change: Change,
}

/// The policy beside the one in force.
#[derive(Clone)]
pub(crate) struct Shadow {
    pub(crate) rules: Arc<dyn Rules>,
    pub(crate) journal: Arc<dyn Journal>,
}

/// A call that was put before the policy in force.
pub(crate) struct CallSeen<'a> {
    pub(crate) state: &'a State,
    pub(crate) call: &'a ResolvedCall,
    pub(crate) facts: Facts,
    pub(crate) flow: &'a CallFlow,
    pub(crate) session: &'a SessionView,
    pub(crate) now_ms: i64,
}

impl Shadow {
    /// A plan that was decided about.
    #[expect(
        clippy::too_many_arguments,
        reason = "all of it is what the policy in force was asked"
    )]
    pub(crate) fn plan(
        &self,
        what: What,
        id: Option<&str>,
        plan: &CheckedPlan,
        inputs: &BoundInputs,
        origins: &BTreeMap<String, Labels>,
        tools: &dyn ToolLookup,
        said: &Decision,
        session: &SessionView,
    ) {
        let request = EvaluateRequest {
            principal: said.principal.clone(),
            session: session.clone(),
            now_ms: said.at_ms,
        };
        let other = evaluate_within(self.rules.as_ref(), plan, inputs, origins, tools, &request);
        let name = &plan.plan().name;
        if let Some(change) = decision_change(what, id, name, said, &other, said.at_ms) {
            self.note(change, &said.policy_version);
        }
    }

    /// A call that was decided about.
    pub(crate) fn call(&self, active: &dyn Rules, seen: &CallSeen<'_>) {
        let (call, session) = (seen.call, seen.session);
        let judge = |rules: &dyn Rules| {
            let to_judge = CallToJudge {
                moment: Moment::Call,
                step: &call.step,
                purpose: call.purpose,
                tool: &call.tool,
                facts: Some(seen.facts),
                args: &call.args,
                flow: seen.flow,
                before: &[],
            };
            let judged = judge_call(rules, &to_judge, session, seen.now_ms);
            let outcome = judged.outcome();
            let wanting = judged.rulings.iter();
            let wanting = wanting.filter(|ruling| ruling.outcome == outcome);
            let rules_named: Vec<String> = wanting.clone().map(|it| it.rule.clone()).collect();
            let message = wanting.map(|it| it.message.clone()).next();
            let counts = outcome < Outcome::RateLimited && counts_as_call(&call.tool, Purpose::Run);
            match limit_reached(rules.limits(), session).filter(|_| counts) {
                Some(limit) => (
                    Outcome::RateLimited,
                    vec![limit.rule.to_owned()],
                    limit.message,
                ),
                None => (outcome, rules_named, message.unwrap_or_default()),
            }
        };
        let (from, _, _) = judge(active);
        let (to, rules, message) = judge(self.rules.as_ref());
        let Some(turned) = Turned::of(from, to) else {
            return;
        };
        let change = Change {
            turned,
            what: What::Call,
            execution_id: Some(call.execution_id.clone()),
            plan: seen.state.plan().plan().name.clone(),
            step: Some(call.step.clone()),
            item: call.item,
            purpose: Some(call.purpose),
            tool: Some(call.tool.clone()),
            from,
            to,
            rules,
            steps: Vec::new(),
            message,
            at_ms: seen.now_ms,
            policy_then: active.version(),
        };
        self.note(change, &active.version());
    }

    /// Nobody waits for it, and a journal that fails to take it is told of by whoever needs the journal.
    fn note(&self, change: Change, active: &str) {
        let at_ms = change.at_ms;
        let shadowed = Shadowed {
            version: self.rules.version(),
            active: active.to_owned(),
            change,
        };
        let batch = Batch {
            stream: SYSTEM.to_owned(),
            records: vec![NewRecord {
                at_ms,
                kind: KIND,
                payload: serde_json::to_vec(&shadowed).unwrap_or_else(|_| b"{}".to_vec()),
            }],
            ..Batch::default()
        };
        self.journal.append(batch, Box::new(|_| {}));
    }
}

/// What the shadow would have decided otherwise, in the order of the journal.
///
/// # Errors
/// The journal cannot be read.
pub fn shadowed(reader: &Reader, since_ms: Option<i64>) -> Result<Vec<Shadowed>, StoreError> {
    let mut all = Vec::new();
    let mut from = 1;
    loop {
        let page = reader.system_page(KIND, from, PAGE)?;
        let full = page.len() == PAGE;
        for record in page {
            from = record.seq.saturating_add(1);
            let wanted = since_ms.is_none_or(|since_ms| record.at_ms >= since_ms);
            if !wanted {
                continue;
            }
            let read = serde_json::from_slice(&record.payload);
            all.push(read.map_err(|error| {
                StoreError::Damaged(format!("row {} of `{SYSTEM}`: {error}", record.seq))
            })?);
        }
        if !full {
            return Ok(all);
        }
    }
}
