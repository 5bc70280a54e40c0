//! The real evaluator and the slow one agree, and what the documentation says of every policy holds.

use crate::{
    generator::{Dice, callers, facts, policy, real, rule},
    model::{ModelRule, rendered},
    slow::{DEFINITIONS, judge, outcome},
    support::policy_with,
};
use mandate_policy::{Limits, Outcome};
use mandate_rules::Active;
use std::{collections::BTreeSet, sync::Arc};

/// Policies of each half, and calls that each of them judges.
const POLICIES: u64 = 420;
const CALLS: u64 = 120;

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
        let callers = callers(&mut dice);
        for _ in 0..CALLS {
            let facts = facts(&mut dice, &callers);
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
    for _ in 0..100 {
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
        let callers = callers(&mut dice);
        for _ in 0..20 {
            let facts = facts(&mut dice, &callers);
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

/// A second set that classifies some tools in its own way can only narrow: the stricter of both counts.
#[test]
fn of_two_sets_the_stricter_counts() {
    let mut dice = Dice(0x1357_9bdf_0246_8ace);
    let other = DEFINITIONS.replace("'crm.*' = 'code_execution'", "'crm.*' = 'file_write'");
    let mut differ = 0;
    for _ in 0..50 {
        let (first, second) = (policy(&mut dice), policy(&mut dice));
        let sets = [
            Arc::new(policy_with(&rendered(&first), DEFINITIONS)),
            Arc::new(policy_with(&rendered(&second), &other)),
        ];
        let active = Active::new(sets.to_vec(), Limits::default());
        let callers = callers(&mut dice);
        for _ in 0..40 {
            let seen = facts(&mut dice, &callers);
            let mut seen_otherwise = seen.clone();
            if seen.tool.name.starts_with("crm.") {
                seen_otherwise.tool.category = "file_write";
            }
            let (one, two) = (outcome(&first, &seen), outcome(&second, &seen_otherwise));
            let call = real(&seen);
            assert_eq!(call.outcome(&active), one.max(two), "{seen:?}");
            differ += u64::from(one != two);
        }
    }
    assert!(differ > 300, "{differ} calls on which the sets differ");
}
