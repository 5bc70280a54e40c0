//! What `enforce` asks of the engine's state: does the execution run, is it this call's turn, how many calls were made.

use crate::{Approval, Labels, Purpose, Refusal, ResolvedCall, dataflow::Part};
use std::collections::BTreeMap;

/// The order of an execution. Implemented only by the engine's state (a house-rule test checks that), so that the
/// question and the answer about whose turn it is cannot come from two places.
pub trait Turn {
    /// The execution whose order this is.
    fn execution_id(&self) -> &str;

    /// The execution is admitted and runs (or, for [`Purpose::Compensate`], compensates).
    ///
    /// # Errors
    /// A refusal, as a rule `SEQUENCE_VIOLATION`, that names the execution's state; of an approval that was revoked
    /// `APPROVAL_REQUIRED`.
    fn running(&self, purpose: Purpose) -> Result<(), Refusal>;

    /// It is the turn of exactly this step, item and attempt: order, needs, count.
    ///
    /// # Errors
    /// `SEQUENCE_VIOLATION` with the steps that may be called now.
    fn turn(&self, call: &ResolvedCall) -> Result<(), Refusal>;

    /// How many calls of this execution count against `constraints.max_tool_calls` already, reserved ones included.
    fn counted_calls(&self) -> u64;

    /// How many calls beyond `constraints.max_tool_calls` a human granted.
    fn granted_calls(&self) -> u64;

    /// The yes that a human gave to this step and item; its subject is the digest of the arguments that it was given to.
    fn approval(&self, call: &ResolvedCall) -> Option<Approval>;

    /// Whether somebody who may let exactly this call, with these arguments, pass a policy deny.
    fn overrides(&self, _call: &ResolvedCall) -> bool {
        false
    }

    /// Where a part of a step comes from. None: nothing is known, which counts as untrusted.
    fn labels(&self, step: &str, part: Part) -> Option<&Labels> {
        let _ = (step, part);
        None
    }

    /// Of a nested plan: where the inputs come from that its parent's step passed on, by input. None: whoever submitted the
    /// plan gave its inputs.
    fn input_labels(&self) -> Option<&BTreeMap<String, Labels>> {
        None
    }

    /// Whether the agent that chooses arguments was handed something untrusted.
    fn agent_is_untrusted(&self) -> bool {
        true
    }

    /// Whether the agent that chooses arguments was handed something that looked like words meant for a model.
    fn agent_is_suspicious(&self) -> bool {
        false
    }
}
