//! Tokens that were shown before: what was reckoned is known, what is to be looked at is looked at.

use mandate_plan::{Digest, ErrorCode};
use mandate_policy::token::{Bound, KeyRing, KnownChains, Token, TokenKey};

const NOW: i64 = 1_000_000;
const END: i64 = NOW + 900_000;

fn ring(ids: &[(&str, u8)]) -> KeyRing {
    let keys = ids
        .iter()
        .map(|(id, seed)| TokenKey::new(id, &[*seed; 32]).unwrap());
    KeyRing::new(keys.collect()).unwrap()
}

fn minted(keys: &KeyRing, nonce: u8) -> Token {
    let digest = Digest::of(b"x");
    let bound = Bound {
        execution_id: "exec-1",
        execution_digest: &digest,
        session: "s",
        principal: "ada",
    };
    Token::mint(keys, &bound, END, None, [nonce; 16])
}

fn shown(
    known: &mut KnownChains,
    keys: &KeyRing,
    token: &Token,
    (principal, now_ms): (&str, i64),
) -> Result<(), ErrorCode> {
    let digest = Digest::of(b"x");
    let bound = Bound {
        execution_id: "exec-1",
        execution_digest: &digest,
        session: "s",
        principal,
    };
    let said = token.verify_known(known, keys, &bound, now_ms);
    assert_eq!(said, token.verify(keys, &bound, now_ms));
    said.map(|_| ()).map_err(|refusal| refusal.code)
}

#[test]
fn what_holds_is_looked_at_each_time() {
    let (mut known, keys) = (KnownChains::default(), ring(&[("k1", 1)]));
    let token = minted(&keys, 7);
    for _ in 0..3 {
        assert_eq!(shown(&mut known, &keys, &token, ("ada", NOW)), Ok(()));
    }
    let other = shown(&mut known, &keys, &token, ("bob", NOW));
    assert_eq!(other, Err(ErrorCode::TokenInvalid));
    let late = shown(&mut known, &keys, &token, ("ada", END));
    assert_eq!(late, Err(ErrorCode::TokenExpired));
    let sooner = token.clone().until(NOW + 1);
    assert_eq!(shown(&mut known, &keys, &sooner, ("ada", NOW)), Ok(()));
    let over = shown(&mut known, &keys, &sooner, ("ada", NOW + 1));
    assert_eq!(over, Err(ErrorCode::TokenExpired));
}

#[test]
fn a_key_that_is_gone_or_another_one_of_its_name_knows_nothing() {
    let (mut known, keys) = (KnownChains::default(), ring(&[("k1", 1)]));
    let token = minted(&keys, 7);
    assert_eq!(shown(&mut known, &keys, &token, ("ada", NOW)), Ok(()));
    for others in [ring(&[("k2", 2)]), ring(&[("k1", 2)])] {
        let said = shown(&mut known, &others, &token, ("ada", NOW));
        assert_eq!(said, Err(ErrorCode::TokenInvalid));
    }
    let both = ring(&[("k1", 1), ("k2", 2)]);
    assert_eq!(shown(&mut known, &both, &token, ("ada", NOW)), Ok(()));
}

#[test]
fn what_was_changed_is_not_taken_for_what_it_was() {
    let (mut known, keys) = (KnownChains::default(), ring(&[("k1", 1)]));
    let token = minted(&keys, 7);
    assert_eq!(shown(&mut known, &keys, &token, ("ada", NOW)), Ok(()));
    let text = token.reveal();
    let (mut tried, mut refused) = (0, 0);
    for at in 0..text.len() {
        let mut changed = text.clone().into_bytes();
        changed[at] = if changed[at] == b'1' { b'2' } else { b'1' };
        let Ok(changed) = String::from_utf8(changed).unwrap().parse::<Token>() else {
            continue;
        };
        tried += 1;
        refused += usize::from(shown(&mut known, &keys, &changed, ("ada", NOW)).is_err());
    }
    assert!(tried > 20, "{tried}");
    assert_eq!(refused, tried);
    assert_eq!(shown(&mut known, &keys, &token, ("ada", NOW)), Ok(()));
}

#[test]
fn more_than_are_kept_are_right_all_the_same() {
    let (mut known, keys) = (KnownChains::default(), ring(&[("k1", 1)]));
    let tokens: Vec<Token> = (0..100).map(|nonce| minted(&keys, nonce)).collect();
    for token in tokens.iter().chain(&tokens) {
        assert_eq!(shown(&mut known, &keys, token, ("ada", NOW)), Ok(()));
    }
}
