//! Properties: canonical bytes are a fixed point, and both readers agree on them.

use mandate_plan::{Format, canonical_json, parse, parse_value};
use proptest::prelude::*;
use serde_json::{Map, Value};

const MAX: i64 = 9_007_199_254_740_991;

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-MAX..=MAX).prop_map(Value::from),
        any::<f64>()
            .prop_filter("kept exactly", |f| f.is_finite()
                && (f.fract() != 0.0 || f.abs() < 1e15))
            .prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[ -~]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(".{0,8}", inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn canonical_bytes_are_a_fixed_point(value in value()) {
        // JSON texts hold no NUL; the document reader says so before it parses.
        let bytes = canonical_json(&value);
        let document = parse(&bytes, Format::Json).unwrap();
        prop_assert_eq!(document.canonical(), &bytes[..]);
        let again = parse(document.canonical(), Format::Json).unwrap();
        prop_assert_eq!(again.value(), document.value());
        prop_assert_eq!(again.hash(), document.hash());
    }

    #[test]
    fn pretty_json_reads_the_same_in_both_formats(value in value()) {
        let text = serde_json::to_string_pretty(&value).unwrap();
        let json = parse_value(text.as_bytes(), Format::Json).unwrap();
        // In a block, so that the YAML reader proper takes it.
        let block = format!("- {}", text.replace('\n', "\n  "));
        if let Ok(yaml) = parse_value(block.as_bytes(), Format::Yaml) {
            prop_assert_eq!(&yaml[0], &json);
        } else {
            // YAML refuses some characters that JSON takes as they are.
            prop_assert!(text.chars().any(|c| !(' '..='~').contains(&c) && c != '\n'), "{}", block);
        }
    }

    #[test]
    fn no_text_makes_a_reader_panic(text in "\\PC{0,80}|[-\\[\\]{}:,\"'#&*!|>%@?\\\\ \n\ta0.e]{0,60}") {
        let _ = parse(text.as_bytes(), Format::Json);
        if let Ok(document) = parse(text.as_bytes(), Format::Yaml) {
            let again = parse(document.canonical(), Format::Json).unwrap();
            prop_assert_eq!(again.hash(), document.hash());
        }
    }

    #[test]
    fn no_value_makes_the_check_panic(value in value()) {
        let bytes = canonical_json(&value);
        let document = parse(&bytes, Format::Json).unwrap();
        let checked = mandate_plan::check(&document, None);
        prop_assert_eq!(checked.plan.is_none(), checked.violations.iter().any(|v| v.is_error()));
    }
}
