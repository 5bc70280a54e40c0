//! Tokens: the credential of a caller outside this process, such as an agent, for one execution.
//!
//! A token is a chain of caveats under a key of the host. Whoever holds one can add a caveat without the key, and so hand
//! on less than they have; nobody can take one away. What it proves is that the host gave it, for this execution of exactly
//! this plan with these inputs and tools, to this principal in this session, and that its time is not over. It is no
//! permit: every call still has to pass [`enforce`](crate::enforce()).
//!
//! Keys, nonces and time come in as arguments.

mod caveat;
mod key;
mod known;
mod text;

pub use caveat::Caveat;
pub use key::{BadKey, KeyRing, TokenKey};
pub use known::KnownChains;
pub use text::NotAToken;

use crate::Refusal;
use mandate_plan::{Digest, ErrorCode};
use serde_json::json;
use std::{collections::BTreeSet, fmt};

/// How long a token holds that nobody renews, in milliseconds.
pub const TOKEN_TTL_MS: i64 = 900_000;

/// A token. Its text is a secret: [`Token::reveal`] is the only way to it, and `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    key_id: String,
    caveats: Vec<Caveat>,
    mac: [u8; 32],
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

/// What a token is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound<'a> {
    /// The execution.
    pub execution_id: &'a str,
    /// Its plan, inputs and tools.
    pub execution_digest: &'a Digest,
    /// The session that it belongs to.
    pub session: &'a str,
    /// Who holds the token.
    pub principal: &'a str,
}

/// What a token that was checked allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The key that it was made with.
    pub key_id: String,
    /// Its end, Unix milliseconds.
    pub expires_ms: i64,
    /// The only steps that may be called with it; none = all of them.
    pub steps: Option<BTreeSet<String>>,
    /// Nobody shortened its life, so that it may be renewed.
    pub renewable: bool,
}

impl Verified {
    /// Whether a step may be called with the token.
    pub fn covers(&self, step: &str) -> bool {
        self.steps.as_ref().is_none_or(|steps| steps.contains(step))
    }
}

impl Token {
    /// A new token under the ring's current key. `nonce` is used once.
    pub fn mint(
        keys: &KeyRing,
        bound: &Bound<'_>,
        expires_ms: i64,
        steps: Option<&BTreeSet<String>>,
        nonce: [u8; 16],
    ) -> Self {
        let key = keys.current();
        let mut token = Self {
            key_id: key.id().to_owned(),
            caveats: Vec::new(),
            mac: key.root(),
        };
        token.add(Caveat::Nonce(nonce));
        token.add(Caveat::Execution(bound.execution_id.to_owned()));
        token.add(Caveat::Digest(*bound.execution_digest));
        token.add(Caveat::Session(bound.session.to_owned()));
        token.add(Caveat::Principal(bound.principal.to_owned()));
        token.add(Caveat::Expires(expires_ms));
        if let Some(steps) = steps {
            token.add(Caveat::Steps(steps.clone()));
        }
        token
    }

    /// The same token for these steps only. Needs no key.
    #[must_use]
    pub fn for_steps(mut self, steps: BTreeSet<String>) -> Self {
        self.add(Caveat::Steps(steps));
        self
    }

    /// The same token with an earlier end; it is never renewed. Needs no key.
    #[must_use]
    pub fn until(mut self, expires_ms: i64) -> Self {
        self.add(Caveat::Expires(expires_ms));
        self
    }

    fn add(&mut self, caveat: Caveat) {
        self.mac = key::next(&self.mac, &caveat.bytes());
        self.caveats.push(caveat);
    }

    /// The key that it says it was made with.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The execution that it says it is for. Nothing is proven by it.
    pub fn claimed_execution(&self) -> Option<&str> {
        self.caveats.iter().find_map(|caveat| match caveat {
            Caveat::Execution(id) => Some(id.as_str()),
            _ => None,
        })
    }

    /// Checks the token: it is one of these keys, every caveat of it holds for `bound`, and its time is not over.
    ///
    /// # Errors
    /// `TOKEN_INVALID`, or `TOKEN_EXPIRED` if only its time is over. Neither says anything of the token itself.
    pub fn verify(
        &self,
        keys: &KeyRing,
        bound: &Bound<'_>,
        now_ms: i64,
    ) -> Result<Verified, Refusal> {
        self.verify_known(&mut KnownChains::default(), keys, bound, now_ms)
    }

    /// The same, with the chains that were looked at lately.
    ///
    /// # Errors
    /// The same.
    pub fn verify_known(
        &self,
        known: &mut KnownChains,
        keys: &KeyRing,
        bound: &Bound<'_>,
        now_ms: i64,
    ) -> Result<Verified, Refusal> {
        let Some(key) = keys.find(&self.key_id) else {
            return Err(invalid(
                "the key that the token was made with is not in use any more",
            ));
        };
        if !known.made(key, &self.caveats, &self.mac) {
            return Err(invalid("the token was not given out here, or was changed"));
        }
        let mut seen = caveat::Seen::default();
        let (mut expires_ms, mut ends, mut steps) = (i64::MAX, 0_u32, None);
        for caveat in &self.caveats {
            seen.note(caveat);
            match caveat {
                Caveat::Nonce(_) => {}
                Caveat::Execution(id) if id == bound.execution_id => {}
                Caveat::Execution(_) => return Err(invalid("the token is for another execution")),
                Caveat::Digest(digest) if digest == bound.execution_digest => {}
                Caveat::Digest(_) => {
                    let message = "the token is for another revision of the plan, other inputs or other tools";
                    return Err(invalid(message));
                }
                Caveat::Session(session) if session == bound.session => {}
                Caveat::Session(_) => return Err(invalid("the token is for another session")),
                Caveat::Principal(principal) if principal == bound.principal => {}
                Caveat::Principal(_) => return Err(invalid("the token is somebody else's")),
                Caveat::Expires(at_ms) => {
                    expires_ms = expires_ms.min(*at_ms);
                    ends = ends.saturating_add(1);
                }
                Caveat::Steps(only) => {
                    steps = Some(match steps {
                        None => only.clone(),
                        Some(before) => &before & only,
                    });
                }
            }
        }
        if !seen.all() {
            return Err(invalid("the token does not say all that it must"));
        }
        if expires_ms <= now_ms {
            let message =
                "the token is too old; whoever asked for the execution can have a new one";
            return Err(Refusal::new(ErrorCode::TokenExpired, message)
                .expecting(json!({ "expired_ms": expires_ms })));
        }
        Ok(Verified {
            key_id: self.key_id.clone(),
            expires_ms,
            steps,
            renewable: ends == 1,
        })
    }
}

fn invalid(message: &str) -> Refusal {
    Refusal::new(ErrorCode::TokenInvalid, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_without_all_that_it_must_say_is_void() {
        // As a slip in `mint`, or a later version, might make it: the chain is right, and a condition is not there.
        let (keys, digest) = (KeyRing::single(&[3; 32]), Digest::of(b"x"));
        let bound = Bound {
            execution_id: "e",
            execution_digest: &digest,
            session: "s",
            principal: "p",
        };
        let whole = Token::mint(&keys, &bound, 10, None, [0; 16]);
        assert!(whole.verify(&keys, &bound, 9).is_ok());
        for left_out in 0..whole.caveats.len() {
            let mut token = Token {
                caveats: Vec::new(),
                mac: keys.current().root(),
                ..whole.clone()
            };
            let kept = whole.caveats.iter().enumerate();
            for (_, caveat) in kept.filter(|(at, _)| *at != left_out) {
                token.add(caveat.clone());
            }
            let refused = token.verify(&keys, &bound, 9).unwrap_err();
            assert_eq!(refused.code, ErrorCode::TokenInvalid, "without {left_out}");
        }
    }
}
