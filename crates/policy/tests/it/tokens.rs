//! Tokens: what they prove, what a holder can do to one, and what nobody can.

use mandate_plan::{Digest, ErrorCode};
use mandate_policy::token::{Bound, KeyRing, Token, TokenKey};
use proptest::prelude::*;
use std::collections::BTreeSet;

const NOW: i64 = 1_000_000;
const END: i64 = NOW + 900_000;

fn digest() -> Digest {
    Digest::of(b"plan, inputs, tools")
}

fn ring(seeds: &[u8]) -> KeyRing {
    let key = |seed: &u8| TokenKey::new(&format!("k{seed}"), &[*seed; 32]).unwrap();
    KeyRing::new(seeds.iter().map(key).collect()).unwrap()
}

fn with_bound<T>(f: impl FnOnce(&Bound<'_>) -> T) -> T {
    let digest = digest();
    f(&Bound {
        execution_id: "exec-1",
        execution_digest: &digest,
        session: "cli-1",
        principal: "local:1000",
    })
}

fn token() -> Token {
    with_bound(|bound| Token::mint(&ring(&[1]), bound, END, None, [7; 16]))
}

fn verify_at(token: &Token, now_ms: i64) -> Result<Option<BTreeSet<String>>, ErrorCode> {
    let verified = with_bound(|bound| token.verify(&ring(&[1]), bound, now_ms));
    verified.map(|v| v.steps).map_err(|refusal| refusal.code)
}

fn verify(token: &Token) -> Result<Option<BTreeSet<String>>, ErrorCode> {
    verify_at(token, NOW)
}

fn steps(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

#[test]
fn a_token_holds_until_its_end_and_not_at_it() {
    assert_eq!(verify_at(&token(), END - 1), Ok(None));
    assert_eq!(verify_at(&token(), END), Err(ErrorCode::TokenExpired));
    let again: Token = token().reveal().parse().unwrap();
    assert_eq!(again, token());
    assert_eq!(verify(&again), Ok(None));
}

#[test]
fn the_text_of_a_token_stays_the_same() {
    // Tokens that were given out before an update hold after it.
    let text = token().reveal();
    let digest = Digest::of(text.as_bytes()).to_string();
    assert!(text.starts_with("mandate1.k1.01000000100707"), "{text}");
    assert_eq!(
        digest,
        "d0127638b0ee4af4f68e3d5887ea60fcd15436b2774198229afe70b5f8b66595"
    );
}

#[test]
fn each_thing_that_it_is_bound_to_counts() {
    let (digest, other) = (digest(), Digest::of(b"another plan"));
    let right = Bound {
        execution_id: "exec-1",
        execution_digest: &digest,
        session: "cli-1",
        principal: "local:1000",
    };
    let wrong = [
        Bound {
            execution_id: "exec-2",
            ..right
        },
        Bound {
            execution_digest: &other,
            ..right
        },
        Bound {
            session: "cli-2",
            ..right
        },
        Bound {
            principal: "local:1001",
            ..right
        },
    ];
    assert!(token().verify(&ring(&[1]), &right, NOW).is_ok());
    for wrong in wrong {
        let refused = token().verify(&ring(&[1]), &wrong, NOW).unwrap_err();
        assert_eq!(refused.code, ErrorCode::TokenInvalid, "{wrong:?}");
    }
}

#[test]
fn a_holder_can_narrow_a_token_and_nobody_can_widen_it() {
    let narrow = token().for_steps(steps(&["a", "b"]));
    assert_eq!(verify(&narrow), Ok(Some(steps(&["a", "b"]))));
    let both = narrow.clone().for_steps(steps(&["b", "c"]));
    assert_eq!(verify(&both), Ok(Some(steps(&["b"]))));
    // The caveat taken away again, with the code that came with it or the one of the token before.
    let (whole, narrow) = (token().reveal(), narrow.reveal());
    let parts: Vec<&str> = narrow.split('.').collect();
    let body: Vec<&str> = whole.split('.').collect();
    let cut = format!("{}.{}.{}.{}", parts[0], parts[1], body[2], parts[3]);
    assert_eq!(verify(&cut.parse().unwrap()), Err(ErrorCode::TokenInvalid));
    let more = format!("{}.{}.{}.{}", parts[0], parts[1], parts[2], body[3]);
    assert_eq!(verify(&more.parse().unwrap()), Err(ErrorCode::TokenInvalid));
}

#[test]
fn an_end_can_only_come_nearer_and_then_nothing_renews_it() {
    let soon = token().until(NOW + 1);
    let checked = with_bound(|bound| soon.verify(&ring(&[1]), bound, NOW)).unwrap();
    assert!(!checked.renewable);
    assert_eq!(checked.expires_ms, NOW + 1);
    assert_eq!(verify_at(&soon, NOW + 1), Err(ErrorCode::TokenExpired));
    let later = token().until(END * 2);
    assert_eq!(verify_at(&later, END), Err(ErrorCode::TokenExpired));
}

#[test]
fn keys_rotate_and_tokens_of_the_one_before_hold_as_long_as_it_is_there() {
    let both = ring(&[1, 2]);
    let (old, new) = with_bound(|bound| {
        let new = Token::mint(&both, bound, END, None, [8; 16]);
        (token(), new)
    });
    assert_eq!((old.key_id(), new.key_id()), ("k1", "k2"));
    let holds = |token: &Token, ring: &KeyRing| {
        with_bound(|bound| token.verify(ring, bound, NOW)).map_err(|refusal| refusal.code)
    };
    assert!(holds(&old, &both).is_ok() && holds(&new, &both).is_ok());
    assert_eq!(
        holds(&old, &ring(&[2])).unwrap_err(),
        ErrorCode::TokenInvalid
    );
    // The id is part of what the chain goes over: a token does not move to another key.
    let moved: Token = old.reveal().replacen("k1", "k2", 1).parse().unwrap();
    assert_eq!(holds(&moved, &both).unwrap_err(), ErrorCode::TokenInvalid);
    let same_bytes = KeyRing::new(vec![TokenKey::new("k2", &[1; 32]).unwrap()]).unwrap();
    assert_eq!(
        holds(&moved, &same_bytes).unwrap_err(),
        ErrorCode::TokenInvalid
    );
}

#[test]
fn keys_are_as_they_must_be() {
    for id in ["", "K1", "a.b", "a b", &"a".repeat(65)] {
        assert!(TokenKey::new(id, &[0; 32]).is_err(), "{id}");
    }
    let key = || TokenKey::new("k1", &[0; 32]).unwrap();
    assert!(KeyRing::new(Vec::new()).is_err());
    assert!(KeyRing::new(vec![key(), key()]).is_err());
}

#[test]
fn what_is_not_known_is_no_token() {
    let good = token().reveal();
    let parts: Vec<&str> = good.split('.').collect();
    let with_body = |body: &str| format!("{}.{}.{body}.{}", parts[0], parts[1], parts[3]);
    let bad = [
        String::new(),
        good.replacen("mandate1", "mandate2", 1),
        good.to_uppercase(),
        format!("{good}."),
        format!(" {good}"),
        with_body(&format!("{}08000000", parts[2])), // a kind without its length
        with_body(&format!("{}0800000000", parts[2])), // a kind that nobody knows
        with_body(&format!("{}07ffffffff", parts[2])), // a length that is not there
        with_body(&format!("{}070000000a000000016200000001610", parts[2])), // half a byte
        with_body(&format!("{}070000000a00000001620000000161", parts[2])), // not ascending
        with_body(&format!("{}070000000a00000001610000000161", parts[2])), // twice
        with_body(&"0700000000".repeat(65)),
        good.chars().take(good.len() - 2).collect(),
        "a".repeat(300_000),
    ];
    for bad in bad {
        let error = bad.parse::<Token>().unwrap_err().to_string();
        assert!(!error.contains("mandate1"), "{error}");
    }
}

#[test]
fn neither_token_nor_key_is_shown() {
    let shown = format!("{:?} {:?}", token(), ring(&[1]));
    assert!(shown.contains("k1"), "{shown}");
    let mac = token().reveal();
    let mac = mac.rsplit('.').next().unwrap();
    assert!(!shown.contains(mac) && !shown.contains("exec-1"), "{shown}");
}

proptest! {
    /// Whatever is changed in a token's text: it is no token, or not one of ours.
    #[test]
    fn no_other_text_is_a_token(place in 0_usize..10_000, digit in "[0-9a-f.kz]") {
        let text = token().for_steps(steps(&["a"])).reveal();
        let place = place % text.len();
        let mut changed = text.clone();
        changed.replace_range(place..=place, &digit);
        prop_assume!(changed != text);
        if let Ok(token) = changed.parse::<Token>() {
            prop_assert_eq!(verify(&token), Err(ErrorCode::TokenInvalid));
        }
    }

    /// Caveats keep their bounds: moving text from one to the next makes another token.
    #[test]
    fn caveats_are_framed(session in "[a-z]{1,8}", principal in "[a-z]{1,8}", cut in 0_usize..8) {
        let both = format!("{session}{principal}");
        let cut = cut % both.len();
        let digest = digest();
        let bound = |at: usize| Bound {
            execution_id: "e",
            execution_digest: &digest,
            session: &both[..at],
            principal: &both[at..],
        };
        prop_assume!(cut != session.len());
        let keys = ring(&[1]);
        let token = Token::mint(&keys, &bound(session.len()), END, None, [0; 16]);
        prop_assert!(token.verify(&keys, &bound(session.len()), NOW).is_ok());
        prop_assert!(token.verify(&keys, &bound(cut), NOW).is_err());
        let other = Token::mint(&keys, &bound(cut), END, None, [0; 16]);
        prop_assert_ne!(other.reveal(), token.reveal());
    }

    /// What is read is what was written, and it has no other form.
    #[test]
    fn text_that_is_read_is_written_alike(text in "mandate1\\.k1\\.(0[1-7]000000[0-9a-f]{2}[0-9a-f]{0,40}){0,4}\\.[0-9a-f]{64}") {
        if let Ok(token) = text.parse::<Token>() {
            prop_assert_eq!(token.reveal(), text);
        }
    }
}
