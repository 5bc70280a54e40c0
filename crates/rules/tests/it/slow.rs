//! A second evaluator, slow and obvious. It knows neither Cedar nor the real one's code: rules are a small model, which
//! is rendered as Cedar for the real one and read directly here.

use mandate_policy::Outcome;
use std::collections::BTreeSet;

/// What the model knows of a call: plain facts, from which it derives everything else by itself.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) principal: &'static str,
    pub(crate) roles: Vec<&'static str>,
    pub(crate) tool: Tool,
    pub(crate) path: Option<&'static str>,
    pub(crate) host: Option<&'static str>,
    pub(crate) before_plan: bool,
    /// The path is known only later.
    pub(crate) path_unknown: bool,
    pub(crate) calls: u64,
    /// Categories of earlier calls, the oldest first.
    pub(crate) earlier: Vec<&'static str>,
    pub(crate) untrusted_path: bool,
    pub(crate) endorsed: bool,
    pub(crate) hour: u8,
}

/// A tool of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    pub(crate) effect: &'static str,
    pub(crate) open_world: bool,
    pub(crate) category: &'static str,
}

pub(crate) const TOOLS: &[Tool] = &[
    Tool {
        name: "fs.read",
        effect: "read",
        open_world: false,
        category: "file_read",
    },
    Tool {
        name: "fs.write",
        effect: "write",
        open_world: false,
        category: "file_write",
    },
    Tool {
        name: "fs.delete",
        effect: "delete",
        open_world: false,
        category: "file_delete",
    },
    Tool {
        name: "http.request",
        effect: "read",
        open_world: true,
        category: "network_request",
    },
    Tool {
        name: "process.exec",
        effect: "execute",
        open_world: true,
        category: "system_command",
    },
    Tool {
        name: "hub.delete_file",
        effect: "write",
        open_world: true,
        category: "file_delete",
    },
    Tool {
        name: "hub.run_skill",
        effect: "network",
        open_world: true,
        category: "skill_invocation",
    },
    Tool {
        name: "crm.lookup",
        effect: "read",
        open_world: false,
        category: "code_execution",
    },
];

/// What the model's definitions are in `policy.toml`.
pub(crate) const DEFINITIONS: &str = "
[tags.work]
pattern = '^work/'
applies_to = ['file']
[tags.risky]
pattern = 'draft'
applies_to = ['file', 'url']
sensitive = true
[sequences.read_send]
pattern = ['file_read', 'network_request']
window = 3
[sequences.read_write_delete]
pattern = ['file_read', 'file_write', 'file_delete']
window = 5
[categories]
'crm.*' = 'code_execution'
[risk.file_read]
base = 20
multiplier = 1.0
";

#[derive(Debug, Clone)]
pub(crate) enum Head {
    Any,
    Is(&'static str),
    In(&'static str),
}

#[derive(Debug, Clone)]
pub(crate) enum Question {
    Category(&'static str),
    Effect(&'static str),
    OpenWorld,
    RiskAtLeast(u32),
    Tag(&'static str),
    SureTag(&'static str),
    File(&'static str),
    OnlyHost(&'static str),
    CallsAtLeast(u64),
    SessionRiskAtLeast(u32),
    Recently(usize, &'static str),
    Sequence(&'static str),
    UntrustedPath,
    UnendorsedSink,
    BeforePlan,
    HourBelow(u8),
    HasRole(&'static str),
    Unknown,
    /// Overflows once the session has made two calls.
    Fragile,
    Not(Box<Question>),
    Either(Box<Question>, Box<Question>),
    Both(Box<Question>, Box<Question>),
}

#[derive(Debug, Clone)]
pub(crate) struct ModelRule {
    pub(crate) id: String,
    pub(crate) outcome: Outcome,
    pub(crate) principal: Head,
    pub(crate) resource: Head,
    pub(crate) when: Vec<Question>,
    pub(crate) unless: Option<Question>,
}

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
        Head::In(server) => facts.tool.name.starts_with(&format!("{server}.")),
    };
    if !principal || !resource {
        return Ok(false);
    }
    for question in &rule.when {
        if !answer(question, facts)? {
            return Ok(false);
        }
    }
    match &rule.unless {
        Some(question) => Ok(!answer(question, facts)?),
        None => Ok(true),
    }
}

fn answer(question: &Question, facts: &Facts) -> Result<bool, Failed> {
    let path = facts.path.filter(|_| !facts.path_unknown);
    Ok(match question {
        Question::Category(name) => facts.tool.category == *name,
        Question::Effect(name) => facts.tool.effect == *name,
        Question::OpenWorld => facts.tool.open_world,
        Question::RiskAtLeast(points) => risk(facts) >= *points,
        Question::Tag(name) => tagged(facts, path, name),
        // There is at most one path and one address, so that what may be is sure, unless it is not known yet.
        Question::SureTag(name) => {
            let both = *name == "risky" && path.is_some() && facts.host.is_some();
            let one = match both {
                true => {
                    path.is_some_and(|it| it.contains("draft"))
                        && facts.host.is_some_and(|it| it.contains("draft"))
                }
                false => tagged(facts, path, name),
            };
            !facts.path_unknown && one
        }
        Question::File(name) => path == Some(*name),
        Question::OnlyHost(name) => facts.host.is_none_or(|host| host == *name),
        Question::CallsAtLeast(count) => facts.calls >= *count,
        Question::SessionRiskAtLeast(points) => session_risk(facts) >= *points,
        Question::Recently(count, name) => {
            facts.earlier.iter().rev().take(*count).any(|it| it == name)
        }
        Question::Sequence("read_send") => {
            let last = facts.earlier.iter().rev().take(2);
            facts.tool.category == "network_request"
                && last.into_iter().any(|it| *it == "file_read")
        }
        Question::Sequence(_) => {
            let last: Vec<&str> = facts.earlier.iter().rev().take(4).rev().copied().collect();
            let read = last.iter().position(|it| *it == "file_read");
            facts.tool.category == "file_delete"
                && read.is_some_and(|read| last[read + 1..].contains(&"file_write"))
        }
        Question::UntrustedPath => facts.untrusted_path && !facts.endorsed,
        Question::UnendorsedSink => facts.untrusted_path && !facts.endorsed,
        Question::BeforePlan => facts.before_plan,
        Question::HourBelow(hour) => facts.hour < *hour,
        Question::HasRole(role) => facts.roles.contains(role),
        Question::Unknown => facts.path_unknown,
        Question::Fragile => {
            if facts.calls >= 2 {
                return Err(Failed);
            }
            facts.calls == 1
        }
        Question::Not(inner) => !answer(inner, facts)?,
        Question::Either(left, right) => answer(left, facts)? || answer(right, facts)?,
        Question::Both(left, right) => answer(left, facts)? && answer(right, facts)?,
    })
}

fn tagged(facts: &Facts, path: Option<&str>, name: &str) -> bool {
    match name {
        "work" => path.is_some_and(|it| it.starts_with("work/")),
        "risky" => {
            path.is_some_and(|it| it.contains("draft"))
                || facts.host.is_some_and(|it| it.contains("draft"))
        }
        "sensitive_path" => path.is_some_and(|it| it.starts_with("/etc/") || it.contains("secret")),
        "external_url" => facts.host.is_some_and(|it| it != "localhost"),
        other => panic!("the model has no tag {other}"),
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
    let path = facts.path.filter(|_| !facts.path_unknown);
    let mut sensitive = 0;
    if path.is_some_and(|it| it.contains("draft")) {
        sensitive += 15;
    }
    if facts.host.is_some_and(|it| it.contains("draft")) {
        sensitive += 15;
    }
    if tagged(facts, path, "sensitive_path") {
        sensitive += 15;
    }
    let most = points(facts.tool.category).max(points(by_effect));
    (most + sensitive.min(30)).min(100)
}

fn session_risk(facts: &Facts) -> u32 {
    let highest = facts
        .earlier
        .iter()
        .map(|it| points(it).min(100))
        .max()
        .unwrap_or(0);
    let further = u32::try_from(facts.earlier.len().saturating_sub(1)).unwrap();
    (highest + (further * 2).min(10)).min(100)
}

/// The rules as Cedar.
pub(crate) fn rendered(rules: &[ModelRule]) -> String {
    let rules: Vec<String> = rules.iter().map(render).collect();
    rules.join("\n")
}

fn render(rule: &ModelRule) -> String {
    let head = |variable: &str, one: &str, group: &str, head: &Head| match head {
        Head::Any => variable.to_owned(),
        Head::Is(name) => format!("{variable} == {one}::\"{name}\""),
        Head::In(name) => format!("{variable} in {group}::\"{name}\""),
    };
    let (decision, effect) = match rule.outcome {
        Outcome::Deny => ("", "forbid"),
        Outcome::RequireApproval => ("@decision(\"require_approval\") ", "permit"),
        _ => ("", "permit"),
    };
    let when = rule
        .when
        .iter()
        .map(|it| format!(" when {{ {} }}", ask(it)));
    let unless = rule
        .unless
        .iter()
        .map(|it| format!(" unless {{ {} }}", ask(it)));
    format!(
        "@id(\"{}\") {decision}{effect} ({}, action, {}){}{};",
        rule.id,
        head("principal", "Principal", "Role", &rule.principal),
        head("resource", "Tool", "Server", &rule.resource),
        when.collect::<String>(),
        unless.collect::<String>()
    )
}

fn ask(question: &Question) -> String {
    match question {
        Question::Category(name) => format!("context.category == \"{name}\""),
        Question::Effect(name) => format!("resource.effect == \"{name}\""),
        Question::OpenWorld => "resource.open_world".to_owned(),
        Question::RiskAtLeast(points) => format!("context.risk.score >= {points}"),
        Question::Tag(name) => format!("context.tags.contains(\"{name}\")"),
        Question::SureTag(name) => format!("context.sure_tags.contains(\"{name}\")"),
        Question::File(name) => format!("context.files.contains(\"{name}\")"),
        Question::OnlyHost(name) => format!("[\"{name}\"].containsAll(context.hosts)"),
        Question::CallsAtLeast(count) => format!("context.session.calls >= {count}"),
        Question::SessionRiskAtLeast(points) => format!("context.session.risk >= {points}"),
        Question::Recently(count, name) => {
            format!("context.recent.last_{count}.contains(\"{name}\")")
        }
        Question::Sequence(name) => format!("context.sequences.contains(\"{name}\")"),
        Question::UntrustedPath => "context.untrusted_sinks.contains(\"path\")".to_owned(),
        Question::UnendorsedSink => "!context.unendorsed_sinks.isEmpty()".to_owned(),
        Question::BeforePlan => "context.moment == \"plan\"".to_owned(),
        Question::HourBelow(hour) => format!("context.time.hour < {hour}"),
        Question::HasRole(role) => format!("principal.roles.contains(\"{role}\")"),
        Question::Unknown => "!context.unknown_args.isEmpty()".to_owned(),
        Question::Fragile => "context.session.calls * 9223372036854775807 > 0".to_owned(),
        Question::Not(inner) => format!("!({})", ask(inner)),
        Question::Either(left, right) => format!("({} || {})", ask(left), ask(right)),
        Question::Both(left, right) => format!("({} && {})", ask(left), ask(right)),
    }
}
