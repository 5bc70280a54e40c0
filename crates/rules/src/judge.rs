//! Judging one call: every rule that matches is reported, and a rule that fails is a failure.

use crate::{
    condition::Answer,
    explain,
    facts::{Fact, Facts, attributes_of},
    prepared::{ForCedar, broken},
    rule::{Rule, server_of},
    schema::schema,
    set::{PolicySet, Subject},
};
use cedar_policy::{AuthorizationError, Authorizer, Context, Request};
use mandate_policy::{
    Classification, Limits, Outcome, RuleSeen, Rules,
    rules::{Case, RuleError, Ruling},
};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

impl Rules for PolicySet {
    fn version(&self) -> String {
        self.version.clone()
    }

    fn classification(&self) -> &Classification {
        &self.definitions.classification
    }

    fn rule_ids(&self) -> Vec<String> {
        self.rules.iter().map(|rule| rule.id.clone()).collect()
    }

    fn explain(&self, case: &Case<'_>) -> Vec<RuleSeen> {
        explain::explain(self, case)
    }

    fn limits(&self) -> Limits {
        self.definitions.limits
    }

    fn judge(&self, case: &Case<'_>) -> Result<Vec<Ruling>, RuleError> {
        let facts = Facts::new(self, case);
        let prepared = self.prepared(subject(case))?;
        let mut matched = Vec::new();
        let mut asked = BTreeSet::new();
        for number in &prepared.rules {
            let Some(rule) = self.rules.get(*number) else {
                continue;
            };
            match rule.condition.answer(&facts) {
                Answer::Yes => matched.push(rule),
                Answer::No => {}
                Answer::Ask | Answer::Later => {
                    asked.insert(rule.id.as_str());
                    matched.push(rule);
                }
            }
        }
        if !asked.is_empty() {
            let Some(cedar) = prepared.cedar_for(asked.iter()) else {
                // A value of another type than the schema says: nothing here can be relied on.
                return self.judge_by_cedar(case);
            };
            let request = request(cedar, &facts, &prepared.reads)?;
            let said = said(&request, &prepared.opaque, cedar)?;
            matched.retain(|rule| !asked.contains(rule.id.as_str()) || said.contains(&rule.id));
        }
        let rulings = matched.into_iter().map(|rule| ruling(rule, case, &facts));
        Ok(rulings.collect())
    }
}

impl PolicySet {
    /// The same answer from Cedar alone, which is asked about every rule, with every attribute that one of them reads.
    /// Slow: for comparing the two.
    ///
    /// # Errors
    /// A rule that fails.
    pub fn judge_by_cedar(&self, case: &Case<'_>) -> Result<Vec<Ruling>, RuleError> {
        let facts = Facts::new(self, case);
        let (cedar, request) = self.question(case, &facts)?;
        let mut policies = cedar_policy::PolicySet::new();
        for policy in &self.compiled {
            policies.add(policy.clone()).map_err(broken)?;
        }
        let said = said(&request, &policies, &cedar)?;
        let rules = self.rules.iter().filter(|rule| said.contains(&rule.id));
        Ok(rules.map(|rule| ruling(rule, case, &facts)).collect())
    }

    /// What Cedar is asked about a call, for every rule of the set.
    pub(crate) fn question(
        &self,
        case: &Case<'_>,
        facts: &Facts<'_>,
    ) -> Result<(ForCedar, Request), RuleError> {
        let cedar = ForCedar::new(&subject(case))?;
        let request = request(&cedar, facts, &attributes_of(self.reads.iter()))?;
        Ok((cedar, request))
    }
}

/// What a call's preparation depends on.
fn subject(case: &Case<'_>) -> Subject {
    let call = case.call;
    let mut roles = case.session.roles.clone();
    roles.sort_unstable();
    roles.dedup();
    Subject {
        principal: case.principal.to_owned(),
        roles,
        tool: call.tool.clone(),
        effect: call.effect.as_str(),
        idempotent: call.idempotent,
        open_world: call.open_world,
        category: call.category.as_str(),
    }
}

/// The call for Cedar, checked against the schema, with these attributes; the others are empty.
fn request(
    cedar: &ForCedar,
    facts: &Facts<'_>,
    read: &BTreeSet<usize>,
) -> Result<Request, RuleError> {
    Request::new(
        cedar.principal.clone(),
        cedar.action.clone(),
        cedar.resource.clone(),
        Context::from_pairs(facts.expressions(read).map_err(broken)?).map_err(broken)?,
        Some(schema().map_err(broken)?),
    )
    .map_err(broken)
}

/// The rules that match, by Cedar's word.
fn said(
    request: &Request,
    policies: &cedar_policy::PolicySet,
    cedar: &ForCedar,
) -> Result<BTreeSet<String>, RuleError> {
    // Each rule is a permit here: Cedar then names every one that matches, forbids too, and what failed beside them.
    let response = Authorizer::new().is_authorized(request, policies, &cedar.entities);
    let failed: BTreeMap<String, String> = response
        .diagnostics()
        .errors()
        .map(|error| match error {
            AuthorizationError::PolicyEvaluationError(error) => {
                (error.policy_id().to_string(), error.to_string())
            }
        })
        .collect();
    if let Some((rule, message)) = failed.into_iter().next() {
        return Err(RuleError { rule, message });
    }
    let matched = response.diagnostics().reason().map(ToString::to_string);
    Ok(matched.collect())
}

fn ruling(rule: &Rule, case: &Case<'_>, facts: &Facts<'_>) -> Ruling {
    Ruling {
        rule: rule.id.clone(),
        outcome: rule.outcome,
        message: message(rule, case),
        severity: rule.severity.unwrap_or(case.call.risk.level),
        approvers: rule.approvers.clone(),
        absolute: rule.absolute,
        inputs: inputs(rule, case, facts),
    }
}

/// The values of what the rule's conditions name.
pub(crate) fn inputs(rule: &Rule, case: &Case<'_>, facts: &Facts<'_>) -> Map<String, Value> {
    let call = case.call;
    let value = |path: &str| match path.split_once('.') {
        Some(("context", name)) => facts.named(name).map(Fact::json),
        Some(("resource", name)) => match name {
            "name" => Some(Value::from(call.tool.as_str())),
            "server" => Some(Value::from(server_of(&call.tool))),
            "effect" => Some(Value::from(call.effect.as_str())),
            "idempotent" => Some(Value::from(call.idempotent)),
            "open_world" => Some(Value::from(call.open_world)),
            _ => None,
        },
        Some(("principal", "roles")) => Some(case.session.roles.iter().cloned().collect()),
        None if path == "principal" => Some(Value::from(case.principal)),
        None if path == "resource" => Some(Value::from(call.tool.as_str())),
        _ => None,
    };
    let named = rule.reads.iter();
    named
        .filter_map(|path| Some((path.clone(), value(path)?)))
        .collect()
}

fn message(rule: &Rule, case: &Case<'_>) -> String {
    let Some(text) = &rule.message else {
        return match rule.outcome {
            Outcome::Allow => format!("`{}` is allowed", case.call.tool),
            Outcome::RequireApproval => format!("`{}` needs approval", case.call.tool),
            Outcome::RateLimited | Outcome::Deny => format!("`{}` is forbidden", case.call.tool),
        };
    };
    if !text.contains('{') {
        return text.clone();
    }
    let call = case.call;
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((name, behind)) = after.split_once('}') else {
            out.push('{');
            rest = after;
            continue;
        };
        out.push_str(match name {
            "tool" => &call.tool,
            "server" => server_of(&call.tool),
            "effect" => call.effect.as_str(),
            "category" => call.category.as_str(),
            "step" => &call.step,
            "principal" => case.principal,
            "risk" => call.risk.level.as_str(),
            _ => "",
        });
        rest = behind;
    }
    out.push_str(rest);
    out
}
