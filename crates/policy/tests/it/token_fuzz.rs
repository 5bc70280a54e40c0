//! Whatever text comes as a token: it is read or refused, has one spelling, and proves nothing that was not given out.

use crate::fuzzing::{DRAWN, made, time};
use mandate_plan::{Digest, ErrorCode};
use mandate_policy::token::{Bound, KeyRing, Token, TokenKey};
use std::collections::BTreeSet;

const NOW: i64 = 1_000_000;
const END: i64 = NOW + 900_000;
const WORDS: &[&str] = &[
    "mandate1",
    "mandate2",
    ".",
    "..",
    "k1",
    "k2",
    "00",
    "01",
    "02",
    "03",
    "04",
    "05",
    "06",
    "07",
    "ff",
    "00000000",
    "00000001",
    "7fffffffffffffff",
    "A",
    "\u{0}",
    "é",
    " ",
    "\n",
];

fn steps(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

#[test]
fn a_token_that_nobody_gave_out_never_holds() {
    let keys = KeyRing::new(vec![TokenKey::new("k1", &[1; 32]).unwrap()]).unwrap();
    let digest = Digest::of(b"plan, inputs, tools");
    let bound = Bound {
        execution_id: "exec-1",
        execution_digest: &digest,
        session: "cli-1",
        principal: "local:1000",
    };
    let whole = Token::mint(&keys, &bound, END, None, [7; 16]);
    let narrow = Token::mint(&keys, &bound, END, Some(&steps(&["a", "b"])), [8; 16]);
    let less = narrow.clone().for_steps(steps(&["b"]));
    let shorter = whole.clone().until(NOW + 1);
    let given: Vec<String> = [&whole, &narrow, &less, &shorter]
        .map(Token::reveal)
        .to_vec();
    let samples: Vec<&str> = given.iter().map(String::as_str).collect();
    let (mut inputs, mut read, mut held) = (0_u64, 0_u64, 0_u64);
    bolero::check!()
        .with_max_len(DRAWN)
        .with_test_time(time())
        .for_each(|drawn: &[u8]| {
            inputs += 1;
            let bytes = made(&samples, WORDS, drawn);
            let text = String::from_utf8_lossy(&bytes);
            let Ok(token) = text.parse::<Token>() else {
                return;
            };
            read += 1;
            assert_eq!(token.reveal(), text, "a token has one spelling");
            let _ = token.claimed_execution();
            match token.verify(&keys, &bound, NOW) {
                // Only what was given out, or what its holder makes of it with the functions for that, holds; here nobody does.
                Ok(verified) => {
                    held += 1;
                    assert!(given.iter().any(|known| *known == text), "{text}");
                    assert!(verified.expires_ms <= END);
                }
                Err(refusal) => assert!(
                    matches!(
                        refusal.code,
                        ErrorCode::TokenInvalid | ErrorCode::TokenExpired
                    ),
                    "{refusal:?}"
                ),
            }
            // What is added to a token that does not hold gives none that does.
            let more = token.clone().for_steps(steps(&["a"]));
            if token.verify(&keys, &bound, NOW).is_err() {
                assert!(more.verify(&keys, &bound, NOW).is_err(), "{text}");
            }
            let again: Result<Token, _> = more.reveal().parse();
            assert!(
                again.is_ok_and(|again| again == more) || text.len() > 4_000,
                "{text}"
            );
        });
    assert!(
        inputs > 1_000 && read > 100 && held >= 4,
        "{inputs} {read} {held}"
    );
}
