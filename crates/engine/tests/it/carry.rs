//! What an execution that is run once more begins with.

use crate::world::{Begin, World, call_outcome, plan_of};
use mandate_engine::event::FailureKind;
use mandate_engine::{Body, CannotCarry, Phase, StepState, carry, replay};
use mandate_plan::ErrorCode;
use serde_json::json;

const PLAN: &str = "
version: 1
name: x
steps:
- {id: a, tool: t.do}
- {id: b, tool: t.do, for_each: {in: '[1, 2]', on_item_failure: continue}, args: {n: '${item}'}}
- {id: c, tool: t.do, args: {x: '${steps.a.output}'}}
";

fn begun(how: &Begin) -> World {
    let (mut world, _) = World::begin(plan_of(PLAN), 0, how);
    world.take(
        0,
        Body::ExecutionStarted {
            approval: None,
            reserved: None,
        },
    );
    world
}

fn end(world: &mut World, step: &str, item: Option<u32>, kind: Option<FailureKind>) {
    let outcome = call_outcome(kind, ErrorCode::ToolFailed, Some(json!(step)));
    world.outcome(1, (step, item, 1), outcome).unwrap();
}

fn cancel(world: &mut World, force: bool) {
    let (by, reason) = ("ann".to_owned(), None);
    world.take(2, Body::CancelRequested { by, reason, force });
}

#[test]
fn what_did_not_wholly_complete_is_left_out() {
    let mut world = begun(&Begin::default());
    assert!(matches!(
        carry(&world.state, None),
        Err(CannotCarry::NotEnded(_))
    ));
    end(&mut world, "a", None, None);
    end(&mut world, "b", Some(0), None);
    end(&mut world, "b", Some(1), Some(FailureKind::Failed));
    end(&mut world, "c", None, None);
    assert_eq!(world.state.phase, Phase::Ended);
    let names = |from| {
        let carried = carry(&world.state, from).unwrap();
        carried.steps.into_keys().collect::<Vec<_>>()
    };
    assert_eq!(names(None), ["a", "c"]);
    assert_eq!(names(Some("c")), ["a"]);
    assert!(names(Some("a")).is_empty());
    let unknown = carry(&world.state, Some("z"));
    assert_eq!(unknown, Err(CannotCarry::NoSuchStep("z".to_owned())));
}

#[test]
fn a_doubt_is_done_again_only_where_somebody_says_so() {
    let mut world = begun(&Begin::default());
    end(&mut world, "a", None, None);
    end(&mut world, "b", Some(0), None);
    end(&mut world, "b", Some(1), Some(FailureKind::Unknown));
    cancel(&mut world, true);
    assert_eq!(world.state.phase, Phase::Ended);
    let refused = carry(&world.state, None);
    assert_eq!(refused, Err(CannotCarry::InDoubt("b".to_owned())));
    assert!(carry(&world.state, Some("c")).is_err());
    assert_eq!(carry(&world.state, Some("b")).unwrap().steps.len(), 1);
}

#[test]
fn the_new_execution_goes_on_where_it_left_off_and_a_changed_output_is_found() {
    let mut world = begun(&Begin::default());
    end(&mut world, "a", None, None);
    end(&mut world, "b", Some(0), None);
    end(&mut world, "b", Some(1), None);
    end(&mut world, "c", None, Some(FailureKind::Failed));
    let again = Begin {
        carried: Some(carry(&world.state, None).unwrap()),
        ..Begin::default()
    };
    let mut world = begun(&again);
    let (_, b) = world.state.step("b").unwrap();
    assert_eq!(
        (b.state, b.output.clone()),
        (StepState::Completed, Some(json!(["b", "b"])))
    );
    assert_eq!(b.units[1].args, Some(json!({ "n": 2 })));
    end(&mut world, "c", None, None);
    assert_eq!(world.state.phase, Phase::Ended);
    world.replays();
    let mut events = world.events.clone();
    let Body::ExecutionCreated(created) = &mut events[0].body else {
        panic!("{:?}", events[0])
    };
    let carried = created.carried.as_mut().unwrap();
    carried.steps.get_mut("a").unwrap().output = json!("forged");
    let found = replay(world.plan.clone(), &events).unwrap_err();
    assert_eq!(found.seq, 1, "{found}");
}
