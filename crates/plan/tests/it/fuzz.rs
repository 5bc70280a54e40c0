//! Whatever bytes come as a plan: they are refused, or they are a plan that stays the same when it is read again.

use crate::fuzzing::{DRAWN, made, time};
use mandate_plan::{Format, check, parse, reload};

const SAMPLES: &[&str] = &[
    include_str!("../../../../examples/crash-recovery/plan.yaml"),
    include_str!("../../../../examples/release/plan.yaml"),
    r#"{"version":1,"name":"x","steps":[{"id":"a","tool":"fs.read","args":{"path":"${inputs.p}"}}],"inputs":{"p":{"type":"string"}}}"#,
    "version: 1\nname: x\nsteps:\n  - {id: a, tool: data.value, args: {value: 1}, if: 'steps.b.output > 1', for_each: {in: '[1, 2]'}}\n",
];
const WORDS: &[&str] = &[
    "${",
    "}",
    "steps.",
    "inputs.",
    ": ",
    "- ",
    "\n",
    "\n  ",
    "{",
    "[",
    "]",
    "&a ",
    "*a",
    "<<: *a",
    "!!binary ",
    "|\n",
    "\"",
    "'",
    "\u{202e}",
    "\u{0}",
    "1e999",
    "-0",
    "99999999999999999999",
    "null",
    "on_failure",
    "fallback:",
    "for_each",
    "after: [a]",
    "plan.run",
    "\\u0000",
    "#",
    "---\n",
    "...\n",
    "? ",
];

#[test]
fn plans_are_refused_or_stay_the_same() {
    let (mut plans, mut inputs) = (0, 0);
    bolero::check!()
        .with_max_len(DRAWN)
        .with_test_time(time())
        .for_each(|drawn: &[u8]| {
            inputs += 1;
            let bytes = &made(SAMPLES, WORDS, drawn);
            for format in [Format::Yaml, Format::Json] {
                let Ok(document) = parse(bytes, format) else {
                    continue;
                };
                let again = parse(document.canonical(), Format::Json).unwrap();
                assert_eq!(document.hash(), again.hash());
                if let Some(plan) = check(&document, None).plan {
                    plans += 1;
                    assert_eq!(reload(plan.canonical()).unwrap().hash(), plan.hash());
                }
            }
        });
    assert!(
        plans > 3 && inputs > plans,
        "{plans} plans in {inputs} inputs"
    );
}
