//! A plan that was examined is not examined again, and what is said about it is what would be said anew.

use crate::support::{Tools, inputs, no_inputs, one_step, plan, request, session};
use mandate_plan::{BoundInputs, CheckedPlan, Pattern, PatternKind, ToolLookup};
use mandate_policy::{
    Classification, Decision, EvaluateRequest, KnownExaminations, Label, Labels, Limits, Outcome,
    Rules, SessionView,
    classify::Category,
    evaluate_examined, evaluate_within,
    rules::{Case, FirstPolicy, RuleError, Ruling},
};
use serde_json::json;
use std::{collections::BTreeMap, sync::Arc};

/// The built-in policy with other tables, and a limit.
#[derive(Debug)]
struct Other(Classification);

impl Rules for Other {
    fn version(&self) -> String {
        "other".to_owned()
    }

    fn judge(&self, case: &Case<'_>) -> Result<Vec<Ruling>, RuleError> {
        FirstPolicy.judge(case)
    }

    fn classification(&self) -> &Classification {
        &self.0
    }

    fn limits(&self) -> Limits {
        Limits {
            calls_per_session: Some(5),
            ..Limits::default()
        }
    }
}

fn other() -> Arc<dyn Rules> {
    let mut tables = Classification::standard().clone();
    let every = Pattern {
        kind: PatternKind::Regex,
        pattern: ".*".to_owned(),
    };
    let every = every.matcher().unwrap();
    tables.categories.insert(0, (every, Category::Unknown));
    Arc::new(Other(tables))
}

/// What one host knows, with the rules and tools as it has them.
struct Known {
    examinations: KnownExaminations,
    rules: Arc<dyn Rules>,
    tools: Arc<dyn ToolLookup + Send + Sync>,
}

impl Known {
    fn new() -> Self {
        Self {
            examinations: KnownExaminations::default(),
            rules: Arc::new(FirstPolicy),
            tools: Arc::new(Tools::new()),
        }
    }

    /// What is decided, which is what is decided without knowing anything.
    fn decide(
        &mut self,
        plan: &CheckedPlan,
        bound: &BoundInputs,
        origins: &BTreeMap<String, Labels>,
        asked: &EvaluateRequest,
    ) -> Decision {
        let (rules, tools) = (&self.rules, &self.tools);
        let examined = self
            .examinations
            .examine(rules, plan, bound, origins, tools);
        let said = evaluate_examined(rules.as_ref(), &examined, bound, asked);
        let anew = evaluate_within(rules.as_ref(), plan, bound, origins, tools.as_ref(), asked);
        assert_eq!(said, anew);
        said
    }

    /// How many are kept.
    fn kept(&self) -> usize {
        format!("{:?}", self.examinations)
            .matches("Examined {")
            .count()
    }
}

fn writes() -> Arc<CheckedPlan> {
    plan(json!({
        "inputs": { "path": { "type": "string" } },
        "steps": [
            { "id": "s", "tool": "fs.write", "args": { "path": "${inputs.path}" } },
            { "id": "t", "tool": "mail.send", "args": { "to": "${steps.s.output.who}" } },
        ]
    }))
}

fn to(plan: &CheckedPlan, path: &str) -> BoundInputs {
    inputs(plan, json!({ "path": path }))
}

#[test]
fn the_same_again_is_known_whoever_asks() {
    let (mut known, plan) = (Known::new(), writes());
    let (bound, nothing) = (to(&plan, "a"), BTreeMap::new());
    let mut asked = request();
    for principal in ["ada", "bob"] {
        principal.clone_into(&mut asked.principal);
        asked.now_ms += 1;
        let said = known.decide(&plan, &bound, &nothing, &asked);
        assert_eq!(
            (said.principal.as_str(), said.at_ms),
            (principal, asked.now_ms)
        );
    }
    assert_eq!(known.kept(), 1);
    // As many calls as the session may make were made meanwhile.
    known.rules = other();
    asked.session = SessionView {
        calls: 4,
        ..session()
    };
    let said = known.decide(&plan, &bound, &nothing, &asked);
    assert_eq!(said.outcome, Outcome::RequireApproval);
    asked.session.calls = 5;
    let said = known.decide(&plan, &bound, &nothing, &asked);
    assert_eq!(said.outcome, Outcome::RateLimited);
    assert_eq!(known.kept(), 2);
}

#[test]
fn another_plan_other_inputs_tools_or_tables_are_looked_at() {
    let (mut known, plan) = (Known::new(), writes());
    let nothing = BTreeMap::new();
    for path in ["a", "/etc/shadow", "a"] {
        let said = known.decide(&plan, &to(&plan, path), &nothing, &request());
        assert_eq!(said.steps[0].tags.is_empty(), path == "a", "{said:#?}");
    }
    assert_eq!(known.kept(), 2);
    let bound = to(&plan, "a");
    known.tools = Arc::new(Tools::new().without("mail.send"));
    let said = known.decide(&plan, &bound, &nothing, &request());
    assert_eq!(said.outcome, Outcome::Deny);
    known.tools = Arc::new(Tools::new());
    known.rules = other();
    let said = known.decide(&plan, &bound, &nothing, &request());
    assert_eq!(said.steps[0].category, Category::Unknown);
    assert_eq!(known.kept(), 4);
    for tool in ["fs.read", "fs.delete"] {
        let plan = one_step(json!({ "tool": tool }));
        let said = known.decide(&plan, &no_inputs(), &nothing, &request());
        assert_eq!(said.steps[0].tool, tool);
    }
    assert_eq!(known.kept(), 6);
}

#[test]
fn what_a_step_passes_on_is_looked_at_each_time() {
    let (mut known, plan) = (Known::new(), writes());
    let bound = to(&plan, "a");
    let untrusted = Labels::from_iter([Label::Untrusted]);
    let passed = BTreeMap::from([("path".to_owned(), untrusted)]);
    let flows = |said: &Decision| {
        let mut places = said.flows.iter().flat_map(|flow| &flow.path);
        places.any(|place| place == "inputs.path")
    };
    let said = known.decide(&plan, &bound, &BTreeMap::new(), &request());
    assert!(!flows(&said));
    let said = known.decide(&plan, &bound, &passed, &request());
    assert!(flows(&said), "{:#?}", said.flows);
    assert_eq!(known.kept(), 1);
}

#[test]
fn what_was_not_asked_for_lately_is_forgotten() {
    let (mut known, plan) = (Known::new(), writes());
    for number in 0..40 {
        let bound = to(&plan, &format!("p{number}"));
        known.decide(&plan, &bound, &BTreeMap::new(), &request());
    }
    assert_eq!(known.kept(), 16);
}
