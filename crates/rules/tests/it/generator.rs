//! Policies and calls for the two evaluators, the same in every run.

use crate::{
    model::{Clause, Fragile, Head, ModelRule, Question},
    slow::{COMMANDS, Facts, From, PLACES, Sink, TOOLS, Tool},
    support::{Call, call},
};
use mandate_plan::{Effect, Facts as ToolFacts};
use mandate_policy::{
    Label, Labels, Outcome, Purpose, SinkFlow, SinkKind, classify::Category, rules::Moment,
};
use serde_json::json;

/// Numbers that are the same in every run.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(sides).unwrap()).unwrap()
    }

    pub(crate) fn one_in(&mut self, sides: usize) -> bool {
        self.roll(sides) == 0
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len())]
    }
}

const PRINCIPALS: &[&str] = &["ada", "bob", "eve"];
/// One is called like a principal, one like a server.
const ROLES: &[&str] = &["ops", "dev", "ada", "fs"];
const SERVERS: &[&str] = &["fs", "http", "hub", "crm", "process"];
const CATEGORIES: &[&str] = &[
    "file_read",
    "file_write",
    "file_delete",
    "network_request",
    "code_execution",
    "skill_invocation",
    "system_command",
    "unknown",
];
const SETS: &[&[&str]] = &[
    &["file_read", "file_write"],
    &["network_request", "skill_invocation", "unknown"],
    &["system_command", "code_execution"],
];
const HOSTS: &[&str] = &["localhost", "example.com", "draft.net"];
const TAGS: &[&str] = &[
    "work",
    "plain",
    "risky",
    "pushes",
    "sensitive_path",
    "external_url",
];
const KINDS: &[&str] = &["path", "url", "recipient", "amount", "command"];
const DAYS: &[&str] = &["monday", "thursday", "sunday"];

fn question(dice: &mut Dice, depth: usize) -> Question {
    if depth < 4 && dice.one_in(3) {
        let mut inner = || Box::new(question(dice, depth + 1));
        let (one, two, three) = (inner(), inner(), inner());
        return match dice.roll(7) {
            0 | 1 => Question::Not(one),
            2 | 3 => Question::Either(one, two),
            4 | 5 => Question::Both(one, two),
            _ => Question::If(one, two, three),
        };
    }
    match dice.roll(40) {
        0..=2 => Question::Category(dice.pick(CATEGORIES)),
        3 => Question::Categories(dice.pick(SETS)),
        4 => Question::Effect(dice.pick(&["read", "write", "delete", "network", "execute"])),
        5 => Question::OpenWorld,
        6 => Question::RiskAtLeast(dice.pick(&[20, 35, 60, 61, 75, 90, 100])),
        7 => Question::RiskLevel(dice.pick(&["low", "high", "critical"])),
        8 | 9 => Question::Tag(dice.pick(TAGS)),
        10 | 11 => Question::SureTag(dice.pick(TAGS)),
        12 => Question::File(dice.pick(&["draft", "other", "work/a", "/etc/hosts"])),
        13 => Question::NoFiles,
        14 => Question::OnlyHost(dice.pick(HOSTS)),
        15 => Question::Program(dice.pick(&["git", "rm", "/usr/bin/git"])),
        16 => Question::Argument(dice.pick(&[
            "/path=draft",
            "/paths/0=work/a",
            "/urls/0=https://draft.net/x",
            "/command=git push",
            "/level=1",
            "/path=null",
        ])),
        17 => Question::CallsAtLeast(dice.pick(&[1, 2, 5])),
        18 => Question::MinuteAtLeast(dice.pick(&[1, 2, 5])),
        19 => Question::SessionRiskAtLeast(dice.pick(&[1, 22, 60, 64, 100])),
        20 => Question::Recently(dice.pick(&[1, 3, 10, 32]), dice.pick(CATEGORIES)),
        21 | 22 => {
            Question::Sequence(dice.pick(&["read_send", "read_write_delete", "twice", "long"]))
        }
        23 => Question::Sink(dice.pick(KINDS)),
        24 => Question::UntrustedSink(dice.pick(KINDS)),
        25 => Question::UnendorsedSink(dice.pick(KINDS)),
        26 => Question::AnyUnendorsed,
        27 => Question::UntrustedArgument(dice.pick(&["/paths", "/urls", "/to"])),
        28 => Question::Labelled(dice.pick(&["plan", "input", "untrusted", "tool:http.request"])),
        29 => Question::UntrustedControl,
        30 => Question::BeforePlan,
        31 => Question::Compensates,
        32 => Question::HourBelow(dice.pick(&[1, 12, 23])),
        33 => Question::Weekday(dice.pick(DAYS)),
        34 => Question::HasRole(dice.pick(ROLES)),
        35 => Question::InRole(dice.pick(ROLES)),
        36 => Question::OnServer(dice.pick(SERVERS)),
        37 => Question::Unknown(dice.pick(&["/path", "/url", "/content", "/level"])),
        38 if dice.one_in(2) => Question::Fragile(dice.pick(&[
            Fragile::Calls,
            Fragile::Calls,
            Fragile::Minute,
            Fragile::Minute,
            Fragile::Hour,
            Fragile::Score,
        ])),
        _ => Question::Guarded(dice.pick(&[0, 1, 3])),
    }
}

/// A condition that may begin with the category, which lets a rule be left out.
fn condition(dice: &mut Dice) -> Question {
    let category = Box::new(Question::Category(dice.pick(CATEGORIES)));
    let mut other = || Box::new(question(dice, 1));
    let (one, two) = (other(), other());
    match dice.roll(12) {
        0 | 1 => Question::Both(category, one),
        2 => Question::Both(Box::new(Question::Both(category, one)), two),
        3 => Question::Both(one, category),
        4 => Question::Either(Box::new(Question::Both(category, one)), two),
        _ => question(dice, 0),
    }
}

pub(crate) fn rule(dice: &mut Dice, number: usize) -> ModelRule {
    let tools: Vec<&'static str> = TOOLS.iter().map(|tool| tool.name).collect();
    let principal = match dice.roll(4) {
        0 => Head::Is(dice.pick(PRINCIPALS)),
        1 => Head::In(dice.pick(ROLES)),
        _ => Head::Any,
    };
    let resource = match dice.roll(4) {
        0 => Head::Is(dice.pick(&tools)),
        1 => Head::In(dice.pick(SERVERS)),
        _ => Head::Any,
    };
    let mut clauses = Vec::new();
    for _ in 0..dice.pick(&[0, 1, 1, 1, 2, 3]) {
        let condition = condition(dice);
        clauses.push(match dice.one_in(3) {
            true => Clause::Unless(condition),
            false => Clause::When(condition),
        });
    }
    ModelRule {
        id: format!("r{number}"),
        outcome: dice.pick(&[
            Outcome::Allow,
            Outcome::Allow,
            Outcome::RequireApproval,
            Outcome::Deny,
        ]),
        principal,
        resource,
        clauses,
        spelling: dice.roll(6),
    }
}

pub(crate) fn policy(dice: &mut Dice) -> Vec<ModelRule> {
    (0..1 + dice.roll(8))
        .map(|number| rule(dice, number))
        .collect()
}

fn categories(dice: &mut Dice, most: usize) -> Vec<&'static str> {
    (0..dice.roll(most + 1))
        .map(|_| dice.pick(CATEGORIES))
        .collect()
}

/// Who calls what: few for each policy, so that what the evaluator keeps of them is used again.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    principal: &'static str,
    roles: Vec<&'static str>,
    tool: Tool,
}

pub(crate) fn callers(dice: &mut Dice) -> Vec<Caller> {
    let callers = (0..16).map(|_| Caller {
        principal: dice.pick(PRINCIPALS),
        roles: ROLES.iter().copied().filter(|_| dice.one_in(2)).collect(),
        tool: dice.pick(TOOLS),
    });
    callers.collect()
}

pub(crate) fn facts(dice: &mut Dice, callers: &[Caller]) -> Facts {
    let caller = callers[dice.roll(callers.len())].clone();
    let before_plan = dice.one_in(2);
    let several = |dice: &mut Dice| dice.pick(&[0, 0, 1, 1, 1, 2, 3]);
    let sinks = [
        ("/paths", "path"),
        ("/urls", "url"),
        ("/to", "recipient"),
        ("/amount", "amount"),
    ];
    let sinks: Vec<Sink> = sinks
        .into_iter()
        .filter(|_| dice.one_in(4))
        .collect::<Vec<_>>()
        .into_iter()
        .map(|(pointer, kind)| Sink {
            pointer,
            kind,
            from: dice.pick(&[From::Author, From::Caller, From::Stranger]),
            endorsed: dice.one_in(3),
        })
        .collect();
    // The edges of what a session remembers are met as often as short sessions.
    let most = dice.pick(&[0, 3, 7, 12, 40]);
    Facts {
        principal: caller.principal,
        roles: caller.roles,
        tool: caller.tool,
        places: (0..several(dice)).map(|_| dice.pick(PLACES)).collect(),
        hosts: (0..several(dice)).map(|_| dice.pick(HOSTS)).collect(),
        command: dice.one_in(4).then(|| dice.pick(COMMANDS)),
        level: dice.one_in(4).then(|| u8::try_from(dice.roll(3)).unwrap()),
        unknown: ["/path", "/url", "/content"]
            .into_iter()
            .filter(|_| before_plan && dice.one_in(6))
            .collect(),
        planned: if before_plan {
            categories(dice, 4)
        } else {
            Vec::new()
        },
        before_plan,
        compensates: dice.one_in(5),
        calls: dice.pick(&[0, 0, 0, 1, 1, 2, 6]),
        calls_last_minute: dice.pick(&[0, 0, 0, 1, 1, 2, 6]),
        earlier: categories(dice, most),
        sinks,
        untrusted_control: dice.one_in(4),
        hour: u8::try_from(dice.roll(24)).unwrap(),
        day: u8::try_from(dice.roll(9)).unwrap(),
    }
}

fn labels(from: From) -> Labels {
    let labels = match from {
        From::Author => vec![Label::Plan],
        From::Caller => vec![Label::Input],
        From::Stranger => vec![Label::Tool("http.request".to_owned()), Label::Untrusted],
    };
    labels.into_iter().collect()
}

fn kind(name: &str) -> SinkKind {
    match name {
        "path" => SinkKind::Path,
        "url" => SinkKind::Url,
        "recipient" => SinkKind::Recipient,
        "amount" => SinkKind::Amount,
        _ => SinkKind::Command,
    }
}

/// The same call as the real evaluator takes it.
pub(crate) fn real(facts: &Facts) -> Call {
    let mut args = serde_json::Map::new();
    match facts.places.as_slice() {
        [] => {}
        [one] if !facts.unknown.contains(&"/path") => {
            args.insert("path".to_owned(), json!(one.given));
        }
        several => {
            let given: Vec<&str> = several.iter().map(|it| it.given).collect();
            args.insert("paths".to_owned(), json!(given));
        }
    }
    if !facts.hosts.is_empty() {
        let urls = facts.hosts.iter().map(|host| format!("https://{host}/x"));
        args.insert("urls".to_owned(), json!(urls.collect::<Vec<_>>()));
    }
    if let Some(command) = facts.command {
        args.insert("command".to_owned(), json!(command.line));
    }
    if let Some(level) = facts.level {
        args.insert("level".to_owned(), json!(level));
    }
    for pointer in &facts.unknown {
        args.insert(pointer.trim_start_matches('/').to_owned(), json!(null));
    }
    let mut made = call(facts.tool.name, json!(args));
    made.unknown = facts.unknown.iter().map(|it| (*it).to_owned()).collect();
    made.moment = match facts.before_plan {
        true => Moment::Plan,
        false => Moment::Call,
    };
    made.purpose = match facts.compensates {
        true => Purpose::Compensate,
        false => Purpose::Run,
    };
    made.principal = facts.principal.to_owned();
    made.facts = ToolFacts {
        effect: match facts.tool.effect {
            "read" => Effect::Read,
            "write" => Effect::Write,
            "delete" => Effect::Delete,
            "network" => Effect::Network,
            _ => Effect::Execute,
        },
        idempotent: false,
        open_world: facts.tool.open_world,
    };
    let category = |name: &&str| Category::named(name).unwrap();
    made.session.roles = facts.roles.iter().map(|role| (*role).to_owned()).collect();
    for earlier in &facts.earlier {
        made.session.count(category(earlier), 0);
    }
    made.session.calls = facts.calls;
    made.session.calls_last_minute = facts.calls_last_minute;
    made.before = facts.planned.iter().map(category).collect();
    for sink in &facts.sinks {
        let labels = labels(sink.from);
        made.flow
            .args
            .insert(sink.pointer.to_owned(), labels.clone());
        made.flow.sinks.push(SinkFlow {
            pointer: sink.pointer.to_owned(),
            kind: kind(sink.kind),
            labels,
            endorsed: sink.endorsed,
        });
    }
    made.flow.untrusted_control = facts.untrusted_control;
    made.now_ms = (i64::from(facts.day) * 24 + i64::from(facts.hour)) * 3_600_000;
    made
}
