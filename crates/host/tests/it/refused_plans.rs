//! Plans that policy refuses without end: so many in a minute are written one by one, the others as a sum.

use crate::fakes::World;
use mandate_host::{HostError, REFUSALS_PER_MINUTE};
use mandate_store::Journal as _;
use serde_json::{Value, json};

#[test]
fn so_many_in_a_minute_are_written_and_the_others_counted_for_each_principal() {
    let mut world = World::limited(0);
    let refused = |world: &mut World, who: &str| {
        let plan = "version: 1\nname: p\nsteps:\n  - {id: a, tool: mail.send}\n";
        let answer = world.submit_as(who, plan);
        world.sync();
        let error = answer.try_recv().unwrap().unwrap_err();
        assert!(matches!(error, HostError::Denied(_)), "{error}");
    };
    let rows = |world: &World, kind: &str| -> Vec<Value> {
        let rows = world.journal.system_rows(kind).unwrap();
        rows.iter()
            .map(|row| serde_json::from_slice(&row.payload).unwrap())
            .collect()
    };
    for _ in 0..REFUSALS_PER_MINUTE + 10 {
        refused(&mut world, "ann");
    }
    let most = usize::try_from(REFUSALS_PER_MINUTE).unwrap();
    assert_eq!(rows(&world, "admission_refused").len(), most);
    let sum = |codes: u64| json!({ "principal": "ann", "since_ms": 1_000_000, "codes": { "RATE_LIMITED": codes } });
    assert_eq!(
        rows(&world, "refusals_counted"),
        [sum(1)],
        "the first one at once"
    );
    // Somebody else is counted apart; the others of the minute are summed at its end, and then it begins anew.
    refused(&mut world, "bob");
    assert_eq!(rows(&world, "admission_refused").len(), most + 1);
    world.advance(60_000);
    world.sync();
    assert_eq!(rows(&world, "refusals_counted"), [sum(1), sum(9)]);
    refused(&mut world, "ann");
    assert_eq!(rows(&world, "admission_refused").len(), most + 2);
}
