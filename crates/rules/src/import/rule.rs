//! The JSON rules as they are written.

use super::ImportError;
use mandate_policy::{classify::Category, risk::Level};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// The longest text that is read, in bytes.
const MAX_BYTES: usize = 1 << 20;
/// The most rules: every pair of them is compared.
const MAX_RULES: usize = 1_000;
/// The longest window of a sequence: as many calls as a session remembers, and the one that completes it.
const MAX_WINDOW: usize = mandate_policy::session::RECENT + 1;

/// What a rule wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It may happen.
    Allow,
    /// It may happen once it is approved.
    RequireApproval,
    /// It may not happen.
    Deny,
}

impl Effect {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Effect::Allow => "allow",
            Effect::RequireApproval => "require_approval",
            Effect::Deny => "deny",
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    #[expect(
        dead_code,
        reason = "for people who read the source; the name is the message"
    )]
    description: Option<String>,
    #[serde(rename = "type")]
    kind: Kind,
    effect: Effect,
    conditions: Value,
    #[serde(default)]
    priority: i64,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Action,
    Resource,
    Sequence,
    Rate,
    Context,
}

/// When a rule matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// The call is of one of these categories.
    Action(Vec<Category>),
    /// The call touches something of this kind that the pattern is found in.
    Resource(Touched, String),
    /// The call completes this order of categories within so many calls.
    Sequence {
        /// In order.
        pattern: Vec<Category>,
        /// How many calls it may take.
        window: u32,
    },
    /// The session has made more calls than this.
    Rate {
        /// In all.
        per_session: Option<u64>,
        /// In a minute.
        per_minute: Option<u64>,
    },
    /// Who, when, how risky.
    Context(Context),
}

/// What a resource rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Touched {
    /// A path.
    File,
    /// An address.
    Url,
}

impl Touched {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Touched::File => "file",
            Touched::Url => "url",
        }
    }
}

/// Who, when, how risky; all that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    /// One of these acts; empty = anybody.
    pub principals: Vec<String>,
    /// From this minute of the day to before that one, in UTC; it may pass midnight.
    pub minutes: Option<(u32, u32)>,
    /// The risk is at least this.
    pub risk: Option<Level>,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its id.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// What it wants.
    pub effect: Effect,
    /// Higher beats lower.
    pub priority: i64,
    /// When it matches.
    pub condition: Condition,
}

/// Reads the list. Unknown fields are refused: a condition that is not understood would make the rule match more.
pub(super) fn read(text: &str) -> Result<Vec<Rule>, Vec<ImportError>> {
    let not = |message: String| vec![ImportError::NotRules(message)];
    if text.len() > MAX_BYTES {
        return Err(not(format!("they are longer than {MAX_BYTES} bytes")));
    }
    let values: Vec<Value> = serde_json::from_str(text)
        .map_err(|error| not(format!("a JSON array of rules is expected: {error}")))?;
    if values.len() > MAX_RULES {
        return Err(not(format!("there are more than {MAX_RULES}")));
    }
    if values.is_empty() {
        return Err(not("the list is empty".to_owned()));
    }
    let (mut rules, mut errors) = (Vec::new(), Vec::new());
    let mut ids = BTreeSet::new();
    for (place, value) in values.into_iter().enumerate() {
        let number = place.saturating_add(1);
        let name = match value.get("id").and_then(Value::as_str) {
            Some(id) => id.to_owned(),
            None => format!("number {number}"),
        };
        match one(value) {
            Ok(rule) if !ids.insert(rule.id.clone()) => {
                errors.push(ImportError::rule(&name, "another rule has the same id"));
            }
            Ok(rule) => rules.push(rule),
            Err(message) => errors.push(ImportError::rule(&name, message)),
        }
    }
    if errors.is_empty() {
        Ok(rules)
    } else {
        Err(errors)
    }
}

fn one(value: Value) -> Result<Rule, String> {
    let written: Written = serde_json::from_value(value).map_err(|error| error.to_string())?;
    if written.id.trim().is_empty() {
        return Err("its id is empty".to_owned());
    }
    let wrong = |error: serde_json::Error| format!("conditions: {error}");
    let condition = match written.kind {
        Kind::Action => {
            let action: Action = serde_json::from_value(written.conditions).map_err(wrong)?;
            Condition::Action(action.category.list("category")?)
        }
        Kind::Resource => {
            let of: Resource = serde_json::from_value(written.conditions).map_err(wrong)?;
            Condition::Resource(of.kind, of.path_pattern)
        }
        Kind::Sequence => {
            let of: Sequence = serde_json::from_value(written.conditions).map_err(wrong)?;
            let window = of.window;
            if of.pattern.len() < 2 || (window as usize) < of.pattern.len() {
                return Err(
                    "conditions: `pattern` needs two categories or more, and `window` room for them"
                        .to_owned(),
                );
            }
            if window as usize > MAX_WINDOW {
                return Err(format!("conditions: `window` is at most {MAX_WINDOW}"));
            }
            let pattern = of.pattern;
            Condition::Sequence { pattern, window }
        }
        Kind::Rate => {
            let of: Rate = serde_json::from_value(written.conditions).map_err(wrong)?;
            let (session, minute) = (of.max_actions_per_session, of.max_actions_per_minute);
            if session.is_none() && minute.is_none() {
                return Err(
                    "conditions: `max_actions_per_session` or `max_actions_per_minute` is missing"
                        .to_owned(),
                );
            }
            Condition::Rate {
                per_session: session,
                per_minute: minute,
            }
        }
        Kind::Context => Condition::Context(context(written.conditions)?),
    };
    Ok(Rule {
        id: written.id,
        name: written.name,
        effect: written.effect,
        priority: written.priority,
        condition,
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Action {
    category: OneOrMore<Category>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Resource {
    #[serde(rename = "type")]
    kind: Touched,
    path_pattern: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sequence {
    pattern: Vec<Category>,
    window: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rate {
    max_actions_per_session: Option<u64>,
    max_actions_per_minute: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMore<T> {
    One(T),
    More(Vec<T>),
}

impl<T> OneOrMore<T> {
    fn list(self, key: &str) -> Result<Vec<T>, String> {
        match self {
            OneOrMore::One(one) => Ok(vec![one]),
            OneOrMore::More(list) if list.is_empty() => {
                Err(format!("conditions: `{key}` is an empty list"))
            }
            OneOrMore::More(list) => Ok(list),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Who {
    principal: Option<OneOrMore<String>>,
    time: Option<Time>,
    session_risk: Option<Level>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Time {
    after: String,
    before: String,
}

fn context(value: Value) -> Result<Context, String> {
    let who: Who = serde_json::from_value(value).map_err(|error| format!("conditions: {error}"))?;
    let minutes = match who.time {
        Some(time) => Some((minute(&time.after)?, minute(&time.before)?)),
        None => None,
    };
    if minutes.is_some_and(|(from, to)| from == to) {
        return Err("conditions: `time` begins when it ends".to_owned());
    }
    let context = Context {
        principals: match who.principal {
            Some(principals) => principals.list("principal")?,
            None => Vec::new(),
        },
        minutes,
        risk: who.session_risk,
    };
    if context == Context::default() {
        return Err("conditions: `principal`, `time` or `session_risk` is missing".to_owned());
    }
    Ok(context)
}

/// `HH:MM`, in minutes.
fn minute(text: &str) -> Result<u32, String> {
    let parse = |text: &str| {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<u32>().ok())?
    };
    let parts = text.split_once(':');
    let parts = parts.and_then(|(hours, minutes)| Some((parse(hours)?, parse(minutes)?)));
    match parts {
        Some((hours, minutes)) if hours < 24 && minutes < 60 => {
            Ok(hours.saturating_mul(60).saturating_add(minutes))
        }
        _ => Err(format!(
            "conditions: `{text}` is not a time such as `08:30`"
        )),
    }
}
