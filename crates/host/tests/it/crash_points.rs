//! The process dies after every single thing that it does, and a new host takes over: no effect is lost, none is done
//! twice, and what cannot be known is said to be in doubt.

use crate::fakes::World;
use mandate_engine::event::Resolution;
use mandate_engine::{Phase, StepState};
use mandate_host::{Ask, Input};
use mandate_policy::Purpose;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::mpsc::channel;

const PLANS: [&str; 8] = [
    // It leaves memory while it sleeps, and is folded again.
    "
version: 1
name: parked
steps:
  - {id: look, tool: fs.read, args: {path: a}}
  - {id: send, tool: mail.send, args: {to: bob}}
  - {id: nap, tool: time.sleep, args: {duration_ms: 20000}}
  - {id: more, tool: mail.send, args: {to: \"${steps.look.output.path}\"}}
",
    "
version: 1
name: mixed
steps:
  - {id: look, tool: fs.read, args: {path: a}}
  - {id: send, tool: mail.send, args: {to: bob}}
  - {id: put, tool: kv.put, args: {k: v}}
  - {id: more, tool: mail.send, args: {to: \"${steps.look.output.path}\"}}
",
    "
version: 1
name: side by side
steps:
  - {id: a, tool: mail.send, after: [], args: {n: 1}}
  - {id: b, tool: mail.send, after: [], args: {n: 2}}
  - {id: c, tool: kv.put, after: [], args: {n: 3}}
  - {id: d, tool: fs.read, args: {path: x}}
",
    "
version: 1
name: items
steps:
  - {id: list, tool: data.value, args: {value: [1, 2, 3]}}
  - id: each
    tool: mail.send
    for_each: {in: steps.list.output.value, on_item_failure: continue}
    args: {n: \"${item}\"}
  - {id: nap, tool: time.sleep, args: {duration_ms: 50}}
  - {id: last, tool: kv.put, args: {k: end}}
",
    "
version: 1
name: retries
steps:
  - id: flaky
    tool: kv.put
    retry: {max_attempts: 3, backoff_ms: 10}
    args: {k: v}
  - {id: send, tool: mail.send, if: \"succeeded('flaky')\", args: {to: bob}}
",
    "
version: 1
name: finally
steps:
  - {id: send, tool: mail.send, args: {to: bob}}
  - {id: look, tool: fs.read, args: {path: a}, expect: 'output.path == \"b\"'}
finally:
  - {id: tidy, tool: kv.put, args: {why: '${execution.error.code}'}}
  - {id: tell, tool: mail.send, args: {how: '${execution.status}'}}
  - {id: last, tool: kv.put, args: {k: end}}
",
    "
version: 1
name: fallback
steps:
  - id: look
    tool: fs.read
    args: {path: a}
    expect: 'output.path == \"b\"'
    on_failure:
      fallback:
        - {id: tell, tool: mail.send, args: {why: '${steps.look.error.code}'}}
        - {id: again, tool: kv.put, args: {path: b}}
  - {id: send, tool: mail.send, args: {to: '${steps.look.output.path}'}}
",
    "
version: 1
name: compensation
steps:
  - {id: send, tool: mail.send, args: {to: bob}, compensate: {tool: mail.send, args: {sorry: '${args.to}'}}}
  - id: each
    tool: kv.put
    for_each: {in: '[1, 2]'}
    args: {n: \"${item}\"}
    compensate: {tool: kv.put, args: {gone: '${item}'}}
  - {id: look, tool: fs.read, args: {path: a}, expect: 'output.path == \"b\"'}
finally:
  - {id: tell, tool: kv.put, args: {how: '${execution.status}'}}
",
];

/// Runs the plan with a crash after `crash_after` small steps, then to the end; gives how many small steps there were.
fn run(plan: &str, crash_after: usize, second_crash: Option<usize>, truthful: bool) -> usize {
    let mut world = World::new();
    world.tools.truthful.store(truthful, Ordering::SeqCst);
    let answer = world.submit(plan);
    world.sync();
    let submitted = answer.try_recv().unwrap().unwrap();
    let id = submitted.execution_id;
    // The answer itself may be lost: then the execution still waits, and the plan is not begun.
    if let Some(request_id) = submitted.request_id {
        world.approve(&id, &request_id, "approve");
    }
    let done = small_steps(&mut world, crash_after);
    let mut world = world.crash();
    world.take_up(&id);
    if let Some(second) = second_crash {
        small_steps(&mut world, second);
        world = world.crash();
        world.take_up(&id);
    }
    world.run_through();
    if truthful {
        // Nobody was asked.
        assert_eq!(world.ended(&id).phase, Phase::Ended);
    }
    check(&mut world, &id, &mut BTreeSet::new());
    done
}

fn small_steps(world: &mut World, count: usize) -> usize {
    for done in 0..count {
        world.handle_inputs();
        // A call may end before the disk has caught up with another one, so that both orders are met.
        let disk_first = done % 3 == 2;
        let mut moved = disk_first && world.journal.sync_one();
        moved = moved || world.spawn.poll_one();
        moved = moved || world.journal.sync_one();
        if !moved {
            match world.host.next_due_ms() {
                Some(due_ms) if !world.host.is_idle() || due_ms < 2_000_000 => {
                    let now = mandate_host::Clock::now_ms(world.clock.as_ref());
                    world.advance((due_ms - now).max(0));
                }
                _ => return done,
            }
        }
    }
    count
}

/// `told`: what a person said of a call in doubt, which need not be true.
fn check(world: &mut World, id: &str, told: &mut BTreeSet<(String, Option<u32>, Purpose)>) {
    let state = world.ended(id);
    let mut seen: BTreeMap<(String, String), usize> = BTreeMap::new();
    for key in world.witnessed() {
        *seen.entry(key).or_default() += 1;
    }
    for (step, data) in state.every_step() {
        for (index, unit) in data.units.iter().enumerate() {
            let item = step.for_each.as_ref().map(|_| index as u32);
            let key = mandate_engine::idempotency_key(id, &step.step.id, item, Purpose::Run);
            let count = seen.get(&(step.step.id.clone(), key)).copied().unwrap_or(0);
            let once = step.step.tool == "mail.send";
            let of_person = |purpose| told.contains(&(step.step.id.clone(), item, purpose));
            match unit.state {
                StepState::Completed if of_person(Purpose::Run) => assert!(count <= 1),
                StepState::Completed if once => assert_eq!(count, 1, "{} {item:?}", step.step.id),
                StepState::Completed if step.step.tool == "kv.put" => assert!(count >= 1),
                StepState::InDoubt => {
                    assert!(once && count <= 1, "{} {item:?}: {count}", step.step.id)
                }
                StepState::Pending => assert_eq!(count, 0, "{} never started", step.step.id),
                _ => {}
            }
            assert!(
                !once || count <= 1,
                "{} {item:?} was sent {count} times",
                step.step.id
            );
            let undo = unit.undo.as_ref().map(|undo| undo.state);
            let key = mandate_engine::idempotency_key(id, &step.step.id, item, Purpose::Compensate);
            let count = seen.get(&(step.step.id.clone(), key)).copied().unwrap_or(0);
            match undo {
                None | Some(StepState::Pending) => assert_eq!(count, 0, "undone: {}", step.step.id),
                Some(StepState::Completed) if of_person(Purpose::Compensate) => assert!(count <= 1),
                Some(StepState::Completed) if once => assert_eq!(count, 1, "{}", step.step.id),
                Some(StepState::Completed) => assert!(count >= 1, "{}", step.step.id),
                _ => assert!(!once || count <= 1, "{} undone {count} times", step.step.id),
            }
        }
    }
    // Somebody looks, says that it was done, and it goes on: to its end, or to the next doubt.
    let state = world.ended(id);
    if state.phase == Phase::Ended {
        let undone = |unit: &mandate_engine::Unit| {
            let undo = unit.undo.as_ref().map(|undo| undo.state);
            undo == Some(StepState::Completed)
        };
        if state.plan().plan().name == "compensation" {
            let (_, sent) = state.step("send").unwrap();
            assert!(undone(&sent.units[0]), "{:?}", sent.units[0]);
        }
        return;
    }
    let waiting = state
        .waiting_for()
        .expect("it has not ended, so it waits for something");
    assert_eq!(waiting.kind, "in_doubt", "{waiting:?}");
    let run = state
        .doubts()
        .into_iter()
        .map(|doubt| (doubt, Purpose::Run));
    let undo = state.undo_doubts().into_iter();
    let undo = undo.map(|doubt| (doubt, Purpose::Compensate));
    for ((step, item, _), purpose) in run.chain(undo).collect::<Vec<_>>() {
        told.insert((step.clone(), item, purpose));
        let (reply, answer) = channel();
        let resolution = Resolution::Done {
            output: serde_json::json!({}),
        };
        let ask = Ask::Resolve {
            execution_id: id.to_owned(),
            step,
            item,
            by: "ann".to_owned(),
            channel: "cli".to_owned(),
            resolution,
            reply,
        };
        world.host.handle(Input::Ask(ask));
        world.sync();
        assert!(answer.try_recv().unwrap().is_ok());
    }
    world.run_through();
    check(world, id, told);
}

#[test]
fn a_crash_after_every_single_thing() {
    for plan in PLANS {
        let whole = run(plan, usize::MAX >> 40, None, false).min(400);
        assert!(whole >= 4, "the plan has hardly run: {whole}");
        for crash_after in 0..whole {
            run(plan, crash_after, None, false);
        }
    }
}

#[test]
fn a_second_crash_during_recovery() {
    for plan in PLANS {
        for crash_after in (0..24).step_by(2) {
            for second in 0..10 {
                run(plan, crash_after, Some(second), false);
            }
        }
    }
}

#[test]
fn with_tools_that_know_what_they_did_nobody_is_asked() {
    for plan in PLANS {
        let whole = run(plan, usize::MAX >> 40, None, true).min(400);
        for crash_after in 0..whole {
            run(plan, crash_after, None, true);
        }
        for crash_after in (0..24).step_by(4) {
            for second in (0..10).step_by(3) {
                run(plan, crash_after, Some(second), true);
            }
        }
    }
}
