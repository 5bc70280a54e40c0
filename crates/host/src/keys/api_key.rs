//! An API key: `mandate_`, the key's number, `_`, 256 random bits. Shown once, and kept nowhere but with its owner.

use mandate_plan::Digest;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::hint::black_box;

/// What every key begins with, so that people and scanners know one when they see it.
const PREFIX: &str = "mandate_";
/// The digits of the number.
const NUMBER: usize = 8;
/// The digits of the secret part.
const SECRET: usize = 64;

/// An API key. It shows itself to nobody.
#[derive(Clone, Serialize, Deserialize)]
pub struct ApiKey(String);

/// The text is not an API key, or there is no randomness to make one from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAKey {
    /// It is of another form. The text itself is not shown.
    #[error("an API key is `mandate_` with 8 and 64 hexadecimal digits")]
    Form,
    /// The system gives no randomness.
    #[error("the system gives no random numbers")]
    NoRandomness,
}

impl ApiKey {
    /// A new one.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn generate() -> Result<Self, NotAKey> {
        let mut bytes = [0_u8; (NUMBER + SECRET) / 2];
        getrandom::fill(&mut bytes).map_err(|_| NotAKey::NoRandomness)?;
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let (number, secret) = digits.split_at(NUMBER);
        Ok(Self(format!("{PREFIX}{number}_{secret}")))
    }

    /// A key as somebody has it.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(text: &str) -> Result<Self, NotAKey> {
        let parts = text
            .trim()
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split_once('_'));
        let hex = |text: &str| text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        match parts {
            Some((number, secret))
                if number.len() == NUMBER
                    && secret.len() == SECRET
                    && hex(number)
                    && hex(secret) =>
            {
                Ok(Self(text.trim().to_owned()))
            }
            _ => Err(NotAKey::Form),
        }
    }

    /// The key's id, which says nothing about its secret.
    pub fn id(&self) -> String {
        let number = self.0.get(PREFIX.len()..PREFIX.len() + NUMBER);
        format!("key-{}", number.unwrap_or_default())
    }

    /// The key itself, for the one time that it is shown.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is stored of it.
    pub fn digest(&self) -> Digest {
        Digest::framed("mandate/api-key/v1", [self.0.as_bytes()])
    }

    /// Whether this is what is stored of it; as long for a wrong one as for the right one.
    pub fn is(&self, stored: &Digest) -> bool {
        let (own, stored) = (self.digest(), black_box(stored));
        let pairs = own.as_bytes().iter().zip(stored.as_bytes());
        let differing = pairs.fold(0_u8, |found, (a, b)| black_box(found | (a ^ b)));
        black_box(differing) == 0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({})", self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_again_and_another_is_not() {
        let (key, other) = (ApiKey::generate().unwrap(), ApiKey::generate().unwrap());
        let stored = key.digest();
        assert!(ApiKey::parse(key.reveal()).unwrap().is(&stored));
        assert!(!other.is(&stored));
        let mut text = key.reveal().to_owned();
        let last = if text.ends_with('0') { '1' } else { '0' };
        text.pop();
        text.push(last);
        let near = ApiKey::parse(&text).unwrap();
        assert_eq!(near.id(), key.id());
        assert!(!near.is(&stored));
    }

    #[test]
    fn what_is_no_key_is_not_repeated() {
        for text in [
            "",
            "mandate_",
            "mandate_0011223_44",
            "sk-secret-of-somebody",
        ] {
            let error = ApiKey::parse(text).unwrap_err().to_string();
            assert!(text.is_empty() || !error.contains("sk-secret"), "{error}");
        }
        let key = ApiKey::generate().unwrap();
        let secret = key
            .reveal()
            .get(PREFIX.len() + NUMBER + 1..)
            .unwrap()
            .to_owned();
        assert!(!format!("{key:?}").contains(&secret));
    }
}
