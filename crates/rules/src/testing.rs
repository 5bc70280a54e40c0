//! Tests of policies: files that say what is to be decided about a plan or a call.
//!
//! Reading and judging only; where files lie, and what tools there are, is handed in.

mod file;
mod tools;

pub use file::{Expected, Flow, Subject, TestCase, TestFile, read};

use mandate_plan::{
    BoundInputs, CheckedPlan, Document, Format, ToolLookup, canonical_json, check, parse,
};
use mandate_policy::{
    CallToJudge, Decision, EvaluateRequest, Outcome, Purpose, Rules, evaluate_with, judge_call,
    limit_reached, rules::Moment,
};
use serde::Serialize;
use serde_json::Value;
use std::{collections::BTreeSet, sync::Arc};
use tools::TestTools;

/// What was decided in a test.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Decided {
    /// The strictest of all.
    pub outcome: Outcome,
    /// The rules that matched, in order.
    pub rules: Vec<String>,
    /// Who may approve.
    pub approvers: Vec<String>,
    /// Each rule that matched, and what it says.
    pub why: Vec<String>,
}

/// What came of a test.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tested {
    /// The test's name.
    pub name: String,
    /// Where it begins in its file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// What is not as expected; empty = passed.
    pub wrong: Vec<String>,
    /// What was decided; none where it could not be judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided: Option<Decided>,
}

impl Tested {
    /// Whether everything is as expected.
    pub fn passed(&self) -> bool {
        self.wrong.is_empty()
    }
}

/// What tests need from outside.
pub struct Surroundings<'a> {
    /// The policy.
    pub rules: &'a dyn Rules,
    /// The tools that are known without being declared.
    pub tools: &'a dyn ToolLookup,
    /// The document of a plan that a test names by its path.
    pub plan: &'a dyn Fn(&str) -> Result<Document, String>,
}

/// Runs one test.
pub fn run(case: &TestCase, with: &Surroundings<'_>) -> Tested {
    let mut tested = Tested {
        name: case.name.clone(),
        line: case.line,
        wrong: Vec::new(),
        decided: None,
    };
    match decide(case, with) {
        Ok(decided) => {
            tested.wrong = differences(&case.expect, &decided);
            tested.decided = Some(decided);
        }
        Err(wrong) => tested.wrong = vec![wrong],
    }
    tested
}

fn decide(case: &TestCase, with: &Surroundings<'_>) -> Result<Decided, String> {
    let tools = TestTools::new(with.tools, &case.tools);
    match &case.subject {
        Subject::Call { tool, args, flow } => {
            let facts = tools.facts(tool, Some(args));
            if facts.is_none() {
                return Err(format!(
                    "there is no tool `{tool}` here: declare its effect under `tools`"
                ));
            }
            let flow = flow.to_flow();
            let judged = judge_call(
                with.rules,
                &CallToJudge {
                    moment: Moment::Call,
                    step: "call",
                    purpose: Purpose::Run,
                    tool,
                    facts,
                    args,
                    flow: &flow,
                    before: &[],
                },
                &case.session,
                case.at_ms,
            );
            let mut decided = Decided {
                outcome: judged.outcome(),
                rules: Vec::new(),
                approvers: Vec::new(),
                why: Vec::new(),
            };
            for ruling in &judged.rulings {
                decided.note(&ruling.rule, ruling.outcome, &ruling.message, None);
                if judged.outcome() == Outcome::RequireApproval {
                    let approvers = ruling.approvers.iter().map(ToString::to_string);
                    decided.approvers.extend(approvers);
                }
            }
            if let Some(reached) = limit_reached(with.rules.limits(), &case.session) {
                decided.note(reached.rule, Outcome::RateLimited, &reached.message, None);
            }
            Ok(decided.sorted())
        }
        Subject::Plan { plan, inputs, step } => {
            let plan = match plan {
                Value::String(path) => checked(&(with.plan)(path)?, &tools),
                inline => of_value(inline).and_then(|document| checked(&document, &tools)),
            }?;
            let inputs = plan.bind_inputs(inputs).map_err(first)?;
            let said = evaluate(case, with.rules, &plan, &inputs, &tools);
            of_decision(&said, step.as_deref())
        }
    }
}

fn evaluate(
    case: &TestCase,
    rules: &dyn Rules,
    plan: &CheckedPlan,
    inputs: &BoundInputs,
    tools: &TestTools<'_>,
) -> Decision {
    let request = EvaluateRequest {
        principal: case.session.principal.clone(),
        session: case.session.clone(),
        now_ms: case.at_ms,
    };
    evaluate_with(rules, plan, inputs, tools, &request)
}

fn of_value(value: &Value) -> Result<Document, String> {
    parse(&canonical_json(value), Format::Json).map_err(first)
}

fn checked(document: &Document, tools: &TestTools<'_>) -> Result<Arc<CheckedPlan>, String> {
    let checked = check(document, Some(tools));
    checked.plan.ok_or_else(|| first(checked.violations))
}

fn first(found: Vec<mandate_plan::Violation>) -> String {
    let first = found.iter().find(|violation| violation.is_error());
    first.map_or_else(
        || "the plan is not valid".to_owned(),
        |violation| {
            format!(
                "the plan is not valid: {} (at `{}`)",
                violation.message, violation.pointer
            )
        },
    )
}

fn of_decision(said: &Decision, step: Option<&str>) -> Result<Decided, String> {
    let outcome = match step {
        None => said.outcome,
        Some(step) => {
            let calls = said.steps.iter().filter(|assessed| assessed.step == step);
            let strictest = calls.map(|assessed| assessed.outcome).max();
            strictest.ok_or_else(|| format!("the plan has no step `{step}`"))?
        }
    };
    let mut decided = Decided {
        outcome,
        rules: Vec::new(),
        approvers: Vec::new(),
        why: Vec::new(),
    };
    if outcome == Outcome::RequireApproval {
        decided.approvers = said.approvers.iter().map(ToString::to_string).collect();
    }
    let wanted = |of: Option<&str>| step.is_none() || of == step;
    let reasons = said.reasons.iter();
    for reason in reasons.filter(|reason| wanted(reason.step.as_deref())) {
        let step = reason.step.as_deref();
        decided.note(&reason.rule, reason.outcome, &reason.message, step);
    }
    Ok(decided.sorted())
}

impl Decided {
    fn note(&mut self, rule: &str, outcome: Outcome, message: &str, step: Option<&str>) {
        self.outcome = self.outcome.max(outcome);
        if !self.rules.iter().any(|known| known == rule) {
            self.rules.push(rule.to_owned());
        }
        let step = step.map_or_else(String::new, |step| format!("{step}: "));
        self.why
            .push(format!("{step}{outcome} by {rule}: {message}"));
    }

    fn sorted(mut self) -> Self {
        self.approvers.sort_unstable();
        self.approvers.dedup();
        self
    }
}

fn differences(expected: &Expected, decided: &Decided) -> Vec<String> {
    let mut wrong = Vec::new();
    if expected.outcome != decided.outcome {
        wrong.push(format!(
            "expected {}, decided {}",
            expected.outcome, decided.outcome
        ));
    }
    for rule in &expected.rules {
        if !decided.rules.contains(rule) {
            wrong.push(format!("rule `{rule}` did not match"));
        }
    }
    for rule in &expected.not_rules {
        if decided.rules.contains(rule) {
            wrong.push(format!("rule `{rule}` matched"));
        }
    }
    if let Some(approvers) = &expected.approvers {
        let wanted: BTreeSet<&String> = approvers.iter().collect();
        let have: BTreeSet<&String> = decided.approvers.iter().collect();
        if wanted != have {
            wrong.push(format!(
                "expected approval by {}, decided by {}",
                listed(approvers),
                listed(&decided.approvers)
            ));
        }
    }
    wrong
}

fn listed(names: &[String]) -> String {
    if names.is_empty() {
        return "nobody".to_owned();
    }
    names.join(" and ")
}
