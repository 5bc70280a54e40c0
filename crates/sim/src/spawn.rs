//! Where calls run: nowhere, until the simulation polls one of them.

use crate::hold::hold;
use crate::random::Random;
use futures_util::future::BoxFuture;
use futures_util::task::noop_waker_ref;
use mandate_host::{Spawn, Task};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Context;

struct Shared {
    /// None while it is being polled, and once it is over.
    future: Mutex<Option<BoxFuture<'static, ()>>>,
    aborted: AtomicBool,
}

/// Calls under way.
#[derive(Default)]
pub(crate) struct SimSpawn {
    tasks: Mutex<Vec<Arc<Shared>>>,
}

struct SimTask(Arc<Shared>);

impl Task for SimTask {
    fn abort(&self) {
        self.0.aborted.store(true, Ordering::SeqCst);
        // A task that aborts itself from within is being polled: its future is not here.
        if let Ok(mut future) = self.0.future.try_lock() {
            *future = None;
        }
    }
}

impl Spawn for SimSpawn {
    fn spawn(&self, task: BoxFuture<'static, ()>) -> Box<dyn Task> {
        let shared = Arc::new(Shared {
            future: Mutex::new(Some(task)),
            aborted: AtomicBool::new(false),
        });
        hold(&self.tasks).push(shared.clone());
        Box::new(SimTask(shared))
    }
}

impl SimSpawn {
    /// How many calls are under way.
    pub(crate) fn len(&self) -> usize {
        let mut tasks = hold(&self.tasks);
        tasks.retain(|task| !task.aborted.load(Ordering::SeqCst));
        tasks.len()
    }

    /// Polls one of them.
    pub(crate) fn poll_one(&self, random: &mut Random) {
        let task = {
            let tasks = hold(&self.tasks);
            let Some(task) = random.one_of(&tasks) else {
                return;
            };
            task.clone()
        };
        let Some(mut future) = hold(&task.future).take() else {
            return;
        };
        let mut context = Context::from_waker(noop_waker_ref());
        if future.as_mut().poll(&mut context).is_pending() {
            if !task.aborted.load(Ordering::SeqCst) {
                *hold(&task.future) = Some(future);
            }
            return;
        }
        hold(&self.tasks).retain(|other| !Arc::ptr_eq(other, &task));
    }
}
