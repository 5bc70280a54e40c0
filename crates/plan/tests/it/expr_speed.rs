//! How long everyday expressions take; run by hand in a release build.

use crate::expr_scope::sample;
use mandate_plan::expr::Expr;
use std::time::Instant;

#[test]
#[ignore = "a measurement"]
fn everyday_expressions() {
    let scope = sample();
    for source in [
        "inputs.n",
        "inputs.records[1].name",
        "inputs.n > 3 && inputs.flag",
        "inputs.records.filter(r, r.age > 26).map(r, r.name)",
        "'%s has %d'.format([inputs.text, inputs.n])",
    ] {
        let start = Instant::now();
        for _ in 0..1000 {
            Expr::compile(source, "p").unwrap();
        }
        let compile = start.elapsed() / 1000;
        let expr = Expr::compile(source, "p").unwrap();
        let start = Instant::now();
        for _ in 0..10_000 {
            expr.eval(&scope).unwrap();
        }
        println!(
            "compile {compile:>10.3?}  eval {:>10.3?}  {source}",
            start.elapsed() / 10_000
        );
    }
}
