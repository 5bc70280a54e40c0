//! Random secrets that are shown once and kept as digests, and their comparison in constant time.

use mandate_plan::Digest;
use std::hint::black_box;

/// 256 random bits in hexadecimal digits; none if the system gives no randomness.
pub(super) fn random() -> Option<String> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).ok()?;
    Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// What is kept of a secret.
pub(super) fn digest(secret: &str) -> Digest {
    Digest::framed("mandate/console-secret/v1", [secret.as_bytes()])
}

/// Whether it is the secret of that digest; as long for a wrong one as for the right one.
pub(super) fn is(secret: &str, kept: &Digest) -> bool {
    let (own, kept) = (digest(secret), black_box(kept));
    let pairs = own.as_bytes().iter().zip(kept.as_bytes());
    let differing = pairs.fold(0_u8, |found, (a, b)| black_box(found | (a ^ b)));
    black_box(differing) == 0
}
