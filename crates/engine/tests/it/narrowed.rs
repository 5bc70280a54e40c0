//! Revisions that narrow what was approved take effect without a request; the engine believes it of none that does not.

use crate::script::propose;
use crate::world::{Begin, World, answer, plan_of};
use mandate_engine::event::StandsOn;
use mandate_engine::{Body, Turned};
use mandate_plan::Narrowing;

/// Of two steps, approved by somebody; the first runs.
fn world() -> World {
    let begin = Begin {
        ask: true,
        ..Begin::default()
    };
    let steps = "steps: [{id: a, tool: t.do}, {id: b, tool: t.do}, {id: c, tool: t.do}]}";
    let plan = plan_of(&format!("{{version: 1, name: x, {steps}"));
    let (mut world, _) = World::begin(plan, 0, &begin);
    let yes = answer(&world.state, "approve", None);
    world.take(0, yes).unwrap();
    world
        .take(
            0,
            Body::ExecutionStarted {
                approval: None,
                reserved: None,
            },
        )
        .unwrap();
    world
}

const ONE_LESS: &str = "ask {steps: [{id: a, tool: t.do}, {id: b, tool: t.do}]}";
const TWO_LESS: &str = "ask {steps: [{id: a, tool: t.do}]}";
const ONE_OTHER: &str = "ask {steps: [{id: a, tool: t.do}, {id: d, tool: t.do}]}";

/// The proposal with the claim that the approval in force stands for it.
fn claimed(world: &World, text: &str, removed: &[&str]) -> Body {
    let mut body = propose(&world.state, text);
    let subject = world.state.basis().execution_digest;
    let open = world.state.approved_request(&subject).unwrap();
    let claim = StandsOn {
        request_id: open.request.request_id.clone(),
        subject,
        by: "ann".to_owned(),
        narrowing: Narrowing {
            removed: removed.iter().map(|id| (*id).to_owned()).collect(),
            tightened: Vec::new(),
        },
    };
    if let Body::RevisionProposed { stands, .. } = &mut body {
        *stands = Some(Box::new(claim));
    }
    body
}

fn kinds(turned: &Turned) -> Vec<&str> {
    turned
        .events
        .iter()
        .map(|event| event.body.kind())
        .collect()
}

#[test]
fn what_narrows_takes_effect_at_once_and_rests_on_the_first_approval() {
    let mut world = world();
    let first = world.state.created.execution_digest;
    let plan = world.state.plan().clone();
    let body = claimed(&world, ONE_LESS, &["c"]);
    let turned = world.take(1, body).unwrap();
    assert_eq!(kinds(&turned), ["revision_proposed", "plan_revised"]);
    assert_ne!(world.state.created.execution_digest, first);
    let basis = world.state.narrowed_from().unwrap();
    assert_eq!(
        (basis.execution_digest, basis.plan.hash()),
        (first, plan.hash())
    );
    // A second one is compared with what was approved, not with what became of it.
    let body = claimed(&world, TWO_LESS, &["b", "c"]);
    let turned = world.take(2, body).unwrap();
    assert_eq!(kinds(&turned), ["revision_proposed", "plan_revised"]);
    assert_eq!(world.state.narrowed_from().unwrap().execution_digest, first);
    // Back to the whole of what was approved is no more than was approved.
    let body = claimed(&world, ONE_LESS, &["c"]);
    assert!(world.take(3, body).is_some());
    world.replays();
}

#[test]
fn a_claim_that_is_not_so_is_not_believed() {
    let mut world = world();
    for (text, removed) in [
        (ONE_OTHER, &["b", "c"][..]),
        (ONE_LESS, &[]),
        (ONE_LESS, &["b"]),
    ] {
        let body = claimed(&world, text, removed);
        assert!(world.take(1, body).is_none(), "{text}");
    }
    let mut body = claimed(&world, ONE_LESS, &["c"]);
    if let Body::RevisionProposed {
        stands: Some(claim),
        ..
    } = &mut body
    {
        claim.request_id = "req-another".to_owned();
    }
    assert!(world.take(1, body).is_none());
}

#[test]
fn without_the_claim_it_is_asked_for_as_before() {
    let mut world = world();
    let body = propose(&world.state, ONE_LESS);
    let turned = world.take(1, body).unwrap();
    assert_eq!(kinds(&turned), ["revision_proposed", "request_opened"]);
    // What is approved then is what later ones are compared with.
    let yes = answer(&world.state, "approve", None);
    world.take(2, yes).unwrap();
    assert!(world.state.narrowed_from().is_none());
    assert_eq!(
        world.state.basis().execution_digest,
        world.state.created.execution_digest
    );
    world.replays();
}
