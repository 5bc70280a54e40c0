//! A second evaluator, slow and obvious. It knows neither Cedar nor the real one's code: it reads the rules of the model
//! directly.

use crate::model::{Clause, Fragile, Head, ModelRule, Question};
use mandate_policy::Outcome;
use std::collections::BTreeSet;

/// A path as an argument has it, and everything that it may mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) given: &'static str,
    /// What it surely is.
    read: &'static [&'static str],
    /// What it could be in a place that nobody knows.
    suspected: &'static [&'static str],
}

const fn plain(given: &'static str, read: &'static [&'static str]) -> Place {
    Place {
        given,
        read,
        suspected: &[],
    }
}

pub(crate) const PLACES: &[Place] = &[
    plain("work/a", &["work/a"]),
    plain("work/draft", &["work/draft"]),
    plain("draft", &["draft"]),
    plain("other", &["other"]),
    plain("/etc/hosts", &["/etc/hosts"]),
    plain("secret/x", &["secret/x"]),
    plain("/etc/draft", &["/etc/draft"]),
    plain("work/../other", &["other"]),
    // A percent sign may or may not be decoded by the tool.
    plain("work%2Fa", &["work%2Fa", "work/a"]),
    Place {
        given: "../etc/hosts",
        read: &["../etc/hosts"],
        suspected: &["/etc/hosts"],
    },
];

/// A command with the programs that it starts and the files that its words name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) line: &'static str,
    programs: &'static [&'static str],
    file: Option<&'static Place>,
}

pub(crate) const COMMANDS: &[Command] = &[
    Command {
        line: "git push",
        programs: &["git"],
        file: None,
    },
    Command {
        line: "/usr/bin/git status",
        programs: &["/usr/bin/git", "git"],
        file: None,
    },
    Command {
        line: "rm /etc/hosts",
        programs: &["rm"],
        file: Some(&PLACES[4]),
    },
];

/// Where a sensitive argument comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    Author,
    Caller,
    Stranger,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Sink {
    pub(crate) pointer: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) from: From,
    pub(crate) endorsed: bool,
}

/// What the model knows of a call: plain facts, from which it derives everything else by itself.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) principal: &'static str,
    pub(crate) roles: Vec<&'static str>,
    pub(crate) tool: Tool,
    pub(crate) places: Vec<Place>,
    pub(crate) hosts: Vec<&'static str>,
    pub(crate) command: Option<Command>,
    pub(crate) level: Option<u8>,
    pub(crate) before_plan: bool,
    pub(crate) compensates: bool,
    /// Pointers of arguments that are known only later.
    pub(crate) unknown: Vec<&'static str>,
    pub(crate) calls: u64,
    pub(crate) calls_last_minute: u64,
    /// Categories of the session's earlier calls, the oldest first.
    pub(crate) earlier: Vec<&'static str>,
    /// Those of the plan's calls before this one.
    pub(crate) planned: Vec<&'static str>,
    pub(crate) sinks: Vec<Sink>,
    pub(crate) untrusted_control: bool,
    pub(crate) hour: u8,
    /// Days since a Thursday.
    pub(crate) day: u8,
}

/// A tool of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    pub(crate) effect: &'static str,
    pub(crate) open_world: bool,
    pub(crate) category: &'static str,
}

const fn tool(
    name: &'static str,
    effect: &'static str,
    open_world: bool,
    category: &'static str,
) -> Tool {
    Tool {
        name,
        effect,
        open_world,
        category,
    }
}

pub(crate) const TOOLS: &[Tool] = &[
    tool("fs.read", "read", false, "file_read"),
    tool("fs.write", "write", false, "file_write"),
    tool("fs.delete", "delete", false, "file_delete"),
    tool("http.request", "read", true, "network_request"),
    tool("process.exec", "execute", true, "system_command"),
    tool("hub.delete_file", "write", true, "file_delete"),
    tool("hub.run_skill", "network", true, "skill_invocation"),
    tool("crm.lookup", "read", false, "code_execution"),
    tool("crm.deep.lookup", "delete", false, "code_execution"),
];

/// What the model's definitions are in `policy.toml`.
pub(crate) const DEFINITIONS: &str = "
[tags.work]
pattern = '^work/'
applies_to = ['file']
[tags.plain]
pattern = '^work/'
except = 'draft'
applies_to = ['file']
[tags.risky]
pattern = 'draft'
applies_to = ['file', 'url']
sensitive = true
[tags.pushes]
pattern = 'push'
applies_to = ['command']
[sequences.read_send]
pattern = ['file_read', 'network_request']
window = 3
[sequences.read_write_delete]
pattern = ['file_read', 'file_write', 'file_delete']
window = 5
[sequences.twice]
pattern = ['file_read', 'file_read']
window = 2
[sequences.long]
pattern = ['file_delete', 'file_write']
window = 33
[categories]
'crm.*' = 'code_execution'
[risk.file_read]
base = 20
multiplier = 1.0
";

/// A rule could not be evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failed;

/// The rules that match, or that one failed.
pub(crate) fn judge(rules: &[ModelRule], facts: &Facts) -> Result<BTreeSet<String>, Failed> {
    let mut matched = BTreeSet::new();
    for rule in rules {
        if matches(rule, facts)? {
            matched.insert(rule.id.clone());
        }
    }
    Ok(matched)
}

/// The strictest that any of them says.
pub(crate) fn outcome(rules: &[ModelRule], facts: &Facts) -> Outcome {
    let Ok(matched) = judge(rules, facts) else {
        return Outcome::Deny;
    };
    let of = |wanted| {
        rules
            .iter()
            .any(|r| r.outcome == wanted && matched.contains(&r.id))
    };
    if of(Outcome::Deny) || matched.is_empty() {
        Outcome::Deny
    } else if of(Outcome::RequireApproval) {
        Outcome::RequireApproval
    } else {
        Outcome::Allow
    }
}

fn matches(rule: &ModelRule, facts: &Facts) -> Result<bool, Failed> {
    let principal = match rule.principal {
        Head::Any => true,
        Head::Is(name) => facts.principal == name,
        Head::In(role) => facts.roles.contains(&role),
    };
    let resource = match rule.resource {
        Head::Any => true,
        Head::Is(name) => facts.tool.name == name,
        Head::In(server) => on_server(facts, server),
    };
    if !principal || !resource {
        return Ok(false);
    }
    for clause in &rule.clauses {
        let holds = match clause {
            Clause::When(question) => answer(question, facts)?,
            Clause::Unless(question) => !answer(question, facts)?,
        };
        if !holds {
            return Ok(false);
        }
    }
    Ok(true)
}

fn on_server(facts: &Facts, server: &str) -> bool {
    facts.tool.name.starts_with(&format!("{server}."))
}

fn answer(question: &Question, facts: &Facts) -> Result<bool, Failed> {
    Ok(match question {
        Question::Category(name) => facts.tool.category == *name,
        Question::Categories(names) => names.contains(&facts.tool.category),
        Question::Effect(name) => facts.tool.effect == *name,
        Question::OpenWorld => facts.tool.open_world,
        Question::RiskAtLeast(points) => risk(facts) >= *points,
        Question::RiskLevel(name) => level(risk(facts)) == *name,
        Question::Tag(name) => may_be(facts, name),
        Question::SureTag(name) => surely(facts, name),
        Question::File(name) => places(facts).any(|it| could_be(it).any(|it| it == *name)),
        Question::NoFiles => places(facts).next().is_none(),
        Question::OnlyHost(name) => facts.hosts.iter().all(|host| host == name),
        Question::Program(name) => facts.command.is_some_and(|it| it.programs.contains(name)),
        Question::Argument(line) => arguments(facts).contains(*line),
        Question::CallsAtLeast(count) | Question::Guarded(count) => facts.calls >= *count,
        Question::MinuteAtLeast(count) => facts.calls_last_minute >= *count,
        Question::SessionRiskAtLeast(points) => session_risk(facts) >= *points,
        Question::Recently(count, name) => {
            before(facts).iter().rev().take(*count).any(|it| it == name)
        }
        Question::Sequence(name) => sequence(facts, name),
        Question::Sink(kind) => facts.sinks.iter().any(|it| it.kind == *kind),
        Question::UntrustedSink(kind) => {
            let unsafe_one = |it: &&Sink| it.from == From::Stranger && !it.endorsed;
            facts
                .sinks
                .iter()
                .filter(unsafe_one)
                .any(|it| it.kind == *kind)
        }
        Question::UnendorsedSink(kind) => unendorsed(facts).any(|it| it.kind == *kind),
        Question::AnyUnendorsed => unendorsed(facts).next().is_some(),
        Question::UntrustedArgument(pointer) => {
            let mut strange = facts.sinks.iter().filter(|it| it.from == From::Stranger);
            strange.any(|it| it.pointer == *pointer)
        }
        Question::Labelled(label) => facts.sinks.iter().any(|it| match it.from {
            From::Author => *label == "plan",
            From::Caller => *label == "input",
            From::Stranger => ["tool:http.request", "untrusted"].contains(label),
        }),
        Question::UntrustedControl => facts.untrusted_control,
        Question::BeforePlan => facts.before_plan,
        Question::Compensates => facts.compensates,
        Question::HourBelow(hour) => facts.hour < *hour,
        Question::Weekday(name) => {
            let days = [
                "thursday",
                "friday",
                "saturday",
                "sunday",
                "monday",
                "tuesday",
                "wednesday",
            ];
            days[usize::from(facts.day) % 7] == *name
        }
        Question::HasRole(role) | Question::InRole(role) => facts.roles.contains(role),
        Question::OnServer(server) => on_server(facts, server),
        Question::Unknown(pointer) => facts.unknown.contains(pointer),
        Question::Fragile(what) => {
            let number = match what {
                Fragile::Calls => facts.calls,
                Fragile::Minute => facts.calls_last_minute,
                Fragile::Hour => u64::from(facts.hour),
                Fragile::Score => u64::from(risk(facts)),
            };
            if number >= 2 {
                return Err(Failed);
            }
            number == 1
        }
        Question::Not(inner) => !answer(inner, facts)?,
        Question::Either(left, right) => answer(left, facts)? || answer(right, facts)?,
        Question::Both(left, right) => answer(left, facts)? && answer(right, facts)?,
        Question::If(one, then, or) => match answer(one, facts)? {
            true => answer(then, facts)?,
            false => answer(or, facts)?,
        },
    })
}

/// Neither a literal of the plan nor endorsed by a human.
fn unendorsed(facts: &Facts) -> impl Iterator<Item = &Sink> {
    let sinks = facts.sinks.iter();
    sinks.filter(|it| it.from != From::Author && !it.endorsed)
}

/// The paths that are named, by an argument or by a word of the command, each once.
fn places(facts: &Facts) -> impl Iterator<Item = Place> {
    let mut all: Vec<Place> = facts.places.clone();
    all.extend(facts.command.and_then(|it| it.file));
    let mut once: Vec<Place> = Vec::new();
    for place in all {
        if !once.iter().any(|it| normal(*it) == normal(place)) {
            once.push(place);
        }
    }
    // Two spellings of one path may still be read differently.
    let more: Vec<Place> = facts
        .places
        .iter()
        .copied()
        .filter(|it| !once.contains(it))
        .collect();
    once.into_iter().chain(more)
}

fn normal(place: Place) -> &'static str {
    place.read.last().unwrap()
}

fn could_be(place: Place) -> impl Iterator<Item = &'static str> {
    place.read.iter().chain(place.suspected).copied()
}

fn file_has(tag: &str, path: &str) -> Option<bool> {
    match tag {
        "work" => Some(path.starts_with("work/")),
        "plain" => Some(path.starts_with("work/") && !path.contains("draft")),
        "risky" => Some(path.contains("draft")),
        "sensitive_path" => Some(path.starts_with("/etc/") || path.contains("secret")),
        _ => None,
    }
}

fn host_has(tag: &str, host: &str) -> Option<bool> {
    match tag {
        "risky" => Some(host.contains("draft")),
        "external_url" => Some(host != "localhost"),
        _ => None,
    }
}

fn command_has(tag: &str, command: Command) -> Option<bool> {
    (tag == "pushes").then(|| command.line.contains("push"))
}

fn may_be(facts: &Facts, tag: &str) -> bool {
    places(facts).any(|it| could_be(it).any(|path| file_has(tag, path) == Some(true)))
        || facts.hosts.iter().any(|it| host_has(tag, it) == Some(true))
        || facts
            .command
            .is_some_and(|it| command_has(tag, it) == Some(true))
}

/// Everything that the tag is about has it, there is such a thing, and nothing that may be one is still unknown.
fn surely(facts: &Facts, tag: &str) -> bool {
    if facts.unknown.iter().any(|it| *it != "/content") {
        return false;
    }
    let mut answers = Vec::new();
    for place in places(facts) {
        answers.extend(place.read.iter().filter_map(|path| file_has(tag, path)));
    }
    answers.extend(facts.hosts.iter().filter_map(|it| host_has(tag, it)));
    answers.extend(facts.command.and_then(|it| command_has(tag, it)));
    !answers.is_empty() && answers.into_iter().all(|it| it)
}

/// What the call is given, as `/pointer=value`.
fn arguments(facts: &Facts) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    match facts.places.as_slice() {
        [one] if !facts.unknown.contains(&"/path") => {
            lines.insert(format!("/path={}", one.given));
        }
        several => {
            let several = several.iter().enumerate();
            lines.extend(several.map(|(at, it)| format!("/paths/{at}={}", it.given)));
        }
    }
    let hosts = facts.hosts.iter().enumerate();
    lines.extend(hosts.map(|(at, host)| format!("/urls/{at}=https://{host}/x")));
    lines.extend(facts.command.map(|it| format!("/command={}", it.line)));
    lines.extend(facts.level.map(|level| format!("/level={level}")));
    lines.extend(facts.unknown.iter().map(|it| format!("{it}=null")));
    lines
}

/// The categories of the calls before this one.
fn before(facts: &Facts) -> Vec<&'static str> {
    // A session remembers 32 calls.
    let kept = facts.earlier.len().saturating_sub(32);
    let session = facts.earlier.iter().skip(kept);
    session.chain(&facts.planned).copied().collect()
}

fn sequence(facts: &Facts, name: &str) -> bool {
    let before = before(facts);
    let last = |count: usize| -> Vec<&str> {
        let skipped = before.len().saturating_sub(count);
        before.iter().skip(skipped).copied().collect()
    };
    let now = facts.tool.category;
    match name {
        "read_send" => now == "network_request" && last(2).contains(&"file_read"),
        "twice" => now == "file_read" && last(1).contains(&"file_read"),
        "long" => now == "file_write" && last(32).contains(&"file_delete"),
        _ => {
            let last = last(4);
            let read = last.iter().position(|it| *it == "file_read");
            now == "file_delete"
                && read.is_some_and(|read| last[read + 1..].contains(&"file_write"))
        }
    }
}

/// Base times multiplier, as the documentation has them; `file_read` as `DEFINITIONS` changes it.
fn points(category: &str) -> u32 {
    match category {
        "file_read" => 20,
        "file_write" => 60,
        "file_delete" => 150,
        "network_request" => 60,
        "code_execution" => 280,
        "skill_invocation" => 30,
        "system_command" => 280,
        _ => 100,
    }
}

fn level(score: u32) -> &'static str {
    match score {
        80.. => "critical",
        60.. => "high",
        40.. => "medium",
        20.. => "low",
        _ => "info",
    }
}

fn risk(facts: &Facts) -> u32 {
    let by_effect = match (facts.tool.effect, facts.tool.open_world) {
        ("read", false) => "file_read",
        ("read", true) => "network_request",
        ("write", _) => "file_write",
        ("delete", _) => "file_delete",
        ("network", _) => "network_request",
        _ if facts.tool.name.starts_with("process.") => "system_command",
        _ => "code_execution",
    };
    // Each thing counts once for each sensitive tag that it may have.
    let mut sensitive = 0;
    for tag in ["risky", "sensitive_path"] {
        let mut things: BTreeSet<&str> = BTreeSet::new();
        for place in places(facts) {
            if could_be(place).any(|path| file_has(tag, path) == Some(true)) {
                things.insert(normal(place));
            }
        }
        let hosts = facts
            .hosts
            .iter()
            .filter(|it| host_has(tag, it) == Some(true));
        things.extend(hosts.copied().map(|host| match host {
            "draft.net" => "https://draft.net",
            other => other,
        }));
        sensitive += 15 * u32::try_from(things.len()).unwrap();
    }
    let most = points(facts.tool.category).max(points(by_effect));
    (most + sensitive.min(30)).min(100)
}

/// Over the session's last 32 calls.
fn session_risk(facts: &Facts) -> u32 {
    let kept: Vec<&str> = facts.earlier.iter().rev().take(32).copied().collect();
    let highest = kept.iter().map(|it| points(it).min(100)).max().unwrap_or(0);
    let further = u32::try_from(kept.len().saturating_sub(1)).unwrap();
    (highest + (further * 2).min(10)).min(100)
}
