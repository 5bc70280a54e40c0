//! Every function, from source to value.

use crate::expr_scope::{error_table, table};

#[test]
fn paths_and_keys() {
    table(&[
        ("inputs.n", "7"),
        ("inputs['odd key']", "5"),
        ("inputs[\"odd key\"] + 1", "6"),
        ("inputs.list[0]", "3"),
        ("inputs.records[1].name", "\"bob\""),
        ("inputs.records[size(inputs.records) - 1].name", "\"cid\""),
        ("has(inputs.n)", "true"),
        ("has(inputs.zzz)", "false"),
        ("has(inputs.nothing)", "true"),
        ("has(inputs.map.a) && !has(inputs.map.z)", "true"),
        ("'a' in inputs.map", "true"),
        ("'z' in inputs.map", "false"),
        ("1 in inputs.map", "false"),
        (
            "{'x': 1, 'a': [true, null]}",
            "{\"a\": [true, null], \"x\": 1}",
        ),
        ("{'x': {'y': 2}}.x.y", "2"),
        ("inputs.flag ? 'y' : 'n'", "\"y\""),
        ("item.id + index", "3"),
        ("!inputs.flag", "false"),
        ("'a' < 'b' && b'a' < b'b' && false < true", "true"),
        ("[1] + [2, 'x']", "[1, 2, \"x\"]"),
        ("b'abc'", "\"YWJj\""),
    ]);
    error_table(&[
        ("inputs.zzz", "no such key `zzz`"),
        ("inputs.zzz.a", "no such key `zzz`"),
        ("inputs[inputs.text]", "no such key"),
        ("inputs.n.a", "an int has no key `a`"),
        ("inputs.nothing.a", "null has no key `a`"),
        ("inputs.list[3]", "outside of the list"),
        ("inputs.list[-1]", "outside of the list"),
        ("inputs.list['a']", "a list has no key `a`"),
        (
            "inputs.list[0.5]",
            "indexed by whole numbers, and here is a double",
        ),
        ("inputs.map[0]", "indexed by strings"),
        (
            "inputs.n ? 1 : 2",
            "`?:` takes true or false, and here is an int",
        ),
        ("null in inputs.map", "keys are strings, and here is null"),
        ("1 in 'abc'", "`in` asks a list or a map"),
        (
            "1 < 'a'",
            "compares two numbers or two strings, and here are an int and a string",
        ),
        ("inputs.nothing < 1", "here are null and an int"),
        ("{'a': 1, 'a': 2}", "same key twice"),
        ("{inputs.n: 1}", "keys are strings, and here is an int"),
        ("other", "`other` is not in scope here"),
        ("has(inputs.n.a)", "`has` asks a map"),
        ("has(inputs.zzz.a)", "no such key `zzz`"),
    ]);
}

#[test]
fn a_decided_operand_outweighs_an_error() {
    table(&[
        ("inputs.zzz || true", "true"),
        ("true || inputs.zzz", "true"),
        ("inputs.zzz && false", "false"),
        ("[1, 'a', 3].exists(x, x > 2)", "true"),
        ("[1, 'a', 3].all(x, x > 2)", "false"),
        ("1 > 0 || 1 / 0 > 0", "true"),
    ]);
    error_table(&[
        ("inputs.zzz || false", "no such key"),
        ("inputs.zzz && true", "no such key"),
        ("[1, 'a'].exists(x, x > 2)", "compares"),
        ("inputs.n || true == false", "`||` takes true or false"),
    ]);
}

#[test]
fn comprehensions() {
    table(&[
        ("inputs.list.map(x, x * 2)", "[6, 2, 4]"),
        ("inputs.list.map(x, x > 1, x * 2)", "[6, 4]"),
        ("inputs.list.filter(x, x > 1)", "[3, 2]"),
        ("inputs.list.all(x, x > 0)", "true"),
        ("inputs.list.exists(x, x > 2)", "true"),
        ("inputs.list.exists_one(x, x > 2)", "true"),
        ("inputs.list.existsOne(x, x > 1)", "false"),
        ("[].all(x, false)", "true"),
        ("[].exists(x, true)", "false"),
        (
            "inputs.map.map(k, k + string(inputs.map[k]))",
            "[\"a1\", \"b2\", \"c3\"]",
        ),
        ("inputs.map.filter(k, inputs.map[k] > 1)", "[\"b\", \"c\"]"),
        (
            "inputs.records.sortBy(r, r.age).map(r, r.name)",
            "[\"bob\", \"ann\", \"cid\"]",
        ),
        (
            "inputs.records.sortBy(r, -r.age).map(r, r.name)",
            "[\"ann\", \"cid\", \"bob\"]",
        ),
        (
            "inputs.records.map(r, r.tags.map(t, t + r.name))",
            "[[\"xann\"], [], [\"xcid\", \"ycid\"]]",
        ),
        ("[1, 2].map(x, [10, 20].map(x, x))", "[[10, 20], [10, 20]]"),
        ("cel.bind(x, inputs.n + 1, x * x)", "64"),
        ("cel.bind(x, 2, cel.bind(y, x + 1, [x, y]))", "[2, 3]"),
        ("cel.bind(x, 1, [5, 6].map(y, x + y))", "[6, 7]"),
        ("inputs.list.map(item, item)", "[3, 1, 2]"),
    ]);
    error_table(&[
        (
            "inputs.n.map(x, x)",
            "`map` goes over a list or a map, and here is an int",
        ),
        (
            "inputs.list.filter(x, x)",
            "`filter` takes true or false, and here is an int",
        ),
        (
            "inputs.list.sortBy(x, [x])",
            "orders numbers or strings, and here is a list",
        ),
        ("[1, 'a'].sortBy(x, x)", "values of one type"),
        ("[1, 'a'].exists_one(x, x > 0)", "compares"),
    ]);
}

#[test]
fn strings() {
    table(&[
        ("size(inputs.text)", "12"),
        ("inputs.text.size()", "12"),
        ("'abc'.contains('b')", "true"),
        ("'abc'.startsWith('ab') && 'abc'.endsWith('bc')", "true"),
        ("'wörld'.charAt(1)", "\"ö\""),
        ("'abc'.charAt(3)", "\"\""),
        ("'wörld wörld'.indexOf('l')", "3"),
        ("'wörld wörld'.indexOf('l', 4)", "9"),
        ("'abc'.indexOf('z')", "-1"),
        ("'abc'.indexOf('')", "0"),
        ("'wörld wörld'.lastIndexOf('l')", "9"),
        ("'wörld wörld'.lastIndexOf('l', 8)", "3"),
        ("'aaa'.lastIndexOf('aa', 0)", "0"),
        ("'AbC'.lowerAscii() + 'AbC'.upperAscii()", "\"abcABC\""),
        ("'  a b\\n'.trim()", "\"a b\""),
        ("'a-b-c'.replace('-', '+')", "\"a+b+c\""),
        ("'a-b-c'.replace('-', '+', 1)", "\"a+b-c\""),
        ("'a-b-c'.replace('-', '+', -1)", "\"a+b+c\""),
        ("'abc'.replace('', '_')", "\"_a_b_c_\""),
        ("'a,b,c'.split(',')", "[\"a\", \"b\", \"c\"]"),
        ("'a,b,c'.split(',', 2)", "[\"a\", \"b,c\"]"),
        ("'a,b,c'.split(',', 0)", "[]"),
        ("'abc'.split('')", "[\"a\", \"b\", \"c\"]"),
        ("'abc'.split('', 2)", "[\"a\", \"bc\"]"),
        ("'wörld'.substring(1)", "\"örld\""),
        ("'wörld'.substring(1, 3)", "\"ör\""),
        ("'abc'.substring(3)", "\"\""),
        ("'wörld'.reverse()", "\"dlröw\""),
        ("['a', 'b'].join()", "\"ab\""),
        ("['a', 'b'].join(', ')", "\"a, b\""),
        ("strings.quote('a\"b\\n')", r#""\"a\\\"b\\n\"""#),
        ("'a' + 'b' + 'c'", "\"abc\""),
    ]);
    error_table(&[
        ("'abc'.charAt(4)", "outside of the string"),
        ("'abc'.substring(2, 1)", "ends before it starts"),
        ("'abc'.substring(-1)", "outside of the string"),
        (
            "[1].join()",
            "`join` takes a list of strings, and here is an int",
        ),
        (
            "inputs.n.contains('a')",
            "`contains` takes a string, and here is an int",
        ),
        ("'a'.contains(1)", "`contains` takes a string"),
    ]);
}

#[test]
fn formats() {
    table(&[
        ("'%s is %d'.format(['x', 3])", "\"x is 3\""),
        (
            "'%s %s %s'.format([null, [1, 'a'], {'b': 1.5, 'a': true}])",
            r#""null [1,\"a\"] {\"a\":true,\"b\":1.5}""#,
        ),
        ("'%.2f|%f'.format([1.005, 2])", "\"1.00|2.000000\""),
        ("'%.1e'.format([12345])", "\"1.2e+04\""),
        ("'%x %X %o %b'.format([255, 255, 8, 5])", "\"ff FF 10 101\""),
        ("'%x'.format(['hi'])", "\"6869\""),
        ("'%b'.format([true])", "\"1\""),
        ("'%x'.format([-255])", "\"-ff\""),
        ("'100%%'.format([])", "\"100%\""),
        (
            "'%s'.format([timestamp('2026-01-31T12:00:00Z')])",
            "\"2026-01-31T12:00:00Z\"",
        ),
        ("'%s'.format([duration('90m')])", "\"5400s\""),
    ]);
    error_table(&[
        ("'%d'.format([1.5])", "`%d` takes a whole number"),
        ("'%s'.format([])", "more clauses than values"),
        ("'a'.format([1])", "more values than clauses"),
        ("'%q'.format([1])", "knows"),
        ("'%'.format([1])", "ends with"),
        ("'%.999f'.format([1])", "precision"),
    ]);
}

#[test]
fn regular_expressions() {
    table(&[
        ("inputs.text.matches('^Hello')", "true"),
        ("matches('abc', '[0-9]')", "false"),
        ("regex.extract('id=42;', 'id=([0-9]+)')", "\"42\""),
        ("regex.extract('id=42;', 'id=[0-9]+')", "\"id=42\""),
        ("regex.extract('abc', '[0-9]+')", "null"),
        ("regex.extract('b', '(a)?b')", "null"),
        ("regex.extractAll('a1b22', '[0-9]+')", "[\"1\", \"22\"]"),
        ("regex.extractAll('a=1,b=2', '([a-z])=')", "[\"a\", \"b\"]"),
        ("regex.extractAll('abc', '[0-9]')", "[]"),
        ("regex.replace('a1b22', '[0-9]+', '#')", "\"a#b#\""),
        ("regex.replace('a1b22', '[0-9]+', '#', 1)", "\"a#b22\""),
        (
            r"regex.replace('john doe', '(\\w+) (\\w+)', '\\2, \\1')",
            "\"doe, john\"",
        ),
        ("'abc'.matches(inputs.words[1])", "true"),
        ("inputs.words.filter(w, 'ab'.matches(w))", "[\"b\", \"a\"]"),
    ]);
    error_table(&[
        ("'abc'.matches(inputs.text + '(')", "cannot be read"),
        (r"regex.replace('a', 'a', '\\1')", "no group 1"),
        (r"regex.replace('a', 'a', '\\x')", "stands before a digit"),
        ("'abc'.matches(inputs.n)", "`matches` takes a string"),
        ("inputs.n.matches('a')", "`matches` takes a string"),
    ]);
}

#[test]
fn lists_and_sets() {
    table(&[
        ("inputs.list.sort()", "[1, 2, 3]"),
        ("inputs.words.sort()", "[\"a\", \"b\", \"c\"]"),
        (
            "[1, 'a', 1.0, 'a', [1], [1.0], null, null].distinct()",
            "[1, \"a\", [1], null]",
        ),
        ("[[1, [2]], 3].flatten()", "[1, [2], 3]"),
        ("[[1, [2]], 3].flatten(2)", "[1, 2, 3]"),
        ("[[1]].flatten(0)", "[[1]]"),
        ("inputs.list.slice(1, 3)", "[1, 2]"),
        ("inputs.list.slice(1, 1)", "[]"),
        ("inputs.list.reverse()", "[2, 1, 3]"),
        ("inputs.list.first()", "3"),
        ("inputs.list.last()", "2"),
        ("[].first()", "null"),
        ("[].last()", "null"),
        ("inputs.list.sum()", "6"),
        ("sum(inputs.list)", "6"),
        ("[].sum()", "0"),
        ("[duration('1m'), duration('30s')].sum()", "\"90s\""),
        ("inputs.list.min()", "1"),
        ("max(inputs.list)", "3"),
        ("min(3, 2)", "2"),
        ("max('a', 'b')", "\"b\""),
        ("[].min()", "null"),
        (
            "['x', 'y'].enumerate()",
            "[{\"index\": 0, \"value\": \"x\"}, {\"index\": 1, \"value\": \"y\"}]",
        ),
        (
            "['x', 'y'].enumerate().map(e, e.value + string(e.index))",
            "[\"x0\", \"y1\"]",
        ),
        ("lists.range(3)", "[0, 1, 2]"),
        ("lists.range(0)", "[]"),
        ("inputs.map.get('a', 0)", "1"),
        ("inputs.map.get('z', 0)", "0"),
        ("inputs.map.get('z')", "null"),
        ("inputs.get('nothing', 1)", "null"),
        ("inputs.nothing.get('a', 1)", "1"),
        ("inputs.list.get(1, 9)", "1"),
        ("inputs.list.get(9, 9)", "9"),
        ("coalesce(inputs.zzz, inputs.nothing, 5)", "5"),
        (
            "coalesce(inputs.nothing.deep, inputs.list[9], 'd')",
            "\"d\"",
        ),
        ("coalesce(inputs.n, 5)", "7"),
        ("coalesce(inputs.nothing)", "null"),
        ("sets.contains([1, 2, 3], [1.0, 3])", "true"),
        ("sets.contains([1], [2])", "false"),
        ("sets.contains([1], [])", "true"),
        ("sets.equivalent([1, 1, 2], [2, 1])", "true"),
        ("sets.equivalent([1], [1, 2])", "false"),
        ("sets.intersects([1, 2], [2, 3])", "true"),
        ("sets.intersects([1], [])", "false"),
        ("size(inputs.list) + size(inputs.map) + size(b'ab')", "8"),
    ]);
    error_table(&[
        ("[1, 'a'].sort()", "values of one type"),
        ("[null].sort()", "and here is null"),
        ("[[1]].sort()", "and here is a list"),
        ("inputs.list.slice(2, 1)", "ends before it starts"),
        ("inputs.list.slice(0, 4)", "outside of the list"),
        ("['a'].sum()", "numbers or durations"),
        ("coalesce(inputs.n + 'a', 1)", "`+` takes"),
        ("'a'.get(0)", "`get` takes a map or a list"),
        ("[1].flatten(-1)", "negative"),
        ("size(1)", "`size` takes"),
    ]);
}

#[test]
fn times() {
    table(&[
        (
            "timestamp('2026-01-31T12:00:00+02:00')",
            "\"2026-01-31T10:00:00Z\"",
        ),
        (
            "[timestamp('2026-01-31T12:00:00.000001Z'), timestamp('2026-01-31T12:30:10Z')]",
            r#"["2026-01-31T12:00:00.000001Z", "2026-01-31T12:30:10Z"]"#,
        ),
        ("timestamp(60)", "\"1970-01-01T00:01:00Z\""),
        (
            "timestamp('2026-01-31T12:00:00.5Z') + duration('1h30m')",
            "\"2026-01-31T13:30:00.5Z\"",
        ),
        (
            "timestamp('2026-01-31T12:00:00Z') - duration('36h')",
            "\"2026-01-30T00:00:00Z\"",
        ),
        (
            "timestamp('2026-01-31T12:00:00Z') - timestamp('2026-01-31T11:59:00Z')",
            "\"60s\"",
        ),
    ]);
    table(&[
        (
            "duration('1h') + duration('30m') - duration('1.5s')",
            "\"5398.5s\"",
        ),
        ("duration('-90s')", "\"-90s\""),
        ("-duration('1ms')", "\"-0.001s\""),
        ("duration('1.5us') == duration('1500ns')", "true"),
        (
            "timestamp('2026-01-01T00:00:00Z') < timestamp('2026-01-02T00:00:00Z')",
            "true",
        ),
        ("duration('1m') > duration('59s')", "true"),
        (
            "[timestamp(2), timestamp(1)].min()",
            "\"1970-01-01T00:00:01Z\"",
        ),
        (
            "time.parse('31.01.2026', '%d.%m.%Y')",
            "\"2026-01-31T00:00:00Z\"",
        ),
        (
            "time.parse('2026-01-31 14:30', '%Y-%m-%d %H:%M', 'Europe/Berlin')",
            "\"2026-01-31T13:30:00Z\"",
        ),
        (
            "time.parse('2026-03-29 02:30', '%Y-%m-%d %H:%M', 'Europe/Berlin')",
            "\"2026-03-29T01:30:00Z\"",
        ),
        (
            "time.parse('2026-10-25 02:30', '%Y-%m-%d %H:%M', 'Europe/Berlin')",
            "\"2026-10-25T00:30:00Z\"",
        ),
        (
            "time.parse('31/Jan/2026:12:00:00 +0200', '%d/%b/%Y:%H:%M:%S %z')",
            "\"2026-01-31T10:00:00Z\"",
        ),
        ("time.parse('1700000000', '%s')", "\"2023-11-14T22:13:20Z\""),
        (
            "time.format(timestamp('2026-01-31T23:30:00Z'), '%d.%m.%Y %H:%M')",
            "\"31.01.2026 23:30\"",
        ),
        (
            "time.format(timestamp('2026-01-31T23:30:00Z'), '%Y-%m-%d', '+02:00')",
            "\"2026-02-01\"",
        ),
        (
            "time.format('2026-07-01T00:00:00Z', '%A %-d %B %H', 'Europe/Berlin')",
            "\"Wednesday 1 July 02\"",
        ),
        (
            "time.add(timestamp('2026-01-31T00:00:00Z'), 1, 'months')",
            "\"2026-02-28T00:00:00Z\"",
        ),
        (
            "time.add(timestamp('2024-02-29T00:00:00Z'), -1, 'year')",
            "\"2023-02-28T00:00:00Z\"",
        ),
        (
            "time.add('2026-01-31T00:00:00Z', 10, 'days')",
            "\"2026-02-10T00:00:00Z\"",
        ),
        (
            "time.add('2026-01-31T00:00:00Z', duration('1h'))",
            "\"2026-01-31T01:00:00Z\"",
        ),
        (
            "time.add('2026-01-31T00:00:00Z', '1h')",
            "\"2026-01-31T01:00:00Z\"",
        ),
        (
            "timestamp('2026-01-31T12:34:56.789Z').getFullYear()",
            "2026",
        ),
        ("timestamp('2026-01-31T12:34:56.789Z').getMonth()", "0"),
        ("timestamp('2026-01-31T12:34:56.789Z').getDate()", "31"),
        (
            "timestamp('2026-01-31T12:34:56.789Z').getDayOfMonth()",
            "30",
        ),
        ("timestamp('2026-01-31T12:34:56.789Z').getDayOfWeek()", "6"),
        ("timestamp('2026-01-31T12:34:56.789Z').getDayOfYear()", "30"),
        ("timestamp('2026-01-31T12:34:56.789Z').getHours()", "12"),
        (
            "timestamp('2026-01-31T12:34:56.789Z').getHours('-08:00')",
            "4",
        ),
        (
            "timestamp('2026-07-31T12:34:56.789Z').getHours('Europe/Berlin')",
            "14",
        ),
        ("timestamp('2026-01-31T12:34:56.789Z').getMinutes()", "34"),
        ("timestamp('2026-01-31T12:34:56.789Z').getSeconds()", "56"),
        (
            "timestamp('2026-01-31T12:34:56.789Z').getMilliseconds()",
            "789",
        ),
        ("duration('90m').getHours()", "1"),
        ("duration('90m').getMinutes()", "90"),
        ("duration('90m').getSeconds()", "5400"),
        ("duration('1.5s').getMilliseconds()", "1500"),
    ]);
    error_table(&[
        (
            "timestamp('yesterday')",
            "`time.parse(text, layout)` reads others",
        ),
        (
            "timestamp('9999-12-31T23:59:59Z') + duration('1s')",
            "years 1 to 9999",
        ),
        ("timestamp(true)", "cannot be made of a bool"),
        ("duration('1d')", "reads texts like"),
        ("duration('')", "reads texts like"),
        ("duration('1')", "reads texts like"),
        ("duration('1.2.3s')", "reads texts like"),
        ("duration('999999999999h')", "10,000 years"),
        ("time.parse('x', '%Y')", "does not fit the layout"),
        ("time.parse('2026', '%Q')", "not known"),
        ("time.format(timestamp(0), '%Y %')", "not known"),
        (
            "time.format(timestamp(0), '%Y', 'Mars/Base')",
            "time zone is not known",
        ),
        ("time.format(1 == 1, '%Y')", "takes a timestamp"),
        ("time.add(timestamp(0), 1, 'fortnights')", "knows the units"),
        (
            "time.add(timestamp(0), 99999999, 'years')",
            "years 1 to 9999",
        ),
        ("timestamp(0) + timestamp(0)", "`+` takes"),
        ("'x'.getHours()", "takes a timestamp"),
        (
            "duration('1s').getFullYear()",
            "takes a timestamp, and here is a duration",
        ),
        ("duration('1s').getHours('UTC')", "no time zone"),
    ]);
}
