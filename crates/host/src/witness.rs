//! Somebody who is told of everything that a host does, to count it and to show it: nothing depends on what they make of it.

use crate::drive::Place;
use mandate_engine::{Event, State};
use mandate_plan::ErrorCode;
use mandate_policy::{Outcome, Refusal, ResolvedCall};
use mandate_tools::TracePlace;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What was judged as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// A plan that somebody wants run.
    Plan,
    /// A plan that is to take the place of one that runs.
    Revision,
}

impl Judgement {
    /// As it is written outside.
    pub fn as_str(self) -> &'static str {
        match self {
            Judgement::Plan => "plan",
            Judgement::Revision => "revision",
        }
    }
}

/// Somebody who is told. Every method runs on the host's thread, and returns at once.
pub trait Witness: Send + Sync {
    /// An execution took these events, and this is its state after them. They are not on the disk yet.
    fn happened(&self, state: &State, events: &[Event]);

    /// Policy judged a plan.
    fn evaluated(&self, what: Judgement, outcome: Outcome, took: Duration);

    /// Policy judged a call.
    fn enforced(&self, outcome: Outcome, took: Duration);

    /// An agent asked for this attempt from within a trace of its own, at that place, as W3C Trace Context writes it.
    fn asked_within(&self, state: &State, attempt: (&Place, u32), traceparent: &str) {
        let _ = (state, attempt, traceparent);
    }

    /// Where in a trace a call is that is made now: whoever is called may go on from there.
    fn trace(&self, state: &State, call: &ResolvedCall) -> Option<TracePlace> {
        let _ = (state, call);
        None
    }
}

/// Does the work, and has its time told with what came of it.
pub(crate) fn timed<T>(
    witness: Option<&Arc<dyn Witness>>,
    work: impl FnOnce() -> T,
    tell: impl FnOnce(&dyn Witness, &T, Duration),
) -> T {
    let Some(witness) = witness else {
        return work();
    };
    let begun = Instant::now();
    let done = work();
    tell(witness.as_ref(), &done, begun.elapsed());
    done
}

/// What became of a call, in the words of decisions.
pub(crate) fn outcome_of<T>(judged: &Result<T, Refusal>) -> Outcome {
    match judged {
        Ok(_) => Outcome::Allow,
        Err(refusal) => match refusal.code {
            ErrorCode::ApprovalRequired => Outcome::RequireApproval,
            ErrorCode::RateLimited => Outcome::RateLimited,
            _ => Outcome::Deny,
        },
    }
}
