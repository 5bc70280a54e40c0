//! One call put before the rules by itself: what they say of it, without asking whether it is planned or whose turn it is.
//!
//! For looking: tests of policies, explanations, and the past judged again. Nothing runs on what comes out of it; a permit
//! comes from `enforce` only.

use crate::{
    Limits, Outcome, Purpose, SessionView, StepAssessment,
    assess::{Subject, assess},
    classify::Category,
    flow::CallFlow,
    rules::{Case, Moment, Rules, Ruling, judge},
};
use mandate_plan::Facts;
use serde_json::Value;

/// A call to look at.
#[derive(Debug, Clone, Copy)]
pub struct CallToJudge<'a> {
    /// Before the plan runs, or just before the call.
    pub moment: Moment,
    /// The step's id.
    pub step: &'a str,
    /// Run the step, or undo it.
    pub purpose: Purpose,
    /// `server.tool`.
    pub tool: &'a str,
    /// What the call does to the world; none = there is no such tool.
    pub facts: Option<Facts>,
    /// The arguments.
    pub args: &'a Value,
    /// Where they come from.
    pub flow: &'a CallFlow,
    /// The categories of the plan's calls before it.
    pub before: &'a [Category],
}

/// What was said of it.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgedCall {
    /// What the rules saw of the call; its outcome is the strictest that they want.
    pub call: StepAssessment,
    /// The rules that matched; of a failure or of silence, the deny that it counts as.
    pub rulings: Vec<Ruling>,
}

impl JudgedCall {
    /// The strictest of all that matched.
    pub fn outcome(&self) -> Outcome {
        self.call.outcome
    }
}

/// Puts a call before the rules.
pub fn judge_call(
    rules: &dyn Rules,
    call: &CallToJudge<'_>,
    session: &SessionView,
    now_ms: i64,
) -> JudgedCall {
    let subject = Subject {
        step: call.step,
        purpose: call.purpose,
        tool: call.tool,
        facts: call.facts,
        args: call.args,
        unknown_args: Vec::new(),
        urls_limited: false,
    };
    let (mut assessed, found) = assess(subject, rules.classification());
    let case = Case {
        moment: call.moment,
        principal: &session.principal,
        session,
        now_ms,
        call: &assessed,
        args: call.args,
        found: &found,
        before: call.before,
        flow: call.flow,
    };
    let (outcome, rulings) = judge(rules, &case);
    assessed.outcome = outcome;
    JudgedCall {
        call: assessed,
        rulings,
    }
}

/// A limit of a session that is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// `limits.calls_per_session` or `limits.calls_per_minute`.
    pub rule: &'static str,
    /// For people.
    pub message: String,
    /// Waiting does not help.
    pub for_good: bool,
}

/// The limit that keeps a session from its next call.
pub fn limit_reached(limits: Limits, session: &SessionView) -> Option<Reached> {
    if let Some(limit) = limits.calls_per_session.filter(|l| session.calls >= *l) {
        return Some(Reached {
            rule: "limits.calls_per_session",
            message: format!("the session may make {limit} calls, and has made them"),
            for_good: true,
        });
    }
    let limit = limits.calls_per_minute;
    let limit = limit.filter(|l| session.calls_last_minute >= *l)?;
    Some(Reached {
        rule: "limits.calls_per_minute",
        message: format!("the session may make {limit} calls a minute"),
        for_good: false,
    })
}
