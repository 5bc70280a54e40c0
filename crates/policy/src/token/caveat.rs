//! What a token is bound to: one caveat for each condition, and how each is written.
//!
//! A caveat is a kind, the length of what follows, and that. A kind that is not known here makes a token void: a caveat is
//! a condition, and one that cannot be checked does not hold.

use mandate_plan::Digest;
use std::collections::BTreeSet;

/// The most bytes that one caveat may have.
const MAX_BYTES: usize = 65_536;

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caveat {
    /// Makes every token another one.
    Nonce([u8; 16]),
    /// The execution.
    Execution(String),
    /// Its plan, inputs and tools.
    Digest(Digest),
    /// The session.
    Session(String),
    /// Who holds it.
    Principal(String),
    /// Its end, Unix milliseconds.
    Expires(i64),
    /// The only steps that may be called.
    Steps(BTreeSet<String>),
}

const NONCE: u8 = 1;
const EXECUTION: u8 = 2;
const DIGEST: u8 = 3;
const SESSION: u8 = 4;
const PRINCIPAL: u8 = 5;
const EXPIRES: u8 = 6;
const STEPS: u8 = 7;

impl Caveat {
    /// The caveat as it is written and as the chain goes over it: kind, length, content.
    pub(super) fn bytes(&self) -> Vec<u8> {
        match self {
            Caveat::Nonce(nonce) => framed(NONCE, nonce),
            Caveat::Execution(id) => framed(EXECUTION, id.as_bytes()),
            Caveat::Digest(digest) => framed(DIGEST, digest.as_bytes()),
            Caveat::Session(session) => framed(SESSION, session.as_bytes()),
            Caveat::Principal(principal) => framed(PRINCIPAL, principal.as_bytes()),
            Caveat::Expires(at_ms) => framed(EXPIRES, &at_ms.to_be_bytes()),
            Caveat::Steps(steps) => {
                let mut content = Vec::new();
                for step in steps {
                    content.extend(length(step.as_bytes()));
                    content.extend(step.as_bytes());
                }
                framed(STEPS, &content)
            }
        }
    }

    /// Reads one caveat off the front of `bytes`; what is left comes with it.
    pub(super) fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (kind, rest) = bytes.split_first()?;
        let (content, rest) = take(rest)?;
        let text = || std::str::from_utf8(content).ok().map(str::to_owned);
        let caveat = match *kind {
            NONCE => Caveat::Nonce(content.try_into().ok()?),
            EXECUTION => Caveat::Execution(text()?),
            DIGEST => Caveat::Digest(Digest::from_bytes(content.try_into().ok()?)),
            SESSION => Caveat::Session(text()?),
            PRINCIPAL => Caveat::Principal(text()?),
            EXPIRES => Caveat::Expires(i64::from_be_bytes(content.try_into().ok()?)),
            STEPS => Caveat::Steps(steps(content)?),
            _ => return None,
        };
        Some((caveat, rest))
    }
}

/// Ascending and without repetition, so that a set has one form only.
fn steps(mut content: &[u8]) -> Option<BTreeSet<String>> {
    let mut steps = BTreeSet::new();
    while !content.is_empty() {
        let (step, rest) = take(content)?;
        let step = std::str::from_utf8(step).ok()?.to_owned();
        if steps.last().is_some_and(|last| *last >= step) {
            return None;
        }
        steps.insert(step);
        content = rest;
    }
    Some(steps)
}

fn framed(kind: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind];
    bytes.extend(length(content));
    bytes.extend(content);
    bytes
}

fn length(content: &[u8]) -> [u8; 4] {
    // Longer than that is refused when it is read; nothing of that length is ever made.
    u32::try_from(content.len())
        .unwrap_or(u32::MAX)
        .to_be_bytes()
}

fn take(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    if length > MAX_BYTES {
        return None;
    }
    rest.split_at_checked(length)
}

/// Which of the caveats were there that no token may lack.
#[derive(Default)]
pub(super) struct Seen(u8);

impl Seen {
    pub(super) fn note(&mut self, caveat: &Caveat) {
        self.0 |= match caveat {
            Caveat::Nonce(_) => 1,
            Caveat::Execution(_) => 2,
            Caveat::Digest(_) => 4,
            Caveat::Session(_) => 8,
            Caveat::Principal(_) => 16,
            Caveat::Expires(_) => 32,
            Caveat::Steps(_) => 0,
        };
    }

    pub(super) fn all(&self) -> bool {
        self.0 == 63
    }
}
