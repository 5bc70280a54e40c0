//! The keys of tokens: made once, owner-only, rotated.

use mandate_store::TokenKeys;
use std::os::unix::fs::PermissionsExt as _;

#[test]
fn the_first_key_is_made_once_and_only_its_owner_can_read_it() {
    let dir = tempfile::tempdir().unwrap();
    let keys = TokenKeys::of(dir.path());
    let first = keys.ring().unwrap().current().id().to_owned();
    let again = TokenKeys::of(dir.path()).ring().unwrap();
    assert_eq!(again.ids(), [first.as_str()]);
    let mode = |name: &str| {
        let path = dir.path().join(name);
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    };
    assert_eq!((mode("keys"), mode("keys/token.keys")), (0o700, 0o600));
}

#[test]
fn a_new_key_comes_last_and_old_ones_go() {
    let dir = tempfile::tempdir().unwrap();
    let keys = TokenKeys::of(dir.path());
    let first = keys.ring().unwrap().current().id().to_owned();
    let second = keys.rotate(false).unwrap();
    assert_eq!(keys.ring().unwrap().ids(), [first.as_str(), &second]);
    for _ in 0..3 {
        keys.rotate(false).unwrap();
    }
    let ring = keys.ring().unwrap();
    assert_eq!(ring.ids().len(), 4);
    assert!(ring.find(&first).is_none() && ring.find(&second).is_some());
    let only = keys.rotate(true).unwrap();
    assert_eq!(keys.ring().unwrap().ids(), [only.as_str()]);
}

#[test]
fn a_file_that_is_not_ours_gives_no_key() {
    let dir = tempfile::tempdir().unwrap();
    let keys = TokenKeys::of(dir.path());
    keys.ring().unwrap();
    for bad in ["", "k1", "k1 zz", "K1 00", "\n"] {
        std::fs::write(dir.path().join("keys/token.keys"), bad).unwrap();
        let error = keys.ring().unwrap_err().to_string();
        assert!(error.contains("token.keys"), "{error}");
    }
}
