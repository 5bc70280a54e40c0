//! A small model of rules, which is rendered as Cedar for the real evaluator and read directly by the slow one.

use mandate_policy::Outcome;

#[derive(Debug, Clone)]
pub(crate) enum Head {
    Any,
    Is(&'static str),
    In(&'static str),
}

/// What overflows once it is two or more.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fragile {
    Calls,
    Minute,
    Hour,
    Score,
}

#[derive(Debug, Clone)]
pub(crate) enum Question {
    Category(&'static str),
    /// One of these categories.
    Categories(&'static [&'static str]),
    Effect(&'static str),
    OpenWorld,
    RiskAtLeast(u32),
    RiskLevel(&'static str),
    Tag(&'static str),
    SureTag(&'static str),
    File(&'static str),
    NoFiles,
    OnlyHost(&'static str),
    Program(&'static str),
    Argument(&'static str),
    CallsAtLeast(u64),
    MinuteAtLeast(u64),
    SessionRiskAtLeast(u32),
    Recently(usize, &'static str),
    Sequence(&'static str),
    Sink(&'static str),
    UntrustedSink(&'static str),
    UnendorsedSink(&'static str),
    AnyUnendorsed,
    UntrustedArgument(&'static str),
    Labelled(&'static str),
    UntrustedControl,
    BeforePlan,
    Compensates,
    HourBelow(u8),
    Weekday(&'static str),
    HasRole(&'static str),
    /// The same asked of the hierarchy.
    InRole(&'static str),
    OnServer(&'static str),
    Unknown(&'static str),
    Fragile(Fragile),
    /// Behind a guard that always holds.
    Guarded(u64),
    Not(Box<Question>),
    Either(Box<Question>, Box<Question>),
    Both(Box<Question>, Box<Question>),
    If(Box<Question>, Box<Question>, Box<Question>),
}

#[derive(Debug, Clone)]
pub(crate) enum Clause {
    When(Question),
    Unless(Question),
}

#[derive(Debug, Clone)]
pub(crate) struct ModelRule {
    pub(crate) id: String,
    pub(crate) outcome: Outcome,
    pub(crate) principal: Head,
    pub(crate) resource: Head,
    pub(crate) clauses: Vec<Clause>,
    /// Which of several ways to write the same is taken.
    pub(crate) spelling: usize,
}

/// The rules as Cedar.
pub(crate) fn rendered(rules: &[ModelRule]) -> String {
    let rules: Vec<String> = rules.iter().map(render).collect();
    rules.join("\n")
}

fn render(rule: &ModelRule) -> String {
    let other = rule.spelling.is_multiple_of(2);
    let head = |variable: &str, one: &str, group: &str, head: &Head| match (head, other) {
        (Head::Any, false) => variable.to_owned(),
        (Head::Any, true) => format!("{variable} is {one}"),
        (Head::Is(name), false) => format!("{variable} == {one}::\"{name}\""),
        (Head::Is(name), true) => format!("{variable} in {one}::\"{name}\""),
        (Head::In(name), false) => format!("{variable} in {group}::\"{name}\""),
        (Head::In(name), true) => format!("{variable} is {one} in {group}::\"{name}\""),
    };
    let (decision, effect) = match rule.outcome {
        Outcome::Deny => ("", "forbid"),
        Outcome::RequireApproval => ("@decision(\"require_approval\") ", "permit"),
        _ => ("", "permit"),
    };
    let action = match rule.spelling % 3 {
        0 => "action",
        1 => "action == Action::\"Call\"",
        _ => "action in [Action::\"Call\"]",
    };
    let clauses = rule.clauses.iter().map(|clause| match clause {
        Clause::When(question) => format!(" when {{ {} }}", ask(question, other)),
        Clause::Unless(question) => format!(" unless {{ {} }}", ask(question, other)),
    });
    format!(
        "@id(\"{}\") {decision}{effect} ({}, {action}, {}){};",
        rule.id,
        head("principal", "Principal", "Role", &rule.principal),
        head("resource", "Tool", "Server", &rule.resource),
        clauses.collect::<String>(),
    )
}

fn ask(question: &Question, other: bool) -> String {
    let inner = |question: &Question| ask(question, other);
    let holds = |attribute: &str, text: &str| format!("context.{attribute}.contains(\"{text}\")");
    match question {
        Question::Category(name) if other => format!("\"{name}\" == context.category"),
        Question::Category(name) => format!("context.category == \"{name}\""),
        Question::Categories(names) => format!("{names:?}.contains(context.category)"),
        Question::Effect(name) => format!("resource.effect == \"{name}\""),
        Question::OpenWorld => "resource.open_world".to_owned(),
        Question::RiskAtLeast(points) => format!("context.risk.score >= {points}"),
        Question::RiskLevel(level) => format!("context.risk.level == \"{level}\""),
        Question::Tag(name) => holds("tags", name),
        Question::SureTag(name) => holds("sure_tags", name),
        Question::File(name) => holds("files", name),
        Question::NoFiles => "context.files.isEmpty()".to_owned(),
        Question::OnlyHost(name) => format!("[\"{name}\"].containsAll(context.hosts)"),
        Question::Program(name) => holds("programs", name),
        Question::Argument(line) => holds("args", line),
        Question::CallsAtLeast(count) => format!("context.session.calls >= {count}"),
        Question::MinuteAtLeast(count) => format!("context.session.calls_last_minute >= {count}"),
        Question::SessionRiskAtLeast(points) => format!("context.session.risk >= {points}"),
        Question::Recently(count, name) => holds(&format!("recent.last_{count}"), name),
        Question::Sequence(name) => holds("sequences", name),
        Question::Sink(kind) => holds("sinks", kind),
        Question::UntrustedSink(kind) => holds("untrusted_sinks", kind),
        Question::UnendorsedSink(kind) => holds("unendorsed_sinks", kind),
        Question::AnyUnendorsed => "!context.unendorsed_sinks.isEmpty()".to_owned(),
        Question::UntrustedArgument(pointer) => holds("untrusted_args", pointer),
        Question::Labelled(label) => holds("labels", label),
        Question::UntrustedControl => "context.untrusted_control".to_owned(),
        Question::BeforePlan => "context.moment == \"plan\"".to_owned(),
        Question::Compensates => "context.purpose == \"compensate\"".to_owned(),
        Question::HourBelow(hour) => format!("context.time.hour < {hour}"),
        Question::Weekday(day) => format!("context.time.weekday == \"{day}\""),
        Question::HasRole(role) => format!("principal.roles.contains(\"{role}\")"),
        Question::InRole(role) => format!("principal in Role::\"{role}\""),
        Question::OnServer(server) => format!("resource in Server::\"{server}\""),
        Question::Unknown(pointer) => holds("unknown_args", pointer),
        Question::Fragile(what) => {
            let number = match what {
                Fragile::Calls => "session.calls",
                Fragile::Minute => "session.calls_last_minute",
                Fragile::Hour => "time.hour",
                Fragile::Score => "risk.score",
            };
            format!("context.{number} * 9223372036854775807 > 0")
        }
        Question::Guarded(count) => format!(
            "(context has session && context.session has calls && context.session.calls >= {count})"
        ),
        Question::Not(one) => format!("!({})", inner(one)),
        Question::Either(left, right) => format!("({} || {})", inner(left), inner(right)),
        Question::Both(left, right) => format!("({} && {})", inner(left), inner(right)),
        Question::If(one, then, or) => {
            format!(
                "(if {} then {} else {})",
                inner(one),
                inner(then),
                inner(or)
            )
        }
    }
}
