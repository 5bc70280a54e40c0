//! Reading: one data model from YAML and JSON, positions, numbers, what is refused and where.

use crate::support::{lines, refused, yaml};
use mandate_plan::{Digest, Format, Position, parse, parse_value};
use serde_json::{Value, json};

fn value(text: &str) -> Value {
    yaml(text).value().clone()
}

#[test]
fn objects_of_a_document_are_sorted() {
    // Two documents with one hash are one plan: nothing may tell in which order its keys were written. The maps of
    // serde_json keep the order that they are filled in, because Cedar turns that on for the whole program.
    for (text, format) in [
        (r#"{"b":{"d":1,"c":3},"a":2}"#, Format::Json),
        ("b:\n  d: 1\n  c: 3\na: 2\n", Format::Yaml),
    ] {
        let document = parse(text.as_bytes(), format).unwrap();
        assert_eq!(document.value().to_string(), r#"{"a":2,"b":{"c":3,"d":1}}"#);
    }
}

#[test]
fn yaml_and_json_of_the_same_value_have_the_same_hash() {
    let yaml_text =
        "name: x\nlist: [1, 2.0, 3.5]\ntext: |\n  a\n  b\nnone: ~\nyes_no: yes\n\"quoted\": '1'\n";
    let json_text = r#"{"quoted":"1","yes_no":"yes","none":null,"text":"a\nb\n","list":[1.0,2,3.5],"name":"x"}"#;
    let one = yaml(yaml_text);
    let other = parse(json_text.as_bytes(), Format::Json).unwrap();
    assert_eq!(one.value(), other.value());
    assert_eq!(one.canonical(), other.canonical());
    assert_eq!(one.hash(), other.hash());
}

#[test]
fn the_hash_of_a_document_never_changes() {
    for (text, canonical, hash) in [
        (
            "b: 1.0\na: [true, null, \"é\"]\n",
            r#"{"a":[true,null,"é"],"b":1}"#,
            "",
        ),
        (
            "{}",
            "{}",
            "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
        ),
        ("n: 1e-7\n", r#"{"n":1e-7}"#, ""),
    ] {
        let document = yaml(text);
        assert_eq!(String::from_utf8_lossy(document.canonical()), canonical);
        assert_eq!(*document.hash(), Digest::of(canonical.as_bytes()));
        if !hash.is_empty() {
            assert_eq!(document.hash().to_string(), hash);
        }
    }
}

#[test]
fn plain_scalars_follow_the_core_schema() {
    let text = "[null, ~, true, False, yes, on, 012, 0x1F, 0o17, +3, -0, -0.0, 1e3, .5, 1., 1_000, 0b1, 1:30, 2026-01-01, '1', \"true\"]";
    assert_eq!(
        value(&format!("k: {text}"))["k"],
        json!([
            null,
            null,
            true,
            false,
            "yes",
            "on",
            12,
            31,
            15,
            3,
            0,
            0,
            1000,
            0.5,
            1,
            "1_000",
            "0b1",
            "1:30",
            "2026-01-01",
            "1",
            "true"
        ])
    );
    assert_eq!(value("k:\nl: ''\n"), json!({"k": null, "l": ""}));
}

#[test]
fn a_number_without_a_fraction_is_an_integer_however_written() {
    for text in [
        "9007199254740991",
        "9007199254740991.0",
        "9.007199254740991e15",
    ] {
        for format in [Format::Json, Format::Yaml] {
            let value = parse_value(format!("[{text}]").as_bytes(), format).unwrap();
            assert_eq!(value[0].as_i64(), Some(9_007_199_254_740_991), "{text}");
        }
    }
    for text in [
        "9007199254740992",
        "-9007199254740992",
        "9007199254740992.0",
        "1e16",
        "1e300",
        "1e999",
        "-1e999",
        "123456789012345678901234567890",
    ] {
        for (format, column) in [(Format::Json, 2), (Format::Yaml, 2)] {
            let violations = refused(format!("[{text}]"), format);
            assert_eq!(
                lines(&violations),
                format!("1:{column} NUMBER_OUT_OF_RANGE /0\n"),
                "{text}"
            );
            assert!(violations[0].message.contains("write it as a string"));
        }
    }
    for text in [".inf", "-.Inf", "+.INF", ".nan", "0xFFFFFFFFFFFFFFFF"] {
        assert_eq!(
            lines(&refused(format!("k: {text}"), Format::Yaml)),
            "1:4 NUMBER_OUT_OF_RANGE /k\n",
            "{text}"
        );
    }
}

#[test]
fn every_duplicate_key_is_reported_with_its_place() {
    let text = "a: 1\nb:\n  - x: 1\n    y: 2\n    x: 3\na: 2\n";
    let violations = refused(text, Format::Yaml);
    assert_eq!(
        lines(&violations),
        "5:5 DUPLICATE_KEY /b/0/x\n6:1 DUPLICATE_KEY /a\n"
    );
    assert_eq!(
        violations[0].message,
        "the key `x` is there twice, first in line 3, column 5"
    );
    let violations = refused(r#"{"a":1,"b":[{"x":1,"x":2}],"\u0061":2}"#, Format::Json);
    assert_eq!(
        lines(&violations),
        "1:20 DUPLICATE_KEY /b/0/x\n1:28 DUPLICATE_KEY /a\n"
    );
}

#[test]
fn yaml_that_plans_leave_out_is_refused() {
    for (text, expected) in [
        (
            "a: &x 1\nb: *x\n",
            "1:4 YAML_FEATURE_REFUSED /a\n2:4 YAML_FEATURE_REFUSED /b\n",
        ),
        ("a: !!str 1\n", "1:4 YAML_FEATURE_REFUSED /a\n"),
        ("a: !secret x\n", "1:4 YAML_FEATURE_REFUSED /a\n"),
        ("a:\n  <<: {b: 1}\n", "2:3 YAML_FEATURE_REFUSED /a\n"),
        ("a: &x {b: 1}\n", "1:4 YAML_FEATURE_REFUSED /a\n"),
        ("a: 1\n---\nb: 2\n", "2:1 SYNTAX_INVALID \n"),
        ("1: a\n", "1:1 SYNTAX_INVALID \n"),
        ("true: a\n", "1:1 SYNTAX_INVALID \n"),
        ("? [a]\n: b\n", "1:3 SYNTAX_INVALID \n"),
        ("a: [1, 2\n", "2:1 SYNTAX_INVALID /a/2\n"),
        ("a: \"x\n", "1:4 SYNTAX_INVALID /a\n"),
        ("", "1:1 SYNTAX_INVALID \n"),
        ("# nothing\n", "1:1 SYNTAX_INVALID \n"),
        ("a: 1\n\tb: 2\n", "1:4 SYNTAX_INVALID /a\n"),
    ] {
        assert_eq!(lines(&refused(text, Format::Yaml)), expected, "{text:?}");
    }
}

#[test]
fn json_is_read_strictly() {
    for (text, expected) in [
        ("", "1:1"),
        (" ", "1:2"),
        ("[1,]", "1:4"),
        ("{\"a\":1,}", "1:8"),
        ("[01]", "1:4"),
        ("[.5]", "1:2"),
        ("[1.]", "1:4"),
        ("[+1]", "1:2"),
        ("[1e]", "1:4"),
        ("[NaN]", "1:2"),
        ("[nul]", "1:2"),
        ("{a:1}", "1:2"),
        ("{'a':1}", "1:2"),
        ("[1] 2", "1:5"),
        ("[1\n,\n x]", "3:2"),
        ("[\"a\nb\"]", "1:4"),
        ("[\"\\x\"]", "1:4"),
        ("[\"\\ud800\"]", "1:5"),
        ("[\"\\udc00\\ud800\"]", "1:5"),
        ("[\"ä\", x]", "1:7"),
        ("// no\n[]", "1:1"),
    ] {
        assert_eq!(
            lines(&refused(text, Format::Json)),
            format!(
                "{expected} SYNTAX_INVALID {}\n",
                if text.starts_with("{\"a\":1,}")
                    || !text.contains(['[', '{'])
                    || text.starts_with('/')
                {
                    ""
                } else {
                    "?"
                }
            )
            .replace('?', &pointer_of(text)),
            "{text:?}"
        );
    }
    assert_eq!(
        parse_value(
            r#" {"a":"\ud83d\ude00\/\b\f\n\r\t\"\\"} "#.as_bytes(),
            Format::Json
        )
        .unwrap(),
        json!({"a": "😀/\u{8}\u{c}\n\r\t\"\\"})
    );
}

/// The pointer that a syntax error in these small texts has: the item that was being read.
fn pointer_of(text: &str) -> String {
    parse_value(text.as_bytes(), Format::Json).unwrap_err()[0]
        .pointer
        .clone()
}

#[test]
fn encodings_and_line_breaks() {
    let crlf = yaml("a: 1\r\nb:\r\n  c: |\r\n    x\r\n    y\r\n");
    assert_eq!(*crlf.value(), json!({"a": 1, "b": {"c": "x\ny\n"}}));
    assert_eq!(
        crlf.value_position("/b/c"),
        Some(Position { line: 4, column: 5 })
    );
    for format in [Format::Yaml, Format::Json] {
        assert_eq!(
            parse_value("\u{feff}[1]".as_bytes(), format).unwrap(),
            json!([1])
        );
        assert_eq!(
            lines(&refused(b"[\"a\",\n\"\xff\"]", format)),
            "2:2 ENCODING_INVALID \n"
        );
        assert_eq!(
            lines(&refused("[1,\n \u{0}]", format)),
            "2:2 SYNTAX_INVALID \n"
        );
        assert_eq!(
            lines(&refused("\u{feff}\u{feff}[1]", format)),
            "1:1 SYNTAX_INVALID \n"
        );
    }
    // UTF-16 is no UTF-8.
    assert_eq!(
        lines(&refused(b"\xff\xfea\0", Format::Yaml)),
        "1:1 ENCODING_INVALID \n"
    );
}

#[test]
fn positions_count_characters_from_one() {
    let text = "ключ: значение\nb:\n  - é: [1, {x: y}]\n    z: !\n".replace(" !\n", " 'ü'\n");
    let document = yaml(&text);
    let at = |line, column| Some(Position { line, column });
    assert_eq!(document.key_position("/ключ"), at(1, 1));
    assert_eq!(document.value_position("/ключ"), at(1, 7));
    assert_eq!(document.value_position("/b/0/é/1/x"), at(3, 16));
    assert_eq!(document.key_position("/b/0/é/1/x"), at(3, 13));
    assert_eq!(document.key_position("/b/0/é/1"), at(3, 12));
    assert_eq!(document.value_position("/b/0/z"), at(4, 8));
    assert_eq!(document.value_position("/b/0/nothing"), None);
    assert_eq!(document.value_position("/b/7"), None);
    assert_eq!(document.value_position(""), at(1, 1));
    let document = parse(
        r#"{"b":[10, {"a/b":{"~":"é"}} ,3],"a":2}"#.as_bytes(),
        Format::Json,
    )
    .unwrap();
    assert_eq!(document.value_position("/b/1/a~1b/~0"), at(1, 23));
    assert_eq!(document.key_position("/b/1/a~1b"), at(1, 12));
    assert_eq!(document.value_position("/b/2"), at(1, 30));
    assert_eq!(document.value_position("/a"), at(1, 37));
}
