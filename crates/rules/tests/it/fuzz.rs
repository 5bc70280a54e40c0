//! Whatever bytes come as JSON rules, or as tests of policies: they are refused, or what they become can be used.

use crate::{
    fuzzing::{DRAWN, made, time},
    support::loaded,
};
use mandate_rules::{
    import::{ImportOptions, Unmatched, import},
    testing::read,
};

const EIGHT: &str = include_str!("../../../../examples/policy/rules.json");
const TESTS: &str = include_str!("../../../../examples/policy/policy-tests/rules.yaml");
const RULES: &[&str] = &[
    EIGHT,
    r#"[{"id":"A","type":"resource","effect":"deny","conditions":{"type":"url","path_pattern":"^https?://(?!localhost|a\\.b)x|y"},"priority":3}]"#,
    r#"[{"id":"T","type":"context","effect":"allow","conditions":{"principal":["a","b\"}"],"time":{"after":"22:00","before":"06:00"},"session_risk":"high"},"priority":9},{"id":"R","type":"rate","effect":"require_approval","conditions":{"max_actions_per_minute":5}}]"#,
    r#"[{"id":"x \"y\" \\","name":"{tool} {","type":"action","effect":"require_approval","conditions":{"category":["file_read","unknown"]}},{"id":"S","type":"sequence","effect":"deny","conditions":{"pattern":["file_read","file_write"],"window":4},"priority":-1}]"#,
];
const WORDS: &[&str] = &[
    "(?!",
    "(?=",
    "(?<!",
    "(?i)",
    "^",
    "$",
    "|",
    ")",
    "(",
    "[",
    "]",
    "\\\\",
    "\\\"",
    "{2,9}",
    "*",
    "+",
    ".",
    "\\u0000",
    "\\u202e",
    "\"",
    "'''",
    "\\n",
    "{",
    "}",
    ",",
    ":",
    "\"deny\"",
    "\"allow\"",
    "\"require_approval\"",
    "\"resource\"",
    "9",
    "-",
    "\"file\"",
    "\"url\"",
    "\u{e9}",
    "://",
    "localhost",
];

#[test]
fn rules_are_refused_or_become_a_valid_policy() {
    let (mut sets, mut inputs) = (0, 0);
    bolero::check!()
        .with_max_len(DRAWN)
        .with_test_time(time())
        .for_each(|drawn: &[u8]| {
            inputs += 1;
            let bytes = made(RULES, WORDS, drawn);
            let Ok(text) = std::str::from_utf8(&bytes) else {
                return;
            };
            for unmatched in [None, Some(Unmatched::RequireApproval)] {
                if let Ok(made) = import(text, ImportOptions { unmatched }) {
                    sets += 1;
                    if let Err(wrong) = loaded(&made.cedar, &made.policy_toml) {
                        let wrong: Vec<String> = wrong.iter().map(ToString::to_string).collect();
                        panic!("{wrong:?}\n{}\n{}", made.cedar, made.policy_toml);
                    }
                }
            }
        });
    assert!(sets > 8 && inputs > 100, "{sets} sets in {inputs} inputs");
}

#[test]
fn test_files_are_refused_or_read() {
    let words: Vec<&str> = WORDS
        .iter()
        .copied()
        .chain(["\n", "  - ", "call: ", "plan: "])
        .collect();
    let mut inputs = 0;
    bolero::check!()
        .with_max_len(DRAWN)
        .with_test_time(time())
        .for_each(|drawn: &[u8]| {
            inputs += 1;
            let bytes = &made(&[TESTS], &words, drawn);
            for json in [false, true] {
                if let Err(wrong) = read(bytes, json) {
                    assert!(!wrong.is_empty());
                }
            }
        });
    assert!(inputs > 100, "{inputs}");
}
