//! Where calls run: nowhere, until the test polls them.

use futures_util::future::BoxFuture;
use futures_util::task::noop_waker_ref;
use mandate_host::{Spawn, Task};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Context;

type Shared = Arc<(Mutex<Option<BoxFuture<'static, ()>>>, AtomicBool)>;

/// Holds spawned futures until the test polls them.
#[derive(Default)]
pub struct FakeSpawn {
    tasks: Mutex<VecDeque<Shared>>,
}

struct FakeTask(Shared);

impl Task for FakeTask {
    fn abort(&self) {
        self.0.1.store(true, Ordering::SeqCst);
        // A task that aborts itself from within is being polled: its future is not here.
        if let Ok(mut future) = self.0.0.try_lock() {
            *future = None;
        }
    }
}

impl Spawn for FakeSpawn {
    fn spawn(&self, task: BoxFuture<'static, ()>) -> Box<dyn Task> {
        let shared: Shared = Arc::new((Mutex::new(Some(task)), AtomicBool::new(false)));
        self.tasks.lock().unwrap().push_back(shared.clone());
        Box::new(FakeTask(shared))
    }
}

impl FakeSpawn {
    /// Polls the oldest task; one that is not done goes to the end. False: there is none.
    pub fn poll_one(&self) -> bool {
        let Some(task) = self.tasks.lock().unwrap().pop_front() else {
            return false;
        };
        let taken = task.0.lock().unwrap().take();
        let Some(mut future) = taken else { return true };
        let done = future
            .as_mut()
            .poll(&mut Context::from_waker(noop_waker_ref()))
            .is_ready();
        if !done && !task.1.load(Ordering::SeqCst) {
            *task.0.lock().unwrap() = Some(future);
            self.tasks.lock().unwrap().push_back(task);
            return false;
        }
        true
    }
}
