//! Where connections are served: each on one thread, so that what is asked there is done and answered without waking another,
//! and as many on each as on the others.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::runtime::Handle;

/// The threads, and how many connections each of them has.
#[derive(Clone)]
pub(crate) struct Lanes(Arc<[Lane]>);

struct Lane {
    runtime: Handle,
    open: Arc<AtomicUsize>,
}

/// A connection's place on a thread, until it is dropped.
pub(crate) struct Seat(Arc<AtomicUsize>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Lanes {
    pub(crate) fn over(runtimes: &[Handle]) -> Self {
        let lane = |runtime: &Handle| Lane {
            runtime: runtime.clone(),
            open: Arc::default(),
        };
        Self(runtimes.iter().map(lane).collect())
    }

    /// The one that has the fewest connections, the first of those; none if there are none.
    pub(crate) fn freest(&self) -> Option<(Handle, Seat)> {
        let fewest = |lane: &&Lane| lane.open.load(Ordering::Acquire);
        let lane = self.0.iter().min_by_key(fewest)?;
        lane.open.fetch_add(1, Ordering::AcqRel);
        Some((lane.runtime.clone(), Seat(lane.open.clone())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_freest_is_taken() {
        let runtimes: Vec<_> = (0..2)
            .map(|_| {
                tokio::runtime::Builder::new_multi_thread()
                    .worker_threads(1)
                    .build()
                    .unwrap()
            })
            .collect();
        let handles: Vec<_> = runtimes.iter().map(|it| it.handle().clone()).collect();
        let lanes = Lanes::over(&handles);
        let ids = |of: &[&(Handle, Seat)]| -> Vec<_> { of.iter().map(|it| it.0.id()).collect() };
        let (one, two) = (lanes.freest().unwrap(), lanes.freest().unwrap());
        let three = lanes.freest().unwrap();
        assert_eq!(
            ids(&[&one, &two, &three]),
            [handles[0].id(), handles[1].id(), handles[0].id()]
        );
        drop((one, three));
        assert_eq!(lanes.freest().unwrap().0.id(), handles[0].id());
        assert!(Lanes::over(&[]).freest().is_none());
    }
}
