//! The real evaluator and the slow one agree, and what the documentation says of every policy holds.

use crate::{
    slow::{DEFINITIONS, Facts, Head, ModelRule, Question, TOOLS, judge, outcome, rendered},
    support::{Call, call, policy_with},
};
use mandate_plan::{Effect, Facts as ToolFacts};
use mandate_policy::{Outcome, SinkKind, classify::Category, rules::Moment};
use serde_json::json;
use std::collections::BTreeSet;

/// Policies of each half, and calls that each of them judges.
const POLICIES: u64 = 630;
const CALLS: u64 = 80;

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
const ROLES: &[&str] = &["ops", "dev"];
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
const PATHS: &[&str] = &[
    "work/a",
    "work/draft",
    "draft",
    "other",
    "/etc/hosts",
    "secret/x",
    "/etc/draft",
];
const HOSTS: &[&str] = &["localhost", "example.com", "draft.net"];

fn question(dice: &mut Dice, depth: usize) -> Question {
    let inner = |dice: &mut Dice| Box::new(question(dice, depth + 1));
    match dice.roll(if depth < 2 { 23 } else { 19 }) {
        0 | 1 => Question::Category(dice.pick(CATEGORIES)),
        2 => Question::Effect(dice.pick(&["read", "write", "delete", "network", "execute"])),
        3 => Question::OpenWorld,
        4 => Question::RiskAtLeast(dice.pick(&[20, 35, 60, 61, 75, 90, 100])),
        5 => Question::Tag(dice.pick(&["work", "risky", "sensitive_path", "external_url"])),
        6 => Question::SureTag(dice.pick(&["work", "risky", "sensitive_path", "external_url"])),
        7 => Question::File(dice.pick(PATHS)),
        8 => Question::OnlyHost(dice.pick(HOSTS)),
        9 => Question::CallsAtLeast(dice.pick(&[1, 2, 5])),
        10 => Question::SessionRiskAtLeast(dice.pick(&[1, 22, 60, 64, 100])),
        11 => Question::Recently(dice.pick(&[1, 3, 10, 32]), dice.pick(CATEGORIES)),
        12 => Question::Sequence(dice.pick(&["read_send", "read_write_delete"])),
        13 => Question::UntrustedPath,
        14 => Question::UnendorsedSink,
        15 => Question::BeforePlan,
        16 => Question::HourBelow(dice.pick(&[1, 12, 23])),
        17 => Question::HasRole(dice.pick(ROLES)),
        18 if dice.one_in(3) => Question::Fragile,
        18 => Question::Unknown,
        19 => Question::Not(inner(dice)),
        20 => Question::Either(inner(dice), inner(dice)),
        _ => Question::Both(inner(dice), inner(dice)),
    }
}

fn rule(dice: &mut Dice, number: usize) -> ModelRule {
    let tools: Vec<&'static str> = TOOLS.iter().map(|tool| tool.name).collect();
    let principal = match dice.roll(4) {
        0 => Head::Is(dice.pick(PRINCIPALS)),
        1 => Head::In(dice.pick(ROLES)),
        _ => Head::Any,
    };
    let resource = match dice.roll(4) {
        0 => Head::Is(dice.pick(&tools)),
        1 => Head::In(dice.pick(&["fs", "http", "hub", "crm"])),
        _ => Head::Any,
    };
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
        when: (0..dice.roll(3)).map(|_| question(dice, 0)).collect(),
        unless: dice.one_in(3).then(|| question(dice, 0)),
    }
}

fn policy(dice: &mut Dice) -> Vec<ModelRule> {
    (0..1 + dice.roll(8))
        .map(|number| rule(dice, number))
        .collect()
}

fn facts(dice: &mut Dice) -> Facts {
    let tool = dice.pick(TOOLS);
    let path = (!dice.one_in(3)).then(|| dice.pick(PATHS));
    let before_plan = dice.one_in(2);
    let untrusted_path = dice.one_in(4);
    Facts {
        principal: dice.pick(PRINCIPALS),
        roles: ROLES.iter().copied().filter(|_| dice.one_in(2)).collect(),
        tool,
        path_unknown: path.is_some() && before_plan && dice.one_in(4),
        path,
        host: dice.one_in(3).then(|| dice.pick(HOSTS)),
        before_plan,
        calls: dice.pick(&[0, 0, 0, 1, 1, 2, 6]),
        earlier: (0..dice.roll(7)).map(|_| dice.pick(CATEGORIES)).collect(),
        untrusted_path,
        endorsed: untrusted_path && dice.one_in(2),
        hour: u8::try_from(dice.roll(24)).unwrap(),
    }
}

/// The same call as the real evaluator takes it.
fn real(facts: &Facts) -> Call {
    let mut args = serde_json::Map::new();
    if let Some(path) = facts.path {
        let path = if facts.path_unknown {
            json!(null)
        } else {
            json!(path)
        };
        args.insert("path".to_owned(), path);
    }
    if let Some(host) = facts.host {
        args.insert("url".to_owned(), json!(format!("https://{host}/x")));
    }
    let mut made = call(facts.tool.name, json!(args));
    made.moment = if facts.before_plan {
        Moment::Plan
    } else {
        Moment::Call
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
    made.session.roles = facts.roles.iter().map(|role| (*role).to_owned()).collect();
    made.session.calls = facts.calls;
    let earlier: Vec<Category> = facts
        .earlier
        .iter()
        .map(|it| Category::named(it).unwrap())
        .collect();
    made.session.recent = earlier;
    if facts.path_unknown {
        made.unknown.push("/path".to_owned());
    }
    if facts.untrusted_path {
        made = made.untrusted("/path", SinkKind::Path, facts.endorsed);
    }
    made.now_ms = i64::from(facts.hour) * 3_600_000 + 86_400_000;
    made
}

#[test]
fn the_real_evaluator_and_the_slow_one_agree() {
    agree(Dice(0x9e37_79b9_7f4a_7c15));
}

/// The other half, so that two processors can share the work.
#[test]
fn they_agree_on_other_policies_too() {
    agree(Dice(0x2545_f491_4f6c_dd1d));
}

fn agree(mut dice: Dice) {
    let (mut compared, mut failures) = (0_u64, 0_u64);
    let mut outcomes: std::collections::BTreeMap<Outcome, u64> = Default::default();
    for _ in 0..POLICIES {
        let rules = policy(&mut dice);
        let text = rendered(&rules);
        let set = policy_with(&text, DEFINITIONS);
        for _ in 0..CALLS {
            let facts = facts(&mut dice);
            let call = real(&facts);
            let slow = judge(&rules, &facts);
            let said = call.judged(&set);
            let matched = said.as_ref().map(|said| {
                said.iter()
                    .map(|it| it.rule.clone())
                    .collect::<BTreeSet<_>>()
            });
            let context = || format!("{facts:?}\n{text}\n{said:?}");
            assert_eq!(matched.as_ref().ok(), slow.as_ref().ok(), "{}", context());
            // That rules are left out, or judged without Cedar, changes neither decision nor reasons.
            if compared % 4 == 0 {
                assert_eq!(said, call.by_cedar(&set), "{}", context());
            }
            let expected = outcome(&rules, &facts);
            let strictest = said
                .as_ref()
                .ok()
                .and_then(|said| said.iter().map(|it| it.outcome).max());
            assert_eq!(
                strictest.unwrap_or(Outcome::Deny),
                expected,
                "{}",
                context()
            );
            compared += 1;
            failures += u64::from(slow.is_err());
            *outcomes.entry(expected).or_default() += 1;
        }
    }
    assert!(compared >= 50_000);
    // The comparison is worth little if one answer is nearly all there is.
    assert!(failures > 250, "{failures} failures");
    for outcome in [Outcome::Allow, Outcome::RequireApproval, Outcome::Deny] {
        let count = outcomes.get(&outcome).copied().unwrap_or(0);
        assert!(count > 2_500, "{outcomes:?}");
    }
}

#[test]
fn a_forbid_never_widens_silence_denies_and_order_does_not_matter() {
    let mut dice = Dice(0x0123_4567_89ab_cdef);
    for _ in 0..150 {
        let rules = policy(&mut dice);
        let forbid = ModelRule {
            outcome: Outcome::Deny,
            ..rule(&mut dice, 99)
        };
        let mut more = rules.clone();
        more.insert(dice.roll(rules.len() + 1), forbid);
        let mut turned = rules.clone();
        turned.reverse();
        let before = policy_with(&rendered(&rules), DEFINITIONS);
        let after = policy_with(&rendered(&more), DEFINITIONS);
        let turned = policy_with(&rendered(&turned), DEFINITIONS);
        for _ in 0..20 {
            let facts = facts(&mut dice);
            let call = real(&facts);
            let outcome = call.outcome(&before);
            assert!(call.outcome(&after) >= outcome, "{facts:?} {more:?}");
            assert_eq!(call.outcome(&turned), outcome, "{facts:?} {rules:?}");
            if call.judged(&before).is_ok_and(|said| said.is_empty()) {
                assert_eq!(outcome, Outcome::Deny);
            }
        }
    }
}
