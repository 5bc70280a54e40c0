//! A step's `allow` and `deny` and the plan's `forbidden_*`, made ready once and checked at every call.

mod arg;

use crate::{
    Refusal,
    normalise::shown,
    patterns::{PatternList, Stance},
    resources::{Found, ResourceKind},
};
use arg::NamedArg;
pub(crate) use arg::same;
use mandate_plan::{BadPattern, Constraints, ErrorCode, Pattern, Rules};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What happens when an argument that `allow.args` names is not in the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    /// It is refused: in a plan that the engine drives, such a name can only be a mistake.
    Refused,
    /// It is fine: an agent may leave out what is open to it.
    Open,
}

/// Lists and argument rules of one `allow`, one `deny`, or the plan's constraints.
#[derive(Debug, Clone)]
pub struct RuleSet {
    place: String,
    stance: Stance,
    lists: BTreeMap<ResourceKind, (String, PatternList)>,
    args: Vec<NamedArg>,
}

impl RuleSet {
    /// Makes the rules at `place` (`steps.fetch.allow`) ready.
    ///
    /// # Errors
    /// The first pattern that cannot be read.
    pub fn of_step(place: &str, stance: Stance, rules: &Rules) -> Result<Self, BadPattern> {
        let mut set = Self::empty(place, stance);
        let lists = [
            (ResourceKind::File, &rules.paths),
            (ResourceKind::Url, &rules.urls),
            (ResourceKind::Command, &rules.commands),
        ];
        for (kind, patterns) in lists {
            if let Some(patterns) = patterns {
                set.list(kind, kind.list(), patterns)?;
            }
        }
        for (name, rule) in &rules.args {
            set.args.push(NamedArg::compile(name, rule)?);
        }
        Ok(set)
    }

    /// Makes the plan's forbidden paths, addresses and commands ready.
    ///
    /// # Errors
    /// The first pattern that cannot be read.
    pub fn of_plan(constraints: &Constraints) -> Result<Self, BadPattern> {
        let mut set = Self::empty("constraints", Stance::Deny);
        set.list(
            ResourceKind::File,
            "forbidden_paths",
            &constraints.forbidden_paths,
        )?;
        set.list(
            ResourceKind::Url,
            "forbidden_urls",
            &constraints.forbidden_urls,
        )?;
        set.list(
            ResourceKind::Command,
            "forbidden_commands",
            &constraints.forbidden_commands,
        )?;
        Ok(set)
    }

    fn empty(place: &str, stance: Stance) -> Self {
        Self {
            place: place.to_owned(),
            stance,
            lists: BTreeMap::new(),
            args: Vec::new(),
        }
    }

    fn list(
        &mut self,
        kind: ResourceKind,
        name: &str,
        patterns: &[Pattern],
    ) -> Result<(), BadPattern> {
        let list = PatternList::compile(kind, self.stance, patterns)?;
        self.lists
            .insert(kind, (format!("{}.{name}", self.place), list));
        Ok(())
    }

    /// Whether the list for this kind is there, so that what is touched is limited. Addresses are limited only where every
    /// pattern says which host is meant.
    pub fn limits(&self, kind: ResourceKind) -> bool {
        let bounds = |list: &PatternList| kind != ResourceKind::Url || list.names_hosts();
        let list = self.lists.get(&kind).map(|(_, list)| list);
        self.stance == Stance::Allow && list.is_some_and(bounds)
    }

    /// The JSON pointers of the arguments that must be one of the values that stand in the plan.
    pub(crate) fn held_to_literals(&self) -> impl Iterator<Item = &str> {
        let held = self.args.iter().filter(|arg| arg.is_literal());
        held.map(|arg| arg.pointer.as_str())
    }

    /// Whether a rule is about the whole of a top-level argument, so that an agent may choose it. A rule about something
    /// inside it leaves the rest of it closed.
    pub(crate) fn names(&self, argument: &str) -> bool {
        self.args
            .iter()
            .any(|arg| arg.top_level().as_deref() == Some(argument))
    }

    /// Checks what a call touches.
    ///
    /// # Errors
    /// `ARGUMENT_VIOLATION` that names the resource, the list, and what would be allowed.
    pub fn check_resources(&self, found: &[Found]) -> Result<(), Refusal> {
        for found in found {
            let Some((place, list)) = self.lists.get(&found.resource.kind) else {
                continue;
            };
            match self.stance {
                Stance::Deny => deny(place, list, found)?,
                Stance::Allow => allow(place, list, found)?,
            }
        }
        Ok(())
    }

    /// Checks the single arguments; for compensations this is left out, since the rules name the step's own.
    ///
    /// # Errors
    /// `ARGUMENT_VIOLATION` that names the argument and the rule, never the value.
    pub fn check_args(&self, args: &Value, absent: Absent) -> Result<(), Refusal> {
        for arg in &self.args {
            let rule = format!("{}.args.{}", self.place, arg.name);
            let value = args.pointer(&arg.pointer);
            let problem = match (self.stance, value) {
                (Stance::Deny, Some(value)) if arg.forbids(value) => "is forbidden",
                (Stance::Deny, _) => continue,
                (Stance::Allow, Some(value)) if arg.allows(value) => continue,
                (Stance::Allow, Some(_)) => "is not what is allowed",
                (Stance::Allow, None) if absent == Absent::Open || arg.is_open() => continue,
                (Stance::Allow, None) => "is limited, but the call does not have it",
            };
            let expected = match self.stance {
                Stance::Allow => json!({ "argument": arg.pointer, "allowed": arg.rule }),
                Stance::Deny => json!({ "argument": arg.pointer, "forbidden": arg.rule }),
            };
            let message = format!("the argument `{}` {problem} by `{rule}`", shown(&arg.name));
            return Err(Refusal::new(ErrorCode::ArgumentViolation, message)
                .expecting(expected)
                .by_rule(rule));
        }
        Ok(())
    }
}

fn deny(place: &str, list: &PatternList, found: &Found) -> Result<(), Refusal> {
    let readings = found.readings.all.iter().chain(&found.readings.suspects);
    let Some((reading, pattern)) = readings
        .filter_map(|text| list.find(text).map(|p| (text, p)))
        .next()
    else {
        return Ok(());
    };
    let message = format!(
        "{} is forbidden by `{pattern}` in `{place}`",
        named(found, reading)
    );
    let expected = json!({ "argument": found.pointer, "forbidden": list.sources() });
    Err(Refusal::new(ErrorCode::ArgumentViolation, message)
        .expecting(expected)
        .by_rule(place))
}

fn allow(place: &str, list: &PatternList, found: &Found) -> Result<(), Refusal> {
    let Some(reading) = found
        .readings
        .all
        .iter()
        .find(|text| list.find(text).is_none())
    else {
        return Ok(());
    };
    let message = format!("{} matches no entry of `{place}`", named(found, reading));
    let expected = json!({ "argument": found.pointer, "allowed": list.sources() });
    Err(Refusal::new(ErrorCode::ArgumentViolation, message)
        .expecting(expected)
        .by_rule(place))
}

/// The resource as a message names it, with the reading that decided where it is not the normal form.
fn named(found: &Found, reading: &str) -> String {
    let Found {
        resource, pointer, ..
    } = found;
    let name = format!(
        "the {} `{}` in argument `{}`",
        resource.kind,
        shown(&resource.value),
        shown(pointer)
    );
    match reading == resource.value {
        true => name,
        false => format!("{name}, which may be read as `{}`,", shown(reading)),
    }
}
