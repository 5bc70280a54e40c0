//! Judging one call: every rule that matches is reported, and a rule that fails is a failure.

use crate::{
    explain,
    facts::{self, Fact},
    prepared::{Prepared, broken},
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
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

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
        let facts = facts::of_call(self, case);
        let (prepared, request) = self.question(case, &facts)?;
        // Each rule is a permit here: Cedar then names every one that matches, forbids too, and what failed beside them.
        let response =
            Authorizer::new().is_authorized(&request, &prepared.policies, &prepared.entities);
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
        let matched: BTreeSet<String> = response
            .diagnostics()
            .reason()
            .map(ToString::to_string)
            .collect();
        let rules = self.rules.iter().filter(|rule| matched.contains(&rule.id));
        Ok(rules.map(|rule| ruling(rule, case, &facts)).collect())
    }
}

impl PolicySet {
    /// What Cedar is asked about a call.
    pub(crate) fn question(
        &self,
        case: &Case<'_>,
        facts: &BTreeMap<&'static str, Fact>,
    ) -> Result<(Arc<Prepared>, Request), RuleError> {
        let call = case.call;
        let mut roles = case.session.roles.clone();
        roles.sort_unstable();
        roles.dedup();
        let prepared = self.prepared(Subject {
            principal: case.principal.to_owned(),
            roles,
            tool: call.tool.clone(),
            effect: call.effect.as_str(),
            idempotent: call.idempotent,
            open_world: call.open_world,
            category: call.category.as_str(),
        })?;
        let read = facts
            .iter()
            .map(|(name, fact)| Ok(((*name).to_owned(), fact.expression().map_err(broken)?)))
            .collect::<Result<Vec<_>, RuleError>>()?;
        let request = Request::new(
            prepared.principal.clone(),
            prepared.action.clone(),
            prepared.resource.clone(),
            Context::from_pairs(
                read.into_iter()
                    .chain(facts::unread(facts).map_err(broken)?),
            )
            .map_err(broken)?,
            Some(schema().map_err(broken)?),
        )
        .map_err(broken)?;
        Ok((prepared, request))
    }
}

fn ruling(rule: &Rule, case: &Case<'_>, facts: &BTreeMap<&'static str, Fact>) -> Ruling {
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
pub(crate) fn inputs(
    rule: &Rule,
    case: &Case<'_>,
    facts: &BTreeMap<&'static str, Fact>,
) -> Map<String, Value> {
    let call = case.call;
    let value = |path: &str| match path.split_once('.') {
        Some(("context", name)) => facts.get(name).map(Fact::json),
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
