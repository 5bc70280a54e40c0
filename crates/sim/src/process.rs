//! One process: a host with its inbox, its calls and its way to the disk. It can be killed at any time.

use crate::clock::SimClock;
use crate::hold::hold;
use crate::journal::SimJournal;
use crate::outside::Outside;
use crate::random::Random;
use crate::spawn::SimSpawn;
use mandate_host::{Host, Ids, Input, Parts, PolicyTerms, Post};
use mandate_policy::{FirstPolicy, Limits, token::KeyRing};
use mandate_tools::Tools;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Ids that count up, over all processes.
#[derive(Default)]
pub(crate) struct SimIds(AtomicU64);

impl Ids for SimIds {
    fn id(&self) -> String {
        let number = self.0.fetch_add(1, Ordering::SeqCst);
        format!("00000000-0000-7000-8000-{number:012}")
    }

    fn seed(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }
}

/// A running host.
pub(crate) struct Process {
    pub(crate) host: Host,
    pub(crate) spawn: Arc<SimSpawn>,
    pub(crate) journal: Arc<SimJournal>,
    inbox: Arc<Mutex<VecDeque<Input>>>,
}

/// What a process is started with.
pub(crate) struct Surroundings {
    pub(crate) clock: Arc<SimClock>,
    pub(crate) outside: Arc<Outside>,
    pub(crate) tools: Arc<dyn Tools>,
    pub(crate) ids: Arc<SimIds>,
    pub(crate) limits: Limits,
    pub(crate) max_active: usize,
    pub(crate) kept_at_rest: usize,
}

impl Process {
    pub(crate) fn start(surroundings: &Surroundings, journal: Arc<SimJournal>) -> Self {
        let inbox: Arc<Mutex<VecDeque<Input>>> = Arc::default();
        let to = Arc::clone(&inbox);
        let outside = Arc::clone(&surroundings.outside);
        let post: Post = Arc::new(move |input| {
            let mut inbox = hold(&to);
            if let Input::Outcome {
                execution_id,
                place,
                attempt,
                outcome,
            } = &input
                && outside.arrives_twice(execution_id, &place.step, place.item, *attempt)
            {
                inbox.push_back(Input::Outcome {
                    execution_id: execution_id.clone(),
                    place: place.clone(),
                    attempt: *attempt,
                    outcome: outcome.clone(),
                });
            }
            inbox.push_back(input);
        });
        let spawn = Arc::new(SimSpawn::default());
        let parts = Parts {
            clock: surroundings.clock.clone(),
            journal: journal.clone(),
            tools: surroundings.tools.clone(),
            rules: Arc::new(FirstPolicy),
            tokens: Arc::new(KeyRing::single(&[7; 32])),
            shadow: None,
            limits: surroundings.limits,
            policies: PolicyTerms::default(),
            gateway: mandate_host::Gateway::default(),
            spawn: spawn.clone(),
            ids: surroundings.ids.clone(),
            report: Arc::new(|_| {}),
            notify: None,
            witness: None,
            max_active: surroundings.max_active,
            kept_at_rest: surroundings.kept_at_rest,
        };
        Self {
            host: Host::new(parts, post),
            spawn,
            journal,
            inbox,
        }
    }

    /// Whether something waits for the host.
    pub(crate) fn has_input(&self) -> bool {
        !hold(&self.inbox).is_empty()
    }

    /// The next input: in order, but for ends of calls, which come from threads of their own.
    pub(crate) fn next_input(&self, random: &mut Random) -> Option<Input> {
        let mut inbox = hold(&self.inbox);
        let place = random.index(inbox.len());
        match inbox.get(place) {
            Some(Input::Outcome { .. } | Input::Told { .. }) => inbox.remove(place),
            _ => inbox.pop_front(),
        }
    }

    /// Puts an input behind all others.
    pub(crate) fn put(&self, input: Input) {
        hold(&self.inbox).push_back(input);
    }
}
