//! The one-use right to make one call.

use crate::{Purpose, Refusal, ResolvedCall, ResourceGuard};
use mandate_plan::{Digest, ErrorCode};

/// The right to make exactly one call, once. Only [`enforce()`](crate::enforce()) makes one.
///
/// It cannot be cloned, serialised or defaulted, so that it cannot be used twice or come from anywhere else; the tool
/// runner consumes it. Its constructor is private to the module of `enforce`.
#[derive(Debug)]
#[must_use = "a permit that is dropped permits nothing"]
pub struct Permit {
    execution_id: String,
    execution_digest: Digest,
    step: String,
    item: Option<u32>,
    attempt: u32,
    purpose: Purpose,
    tool: String,
    tool_digest: Digest,
    args_digest: Digest,
    idempotency_key: String,
    timeout_ms: Option<u64>,
    guard: ResourceGuard,
}

impl Permit {
    pub(super) fn issue(
        call: &ResolvedCall,
        execution_digest: Digest,
        tool_digest: Digest,
        guard: ResourceGuard,
    ) -> Self {
        Self {
            execution_id: call.execution_id.clone(),
            execution_digest,
            step: call.step.clone(),
            item: call.item,
            attempt: call.attempt,
            purpose: call.purpose,
            tool: call.tool.clone(),
            tool_digest,
            args_digest: call.args_digest(),
            idempotency_key: call.idempotency_key.clone(),
            timeout_ms: call.timeout_ms,
            guard,
        }
    }

    /// The execution.
    pub fn execution_id(&self) -> &str {
        &self.execution_id
    }

    /// Plan, inputs and tools that were approved.
    pub fn execution_digest(&self) -> &Digest {
        &self.execution_digest
    }

    /// The step's id.
    pub fn step(&self) -> &str {
        &self.step
    }

    /// The item's index, for a step with `for_each`.
    pub fn item(&self) -> Option<u32> {
        self.item
    }

    /// The attempt, from 1.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Run or compensate.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// `server.tool`.
    pub fn tool(&self) -> &str {
        &self.tool
    }

    /// The digest of the tool's definition, as admitted; the runner compares it with the tool that it would call.
    pub fn tool_digest(&self) -> &Digest {
        &self.tool_digest
    }

    /// The digest of the arguments that were judged.
    pub fn args_digest(&self) -> &Digest {
        &self.args_digest
    }

    /// The step's rules on what is known only while the call runs.
    pub fn guard(&self) -> &ResourceGuard {
        &self.guard
    }

    /// What the journal keeps of the permit.
    pub fn digest(&self) -> Digest {
        let number = |n: Option<u64>| match n {
            Some(n) => n.to_be_bytes().to_vec(),
            None => Vec::new(),
        };
        Digest::framed(
            "mandate/permit/v1",
            [
                self.execution_id.as_bytes(),
                self.execution_digest.as_bytes(),
                self.step.as_bytes(),
                &number(self.item.map(u64::from)),
                &u64::from(self.attempt).to_be_bytes(),
                self.purpose.as_str().as_bytes(),
                self.tool.as_bytes(),
                self.tool_digest.as_bytes(),
                self.args_digest.as_bytes(),
                self.idempotency_key.as_bytes(),
                &number(self.timeout_ms),
            ],
        )
    }

    /// Whether this permit is for exactly this call; the tool runner asks again just before it calls.
    ///
    /// # Errors
    /// `ARGUMENT_VIOLATION` if only the arguments differ, else `UNPLANNED_ACTION`; the message names what differs.
    pub fn covers(&self, call: &ResolvedCall) -> Result<(), Refusal> {
        let differs = [
            ("execution", self.execution_id != call.execution_id),
            ("step", self.step != call.step),
            ("item", self.item != call.item),
            ("attempt", self.attempt != call.attempt),
            ("purpose", self.purpose != call.purpose),
            ("tool", self.tool != call.tool),
            (
                "idempotency key",
                self.idempotency_key != call.idempotency_key,
            ),
            ("timeout", self.timeout_ms != call.timeout_ms),
        ];
        if let Some((what, _)) = differs.iter().find(|(_, differs)| *differs) {
            return Err(Refusal::new(
                ErrorCode::UnplannedAction,
                format!("the permit for step `{}` is for another {what}", self.step),
            ));
        }
        if self.args_digest != call.args_digest() {
            return Err(Refusal::new(
                ErrorCode::ArgumentViolation,
                format!(
                    "the arguments of step `{}` are not the ones that the permit was given for",
                    self.step
                ),
            ));
        }
        Ok(())
    }
}
