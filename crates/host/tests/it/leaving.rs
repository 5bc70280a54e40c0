//! A host that leaves: calls under way end, nothing new starts, and the next one goes on where it was, with no doubt left.

use crate::fakes::World;
use mandate_engine::{Phase, StepState};
use mandate_host::HostError;
use std::collections::BTreeMap;

const PLANS: [&str; 4] = [
    "
version: 1
name: mixed
steps:
  - {id: look, tool: fs.read, args: {path: a}}
  - {id: send, tool: mail.send, args: {to: bob}}
  - {id: nap, tool: time.sleep, args: {duration_ms: 20000}}
  - {id: more, tool: mail.send, args: {to: \"${steps.look.output.path}\"}}
",
    "
version: 1
name: side by side
steps:
  - {id: a, tool: mail.send, after: [], args: {n: 1}}
  - {id: b, tool: mail.send, after: [], args: {n: 2}}
  - {id: d, tool: mail.send, args: {path: x}}
finally:
  - {id: tidy, tool: mail.send, args: {how: '${execution.status}'}}
",
    "
version: 1
name: undone
steps:
  - {id: a, tool: mail.send, args: {n: 1}, compensate: {tool: mail.send, args: {n: 0}}}
  - {id: look, tool: fs.read, args: {path: a}, expect: 'output.path == \"b\"'}
",
    "
version: 1
name: family
steps:
  - id: inner
    tool: plan.run
    args:
      plan: {version: 1, name: inner, steps: [{id: x, tool: mail.send, args: {n: 1}}, {id: y, tool: mail.send, args: {n: 2}}]}
  - {id: last, tool: mail.send, args: {n: 3}}
",
];

fn started(plan: &str) -> (World, String) {
    let mut world = World::new();
    let answer = world.submit(plan);
    world.sync();
    let submitted = answer.try_recv().unwrap().unwrap();
    let id = submitted.execution_id;
    assert!(world.approve(&id, &submitted.request_id.unwrap(), "approve"));
    (world, id)
}

fn small_steps(world: &mut World, count: usize) -> usize {
    for done in 0..count {
        world.handle_inputs();
        let disk_first = done % 3 == 2;
        let mut moved = disk_first && world.journal.sync_one();
        moved = moved || world.spawn.poll_one();
        moved = moved || world.journal.sync_one();
        if !moved {
            return done;
        }
    }
    count
}

/// Everything was done, once, whoever did it.
fn assert_done_once(world: &World, id: &str, what: &str) {
    let state = world.ended(id);
    assert_eq!(
        state.phase,
        Phase::Ended,
        "{what}: {:?}",
        state.waiting_for()
    );
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for (_, key) in world.witnessed() {
        *seen.entry(key).or_default() += 1;
    }
    assert!(seen.values().all(|count| *count == 1), "{what}: {seen:?}");
    for (step, data) in state.every_step() {
        assert_ne!(data.state, StepState::InDoubt, "{what}: {}", step.step.id);
    }
}

#[test]
fn handing_over_at_every_moment_leaves_no_doubt() {
    for plan in PLANS {
        let mut moments = 0;
        for moment in 0..60 {
            let what = format!("{} after {moment}", plan.lines().nth(2).unwrap());
            let (mut world, id) = started(plan);
            if small_steps(&mut world, moment) < moment {
                break;
            }
            moments += 1;
            let left = world.leave(false);
            world.run(1_000);
            left.try_recv().expect("it has left").unwrap();
            let calls = world.made_calls().len();
            world.advance(60_000);
            world.run(1_000);
            assert_eq!(world.made_calls().len(), calls, "{what}: it goes on");
            let mut world = world.crash();
            world.recover();
            world.run_through();
            assert_done_once(&world, &id, &what);
        }
        assert!(moments >= 5, "the plan has hardly run");
    }
}

#[test]
fn a_crash_while_it_leaves_repeats_nothing() {
    for plan in PLANS {
        for moment in 0..12 {
            for more in 0..8 {
                let (mut world, id) = started(plan);
                small_steps(&mut world, moment);
                let _left = world.leave(false);
                small_steps(&mut world, more);
                let mut world = world.crash();
                world.recover();
                world.run_through();
                let mut seen: BTreeMap<String, usize> = BTreeMap::new();
                for (_, key) in world.witnessed() {
                    *seen.entry(key).or_default() += 1;
                }
                assert!(
                    seen.values().all(|count| *count == 1),
                    "{moment} {more}: {seen:?}"
                );
                world.ended(&id);
            }
        }
    }
}

#[test]
fn a_call_under_way_may_end_and_nothing_else_is_taken_up() {
    let (mut world, id) = started(PLANS[0]);
    world
        .tools
        .hang
        .lock()
        .unwrap()
        .push("mail.send".to_owned());
    world.run(100);
    assert_eq!(world.made_calls(), ["look/1", "send/1"]);
    let busy = world.leave(true).try_recv().unwrap().unwrap_err();
    assert!(matches!(busy, HostError::NotNow(_)), "{busy}");
    let left = world.leave(false);
    world.run(100);
    assert!(left.try_recv().is_err(), "a call is under way");
    let refused = world.submit(PLANS[0]).try_recv().unwrap().unwrap_err();
    assert!(matches!(refused, HostError::Leaving), "{refused}");
    assert!(!world.cancel(&id));
    assert_eq!(world.host.state(&id).unwrap().shown_state(), "running");
}
