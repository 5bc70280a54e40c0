//! Numbered behaviour: what the engine decides otherwise than an earlier version did, and since which number.
//!
//! An execution carries the number that was the newest when it was created, and keeps to it for its whole life, in
//! whatever version drives or replays it. A change of what `decide` or `apply` do with the same events is a new flag here
//! and the next number; `docs/compatibility.md` says when one is needed.

use crate::event::Created;

/// One change of behaviour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flag {
    /// People are asked about doubts and about calls that are refused and can wait, and answers are sealed. Before, nothing
    /// but plans was asked about.
    Asks,
    /// A stretch in which nothing but a used-up rate is awaited does not count against the plan's `timeout_ms`. Before, it
    /// counted like a sleep.
    RatesUncounted,
    /// What the requester is asked for an agent, somebody who counts as `other` may answer, too. Before, nobody could.
    AnsweredForAgents,
}

impl Flag {
    /// Every flag, in the order of their numbers.
    pub const ALL: &'static [Flag] = &[Flag::Asks, Flag::RatesUncounted, Flag::AnsweredForAgents];

    /// The number from which on it is kept.
    pub const fn since(self) -> u32 {
        match self {
            Flag::Asks => 2,
            Flag::RatesUncounted => 3,
            Flag::AnsweredForAgents => 4,
        }
    }
}

/// The number that executions created by this version carry.
pub const BEHAVIOUR: u32 = newest();

const fn newest() -> u32 {
    let mut newest = 1;
    let mut rest = Flag::ALL;
    while let [flag, others @ ..] = rest {
        if flag.since() > newest {
            newest = flag.since();
        }
        rest = others;
    }
    newest
}

/// The execution was created by a version that decides otherwise.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the execution keeps behaviour {found}, and this `mandate` knows {BEHAVIOUR} at most: a newer one created it"
)]
pub struct NewerBehaviour {
    /// The number that the execution carries.
    pub found: u32,
}

impl Created {
    /// Whether this execution keeps to `flag`.
    pub fn keeps(&self, flag: Flag) -> bool {
        self.behaviour >= flag.since()
    }

    /// Refuses an execution whose behaviour this version does not know: it would decide as nobody approved it.
    ///
    /// # Errors
    /// It was created by a newer version.
    pub fn is_known(&self) -> Result<(), NewerBehaviour> {
        match self.behaviour {
            found if found > BEHAVIOUR => Err(NewerBehaviour { found }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_count_up_from_two_and_the_last_is_the_newest() {
        let numbers: Vec<u32> = Flag::ALL.iter().map(|flag| flag.since()).collect();
        let expected: Vec<u32> = (2..).take(numbers.len()).collect();
        assert_eq!(numbers, expected);
        assert_eq!(BEHAVIOUR, numbers.last().copied().unwrap_or(1));
    }
}
