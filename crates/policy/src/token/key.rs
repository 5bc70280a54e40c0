//! The keys of tokens, and the chain that they begin.

use super::Caveat;
use hmac::{Hmac, KeyInit, Mac, digest::CtOutput};
use mandate_plan::Digest;
use sha2::Sha256;
use std::fmt;

/// What the chain begins with: a key that is used for anything else gives no token.
const ROOT: &[u8] = b"mandate/token/v1";
/// What every further link is taken over, before the caveat.
const LINK: &[u8] = b"mandate/token-caveat/v1";

/// The longest id of a key.
const ID_BYTES: usize = 64;

/// One key. It is never shown.
#[derive(Clone)]
pub struct TokenKey {
    id: String,
    /// The first link of every chain.
    root: [u8; 32],
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// The id or the key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// The id has characters that a token's text cannot hold.
    #[error("the id of a token key is 1 to 64 lower-case letters, digits and `-`")]
    Id,
    /// There is no key at all.
    #[error("there is no token key")]
    None,
    /// Two keys have one id.
    #[error("two token keys have the id `{0}`")]
    Twice(String),
}

impl TokenKey {
    /// The key of that id.
    ///
    /// # Errors
    /// The id cannot be used.
    pub fn new(id: &str, bytes: &[u8; 32]) -> Result<Self, BadKey> {
        if !is_id(id) {
            return Err(BadKey::Id);
        }
        Ok(Self {
            id: id.to_owned(),
            root: root_of(id, bytes),
        })
    }

    /// Its id, which stands in every token that was made with it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The first link of the chain.
    pub(super) fn root(&self) -> [u8; 32] {
        self.root
    }

    /// Whether the chain over these caveats ends with `mac`; compared in constant time.
    pub(super) fn made(&self, caveats: &[Caveat], mac: &[u8; 32]) -> bool {
        let link = { caveats.iter() }.fold(self.root, |link, caveat| next(&link, &caveat.bytes()));
        same(&link, mac)
    }
}

/// The first link of the chains of a key.
fn root_of(id: &str, bytes: &[u8; 32]) -> [u8; 32] {
    let mut mac = keyed(bytes);
    update(&mut mac, ROOT);
    update(&mut mac, id.as_bytes());
    mac.finalize().into_bytes().into()
}

/// Whether two links are the same, in a time that does not depend on where they differ.
pub(super) fn same(one: &[u8; 32], other: &[u8; 32]) -> bool {
    let link = |bytes: &[u8; 32]| CtOutput::<Hmac<Sha256>>::new((*bytes).into());
    link(one) == link(other)
}

/// The next link of a chain: the link before is the key of it, so that it follows from nothing else.
pub(super) fn next(link: &[u8; 32], caveat: &[u8]) -> [u8; 32] {
    let mut mac = keyed(link);
    update(&mut mac, LINK);
    update(&mut mac, caveat);
    mac.finalize().into_bytes().into()
}

fn update(mac: &mut Hmac<Sha256>, part: &[u8]) {
    mac.update(&(part.len() as u64).to_be_bytes());
    mac.update(part);
}

fn keyed(bytes: &[u8; 32]) -> Hmac<Sha256> {
    // HMAC itself fills a short key up with zeros to the block, 64 bytes for SHA-256; doing it here cannot fail.
    let mut block = [0_u8; 64];
    for (slot, byte) in block.iter_mut().zip(bytes) {
        *slot = *byte;
    }
    Hmac::new(&block.into())
}

pub(super) fn is_id(id: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=ID_BYTES).contains(&id.len()) && id.bytes().all(fits)
}

/// The keys that tokens are checked with; new ones are made with the last.
#[derive(Debug, Clone)]
pub struct KeyRing {
    before: Vec<TokenKey>,
    current: TokenKey,
}

impl KeyRing {
    /// A ring of these keys, the current one last.
    ///
    /// # Errors
    /// There is none, or two have one id.
    pub fn new(mut keys: Vec<TokenKey>) -> Result<Self, BadKey> {
        let current = keys.pop().ok_or(BadKey::None)?;
        let mut ids: Vec<&str> = keys.iter().map(TokenKey::id).collect();
        ids.push(current.id());
        ids.sort_unstable();
        let twice = ids.windows(2).find(|pair| pair.first() == pair.get(1));
        if let Some(id) = twice.and_then(|pair| pair.first()) {
            return Err(BadKey::Twice((*id).to_owned()));
        }
        Ok(Self {
            before: keys,
            current,
        })
    }

    /// A ring of one key, from bytes; its id is taken from a digest over them.
    pub fn single(bytes: &[u8; 32]) -> Self {
        let id = Digest::framed("mandate/token-key-id/v1", [bytes.as_slice()]).to_string();
        let id: String = id.chars().take(12).collect();
        let root = root_of(&id, bytes);
        Self {
            before: Vec::new(),
            current: TokenKey { id, root },
        }
    }

    /// The key that new tokens are made with.
    pub fn current(&self) -> &TokenKey {
        &self.current
    }

    /// The ids of all keys, the current one last.
    pub fn ids(&self) -> Vec<&str> {
        let all = self.before.iter().chain(std::iter::once(&self.current));
        all.map(TokenKey::id).collect()
    }

    /// The key of that id.
    pub fn find(&self, id: &str) -> Option<&TokenKey> {
        let mut all = std::iter::once(&self.current).chain(&self.before);
        all.find(|key| key.id == id)
    }
}
