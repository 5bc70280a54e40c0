//! Why each rule of a set does or does not match a call: its head, or the first part of its condition that does not hold.

use crate::{
    facts::Facts,
    judge::inputs,
    rule::{Rule, Scope, server_of},
    set::PolicySet,
};
use cedar_policy::{Authorizer, Decision, Entities, Policy, PolicyId, Request};
use mandate_policy::{RuleSeen, rules::Case};
use serde_json::{Value, json};

pub(crate) fn explain(set: &PolicySet, case: &Case<'_>) -> Vec<RuleSeen> {
    let facts = Facts::new(set, case);
    let asked = set.question(case, &facts);
    let rules = set.rules.iter().zip(&set.compiled);
    let seen = rules.map(|(rule, compiled)| {
        let why_not = match &asked {
            Ok((cedar, request)) => head(rule, case).or_else(|| {
                let question = Question {
                    request,
                    entities: &cedar.entities,
                };
                condition(compiled, &question)
            }),
            Err(error) => Some(error.message.clone()),
        };
        one(rule, case, &facts, why_not)
    });
    seen.collect()
}

fn one(rule: &Rule, case: &Case<'_>, facts: &Facts<'_>, why_not: Option<String>) -> RuleSeen {
    RuleSeen {
        rule: rule.id.clone(),
        outcome: rule.outcome,
        matched: why_not.is_none(),
        why_not,
        inputs: inputs(rule, case, facts),
    }
}

/// What the rule's head says that does not hold.
fn head(rule: &Rule, case: &Case<'_>) -> Option<String> {
    let (who, tool) = (case.principal, &case.call.tool);
    let principal = match &rule.principal {
        Scope::Is(name) if name != who => format!("it is about the principal `{name}`"),
        Scope::In(role) if !case.session.roles.contains(role) => {
            format!("it is about the role `{role}`")
        }
        Scope::None => "its head names no principal".to_owned(),
        _ => String::new(),
    };
    let resource = match &rule.resource {
        Scope::Is(name) if name != tool => format!("it is about the tool `{name}`"),
        Scope::In(server) if server != server_of(tool) => {
            format!("it is about tools of `{server}`")
        }
        Scope::None => "its head names no tool".to_owned(),
        _ => String::new(),
    };
    [principal, resource]
        .into_iter()
        .find(|why| !why.is_empty())
}

struct Question<'a> {
    request: &'a Request,
    entities: &'a Entities,
}

impl Question<'_> {
    /// Whether this alone holds; what went wrong if it fails.
    fn holds(&self, expression: &Value) -> Result<bool, String> {
        let policy = of_expression(expression).ok_or("it cannot be read")?;
        let mut policies = cedar_policy::PolicySet::new();
        policies.add(policy).map_err(|error| error.to_string())?;
        let answer = Authorizer::new().is_authorized(self.request, &policies, self.entities);
        match answer.diagnostics().errors().next() {
            Some(error) => Err(error.to_string()),
            None => Ok(answer.decision() == Decision::Allow),
        }
    }
}

/// The first part of the condition that does not hold.
fn condition(compiled: &Policy, question: &Question<'_>) -> Option<String> {
    let json = compiled.to_json().ok()?;
    let clauses = json.get("conditions")?.as_array()?;
    for clause in clauses {
        let body = clause.get("body")?;
        let unless = clause.get("kind").and_then(Value::as_str) == Some("unless");
        if unless {
            match question.holds(body) {
                Ok(false) => {}
                Ok(true) => return Some(format!("unless {}", text(body))),
                Err(error) => return Some(format!("unless {} fails: {error}", text(body))),
            }
            continue;
        }
        for part in parts(body) {
            match question.holds(part) {
                Ok(true) => {}
                Ok(false) => return Some(text(part)),
                Err(error) => return Some(format!("{} fails: {error}", text(part))),
            }
        }
    }
    None
}

/// What is joined by `&&`.
fn parts(expression: &Value) -> Vec<&Value> {
    match expression.get("&&") {
        Some(sides) => {
            let sides = [sides.get("left"), sides.get("right")];
            sides.into_iter().flatten().flat_map(parts).collect()
        }
        None => vec![expression],
    }
}

fn of_expression(expression: &Value) -> Option<Policy> {
    let policy = json!({
        "effect": "permit",
        "principal": { "op": "All" },
        "action": { "op": "All" },
        "resource": { "op": "All" },
        "conditions": [{ "kind": "when", "body": expression }],
    });
    Policy::from_json(Some(PolicyId::new("part")), policy).ok()
}

/// The expression as Cedar writes it.
fn text(expression: &Value) -> String {
    let whole = of_expression(expression).and_then(|policy| policy.to_cedar());
    let whole = whole.unwrap_or_default();
    let inside = whole
        .split_once("when {")
        .and_then(|(_, rest)| rest.rsplit_once('}'));
    let inside = inside.map_or("", |(inside, _)| inside);
    inside.split_whitespace().collect::<Vec<_>>().join(" ")
}
