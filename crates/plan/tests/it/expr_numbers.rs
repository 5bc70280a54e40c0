//! One kind of number.

use crate::expr_scope::{Documents, error_table, eval, table, try_eval};
use serde_json::json;

#[test]
fn an_int_meeting_a_double_becomes_a_double() {
    table(&[
        ("1 + 1.5", "2.5"),
        ("1.5 + 1", "2.5"),
        ("3 - 0.5", "2.5"),
        ("2 * 1.5", "3"),
        ("1 + inputs.half", "1.5"),
        ("1 < 1.5", "true"),
        ("2 > 1.5", "true"),
        ("2 <= 2.0 && 2.0 <= 2", "true"),
        ("2 == 2.0", "true"),
        ("[1, 2] == [1.0, 2.0]", "true"),
        ("2 in [1.0, 2.0]", "true"),
        ("[2, 1.5, 1].sort()", "[1, 1.5, 2]"),
        ("[2, 1.5, 1].sum()", "4.5"),
        ("[2, 1.5].min()", "1.5"),
        ("[2, 2.5].max()", "2.5"),
        ("math.greatest(1, 2.5, 2)", "2.5"),
    ]);
}

#[test]
fn division_is_exact() {
    table(&[
        ("6 / 3", "2"),
        ("7 / 2", "3.5"),
        ("1 / 3 * 3 == 1", "true"),
        ("7.5 / 2.5", "3"),
        ("math.quot(7, 2)", "3"),
        ("math.quot(-7, 2)", "-3"),
        ("math.quot(7.5, 2)", "3"),
        ("7 % 3", "1"),
        ("-7 % 3", "-1"),
        ("7.0 % 3", "1"),
        ("(inputs.half + inputs.half) % 1", "0"),
    ]);
    error_table(&[
        ("1 / 0", "division by zero"),
        ("1 / 0.0", "division by zero"),
        ("1 % 0", "division by zero"),
        ("math.quot(1, 0)", "division by zero"),
        ("7.5 % 2", "`%` takes whole numbers"),
    ]);
}

#[test]
fn a_whole_number_is_one_however_it_is_written() {
    table(&[
        ("inputs.whole", "4"),
        ("[inputs.whole]", "[4]"),
        ("inputs.list[inputs.whole - 3]", "1"),
        ("type(inputs.whole) == int", "true"),
        ("type(inputs.half + inputs.half)", "\"int\""),
        ("string(inputs.whole)", "\"4\""),
        ("string(0.5 + 0.5)", "\"1\""),
        ("0.5 + 0.5", "1"),
        ("1.0", "1"),
        ("[10, 20][1.0]", "20"),
        ("1u + 1", "2"),
        ("uint(3) - 4", "-1"),
        ("-0.0", "0"),
    ]);
    assert!(eval("inputs.whole").is_i64());
    assert!(eval("0.5 + 0.5").is_i64());
    assert_eq!(
        try_eval("inputs.a", &Documents::inputs(json!({"a": {"b": [1.0]}})))
            .unwrap()
            .to_string(),
        r#"{"b":[1]}"#
    );
}

#[test]
fn results_that_json_cannot_hold_are_errors() {
    error_table(&[
        ("9007199254740991 + 1", "outside of ±9007199254740991"),
        ("-9007199254740991 - 1", "outside of"),
        ("9007199254740991 * 9007199254740991", "outside of"),
        ("math.abs(-9007199254740991) + 1", "outside of"),
        ("lists.range(3).map(x, 9007199254740990 + x)", "outside of"),
        ("1e308 * 10.0", "too large"),
        ("int(1e300)", "outside of"),
        ("double('1e999')", "too large"),
        ("double('inf')", "reads a number"),
        ("double('NaN')", "reads a number"),
        ("math.sqrt(-1)", "negative"),
        ("math.bitShiftLeft(1, 60)", "outside of"),
    ]);
    assert_eq!(
        eval("9007199254740991 + 0.0"),
        json!(9_007_199_254_740_991_i64)
    );
    assert_eq!(
        eval("9007199254740991 + 1.0"),
        json!(9_007_199_254_740_992.0)
    );
}

#[test]
fn large_integers_of_tools_pass_unchanged() {
    let scope = Documents::inputs(json!({"big": 9_007_199_254_740_993_i64, "huge": u64::MAX}));
    assert_eq!(
        try_eval("inputs.big", &scope).unwrap(),
        json!(9_007_199_254_740_993_i64)
    );
    assert_eq!(try_eval("inputs.huge", &scope).unwrap(), json!(u64::MAX));
    assert_eq!(
        try_eval("[inputs.big]", &scope).unwrap(),
        json!([9_007_199_254_740_993_i64])
    );
    assert_eq!(
        try_eval("inputs.big == 9007199254740992.0", &scope).unwrap(),
        json!(false)
    );
}

#[test]
fn math_functions() {
    table(&[
        ("math.abs(-3)", "3"),
        ("math.abs(-3.5)", "3.5"),
        ("math.ceil(1.2)", "2"),
        ("math.floor(-1.2)", "-2"),
        ("math.trunc(-1.8)", "-1"),
        ("math.round(1.5)", "2"),
        ("math.round(-1.5)", "-2"),
        ("math.round(3)", "3"),
        ("math.round(2.345678, 2)", "2.35"),
        ("math.sign(-2.5)", "-1"),
        ("math.sign(0.0)", "0"),
        ("math.sign(9)", "1"),
        ("math.sqrt(16)", "4"),
        ("math.sqrt(2.25)", "1.5"),
        ("math.greatest(3, 1, 2)", "3"),
        ("math.least([3, 1, 2])", "1"),
        ("math.isNaN(1.5)", "false"),
        ("math.isInf(1)", "false"),
        ("math.isFinite(1)", "true"),
        ("math.bitAnd(6, 3)", "2"),
        ("math.bitOr(6, 3)", "7"),
        ("math.bitXor(6, 3)", "5"),
        ("math.bitNot(0)", "-1"),
        ("math.bitShiftLeft(1, 4)", "16"),
        ("math.bitShiftRight(16, 2)", "4"),
        ("-inputs.n", "-7"),
        ("-(inputs.half)", "-0.5"),
    ]);
    error_table(&[
        (
            "math.abs('1')",
            "`math.abs` takes a number, and here is a string",
        ),
        ("math.round(1.5, 16)", "0 to 15 digits"),
        ("math.greatest([])", "at least one"),
        ("math.bitAnd(1.5, 1)", "whole number"),
        ("math.bitShiftLeft(1, -1)", "not negative"),
        (
            "1 + 'a'",
            "`+` takes two numbers, strings or lists, and here are an int and a string",
        ),
        ("inputs.nothing + 1", "here are null and an int"),
        ("-'a'", "`-` takes a number"),
    ]);
}
