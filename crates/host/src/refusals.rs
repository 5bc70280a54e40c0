//! Refusals without end, of agents' calls and of plans: so many in a minute are written to the journal one by one, and the
//! others as a sum.
//!
//! The first one beyond writes a sum at once, so that the journal says from when on it does not hold each; the others are
//! summed at the end of the minute. An agent that shows a good token is let call nothing meanwhile; one that shows a bad
//! token is counted apart, so that nobody can keep the holder of a good one out.

use crate::host::Host;
use crate::system_rows::batch;
use mandate_engine::Body;
use mandate_plan::ErrorCode;
use serde_json::json;
use std::collections::BTreeMap;

/// The stretch that refusals are counted over, in milliseconds.
const MINUTE_MS: i64 = 60_000;
/// How many stretches are kept before those that are over are forgotten.
const KEPT: usize = 1_024;

/// Who was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Caller {
    /// Somebody whose token is good.
    Known,
    /// Somebody else.
    Unknown,
}

/// What is counted together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Whose {
    /// Calls in an execution.
    Execution(String, Caller),
    /// Plans of a principal.
    Principal(String),
}

#[derive(Debug, Default)]
struct Stretch {
    since_ms: i64,
    written: u64,
    summing: bool,
    codes: BTreeMap<String, u64>,
}

/// Refusals that were counted, and are to be written as a sum.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sum {
    whose: Whose,
    since_ms: i64,
    codes: BTreeMap<String, u64>,
}

/// What a refusal is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    /// To be written.
    Written,
    /// One of many; where it is the first of these, a sum is to be written now.
    Summed(Option<Sum>),
}

/// The refusals of the last minute.
#[derive(Debug)]
pub(crate) struct Refusals {
    most: u64,
    stretches: BTreeMap<Whose, Stretch>,
}

impl Refusals {
    pub(crate) fn new(most: u64) -> Self {
        Self {
            most: most.max(1),
            stretches: BTreeMap::new(),
        }
    }

    fn stretch(&mut self, whose: Whose, now_ms: i64) -> &mut Stretch {
        if self.stretches.len() >= KEPT {
            self.stretches
                .retain(|_, stretch| !stretch.is_over(now_ms) || !stretch.codes.is_empty());
        }
        let stretch = self.stretches.entry(whose).or_insert_with(|| Stretch {
            since_ms: now_ms,
            ..Stretch::default()
        });
        if stretch.is_over(now_ms) && stretch.codes.is_empty() {
            *stretch = Stretch {
                since_ms: now_ms,
                ..Stretch::default()
            };
        }
        stretch
    }

    /// A refusal of a call: whether it is written.
    pub(crate) fn count(
        &mut self,
        execution_id: &str,
        caller: Caller,
        code: ErrorCode,
        now_ms: i64,
    ) -> Counted {
        let whose = Whose::Execution(execution_id.to_owned(), caller);
        self.count_of(whose, code, now_ms)
    }

    /// A plan of this principal that policy refuses: whether that is written.
    pub(crate) fn count_plan(&mut self, principal: &str, code: ErrorCode, now_ms: i64) -> Counted {
        self.count_of(Whose::Principal(principal.to_owned()), code, now_ms)
    }

    fn count_of(&mut self, whose: Whose, code: ErrorCode, now_ms: i64) -> Counted {
        let most = self.most;
        let stretch = self.stretch(whose.clone(), now_ms);
        if stretch.written < most {
            stretch.written = stretch.written.saturating_add(1);
            return Counted::Written;
        }
        let of_code = stretch.codes.entry(code.as_str().to_owned()).or_default();
        *of_code = of_code.saturating_add(1);
        if std::mem::replace(&mut stretch.summing, true) {
            return Counted::Summed(None);
        }
        Counted::Summed(Some(Sum {
            whose,
            since_ms: stretch.since_ms,
            codes: std::mem::take(&mut stretch.codes),
        }))
    }

    /// Whether this caller was refused so often that no further call is looked at; for how long, in milliseconds.
    pub(crate) fn bars(&mut self, execution_id: &str, now_ms: i64) -> Option<u64> {
        let key = Whose::Execution(execution_id.to_owned(), Caller::Known);
        let stretch = self.stretches.get(&key)?;
        let left_ms = stretch.since_ms.saturating_add(MINUTE_MS) - now_ms;
        let barred = stretch.written >= self.most && left_ms > 0;
        barred.then(|| u64::try_from(left_ms).unwrap_or(1))
    }

    /// When a sum is next due, Unix milliseconds.
    pub(crate) fn next_due_ms(&self) -> Option<i64> {
        let open = self.stretches.values();
        let open = open.filter(|stretch| !stretch.codes.is_empty());
        open.map(|stretch| stretch.since_ms.saturating_add(MINUTE_MS))
            .min()
    }

    /// The sums that are due; all of them at the end.
    pub(crate) fn due(&mut self, now_ms: i64, all: bool) -> Vec<Sum> {
        let mut sums = Vec::new();
        for (whose, stretch) in &mut self.stretches {
            if !stretch.codes.is_empty() && (all || stretch.is_over(now_ms)) {
                sums.push(Sum {
                    whose: whose.clone(),
                    since_ms: stretch.since_ms,
                    codes: std::mem::take(&mut stretch.codes),
                });
            }
        }
        sums
    }
}

impl Stretch {
    fn is_over(&self, now_ms: i64) -> bool {
        now_ms.saturating_sub(self.since_ms) >= MINUTE_MS
    }
}

impl Host {
    /// Writes the sums of refusals that are due.
    pub(crate) fn sum_refusals(&mut self, now_ms: i64, all: bool) {
        for sum in self.refusals.due(now_ms, all) {
            self.write_sum(sum);
        }
    }

    /// Into the execution's own journal, or that of the system where it takes nothing more.
    pub(crate) fn write_sum(&mut self, sum: Sum) {
        let Sum {
            whose,
            since_ms,
            codes,
        } = sum;
        let payload = match whose {
            Whose::Execution(execution_id, _) => {
                let body = Body::RefusalsCounted {
                    since_ms,
                    codes: codes.clone(),
                };
                if self.take_turn(&execution_id, body) {
                    self.reschedule(&execution_id);
                    return;
                }
                json!({ "execution_id": execution_id, "since_ms": since_ms, "codes": codes })
            }
            Whose::Principal(principal) => {
                json!({ "principal": principal, "since_ms": since_ms, "codes": codes })
            }
        };
        let now_ms = self.parts.clock.now_ms();
        self.parts.journal.append(
            batch(now_ms, "refusals_counted", &payload),
            Box::new(|stored| {
                if let Err(error) = stored {
                    tracing::error!(%error, "refusals that were counted are not in the journal");
                }
            }),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: ErrorCode = ErrorCode::UnplannedAction;

    fn written(refusals: &mut Refusals, caller: Caller, now_ms: i64) -> bool {
        refusals.count("e", caller, CODE, now_ms) == Counted::Written
    }

    #[test]
    fn beyond_the_limit_the_first_is_written_as_a_sum_and_the_others_at_the_end_of_the_minute() {
        let mut refusals = Refusals::new(2);
        assert!(written(&mut refusals, Caller::Known, 5));
        assert_eq!(refusals.bars("e", 5), None);
        assert!(written(&mut refusals, Caller::Known, 6));
        assert_eq!(refusals.bars("e", 7), Some(59_998));
        let sum = |codes: u64, since_ms| Sum {
            whose: Whose::Execution("e".to_owned(), Caller::Known),
            since_ms,
            codes: BTreeMap::from([("UNPLANNED_ACTION".to_owned(), codes)]),
        };
        let first = refusals.count("e", Caller::Known, CODE, 8);
        assert_eq!(first, Counted::Summed(Some(sum(1, 5))));
        for _ in 0..1_000 {
            assert_eq!(
                refusals.count("e", Caller::Known, CODE, 9),
                Counted::Summed(None)
            );
        }
        // Who shows a bad token is counted apart, and so are plans.
        let plan = refusals.count_plan("e", ErrorCode::PolicyDenied, 9);
        assert_eq!(plan, Counted::Written);
        assert!(written(&mut refusals, Caller::Unknown, 9));
        assert_eq!(refusals.next_due_ms(), Some(60_005));
        assert_eq!(refusals.due(60_004, false), []);
        assert_eq!(refusals.due(60_005, false), [sum(1_000, 5)]);
        assert_eq!(refusals.next_due_ms(), None);
        assert_eq!(refusals.bars("e", 60_005), None);
        assert!(written(&mut refusals, Caller::Known, 60_006));
    }

    #[test]
    fn at_the_end_nothing_is_kept_back() {
        let mut refusals = Refusals::new(1);
        for _ in 0..3 {
            refusals.count("e", Caller::Unknown, CODE, 0);
        }
        assert_eq!(refusals.due(1, true).len(), 1);
        assert_eq!(refusals.due(1, true).len(), 0);
    }
}
