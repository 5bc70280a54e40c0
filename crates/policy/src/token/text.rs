//! A token as text: `mandate1.KEY.CAVEATS.MAC`, the last two in lower-case hexadecimal digits. One token has one text.

use super::{Caveat, Token, key::is_id};
use std::str::FromStr;

/// What every token begins with. Whoever looks for secrets in text finds them by it.
const PREFIX: &str = "mandate1";
/// The longest text that is looked at.
const MAX_CHARS: usize = 262_144;
/// The most caveats that a token may have.
const MAX_CAVEATS: usize = 64;

/// The text is no token. It is not repeated: it may be part of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the text is not a token of this version")]
pub struct NotAToken;

impl Token {
    /// The token's text: a secret, to be handed to its holder and to nobody else.
    pub fn reveal(&self) -> String {
        let caveats: Vec<u8> = self.caveats.iter().flat_map(Caveat::bytes).collect();
        let (caveats, mac) = (hex(&caveats), hex(&self.mac));
        format!("{PREFIX}.{}.{caveats}.{mac}", self.key_id)
    }
}

impl FromStr for Token {
    type Err = NotAToken;

    fn from_str(text: &str) -> Result<Self, NotAToken> {
        if text.len() > MAX_CHARS {
            return Err(NotAToken);
        }
        let parts: Vec<&str> = text.split('.').collect();
        let [PREFIX, key_id, caveats, mac] = parts.as_slice() else {
            return Err(NotAToken);
        };
        if !is_id(key_id) {
            return Err(NotAToken);
        }
        let bytes = unhex(caveats).ok_or(NotAToken)?;
        let mac = unhex(mac).ok_or(NotAToken)?;
        let mut token = Token {
            key_id: (*key_id).to_owned(),
            caveats: Vec::new(),
            mac: mac.try_into().map_err(|_| NotAToken)?,
        };
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let (caveat, after) = Caveat::read(rest).ok_or(NotAToken)?;
            if token.caveats.len() == MAX_CAVEATS {
                return Err(NotAToken);
            }
            token.caveats.push(caveat);
            rest = after;
        }
        Ok(token)
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    let digit = |four: u8| DIGITS.get(usize::from(four)).copied().unwrap_or('0');
    let pairs = bytes.iter();
    pairs
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    // What is no digit is looked for once, at the end: every call shows a token.
    let mut wrong = 0;
    let mut bytes = Vec::with_capacity(pairs.len());
    for [high, low] in pairs {
        let (high, low) = (value_of(*high), value_of(*low));
        wrong |= high | low;
        bytes.push(high << 4 | low);
    }
    (wrong & NO_DIGIT == 0).then_some(bytes)
}

/// Set in the value of what is no digit.
const NO_DIGIT: u8 = 0x80;

/// The value of a lower-case hexadecimal digit.
fn value_of(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => byte - b'0',
        b'a'..=b'f' => byte - b'a' + 10,
        _ => NO_DIGIT,
    }
}
