//! What may run ahead of the disk, and what may not.

use crate::fakes::World;
use mandate_engine::Status;
use mandate_host::Update;

const READS: &str = "
version: 1
name: reads
steps:
  - {id: a, tool: fs.read, args: {path: a}}
  - {id: b, tool: fs.read, args: {path: b}}
  - {id: c, tool: fs.read, args: {path: c}}
";

const SENDS: &str = "
version: 1
name: sends
steps:
  - {id: look, tool: fs.read, args: {path: a}}
  - {id: send, tool: mail.send, args: {to: bob}}
  - {id: again, tool: mail.send, args: {to: eve}}
";

#[test]
fn closed_world_reads_do_not_wait_for_the_disk() {
    let mut world = World::new();
    let answer = world.submit(READS);
    // The disk stands still, and yet all three reads are made.
    for _ in 0..20 {
        world.handle_inputs();
        world.spawn.poll_one();
    }
    assert_eq!(world.made_calls(), ["a/1", "b/1", "c/1"]);
    // But nothing has left the process as a fact.
    assert!(answer.try_recv().is_err());
    world.run(100);
    let id = answer.try_recv().unwrap().unwrap().execution_id;
    assert_eq!(world.ended(&id).ending.unwrap().status, Status::Success);
    assert!(
        world.journal.syncs() <= 2,
        "{} syncs for a plan of reads",
        world.journal.syncs()
    );
}

#[test]
fn an_effect_waits_until_the_disk_has_its_start() {
    let mut world = World::new();
    let answer = world.submit(SENDS);
    world.sync();
    let submitted = answer.try_recv().unwrap().unwrap();
    let id = submitted.execution_id;
    assert!(world.approve(&id, &submitted.request_id.unwrap(), "approve"));
    let mut seen = Vec::new();
    for _ in 0..200 {
        world.handle_inputs();
        for call in world.made_calls() {
            if !seen.contains(&call) {
                let durable = world.journal.kinds(&id);
                if call != "look/1" {
                    let started = durable
                        .iter()
                        .filter(|kind| *kind == "step_started")
                        .count();
                    let completed = durable
                        .iter()
                        .filter(|kind| *kind == "step_completed")
                        .count();
                    // Its own start, and everything before it.
                    assert_eq!(
                        (started, completed),
                        (seen.len() + 1, seen.len()),
                        "{call}: {durable:?}"
                    );
                }
                seen.push(call);
            }
        }
        if !world.spawn.poll_one() {
            world.journal.sync_one();
        }
    }
    assert_eq!(seen, ["look/1", "send/1", "again/1"]);
    assert_eq!(world.ended(&id).ending.unwrap().status, Status::Success);
}

#[test]
fn a_sequence_of_effects_costs_one_sync_each() {
    let steps: String = (0..50)
        .map(|n| format!("  - {{id: s{n}, tool: mail.send, args: {{n: {n}}}}}\n"))
        .collect();
    let mut world = World::new();
    let (id, _updates) = world.start(&format!("version: 1\nname: many\nsteps:\n{steps}"));
    world.run_through();
    assert_eq!(world.ended(&id).ending.unwrap().status, Status::Success);
    assert!(
        world.journal.syncs() <= 50 + 4,
        "{} syncs for 50 effects",
        world.journal.syncs()
    );
}

#[test]
fn the_result_is_told_only_when_the_disk_has_it() {
    let mut world = World::new();
    let (id, updates) = world.start(SENDS);
    while world.made_calls().len() < 3 {
        world.run(1);
    }
    while world.spawn.poll_one() {}
    world.handle_inputs();
    assert_eq!(world.journal.waiting(), 1, "the end waits for the disk");
    assert!(
        !updates
            .try_iter()
            .any(|update| matches!(update, Update::Rest(rest) if rest.waiting_for.is_none()))
    );
    world.sync();
    assert!(
        updates
            .try_iter()
            .any(|update| matches!(update, Update::Rest(rest) if rest.waiting_for.is_none()))
    );
    assert_eq!(
        world.journal.kinds(&id).last().unwrap(),
        "execution_finished"
    );
}

#[test]
fn a_journal_that_fails_stops_the_execution_before_its_next_effect() {
    let mut world = World::new();
    let answer = world.submit(SENDS);
    world.sync();
    let submitted = answer.try_recv().unwrap().unwrap();
    let (watcher, updates) = std::sync::mpsc::channel();
    let (reply, _) = std::sync::mpsc::channel();
    let id = submitted.execution_id.clone();
    world
        .host
        .handle(mandate_host::Input::Ask(mandate_host::Ask::Watch(
            id.clone(),
            watcher,
            reply,
        )));
    assert!(world.approve(&id, &submitted.request_id.unwrap(), "approve"));
    world.spawn.poll_one();
    world.handle_inputs();
    world.journal.fail_next();
    world.run(100);
    assert_eq!(
        world.made_calls(),
        ["look/1"],
        "nothing is sent that the journal does not hold"
    );
    assert!(
        updates
            .try_iter()
            .any(|update| matches!(update, Update::Lost(_)))
    );
}
