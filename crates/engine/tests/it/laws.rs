//! What holds whatever the plan and whatever happens.

use crate::chance::{Chance, counters_hold, no_effect_twice};
use crate::generate::{config, plan, schedule};
use crate::second;
use mandate_engine::{Applied, Event, State, decide, fold};
use proptest::prelude::*;

proptest! {
    #![proptest_config(config())]

    /// Every history ends once it is given what it says it waits for; it was in order throughout, and its status is by
    /// the rules; its journal replays.
    #[test]
    fn histories_end_by_the_rules((draft, acts) in (plan(), schedule())) {
        let mut chance = Chance::run(&draft, &acts, true);
        chance.drain();
        let world = &chance.world;
        counters_hold(&world.state);
        no_effect_twice(world);
        second::judge_order(&draft, world);
        second::judge_undoing(&draft, world);
        let ending = world.state.ending.as_ref().unwrap();
        prop_assert_eq!(ending.status, second::status(&draft, world));
        prop_assert_eq!(ending.error.is_none(), ending.status == mandate_engine::Status::Success);
        world.replays();
    }

    /// The log may end after any event: the fold of what is left is the state that was, and no effect comes twice.
    #[test]
    fn any_prefix_of_the_log_will_do((draft, acts) in (plan(), schedule())) {
        let mut chance = Chance::run(&draft, &acts, false);
        let (plan, events) = (chance.world.plan.clone(), chance.world.events.clone());
        for (at, snapshot) in chance.world.snapshots.iter().enumerate() {
            let folded = fold(plan.clone(), &events[..=at]).unwrap();
            prop_assert_eq!(&folded.snapshot(), snapshot);
            counters_hold(&folded);
        }
        let folded = fold(plan, &events).unwrap();
        prop_assert_eq!(decide(&folded), decide(&chance.world.state));
        chance.drain();
        no_effect_twice(&chance.world);
    }

    /// Whatever is applied wherever: it changes the state, or it leaves no trace; it never panics.
    #[test]
    fn apply_is_total((draft, acts) in (plan(), schedule()), picks in prop::collection::vec(any::<(u16, u16)>(), 30)) {
        let mut chance = Chance::run(&draft, &acts, true);
        chance.drain();
        let world = &chance.world;
        for (prefix, pick) in picks {
            let prefix = 1 + usize::from(prefix) % world.events.len();
            let state = fold(world.plan.clone(), &world.events[..prefix]).unwrap();
            let event = &world.events[usize::from(pick) % world.events.len()];
            // As it is: stale, repeated or too early, unless it is the next.
            stray(&state, event, event.seq == state.seq + 1);
            // As if it came now.
            let body = event.body.clone();
            stray(&state, &Event { seq: state.seq + 1, at_ms: state.at_ms + 1, body: body.clone() }, true);
            stray(&state, &Event { seq: state.seq + 1, at_ms: state.at_ms - 1, body }, false);
        }
    }
}

fn stray(state: &State, event: &Event, may_change: bool) {
    let mut after = state.clone();
    match after.apply(event) {
        Applied::Changed => assert!(may_change, "{event:?}"),
        Applied::Ignored => assert_eq!(&after, state, "{event:?} left a trace"),
    }
    counters_hold(&after);
    let _ = decide(&after);
    let _ = after.waiting_for();
}
