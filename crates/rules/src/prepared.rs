//! What is the same for all calls of one tool by one principal: the rules whose head can match, and the entities.

use crate::{
    rule::{Rule, Scope, server_of},
    schema::schema,
    set::{PolicySet, Subject},
};
use cedar_policy::{Entities, Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression};
use mandate_policy::rules::RuleError;
use std::{str::FromStr, sync::Arc};

/// Most preparations that are kept: a policy that is asked about more begins anew.
const MAX_KEPT: usize = 4_096;

/// Everything that Cedar needs for a call, beside its context.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) policies: cedar_policy::PolicySet,
    pub(crate) entities: Entities,
    pub(crate) principal: EntityUid,
    pub(crate) action: EntityUid,
    pub(crate) resource: EntityUid,
}

/// An error that no policy can cause: it denies all the same.
pub(crate) fn broken(message: impl std::fmt::Display) -> RuleError {
    RuleError {
        rule: "policy".to_owned(),
        message: message.to_string(),
    }
}

impl PolicySet {
    /// The preparation for these calls, made when it is first asked for.
    pub(crate) fn prepared(&self, subject: Subject) -> Result<Arc<Prepared>, RuleError> {
        // Whoever panicked with it has left a whole map behind: entries are only ever added.
        let lock = || {
            self.prepared
                .lock()
                .unwrap_or_else(|held| held.into_inner())
        };
        if let Some(found) = lock().get(&subject) {
            return Ok(Arc::clone(found));
        }
        let made = Arc::new(self.prepare(&subject)?);
        let mut kept = lock();
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert(subject, Arc::clone(&made));
        Ok(made)
    }

    fn prepare(&self, subject: &Subject) -> Result<Prepared, RuleError> {
        let mut policies = cedar_policy::PolicySet::new();
        for (rule, policy) in self.rules.iter().zip(&self.compiled) {
            if can_match(rule, subject) {
                policies.add(policy.clone()).map_err(broken)?;
            }
        }
        let principal = uid("Principal", &subject.principal)?;
        let resource = uid("Tool", &subject.tool)?;
        Ok(Prepared {
            policies,
            entities: entities(subject, &principal, &resource)?,
            principal,
            action: uid("Action", "Call")?,
            resource,
        })
    }
}

/// Whether the rule can match such a call. Says yes where it cannot tell.
///
/// Its head is read as Cedar reads it. A category is looked at only where it is the first thing that the condition
/// asks for: nothing that could fail stands before it, so that leaving the rule out hides no failure.
fn can_match(rule: &Rule, subject: &Subject) -> bool {
    let principal = match &rule.principal {
        Scope::Any => true,
        Scope::Is(name) => *name == subject.principal,
        Scope::In(role) => subject.roles.contains(role),
        Scope::None => false,
    };
    let resource = match &rule.resource {
        Scope::Any => true,
        Scope::Is(name) => *name == subject.tool,
        Scope::In(server) => server == server_of(&subject.tool),
        Scope::None => false,
    };
    let category = rule
        .category
        .as_ref()
        .is_none_or(|category| category == subject.category);
    principal && resource && category
}

fn uid(kind: &str, id: &str) -> Result<EntityUid, RuleError> {
    let name = EntityTypeName::from_str(kind).map_err(broken)?;
    Ok(EntityUid::from_type_name_and_id(name, EntityId::new(id)))
}

fn entities(
    subject: &Subject,
    principal: &EntityUid,
    resource: &EntityUid,
) -> Result<Entities, RuleError> {
    let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
    let roles = subject.roles.iter().map(|role| uid("Role", role));
    let roles: Vec<EntityUid> = roles.collect::<Result<_, _>>()?;
    let server = uid("Server", server_of(&subject.tool))?;
    let role_names = subject.roles.iter().map(|role| text(role));
    let of_principal = [(
        "roles".to_owned(),
        RestrictedExpression::new_set(role_names),
    )];
    let of_tool = [
        ("name", text(&subject.tool)),
        ("server", text(server_of(&subject.tool))),
        ("effect", text(subject.effect)),
        (
            "idempotent",
            RestrictedExpression::new_bool(subject.idempotent),
        ),
        (
            "open_world",
            RestrictedExpression::new_bool(subject.open_world),
        ),
    ];
    let of_tool = of_tool.map(|(name, value)| (name.to_owned(), value));
    let mut all = vec![
        Entity::new(
            principal.clone(),
            of_principal.into_iter().collect(),
            roles.iter().cloned().collect(),
        )
        .map_err(broken)?,
        Entity::new(
            resource.clone(),
            of_tool.into_iter().collect(),
            std::iter::once(server.clone()).collect(),
        )
        .map_err(broken)?,
    ];
    let groups = roles.into_iter().chain([server]);
    all.extend(groups.map(|group| Entity::new_no_attrs(group, std::iter::empty().collect())));
    Entities::from_entities(all, Some(schema().map_err(broken)?)).map_err(broken)
}
