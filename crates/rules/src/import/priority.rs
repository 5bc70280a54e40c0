//! Which rules are beaten by which, by priority.

use super::ImportError;
use super::condition::Compiled;
use super::rule::{Condition, Effect};
use mandate_policy::classify::Category;
use std::collections::BTreeMap;

/// For the place of each rule that a milder one of higher priority can beat: the places of those.
pub(super) type Beaten = BTreeMap<usize, Vec<usize>>;

/// Compares every two rules.
///
/// # Errors
/// A priority that the set could not keep.
pub(super) fn beaten(
    rules: &[Compiled],
    notes: &mut Vec<String>,
) -> Result<Beaten, Vec<ImportError>> {
    let mut beaten = Beaten::new();
    let mut errors = Vec::new();
    for (loser_place, loser) in rules.iter().enumerate() {
        let mut before_limit = Vec::new();
        for (winner_place, winner) in rules.iter().enumerate() {
            if winner.rule.effect >= loser.rule.effect || apart(winner, loser) {
                continue;
            }
            if winner.rule.priority == loser.rule.priority && !loser.is_limit() {
                notes.push(format!(
                    "rules `{}` and `{}` have the same priority: where both match, `{}` counts, because it is stricter",
                    winner.rule.id, loser.rule.id, loser.rule.id
                ));
            }
            if winner.rule.priority <= loser.rule.priority {
                continue;
            }
            if !loser.is_limit() {
                beaten.entry(loser_place).or_default().push(winner_place);
            } else if exempts(winner) {
                errors.push(ImportError::Priority {
                    winner: winner.rule.id.clone(),
                    loser: loser.rule.id.clone(),
                    message: "limits count every call of a session, whoever makes it; give the rate the higher priority, or leave one of them out"
                        .to_owned(),
                });
            } else {
                before_limit.push(format!("`{}`", winner.rule.id));
            }
        }
        if !before_limit.is_empty() {
            notes.push(format!(
                "rule `{}` becomes `[limits]`, which count every call: also those that {} had priority for",
                loser.rule.id,
                before_limit.join(", ")
            ));
        }
    }
    if errors.is_empty() {
        Ok(beaten)
    } else {
        Err(errors)
    }
}

/// Whether a rule lets somebody pass as such, whatever is done.
fn exempts(winner: &Compiled) -> bool {
    winner.rule.effect == Effect::Allow && matches!(winner.rule.condition, Condition::Context(_))
}

/// Whether no call can match both. Says no where it cannot tell.
fn apart(left: &Compiled, right: &Compiled) -> bool {
    let (left, right) = (&left.rule.condition, &right.rule.condition);
    if let (Condition::Context(left), Condition::Context(right)) = (left, right) {
        let (left, right) = (&left.principals, &right.principals);
        return !left.is_empty()
            && !right.is_empty()
            && !left.iter().any(|one| right.contains(one));
    }
    match (categories(left), categories(right)) {
        (Some(left), Some(right)) => !left.iter().any(|one| right.contains(one)),
        _ => false,
    }
}

/// The categories that a call must be of to match; none: any.
fn categories(condition: &Condition) -> Option<Vec<Category>> {
    match condition {
        Condition::Action(categories) => Some(categories.clone()),
        // The call that completes it is of the last one.
        Condition::Sequence { pattern, .. } => Some(pattern.last().copied().into_iter().collect()),
        _ => None,
    }
}
