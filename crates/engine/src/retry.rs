//! Whether another attempt follows a failed one, and when.

use crate::event::FailureKind;
use crate::state::Unit;
use mandate_plan::{Digest, ErrorCode, model::Retry};

/// What follows a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// Another attempt.
    Again,
    /// Nothing: the step failed.
    Never,
}

/// The retry rule. What was refused was never sent, so it may be sent again. What failed or got lost may be tried again
/// only where trying twice is the same as trying once, or where the plan names the code. What happened, but gave the
/// wrong output, never is. An unknown outcome of anything else does not come here: it is a doubt.
/// Nor are arguments that do not fit: they will not fit the next time either.
pub fn after_failure(policy: &Retry, unit: &Unit, outcome: FailureKind, code: ErrorCode) -> After {
    if unit.used() >= policy.max_attempts {
        return After::Never;
    }
    let named = policy.retry_on.contains(&code);
    let allowed = policy.retry_on.is_empty() || named;
    let again = match outcome {
        FailureKind::Refused => allowed && code != ErrorCode::InvalidPayload,
        FailureKind::Failed if unit.facts().repeatable() => allowed,
        FailureKind::Failed => named,
        FailureKind::Unknown => unit.facts().repeatable() && allowed,
        FailureKind::Invalid => false,
    };
    if again { After::Again } else { After::Never }
}

/// The pause before the attempt that follows failure number `failures` (from 1), in milliseconds: exponential, capped,
/// shortened by up to the jitter fraction. The jitter comes from the execution's seed, so that a replay waits alike.
pub fn backoff_ms(policy: &Retry, failures: u32, seed: u64, step: &str, item: Option<u32>) -> u64 {
    let most = policy.max_backoff_ms as f64;
    let mut pause = (policy.backoff_ms as f64).min(most);
    // Not `powi`: its last digits differ between platforms, and a replay on another one must wait alike.
    for _ in 1..failures {
        if pause >= most || pause == 0.0 || policy.multiplier <= 1.0 {
            break;
        }
        pause = (pause * policy.multiplier).min(most);
    }
    let fraction = unit_fraction(seed, step, item, failures);
    (pause * (1.0 - policy.jitter.clamp(0.0, 1.0) * fraction)) as u64
}

/// A number in [0, 1) that depends on nothing but its arguments.
fn unit_fraction(seed: u64, step: &str, item: Option<u32>, failures: u32) -> f64 {
    let item = item.map_or(u64::MAX, u64::from).to_be_bytes();
    let parts: [&[u8]; 4] = [
        &seed.to_be_bytes(),
        step.as_bytes(),
        &item,
        &failures.to_be_bytes(),
    ];
    let digest = Digest::framed("mandate/jitter/v1", parts);
    let top = digest
        .as_bytes()
        .iter()
        .take(4)
        .fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte));
    f64::from(top) / 4_294_967_296.0
}
