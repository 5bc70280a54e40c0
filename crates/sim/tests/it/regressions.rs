//! Scenarios that failed once.

use mandate_sim::{regressions, run};
use std::path::Path;

#[test]
fn what_failed_once_holds() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
    for (name, regression) in regressions(&dir).unwrap() {
        let outcome = run(&regression.scenario, false);
        assert!(
            outcome.violations.is_empty(),
            "{name} ({}): {:#?}",
            regression.check,
            outcome.violations
        );
    }
}
