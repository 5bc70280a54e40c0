//! What rules see of a call, by the names of the schema.
//!
//! A value is computed when it is first looked at. What Cedar is asked about holds what the rules name that it judges; the
//! rest is there, but empty. That cannot change a decision, since nobody looks at it.

use crate::{
    condition::{Look, Place, Seen, ToolPlace},
    rule::server_of,
    sequences::completes,
    set::PolicySet,
};
use cedar_policy::RestrictedExpression;
use chrono::{DateTime, Datelike, Timelike};
use mandate_policy::{
    Label, Purpose,
    classify::Category,
    command,
    normalise::host_of,
    resources::{Found, ResourceKind, may_touch},
    rules::{Case, Moment},
};
use serde_json::{Map, Value};
use std::{cell::OnceCell, collections::BTreeSet, sync::LazyLock};

/// Longest value of an argument that rules can compare, in bytes.
const MAX_ARG_BYTES: usize = 1_024;

/// The value of one attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fact {
    Text(String),
    Number(i64),
    Flag(bool),
    Texts(BTreeSet<String>),
    Record(Vec<(&'static str, Fact)>),
}

impl Fact {
    pub(crate) fn expression(&self) -> Result<RestrictedExpression, String> {
        Ok(match self {
            Fact::Text(text) => RestrictedExpression::new_string(text.clone()),
            Fact::Number(number) => RestrictedExpression::new_long(*number),
            Fact::Flag(flag) => RestrictedExpression::new_bool(*flag),
            Fact::Texts(texts) => {
                let texts = texts.iter().cloned();
                RestrictedExpression::new_set(texts.map(RestrictedExpression::new_string))
            }
            Fact::Record(fields) => {
                let fields = fields
                    .iter()
                    .map(|(name, fact)| Ok(((*name).to_owned(), fact.expression()?)))
                    .collect::<Result<Vec<_>, String>>()?;
                RestrictedExpression::new_record(fields).map_err(|error| error.to_string())?
            }
        })
    }

    /// The value as conditions look at it; `None`: a record, which they look into.
    pub(crate) fn seen(&self) -> Option<Seen<'_>> {
        match self {
            Fact::Text(text) => Some(Seen::Text(text)),
            Fact::Number(number) => Some(Seen::Number(*number)),
            Fact::Flag(flag) => Some(Seen::Flag(*flag)),
            Fact::Texts(texts) => Some(Seen::Texts(texts)),
            Fact::Record(_) => None,
        }
    }

    pub(crate) fn json(&self) -> Value {
        match self {
            Fact::Text(text) => Value::from(text.as_str()),
            Fact::Number(number) => Value::from(*number),
            Fact::Flag(flag) => Value::from(*flag),
            Fact::Texts(texts) => texts.iter().map(String::as_str).collect(),
            Fact::Record(fields) => {
                let fields = fields.iter();
                let fields = fields.map(|(name, fact)| ((*name).to_owned(), fact.json()));
                Value::Object(fields.collect::<Map<_, _>>())
            }
        }
    }
}

/// Every attribute of `context`, in the order of the schema.
const ATTRIBUTES: [&str; 24] = [
    "moment",
    "purpose",
    "step",
    "category",
    "risk",
    "files",
    "urls",
    "hosts",
    "commands",
    "programs",
    "tags",
    "sure_tags",
    "args",
    "unknown_args",
    "labels",
    "untrusted_args",
    "sinks",
    "untrusted_sinks",
    "unendorsed_sinks",
    "untrusted_control",
    "session",
    "recent",
    "sequences",
    "time",
];

/// The place of an attribute in the order of the schema.
pub(crate) fn number_of(attribute: &str) -> Option<usize> {
    ATTRIBUTES.iter().position(|name| *name == attribute)
}

/// Whether the attribute is, or has in this field, a value that is no record.
pub(crate) fn has(attribute: &str, field: Option<&str>) -> bool {
    match (empty(attribute), field) {
        (Fact::Record(fields), Some(field)) => fields.iter().any(|(name, _)| *name == field),
        (Fact::Record(_), None) | (_, Some(_)) => false,
        (_, None) => true,
    }
}

/// The attributes among what rules name: all of them where one names `context` as a whole, and could look at anything.
pub(crate) fn attributes_of<'a>(reads: impl Iterator<Item = &'a String>) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    for path in reads {
        match path.strip_prefix("context") {
            Some("") => found.extend(0..ATTRIBUTES.len()),
            Some(name) => found.extend(name.strip_prefix('.').and_then(number_of)),
            None => {}
        }
    }
    found
}

/// A call as the rules of a set see it.
pub(crate) struct Facts<'a> {
    set: &'a PolicySet,
    case: &'a Case<'a>,
    known: [OnceCell<Fact>; ATTRIBUTES.len()],
    roles: OnceCell<BTreeSet<String>>,
}

impl<'a> Facts<'a> {
    pub(crate) fn new(set: &'a PolicySet, case: &'a Case<'a>) -> Self {
        Self {
            set,
            case,
            known: [const { OnceCell::new() }; ATTRIBUTES.len()],
            roles: OnceCell::new(),
        }
    }

    fn numbered(&self, number: usize) -> Option<&Fact> {
        let name = ATTRIBUTES.get(number)?;
        let known = self.known.get(number)?;
        Some(known.get_or_init(|| fact(name, self.set, self.case)))
    }

    /// The value of an attribute of `context`.
    pub(crate) fn named(&self, attribute: &str) -> Option<&Fact> {
        self.numbered(number_of(attribute)?)
    }

    /// The attributes as Cedar takes them: these with their values, all others empty.
    pub(crate) fn expressions(
        &self,
        read: &BTreeSet<usize>,
    ) -> Result<Vec<(String, RestrictedExpression)>, String> {
        let empty = EMPTY.as_ref().map_err(String::clone)?;
        let all = empty.iter().enumerate();
        all.map(|(number, (name, empty))| {
            let read = read.contains(&number).then(|| self.numbered(number));
            let expression = match read.flatten() {
                Some(fact) => fact.expression()?,
                None => empty.clone(),
            };
            Ok(((*name).to_owned(), expression))
        })
        .collect()
    }
}

impl Look for Facts<'_> {
    fn look(&self, place: &Place) -> Option<Seen<'_>> {
        let call = self.case.call;
        match place {
            Place::Context(number, field) => {
                let fact = self.numbered(*number)?;
                match (fact, field) {
                    (Fact::Record(fields), Some(field)) => {
                        let mut fields = fields.iter();
                        let (_, value) = fields.find(|(name, _)| name == field)?;
                        value.seen()
                    }
                    (fact, None) => fact.seen(),
                    _ => None,
                }
            }
            Place::Category => Some(Seen::Text(call.category.as_str())),
            Place::Tool(at) => Some(match at {
                ToolPlace::Name => Seen::Text(&call.tool),
                ToolPlace::Server => Seen::Text(server_of(&call.tool)),
                ToolPlace::Effect => Seen::Text(call.effect.as_str()),
                ToolPlace::Idempotent => Seen::Flag(call.idempotent),
                ToolPlace::OpenWorld => Seen::Flag(call.open_world),
            }),
            Place::Roles => {
                let roles = &self.case.session.roles;
                let roles = self.roles.get_or_init(|| roles.iter().cloned().collect());
                Some(Seen::Texts(roles))
            }
            Place::Principal(name) => Some(Seen::Flag(name == self.case.principal)),
            Place::Role(role) => Some(Seen::Flag(self.case.session.roles.contains(role))),
            Place::ToolIs(name) => Some(Seen::Flag(*name == call.tool)),
            Place::Server(server) => Some(Seen::Flag(server == server_of(&call.tool))),
        }
    }
}

/// Every attribute, empty: made once, as most rules read few.
static EMPTY: LazyLock<Result<Vec<(&'static str, RestrictedExpression)>, String>> =
    LazyLock::new(|| {
        let all = ATTRIBUTES.iter();
        all.map(|name| Ok((*name, empty(name).expression()?)))
            .collect()
    });

fn fact(attribute: &str, set: &PolicySet, case: &Case<'_>) -> Fact {
    let call = case.call;
    match attribute {
        "moment" => Fact::Text(moment(case.moment).to_owned()),
        "purpose" => Fact::Text(purpose(call.purpose).to_owned()),
        "step" => Fact::Text(call.step.clone()),
        "category" => Fact::Text(call.category.as_str().to_owned()),
        "risk" => Fact::Record(vec![
            ("level", Fact::Text(call.risk.level.as_str().to_owned())),
            ("score", Fact::Number(i64::from(call.risk.score))),
        ]),
        "files" => Fact::Texts(readings(case.found, ResourceKind::File).collect()),
        "urls" => Fact::Texts(readings(case.found, ResourceKind::Url).collect()),
        "hosts" => Fact::Texts(
            readings(case.found, ResourceKind::Url)
                .map(|url| host_of(&url).unwrap_or_else(|| "(none)".to_owned()))
                .collect(),
        ),
        "commands" => Fact::Texts(readings(case.found, ResourceKind::Command).collect()),
        "programs" => Fact::Texts(
            readings(case.found, ResourceKind::Command)
                .flat_map(|line| programs(&line))
                .collect(),
        ),
        "tags" => Fact::Texts(
            call.tags
                .iter()
                .map(|tag| tag.as_str().to_owned())
                .collect(),
        ),
        "sure_tags" => Fact::Texts(sure_tags(set, case)),
        "args" => Fact::Texts(args(case.args)),
        "unknown_args" => Fact::Texts(call.unknown_args.iter().cloned().collect()),
        "labels" => Fact::Texts(
            case.flow
                .args
                .values()
                .flat_map(|labels| labels.iter().map(ToString::to_string))
                .collect(),
        ),
        "untrusted_args" => Fact::Texts(
            case.flow
                .args
                .iter()
                .filter(|(_, labels)| labels.untrusted())
                .map(|(pointer, _)| pointer.clone())
                .collect(),
        ),
        "sinks" => sinks(case, |_, _| true),
        "untrusted_sinks" => sinks(case, |untrusted, _| untrusted),
        "unendorsed_sinks" => sinks(case, |untrusted, literal| untrusted || !literal),
        "untrusted_control" => Fact::Flag(case.flow.untrusted_control),
        "session" => session(set, case),
        "recent" => recent(case),
        "sequences" => {
            let before = before(case);
            let completed = set
                .definitions
                .sequences
                .iter()
                .filter(|sequence| completes(sequence, &before, call.category));
            Fact::Texts(completed.map(|sequence| sequence.name.clone()).collect())
        }
        "time" => time(case.now_ms),
        // A test compares the list with the schema.
        _ => empty(attribute),
    }
}

fn empty(attribute: &str) -> Fact {
    let none = || Fact::Texts(BTreeSet::new());
    match attribute {
        "moment" | "purpose" | "step" | "category" => Fact::Text(String::new()),
        "risk" => Fact::Record(vec![
            ("level", Fact::Text(String::new())),
            ("score", Fact::Number(0)),
        ]),
        "untrusted_control" => Fact::Flag(false),
        "session" => Fact::Record(vec![
            ("calls", Fact::Number(0)),
            ("calls_last_minute", Fact::Number(0)),
            ("id", Fact::Text(String::new())),
            ("risk", Fact::Number(0)),
        ]),
        "recent" => Fact::Record(vec![
            ("last_1", none()),
            ("last_10", none()),
            ("last_3", none()),
            ("last_32", none()),
        ]),
        "time" => Fact::Record(vec![
            ("hour", Fact::Number(0)),
            ("unix_s", Fact::Number(0)),
            ("weekday", Fact::Text(String::new())),
        ]),
        _ => none(),
    }
}

fn moment(moment: Moment) -> &'static str {
    match moment {
        Moment::Plan => "plan",
        Moment::Call => "call",
    }
}

fn purpose(purpose: Purpose) -> &'static str {
    purpose.as_str()
}

fn readings(found: &[Found], kind: ResourceKind) -> impl Iterator<Item = String> + '_ {
    found
        .iter()
        .filter(move |it| it.resource.kind == kind)
        .flat_map(|it| it.readings.all.iter().chain(&it.readings.suspects).cloned())
}

/// The first word of a command, and the same without its directory.
fn programs(line: &str) -> Vec<String> {
    let words = command::plain_words(line).unwrap_or_default();
    let first = words.into_iter().next();
    let first = first.or_else(|| line.split_whitespace().next().map(str::to_owned));
    let base = first.as_deref().and_then(|word| word.rsplit('/').next());
    let base = base.map(str::to_owned);
    first.into_iter().chain(base).collect()
}

/// The tags that everything of their kind surely has. What is not known yet could be anything.
fn sure_tags(set: &PolicySet, case: &Case<'_>) -> BTreeSet<String> {
    let unknown = case.call.unknown_args.iter();
    if unknown.into_iter().any(|at| may_touch(&case.call.tool, at)) {
        return BTreeSet::new();
    }
    let tables = &set.definitions.classification;
    let names = set.definitions.tag_names();
    let sure: Vec<(ResourceKind, BTreeSet<String>)> = case
        .found
        .iter()
        .map(|found| {
            let tags = tables.sure_tags_of(found).into_iter();
            (
                found.resource.kind,
                tags.map(|tag| tag.to_string()).collect(),
            )
        })
        .collect();
    let holds = |name: &&str| {
        let kinds = applies_to(set, name);
        let mut relevant = sure
            .iter()
            .filter(|(kind, _)| kinds.contains(kind))
            .peekable();
        relevant.peek().is_some() && relevant.all(|(_, tags)| tags.contains(*name))
    };
    let holding = names.into_iter().filter(holds);
    holding.map(str::to_owned).collect()
}

fn applies_to(set: &PolicySet, name: &str) -> Vec<ResourceKind> {
    let tables = &set.definitions.classification;
    let mut rules = tables.tags.iter();
    match rules.find(|rule| rule.tag.as_str() == name) {
        Some(rule) => rule.applies_to.clone(),
        None => vec![ResourceKind::Url],
    }
}

fn args(args: &Value) -> BTreeSet<String> {
    fn collect(value: &Value, pointer: &mut String, lines: &mut BTreeSet<String>) {
        let length = pointer.len();
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    pointer.push('/');
                    pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
                    collect(value, pointer, lines);
                    pointer.truncate(length);
                }
            }
            Value::Array(items) => {
                for (index, value) in items.iter().enumerate() {
                    pointer.push_str(&format!("/{index}"));
                    collect(value, pointer, lines);
                    pointer.truncate(length);
                }
            }
            Value::String(text) if text.len() <= MAX_ARG_BYTES => {
                lines.insert(format!("{pointer}={text}"));
            }
            Value::String(_) => {}
            other => {
                lines.insert(format!("{pointer}={other}"));
            }
        }
    }
    let mut lines = BTreeSet::new();
    collect(args, &mut String::new(), &mut lines);
    lines
}

/// The kinds of those sinks that nobody endorsed and that the question, handed untrusted and literal, picks. Of all
/// sinks, if it picks every one.
fn sinks(case: &Case<'_>, pick: impl Fn(bool, bool) -> bool) -> Fact {
    let every = pick(false, true);
    let picked = case.flow.sinks.iter().filter(|sink| {
        let literal = sink.labels.iter().all(|label| *label == Label::Plan);
        every || !sink.endorsed && pick(sink.labels.untrusted(), literal)
    });
    Fact::Texts(picked.map(|sink| sink.kind.as_str().to_owned()).collect())
}

/// The categories before this call: of the session, and before the plan runs, of the plan.
fn before(case: &Case<'_>) -> Vec<Category> {
    let recent = case.session.recent.iter();
    recent.chain(case.before).copied().collect()
}

fn session(set: &PolicySet, case: &Case<'_>) -> Fact {
    let table = &set.definitions.classification.risk;
    let number = |count: u64| Fact::Number(i64::try_from(count).unwrap_or(i64::MAX));
    let points = |category: &Category| {
        let (base, per_cent) = table.weight(*category);
        (base.saturating_mul(per_cent) / 100).min(100)
    };
    let recent = &case.session.recent;
    let highest = recent.iter().map(points).max().unwrap_or(0);
    let further = u32::try_from(recent.len().saturating_sub(1)).unwrap_or(u32::MAX);
    let risk = highest
        .saturating_add(further.saturating_mul(2).min(10))
        .min(100);
    Fact::Record(vec![
        ("calls", number(case.session.calls)),
        ("calls_last_minute", number(case.session.calls_last_minute)),
        ("id", Fact::Text(case.session.session_id.clone())),
        ("risk", Fact::Number(i64::from(risk))),
    ])
}

fn recent(case: &Case<'_>) -> Fact {
    let before = before(case);
    let last = |count: usize| {
        let names = before.iter().rev().take(count);
        Fact::Texts(names.map(|it| it.as_str().to_owned()).collect())
    };
    Fact::Record(vec![
        ("last_1", last(1)),
        ("last_10", last(10)),
        ("last_3", last(3)),
        ("last_32", last(32)),
    ])
}

fn time(now_ms: i64) -> Fact {
    let now = DateTime::from_timestamp_millis(now_ms).unwrap_or_default();
    let weekday = match now.weekday() {
        chrono::Weekday::Mon => "monday",
        chrono::Weekday::Tue => "tuesday",
        chrono::Weekday::Wed => "wednesday",
        chrono::Weekday::Thu => "thursday",
        chrono::Weekday::Fri => "friday",
        chrono::Weekday::Sat => "saturday",
        chrono::Weekday::Sun => "sunday",
    };
    Fact::Record(vec![
        ("hour", Fact::Number(i64::from(now.hour()))),
        ("unix_s", Fact::Number(now_ms.div_euclid(1000))),
        ("weekday", Fact::Text(weekday.to_owned())),
    ])
}
