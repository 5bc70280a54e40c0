//! From texts to a policy: parsed, read, and checked against the schema.

use crate::{
    annotations,
    condition::{self, Condition},
    definitions::Definitions,
    error::{PolicyError, Source},
    expression, literals,
    rule::{Rule, Scope},
    schema::{SCHEMA, schema},
    set::PolicySet,
};
use cedar_policy::{
    ActionConstraint, Effect, EntityUid, Policy, PolicyId, PrincipalConstraint, ResourceConstraint,
    ValidationMode, Validator,
};
use mandate_plan::Digest;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::Mutex,
};

/// The most rules that a policy can have.
const MAX_RULES: usize = 10_000;

/// Makes a policy of texts in Cedar and of the definitions beside them (`policy.toml`).
///
/// Types, annotations, texts that an attribute can never have and ids that are there twice are all found here, so that
/// judging has nothing left to stumble over but arithmetic that overflows.
///
/// # Errors
/// Everything that is wrong, with its place.
pub fn load(texts: &[Source], definitions: &[Source]) -> Result<PolicySet, Vec<PolicyError>> {
    let defined = Definitions::read(definitions);
    let mut wrong = Vec::new();
    let mut loaded: Vec<Loaded> = Vec::new();
    for source in texts {
        match file(source) {
            Ok(rules) => loaded.extend(rules),
            Err(errors) => wrong.extend(errors),
        }
    }
    wrong.extend(twice(&loaded));
    match &defined {
        Ok(defined) => {
            for one in &loaded {
                wrong.extend(literals::check(&one.rule, &one.compared, defined));
            }
        }
        Err(errors) => wrong.extend(errors.iter().cloned()),
    }
    if let (Some(source), true) = (texts.first(), loaded.len() > MAX_RULES) {
        wrong.push(PolicyError::new(
            source,
            format!("there are more than {MAX_RULES} rules"),
        ));
    }
    let (Ok(definitions_read), true) = (defined, wrong.is_empty()) else {
        return Err(wrong);
    };
    let sources: Vec<Source> = texts.iter().chain(definitions).cloned().collect();
    let reads = loaded.iter().flat_map(|it| it.rule.reads.clone()).collect();
    let (rules, compiled) = loaded.into_iter().map(|it| (it.rule, it.compiled)).unzip();
    Ok(PolicySet {
        version: version(texts, definitions),
        rules,
        compiled,
        definitions: definitions_read,
        sources,
        reads,
        prepared: Mutex::new(BTreeMap::new()),
    })
}

/// The names of the texts are not part of it, nor is their order: what they say is.
fn version(texts: &[Source], definitions: &[Source]) -> String {
    let digests = |sources: &[Source]| {
        let set: BTreeSet<Vec<u8>> = sources
            .iter()
            .map(|source| Digest::of(source.text.as_bytes()).to_string().into_bytes())
            .collect();
        set.into_iter().collect::<Vec<_>>().concat()
    };
    let (rules, beside) = (digests(texts), digests(definitions));
    let parts = [SCHEMA.as_bytes(), rules.as_slice(), beside.as_slice()];
    Digest::framed("mandate/policy/v2", parts).to_string()
}

struct Loaded {
    rule: Rule,
    compiled: Policy,
    compared: Vec<(String, String)>,
}

/// The rules of one text.
fn file(source: &Source) -> Result<Vec<Loaded>, Vec<PolicyError>> {
    let parsed: cedar_policy::PolicySet = source
        .text
        .parse()
        .map_err(|errors: cedar_policy::ParseErrors| PolicyError::of_cedar(source, &errors))?;
    let mut wrong = Vec::new();
    if parsed.templates().next().is_some() {
        let help = "write the rule once for each principal or tool, or name a role or a server";
        wrong.push(
            PolicyError::new(source, "templates (`?principal`) are not used here").help(help),
        );
    }
    let mut policies: Vec<(usize, &Policy)> = parsed
        .policies()
        .map(|policy| (number(policy.id()), policy))
        .collect();
    policies.sort_by_key(|(number, _)| *number);
    let mut loaded = Vec::new();
    let mut from = 0;
    for (_, policy) in policies {
        let span = span(source, policy, &mut from);
        match one(source, policy, span) {
            Ok(rule) => loaded.push(rule),
            Err(errors) => wrong.extend(errors),
        }
    }
    wrong.extend(types(source, &parsed));
    if wrong.is_empty() {
        Ok(loaded)
    } else {
        Err(wrong)
    }
}

/// Cedar names them `policy0`, `policy1`, … in the order of the text.
fn number(id: &PolicyId) -> usize {
    let text = id.to_string();
    text.trim_start_matches("policy")
        .parse()
        .unwrap_or(usize::MAX)
}

/// Where the rule stands: it is searched for behind the one before it.
fn span(source: &Source, policy: &Policy, from: &mut usize) -> Range<usize> {
    let text = policy.to_string();
    let rest = source.text.get(*from..).unwrap_or_default();
    let start = rest
        .find(text.trim())
        .map_or(*from, |at| at.saturating_add(*from));
    let end = start
        .saturating_add(text.trim().len())
        .min(source.text.len());
    *from = end;
    start..end
}

/// What does not fit the schema.
fn types(source: &Source, parsed: &cedar_policy::PolicySet) -> Vec<PolicyError> {
    let schema = match schema() {
        Ok(schema) => schema.clone(),
        Err(error) => return vec![PolicyError::new(source, error)],
    };
    let result = Validator::new(schema).validate(parsed, ValidationMode::Strict);
    let mut wrong: Vec<PolicyError> = Vec::new();
    for error in result.validation_errors() {
        for mut found in PolicyError::of_cedar(source, error) {
            // Cedar begins with the id that it made up.
            if let Some((before, rest)) = found.message.split_once(", ")
                && before.starts_with("for policy `")
            {
                found.message = rest.to_owned();
            }
            found.rule = parsed
                .annotation(error.policy_id(), "id")
                .map(str::to_owned);
            wrong.push(found);
        }
    }
    wrong
}

fn one(source: &Source, policy: &Policy, span: Range<usize>) -> Result<Loaded, Vec<PolicyError>> {
    let error = |message: String| PolicyError::new(source, message).at(Some(span.clone()));
    let given: BTreeMap<&str, &str> = policy.annotations().collect();
    let forbids = policy.effect() == Effect::Forbid;
    let annotations = annotations::read(&given, forbids).map_err(|wrong| {
        let wrong = wrong.into_iter();
        let errors = wrong.map(|(message, help)| error(message).help(help));
        errors.collect::<Vec<_>>()
    })?;
    let mut json = policy
        .to_json()
        .map_err(|broken| vec![error(broken.to_string())])?;
    let conditions = json.get("conditions").cloned().unwrap_or_default();
    let mut reads = BTreeSet::new();
    expression::reads(&conditions, &mut reads);
    let mut compared = Vec::new();
    expression::compared(&conditions, &mut compared);
    let condition = match head_is_read(policy) {
        true => condition::read(&conditions),
        false => Condition::Opaque,
    };
    if let Some(effect) = json.get_mut("effect") {
        *effect = Value::from("permit");
    }
    let compiled = Policy::from_json(Some(PolicyId::new(&annotations.id)), json)
        .map_err(|broken| vec![error(broken.to_string())])?;
    let rule = Rule {
        id: annotations.id,
        outcome: annotations.outcome,
        severity: annotations.severity,
        message: annotations.message,
        approvers: annotations.approvers,
        absolute: annotations.absolute,
        source: source.clone(),
        span,
        reads,
        principal: principal(&policy.principal_constraint()),
        resource: resource(&policy.resource_constraint()),
        conditional: policy.has_non_scope_constraint(),
        condition,
    };
    Ok(Loaded {
        rule,
        compiled,
        compared,
    })
}

/// Whether the rule's head is no more than its scopes: there is one action, which every call is.
fn head_is_read(policy: &Policy) -> bool {
    let call =
        |one: &EntityUid| one.type_name().to_string() == "Action" && one.id().unescaped() == "Call";
    match policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(one) => call(&one),
        ActionConstraint::In(all) => all.iter().any(call),
    }
}

fn principal(constraint: &PrincipalConstraint) -> Scope {
    match constraint {
        PrincipalConstraint::Any => Scope::Any,
        PrincipalConstraint::Is(name) => of_type(&name.to_string(), "Principal"),
        PrincipalConstraint::Eq(one) => named(one, "Principal", Scope::Is),
        PrincipalConstraint::In(one) => group(one, "Principal", "Role"),
        PrincipalConstraint::IsIn(name, one) => within(
            of_type(&name.to_string(), "Principal"),
            group(one, "Principal", "Role"),
        ),
    }
}

fn resource(constraint: &ResourceConstraint) -> Scope {
    match constraint {
        ResourceConstraint::Any => Scope::Any,
        ResourceConstraint::Is(name) => of_type(&name.to_string(), "Tool"),
        ResourceConstraint::Eq(one) => named(one, "Tool", Scope::Is),
        ResourceConstraint::In(one) => group(one, "Tool", "Server"),
        ResourceConstraint::IsIn(name, one) => within(
            of_type(&name.to_string(), "Tool"),
            group(one, "Tool", "Server"),
        ),
    }
}

fn of_type(name: &str, wanted: &str) -> Scope {
    if name == wanted {
        Scope::Any
    } else {
        Scope::None
    }
}

fn named(one: &EntityUid, wanted: &str, scope: impl Fn(String) -> Scope) -> Scope {
    match one.type_name().to_string() == wanted {
        true => scope(one.id().unescaped().to_owned()),
        false => Scope::None,
    }
}

/// `in` holds for the thing itself, too.
fn group(one: &EntityUid, itself: &str, groups: &str) -> Scope {
    match named(one, itself, Scope::Is) {
        Scope::None => named(one, groups, Scope::In),
        scope => scope,
    }
}

fn within(of_type: Scope, inner: Scope) -> Scope {
    if of_type == Scope::None {
        Scope::None
    } else {
        inner
    }
}

/// Ids that are there twice.
fn twice(loaded: &[Loaded]) -> Vec<PolicyError> {
    let mut seen: BTreeMap<&str, &Rule> = BTreeMap::new();
    let mut wrong = Vec::new();
    for Loaded { rule, .. } in loaded {
        match seen.get(rule.id.as_str()) {
            None => {
                seen.insert(&rule.id, rule);
            }
            Some(earlier) => {
                let (line, _) = earlier.source.line_column(earlier.span.start);
                let message = format!("there are two rules `{}`", rule.id);
                let help = format!("the first is in {}:{line}", earlier.source.name);
                wrong.push(
                    PolicyError::new(&rule.source, message)
                        .at(Some(rule.span.clone()))
                        .help(help)
                        .rule(&rule.id),
                );
            }
        }
    }
    wrong
}
