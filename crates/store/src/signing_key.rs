//! The signing key of a data directory: what shows somebody elsewhere that a head, or an export, came from here. Unlike the
//! audit key it proves something to those who hold no secret: they need its public half only.

use crate::{Head, StoreError, failure::file_failed};
use mandate_plan::Digest;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use std::{
    fmt,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{ErrorKind, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    str::FromStr,
};

/// The public half of a signing key: an Ed25519 public key of 32 bytes, written as hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PublicKey(Digest);

/// The text is no public key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a public key: 64 hexadecimal digits are expected")]
pub struct NotAPublicKey(String);

impl FromStr for PublicKey {
    type Err = NotAPublicKey;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let key = text.trim().parse();
        key.map(Self).map_err(|_| NotAPublicKey(text.to_owned()))
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An Ed25519 signature of 64 bytes, written as hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Signature(String);

impl Signature {
    fn of(bytes: &[u8]) -> Self {
        Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The bytes; none where the text is not 128 lower-case hexadecimal digits, of which there is one form.
    fn bytes(&self) -> Option<Vec<u8>> {
        let (pairs, rest) = self.0.as_bytes().as_chunks::<2>();
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let bytes: Option<Vec<u8>> = pairs
            .iter()
            .map(|[high, low]| Some(digit(*high)? * 16 + digit(*low)?))
            .collect();
        bytes.filter(|bytes| rest.is_empty() && bytes.len() == 64)
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Signature {
    type Err = NotASignature;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let signature = Self(text.trim().to_owned());
        match signature.bytes() {
            Some(_) => Ok(signature),
            None => Err(NotASignature(text.to_owned())),
        }
    }
}

/// The text is no signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a signature: 128 hexadecimal digits are expected")]
pub struct NotASignature(String);

/// A head with what shows where it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedHead {
    /// The head.
    pub head: Head,
    /// The signature over it.
    pub signature: Signature,
    /// What to check the signature with.
    pub public_key: PublicKey,
}

impl SignedHead {
    /// True if the signature over the head was made with the secret half of the public key.
    pub fn is_genuine(&self) -> bool {
        let message = head_message(&self.head);
        is_signed(&message, &self.signature, &self.public_key)
    }
}

/// A loaded signing key. It is never printed.
pub struct SigningKey(Ed25519KeyPair);

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey")
            .field(&self.public_key().to_string())
            .finish()
    }
}

/// Where the key of the data directory `dir` lies.
fn key_path(dir: &Path) -> PathBuf {
    dir.join("keys").join("signing.key")
}

impl SigningKey {
    /// The key of the data directory `dir`; it is made when it is first needed.
    pub fn of_directory(dir: &Path) -> Result<Self, StoreError> {
        if let Some(key) = Self::load(dir)? {
            return Ok(key);
        }
        let path = key_path(dir);
        create(&path).map_err(|error| file_failed("create the signing key", &path, &error))?;
        // What stands there now, should another process have been faster.
        Self::load(dir)?.ok_or_else(|| {
            StoreError::Failed(format!("the signing key `{}` vanished", path.display()))
        })
    }

    fn load(dir: &Path) -> Result<Option<Self>, StoreError> {
        let path = key_path(dir);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(file_failed("read the signing key", &path, &error)),
        };
        let mode = fs::metadata(&path)
            .map_err(|error| file_failed("look at the signing key", &path, &error))?
            .mode();
        if mode & 0o077 != 0 {
            return Err(StoreError::Failed(format!(
                "the signing key `{}` can be read by others than its owner: whoever read it can sign in its place; \
                 `chmod 600` it if nobody did, else remove it and tell those who know its public key",
                path.display()
            )));
        }
        let damaged = || {
            StoreError::Damaged(format!(
                "the signing key `{}` is not 64 hexadecimal digits",
                path.display()
            ))
        };
        let seed: Digest = text.trim_end().parse().map_err(|_| damaged())?;
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_bytes()).map_err(|_| damaged())?;
        Ok(Some(Self(pair)))
    }

    /// The public half.
    pub fn public_key(&self) -> PublicKey {
        let mut bytes = [0_u8; 32];
        for (slot, byte) in bytes.iter_mut().zip(self.0.public_key().as_ref()) {
            *slot = *byte;
        }
        PublicKey(Digest::from_bytes(bytes))
    }

    /// The head, signed.
    pub fn sign_head(&self, head: Head) -> SignedHead {
        SignedHead {
            head,
            signature: self.sign(&head_message(&head)),
            public_key: self.public_key(),
        }
    }

    /// Signs an export: its head, and a digest over everything that stands before its last line.
    pub(crate) fn sign_export(&self, head: &Head, lines: &Digest) -> Signature {
        self.sign(&export_message(head, lines))
    }

    fn sign(&self, message: &Digest) -> Signature {
        Signature::of(self.0.sign(message.as_bytes()).as_ref())
    }
}

/// True if `signature` is that of an export with this head and these lines, made with the secret half of `key`.
pub(crate) fn is_signed_export(
    head: &Head,
    lines: &Digest,
    signature: &Signature,
    key: &PublicKey,
) -> bool {
    is_signed(&export_message(head, lines), signature, key)
}

fn is_signed(message: &Digest, signature: &Signature, key: &PublicKey) -> bool {
    signature.bytes().is_some_and(|signature| {
        UnparsedPublicKey::new(&ED25519, key.0.as_bytes())
            .verify(message.as_bytes(), &signature)
            .is_ok()
    })
}

fn head_message(head: &Head) -> Digest {
    Digest::framed(
        "mandate.journal.head-signature.v1",
        [head.number.to_be_bytes().as_slice(), head.hash.as_bytes()],
    )
}

fn export_message(head: &Head, lines: &Digest) -> Digest {
    Digest::framed(
        "mandate.journal.export-signature.v1",
        [
            head.number.to_be_bytes().as_slice(),
            head.hash.as_bytes(),
            lines.as_bytes(),
        ],
    )
}

/// Written beside and linked, so that a crash leaves no key or the whole key, and two that come at once agree on one.
fn create(path: &Path) -> std::io::Result<()> {
    let parent = path.parent().unwrap_or(Path::new("."));
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(parent)?;
    let mut seed = [0_u8; 32];
    getrandom::fill(&mut seed).map_err(|error| std::io::Error::other(error.to_string()))?;
    let new = path.with_extension(format!("new-{}", std::process::id()));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)?;
    writeln!(file, "{}", Digest::from_bytes(seed))?;
    file.sync_all()?;
    let linked = fs::hard_link(&new, path);
    fs::remove_file(&new)?;
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    File::open(parent)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(number: u64) -> Head {
        Head {
            number,
            hash: Digest::of(b"a commit"),
        }
    }

    #[test]
    fn a_key_is_made_once_and_for_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let key = SigningKey::of_directory(dir.path()).unwrap();
        let again = SigningKey::of_directory(dir.path()).unwrap();
        assert_eq!(key.public_key(), again.public_key());
        let mode = fs::metadata(key_path(dir.path())).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
        let left: Vec<_> = fs::read_dir(dir.path().join("keys")).unwrap().collect();
        assert_eq!(left.len(), 1);
        let other = tempfile::tempdir().unwrap();
        let other = SigningKey::of_directory(other.path()).unwrap();
        assert_ne!(other.public_key(), key.public_key());
    }

    #[test]
    fn a_key_that_others_can_read_is_not_used() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        SigningKey::of_directory(dir.path()).unwrap();
        fs::set_permissions(key_path(dir.path()), fs::Permissions::from_mode(0o640)).unwrap();
        let error = SigningKey::of_directory(dir.path()).unwrap_err();
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }

    #[test]
    fn a_signature_is_good_for_one_head_one_use_and_one_key() {
        let dir = tempfile::tempdir().unwrap();
        let key = SigningKey::of_directory(dir.path()).unwrap();
        let signed = key.sign_head(head(1));
        assert!(signed.is_genuine());
        let moved = SignedHead {
            head: head(2),
            ..signed.clone()
        };
        assert!(!moved.is_genuine());
        let dir = tempfile::tempdir().unwrap();
        let other = SigningKey::of_directory(dir.path()).unwrap();
        let by_other = SignedHead {
            public_key: other.public_key(),
            ..signed.clone()
        };
        assert!(!by_other.is_genuine());
        // The signature over a head is none over an export with that head.
        let lines = Digest::of(b"");
        let exported = key.sign_export(&head(1), &lines);
        assert!(is_signed_export(
            &head(1),
            &lines,
            &exported,
            &key.public_key()
        ));
        assert!(!is_signed_export(
            &head(1),
            &lines,
            &signed.signature,
            &key.public_key()
        ));
        let upper: Result<Signature, _> = exported.to_string().to_uppercase().parse();
        assert!(upper.is_err());
    }
}
