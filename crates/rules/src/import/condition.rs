//! What a rule's condition becomes: an expression of Cedar, and the definitions that it names.

use super::pattern::{HOST_ENDS, Part, ends_in_host, translate};
use super::rule::{Condition, Context, Effect, Rule, Touched};
use super::{ImportError, render::quoted};
use mandate_policy::{classify::Category, risk::Level};

/// A tag to define.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) name: String,
    pub(super) touched: Touched,
    pub(super) part: Part,
}

/// A sequence to define.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sequence {
    pub(super) name: String,
    pub(super) pattern: Vec<Category>,
    pub(super) window: u32,
}

/// A rule with what its condition becomes.
#[derive(Debug, Clone)]
pub(super) struct Compiled {
    pub(super) rule: Rule,
    /// Holds where the call may match. For what restricts.
    pub(super) maybe: String,
    /// Holds where everything that the call touches surely matches. For what lets pass.
    pub(super) surely: String,
    pub(super) tags: Vec<Tag>,
    pub(super) sequence: Option<Sequence>,
}

impl Compiled {
    /// It is not a rule of the set, but a number in `[limits]`.
    pub(super) fn is_limit(&self) -> bool {
        matches!(self.rule.condition, Condition::Rate { .. }) && self.rule.effect == Effect::Deny
    }
}

/// The longest id, in characters.
const MAX_ID: usize = 128;

pub(super) fn compile(rule: &Rule, notes: &mut Vec<String>) -> Result<Compiled, ImportError> {
    let wrong = |message: String| ImportError::rule(&rule.id, message);
    if rule.id.chars().count() > MAX_ID || rule.id.chars().any(char::is_control) {
        let message =
            format!("its id is longer than {MAX_ID} characters, or holds control characters");
        return Err(wrong(message));
    }
    let mut compiled = Compiled {
        rule: rule.clone(),
        maybe: String::new(),
        surely: String::new(),
        tags: Vec::new(),
        sequence: None,
    };
    match &rule.condition {
        Condition::Action(categories) => compiled.both(of_category(categories)),
        Condition::Resource(touched, text) => {
            let mut parts = translate(text).map_err(wrong)?;
            if rule.effect != Effect::Deny && *touched == Touched::Url {
                bound_hosts(rule, &mut parts, notes);
            }
            let many = parts.len() > 1;
            let name = |number: usize| match many {
                true => format!("{}_{}", name_of(&rule.id), number.saturating_add(1)),
                false => name_of(&rule.id),
            };
            let tags = parts.into_iter().enumerate().map(|(number, part)| Tag {
                name: name(number),
                touched: *touched,
                part,
            });
            compiled.tags = tags.collect();
            compiled.maybe = tagged("context.tags", &compiled.tags);
            compiled.surely = tagged("context.sure_tags", &compiled.tags);
        }
        Condition::Sequence { pattern, window } => {
            let name = name_of(&rule.id);
            compiled.both(format!("context.sequences.contains({})", quoted(&name)));
            compiled.sequence = Some(Sequence {
                name,
                pattern: pattern.clone(),
                window: *window,
            });
        }
        Condition::Rate {
            per_session,
            per_minute,
        } => {
            if rule.effect == Effect::Allow {
                let message = "a rate can deny or ask, but not allow";
                return Err(wrong(message.to_owned()));
            }
            let count = |name: &str, most: &Option<u64>| {
                most.map(|most| format!("context.session.{name} >= {most}"))
            };
            let parts = [
                count("calls", per_session),
                count("calls_last_minute", per_minute),
            ];
            if [per_session, per_minute]
                .iter()
                .any(|most| most.is_some_and(|most| i64::try_from(most).is_err()))
            {
                return Err(wrong("its limit is too large".to_owned()));
            }
            let parts: Vec<String> = parts.into_iter().flatten().collect();
            compiled.both(parts.join(" || "));
        }
        Condition::Context(context) => compiled.both(of_context(context).map_err(wrong)?),
    }
    Ok(compiled)
}

impl Compiled {
    fn both(&mut self, expression: String) {
        self.maybe.clone_from(&expression);
        self.surely = expression;
    }
}

/// A rule that lets pass is not to let a longer host name pass: `localhost` is not `localhost.example.org`.
fn bound_hosts(rule: &Rule, parts: &mut [Part], notes: &mut Vec<String>) {
    let mut bound = false;
    for part in parts.iter_mut().filter(|part| ends_in_host(&part.pattern)) {
        part.pattern.push_str(HOST_ENDS);
        bound = true;
    }
    if bound && rule.effect == Effect::Allow {
        notes.push(format!(
            "rule `{}`: its pattern ends in host names; they are taken for whole names, so that `localhost.example.org` is not `localhost`",
            rule.id
        ));
    }
}

fn of_category(categories: &[Category]) -> String {
    match categories {
        [one] => format!("context.category == {}", quoted(one.as_str())),
        many => {
            let names: Vec<String> = many.iter().map(|one| quoted(one.as_str())).collect();
            format!("[{}].contains(context.category)", names.join(", "))
        }
    }
}

fn tagged(set: &str, tags: &[Tag]) -> String {
    let names: Vec<String> = tags.iter().map(|tag| quoted(&tag.name)).collect();
    match names.as_slice() {
        [one] => format!("{set}.contains({one})"),
        many => format!("{set}.containsAny([{}])", many.join(", ")),
    }
}

fn of_context(context: &Context) -> Result<String, String> {
    let mut parts = Vec::new();
    let principals: Vec<String> = context
        .principals
        .iter()
        .map(|who| format!("principal == Principal::{}", quoted(who)))
        .collect();
    match principals.as_slice() {
        [] => {}
        [one] => parts.push(one.clone()),
        many => parts.push(format!("({})", many.join(" || "))),
    }
    if let Some((from, to)) = context.minutes {
        if from % 60 != 0 || to % 60 != 0 {
            return Err("conditions: `time` is compared by whole hours; write `HH:00`".to_owned());
        }
        let (from, to) = (from / 60, to / 60);
        let (begins, ends) = (
            format!("context.time.hour >= {from}"),
            format!("context.time.hour < {to}"),
        );
        parts.push(match from < to {
            true => format!("{begins} && {ends}"),
            false => format!("({begins} || {ends})"),
        });
    }
    if let Some(level) = context.risk {
        parts.push(format!("context.session.risk >= {}", least(level)));
    }
    Ok(parts.join(" && "))
}

/// The lowest score of a level.
fn least(level: Level) -> u32 {
    (0..=100)
        .find(|score| Level::of(*score) >= level)
        .unwrap_or(100)
}

/// A rule's id as the name of a tag or sequence.
fn name_of(id: &str) -> String {
    let plain = |c: char| match c.is_ascii_alphanumeric() {
        true => c.to_ascii_lowercase(),
        false => '_',
    };
    let name: String = id.chars().map(plain).collect();
    match name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        true => name,
        false => format!("rule_{name}"),
    }
}
