//! May this plan run? A pure answer that runs nothing and writes nothing, so that asking is always safe.

use crate::{
    Limits, Purpose, SessionView,
    approver::Approver,
    classify::Category,
    decision::{CallForecast, Decision, Outcome, Reason, StepAssessment},
    examine::{Examination, ExaminedCall, examine},
    labels::Labels,
    risk::Level,
    rules::{Case, FirstPolicy, Moment, Rules, judge},
};
use mandate_plan::{BoundInputs, CheckedPlan, ToolLookup};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Who asks, in which session, when.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EvaluateRequest {
    /// Who asks.
    pub principal: String,
    /// The session's counters.
    pub session: SessionView,
    /// Now, in milliseconds since 1970.
    pub now_ms: i64,
}

/// Evaluates a plan under the built-in policy.
pub fn evaluate(
    plan: &CheckedPlan,
    inputs: &BoundInputs,
    tools: &dyn ToolLookup,
    request: &EvaluateRequest,
) -> Decision {
    evaluate_with(&FirstPolicy, plan, inputs, tools, request)
}

/// Evaluates a plan under `rules`. Whatever fails inside is a deny.
pub fn evaluate_with(
    rules: &dyn Rules,
    plan: &CheckedPlan,
    inputs: &BoundInputs,
    tools: &dyn ToolLookup,
    request: &EvaluateRequest,
) -> Decision {
    evaluate_within(rules, plan, inputs, &BTreeMap::new(), tools, request)
}

/// The same of a plan that a step of another one holds: `origins` says where the inputs come from that the step passes on.
pub fn evaluate_within(
    rules: &dyn Rules,
    plan: &CheckedPlan,
    inputs: &BoundInputs,
    origins: &BTreeMap<String, Labels>,
    tools: &dyn ToolLookup,
    request: &EvaluateRequest,
) -> Decision {
    let classification = rules.classification();
    let examined = examine(plan, inputs, origins, tools, classification);
    evaluate_examined(rules, &examined, inputs, request)
}

/// Evaluates a plan that was examined with these inputs.
pub fn evaluate_examined(
    rules: &dyn Rules,
    examined: &Examination,
    inputs: &BoundInputs,
    request: &EvaluateRequest,
) -> Decision {
    let mut verdict = Verdict::default();
    for tool in &examined.missing {
        verdict.deny(
            "unknown-tool",
            None,
            format!("no tool `{tool}` is registered"),
        );
    }
    if let Some(error) = &examined.unreadable {
        verdict.deny("constraints", None, error.clone());
    }
    let limits = rules.limits().and(request.session.limits);
    verdict.rates(limits, &request.session);

    let mut steps: Vec<StepAssessment> = Vec::with_capacity(examined.calls.len());
    for (index, call) in examined.calls.iter().enumerate() {
        let before = examined.categories.get(..index).unwrap_or_default();
        steps.push(verdict.call(rules, call, request, before));
    }
    if steps.is_empty() {
        verdict.deny("default-deny", None, "the plan has no steps".to_owned());
    }

    let outcome = verdict.outcome;
    let mut approvers = verdict.approvers;
    approvers.sort_unstable();
    approvers.dedup();
    if outcome != Outcome::RequireApproval {
        approvers.clear();
    }
    let risk = rules
        .classification()
        .risk
        .plan(steps.iter().map(|call| (call.step.as_str(), &call.risk)));
    Decision {
        outcome,
        reasons: verdict.reasons,
        policy_version: rules.version(),
        subject: examined.subject,
        tools: examined.tools.clone(),
        principal: request.principal.clone(),
        session_id: request.session.session_id.clone(),
        at_ms: request.now_ms,
        inputs: shown_inputs(inputs),
        steps,
        risk,
        approvers,
        flows: examined.flows.clone(),
        calls: Some(CallForecast {
            most: examined.most_calls,
            limit: limits.calls_per_session,
            counted: request.session.calls,
            reserved: request.session.reserved,
        }),
    }
}

/// The inputs with placeholders for secrets, so that a secret's name does not look like its value.
fn shown_inputs(inputs: &BoundInputs) -> Map<String, Value> {
    let mut shown = inputs.values.clone();
    for (input, secret) in &inputs.secrets {
        shown.insert(
            input.clone(),
            Value::String(format!("${{secrets.{secret}}}")),
        );
    }
    shown
}

/// The outcome and reasons as they gather.
struct Verdict {
    outcome: Outcome,
    reasons: Vec<Reason>,
    approvers: Vec<Approver>,
}

impl Default for Verdict {
    fn default() -> Self {
        Self {
            outcome: Outcome::Allow,
            reasons: Vec::new(),
            approvers: Vec::new(),
        }
    }
}

impl Verdict {
    fn add(&mut self, reason: Reason) {
        self.outcome = self.outcome.max(reason.outcome);
        self.reasons.push(reason);
    }

    fn deny(&mut self, rule: &str, step: Option<&str>, message: String) {
        let (rule, step) = (rule.to_owned(), step.map(str::to_owned));
        self.add(Reason {
            rule,
            outcome: Outcome::Deny,
            message,
            step,
            severity: Level::Critical,
            inputs: Map::new(),
        });
    }

    /// A forecast: the count that binds is taken when the call is permitted.
    fn rates(&mut self, limits: Limits, session: &SessionView) {
        for (name, limit, count) in [
            ("calls_per_session", limits.calls_per_session, session.calls),
            (
                "calls_per_minute",
                limits.calls_per_minute,
                session.calls_last_minute,
            ),
        ] {
            if let Some(limit) = limit.filter(|limit| count >= *limit) {
                self.add(Reason {
                    rule: format!("limits.{name}"),
                    outcome: Outcome::RateLimited,
                    message: format!("the session has made {count} calls, the limit is {limit}"),
                    step: None,
                    severity: Level::Medium,
                    inputs: Map::new(),
                });
            }
        }
    }

    fn call(
        &mut self,
        rules: &dyn Rules,
        examined: &ExaminedCall,
        request: &EvaluateRequest,
        before: &[Category],
    ) -> StepAssessment {
        let mut call = examined.assessment.clone();
        if let Some(error) = &examined.unreadable {
            self.deny("argument-rules", Some(&call.step), error.clone());
        }
        if !examined.exists {
            // The missing tool has been named; nothing more can be said of its calls.
            self.outcome = Outcome::Deny;
            return call;
        }
        let case = Case {
            moment: Moment::Plan,
            principal: &request.principal,
            session: &request.session,
            now_ms: request.now_ms,
            call: &call,
            args: &examined.args,
            found: &examined.found,
            before,
            flow: &examined.flow,
        };
        let (outcome, rulings) = judge(rules, &case);
        call.outcome = outcome;
        self.outcome = self.outcome.max(outcome);
        for ruling in rulings {
            if ruling.outcome == Outcome::RequireApproval {
                self.approvers.extend(ruling.approvers);
            }
            let purpose = match call.purpose {
                Purpose::Run => "",
                Purpose::Compensate => " (to undo the step)",
            };
            self.add(Reason {
                rule: ruling.rule,
                outcome: ruling.outcome,
                message: format!("{}{purpose}", ruling.message),
                step: Some(call.step.clone()),
                severity: ruling.severity,
                inputs: ruling.inputs,
            });
        }
        call
    }
}
