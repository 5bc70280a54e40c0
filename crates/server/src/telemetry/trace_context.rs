//! Which trace an execution belongs to, and the ids of its spans. All of it follows from what the journal holds, so that a
//! trace goes on where a host ends and another one takes over.

use mandate_engine::Created;
use mandate_plan::Digest;
use mandate_policy::Purpose;

/// The header of W3C Trace Context, and the correlation that keeps it with the execution.
pub(crate) const TRACEPARENT: &str = "traceparent";

/// A place in a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TraceContext {
    /// The trace.
    pub(super) trace: [u8; 16],
    /// The span above.
    pub(super) parent: Option<[u8; 8]>,
    /// Whether whoever began the trace wants it kept.
    pub(super) sampled: bool,
}

impl TraceContext {
    /// Reads `00-TRACE-SPAN-FLAGS`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().split('-');
        let (version, trace, span, flags) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let [version] = bytes::<1>(version)?;
        // A later version may say more behind; this one may not.
        if version == 0xff || (version == 0 && parts.next().is_some()) {
            return None;
        }
        let (trace, span) = (bytes::<16>(trace)?, bytes::<8>(span)?);
        let [flags] = bytes::<1>(flags)?;
        (trace != [0; 16] && span != [0; 8]).then_some(Self {
            trace,
            parent: Some(span),
            sampled: flags & 1 == 1,
        })
    }

    /// The id of a span that follows from nothing.
    pub(super) fn fresh_span() -> [u8; 8] {
        let id = uuid::Uuid::now_v7().into_bytes();
        first(Digest::framed("mandate/span/request/v1", [id.as_slice()]))
    }

    /// A span of this trace, as `traceparent` has it.
    pub(super) fn written(&self, span: [u8; 8]) -> String {
        let flags = u8::from(self.sampled);
        format!("00-{}-{}-{flags:02x}", hex(&self.trace), hex(&span))
    }

    /// That of an execution which no other one runs: its caller's, or a trace of its own.
    pub(super) fn of_root(created: &Created) -> Self {
        let asked = created.asked.as_deref();
        let given = asked.and_then(|asked| asked.correlation.get(TRACEPARENT));
        let given = given.and_then(|text| Self::parse(text));
        given.unwrap_or_else(|| Self::of_id(&created.execution_id))
    }

    /// A trace of its own for the execution of that id.
    pub(super) fn of_id(execution_id: &str) -> Self {
        let trace = match execution_id.parse::<uuid::Uuid>() {
            Ok(id) => id.into_bytes(),
            Err(_) => first(Digest::framed(
                "mandate/trace/v1",
                [execution_id.as_bytes()],
            )),
        };
        Self {
            trace,
            parent: None,
            sampled: true,
        }
    }
}

/// The id of an execution's span.
pub(super) fn of_execution(execution_id: &str) -> [u8; 8] {
    let digest = Digest::framed("mandate/span/execution/v1", [execution_id.as_bytes()]);
    first(digest)
}

/// The id of an attempt's span.
pub(super) fn of_attempt(
    execution_id: &str,
    step: &str,
    item: Option<u32>,
    attempt: u32,
    purpose: Purpose,
) -> [u8; 8] {
    let item = item.map_or(String::new(), |item| item.to_string());
    let attempt = attempt.to_string();
    let parts = [execution_id, step, &item, &attempt, purpose.as_str()];
    let parts = parts.map(str::as_bytes);
    first(Digest::framed("mandate/span/attempt/v1", parts))
}

fn first<const N: usize>(digest: Digest) -> [u8; N] {
    let bytes = digest.as_bytes().first_chunk::<N>();
    bytes.copied().unwrap_or([1; N])
}

/// Bytes in small hexadecimal digits, as the standard has them.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut found = [0_u8; N];
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in found.iter_mut().zip(pairs) {
        *byte = digit(*high)? * 16 + digit(*low)?;
    }
    Some(found)
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_contexts_are_taken() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let context = TraceContext::parse(good).unwrap();
        assert_eq!(hex(&context.trace), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(hex(&context.parent.unwrap()), "b7ad6b7169203331");
        assert!(context.sampled);
        let unsampled = good.replace("-01", "-00");
        assert!(!TraceContext::parse(&unsampled).unwrap().sampled);
        let later = format!("{good}-x").replace("00-0a", "01-0a");
        assert!(TraceContext::parse(&later).is_some());
        for bad in [
            "",
            "00",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
            "00-0af7651916cd43dd8448eb211c8031-b7ad6b7169203331-01",
        ] {
            assert_eq!(TraceContext::parse(bad), None, "{bad}");
        }
    }
}
