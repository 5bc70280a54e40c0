//! What is the same for all calls of one tool by one principal: the rules that can match, and what Cedar is handed with
//! every question about them.

use crate::{
    condition::{Answer, Look, Place, Seen, ToolPlace},
    facts::attributes_of,
    rule::{Rule, Scope, server_of},
    schema::schema,
    set::{PolicySet, Subject},
};
use cedar_policy::{
    Entities, Entity, EntityId, EntityTypeName, EntityUid, PolicyId, RestrictedExpression,
};
use mandate_policy::rules::RuleError;
use std::{collections::BTreeSet, str::FromStr, sync::Arc};

/// Most preparations that are kept: a policy that is asked about more begins anew.
const MAX_KEPT: usize = 4_096;

/// The rules that can match such calls.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// By their numbers in the set, in its order.
    pub(crate) rules: Vec<usize>,
    /// Those of them that Cedar may have to be asked about.
    pub(crate) opaque: cedar_policy::PolicySet,
    /// The attributes that these read.
    pub(crate) reads: BTreeSet<usize>,
    /// None, if there are none.
    pub(crate) cedar: Option<ForCedar>,
}

/// What Cedar needs for a call, beside rules and context.
#[derive(Debug)]
pub(crate) struct ForCedar {
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
        let mut rules = Vec::new();
        let mut opaque = cedar_policy::PolicySet::new();
        let mut reads = BTreeSet::new();
        for (number, (rule, policy)) in self.rules.iter().zip(&self.compiled).enumerate() {
            if !can_match(rule, subject) {
                continue;
            }
            rules.push(number);
            if rule.condition.may_need_cedar() {
                opaque.add(policy.clone()).map_err(broken)?;
                reads.extend(attributes_of(rule.reads.iter()));
            }
        }
        let cedar = match opaque.is_empty() {
            true => None,
            false => Some(ForCedar::new(subject)?),
        };
        Ok(Prepared {
            rules,
            opaque,
            reads,
            cedar,
        })
    }
}

/// Whether the rule can match such a call: its head fits, and what it asks about tool and principal does not already
/// say no. Says yes where it cannot tell.
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
    principal && resource && rule.condition.answer(subject) != Answer::No
}

impl Look for Subject {
    fn look(&self, place: &Place) -> Option<Seen<'_>> {
        Some(match place {
            Place::Category => Seen::Text(self.category),
            Place::Context(..) => Seen::Later,
            Place::Tool(ToolPlace::Name) => Seen::Text(&self.tool),
            Place::Tool(ToolPlace::Server) => Seen::Text(server_of(&self.tool)),
            Place::Tool(ToolPlace::Effect) => Seen::Text(self.effect),
            Place::Tool(ToolPlace::Idempotent) => Seen::Flag(self.idempotent),
            Place::Tool(ToolPlace::OpenWorld) => Seen::Flag(self.open_world),
            Place::Roles => Seen::Later,
            Place::Principal(name) => Seen::Flag(*name == self.principal),
            Place::Role(role) => Seen::Flag(self.roles.contains(role)),
            Place::ToolIs(name) => Seen::Flag(*name == self.tool),
            Place::Server(server) => Seen::Flag(server == server_of(&self.tool)),
        })
    }
}

impl Prepared {
    /// What Cedar needs to be asked about these rules; `None`: one of them was not made ready for that.
    pub(crate) fn cedar_for<'a>(
        &self,
        mut asked: impl Iterator<Item = &'a &'a str>,
    ) -> Option<&ForCedar> {
        let ready = asked.all(|id| self.opaque.policy(&PolicyId::new(id)).is_some());
        self.cedar.as_ref().filter(|_| ready)
    }
}

impl ForCedar {
    pub(crate) fn new(subject: &Subject) -> Result<Self, RuleError> {
        let principal = uid("Principal", &subject.principal)?;
        let resource = uid("Tool", &subject.tool)?;
        Ok(Self {
            entities: entities(subject, &principal, &resource)?,
            principal,
            action: uid("Action", "Call")?,
            resource,
        })
    }
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
