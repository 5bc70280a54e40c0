//! Cutting down: what is not needed for the same violation goes.

use mandate_sim::{Scenario, shrink};

#[test]
fn a_scenario_that_is_not_valid_is_cut_down_to_what_makes_it_so() {
    let mut scenario = Scenario::of(3);
    let broken = serde_json::json!({ "id": "broken", "tool": "sim.nothing" });
    let steps = scenario.runs[0].plan["steps"].as_array_mut().unwrap();
    steps.push(broken);
    let (small, outcome) = shrink(&scenario, "the scenario is valid");
    assert_eq!(outcome.violations[0].check, "the scenario is valid");
    assert!(
        small.acts.is_empty() && small.calls.is_empty(),
        "{small:#?}"
    );
    let steps = small.runs[0].plan["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 1);
    assert_eq!(steps[0]["id"], "broken");
}
