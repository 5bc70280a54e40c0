//! Where connections are served: each on one thread, so that what is asked there is done and answered without waking another,
//! and about as many on each as on the others.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

/// So many connections are on the first thread before another has one: tools are called there, so that a single client, which often
/// has a second connection, has nothing handed on.
const OF_ONE_CLIENT: usize = 2;

/// The threads, and how many connections each of them has.
#[derive(Clone)]
pub(crate) struct Lanes(Arc<[Lane]>);

struct Lane {
    runtime: Handle,
    open: Arc<AtomicUsize>,
    ticks: AbortHandle,
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.ticks.abort();
    }
}

/// A connection's place on a thread, until it is dropped.
pub(crate) struct Seat(Arc<AtomicUsize>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Lanes {
    /// These threads, the first of which calls tools. A connection may take no longer than `patience` to say what it wants.
    pub(crate) fn over(runtimes: &[Handle], patience: Duration) -> Self {
        // After each answer a connection is given its time anew. Where nothing else is due sooner, the runtime wakes itself to
        // look at that.
        let period = (patience / 2).min(Duration::from_secs(5));
        let lane = |runtime: &Handle| Lane {
            runtime: runtime.clone(),
            open: Arc::default(),
            ticks: runtime.spawn(tick(period)).abort_handle(),
        };
        Self(runtimes.iter().map(lane).collect())
    }

    /// The one that has the fewest connections, the first of those; none if there are none. The first one has those of a single
    /// client, and then counts as if it had one more: it has the most to do.
    pub(crate) fn freest(&self) -> Option<(Handle, Seat)> {
        let fewest = |(index, lane): &(usize, &Lane)| {
            let open = lane.open.load(Ordering::Acquire);
            match *index {
                0 if open < OF_ONE_CLIENT => 0,
                0 => open.saturating_add(1),
                _ => open,
            }
        };
        let (_, lane) = self.0.iter().enumerate().min_by_key(fewest)?;
        lane.open.fetch_add(1, Ordering::AcqRel);
        Some((lane.runtime.clone(), Seat(lane.open.clone())))
    }
}

async fn tick(period: Duration) {
    loop {
        tokio::time::sleep(period).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The most that somebody may take.
    const PATIENCE: Duration = Duration::from_secs(10);

    #[test]
    fn the_freest_is_taken_and_the_first_has_the_first_client() {
        let runtimes: Vec<_> = (0..2)
            .map(|_| {
                tokio::runtime::Builder::new_multi_thread()
                    .worker_threads(1)
                    .enable_time()
                    .build()
                    .unwrap()
            })
            .collect();
        let handles: Vec<_> = runtimes.iter().map(|it| it.handle().clone()).collect();
        let lanes = Lanes::over(&handles, PATIENCE);
        let mut taken: Vec<_> = (0..16).map(|_| lanes.freest().unwrap()).collect();
        let first = |of: &[(Handle, Seat)]| -> Vec<_> {
            of.iter().map(|it| it.0.id() == handles[0].id()).collect()
        };
        assert_eq!(
            first(&taken)[..7],
            [true, true, false, false, false, true, false]
        );
        let on_first = first(&taken).into_iter().filter(|it| *it).count();
        assert_eq!(on_first, 8);
        taken.retain(|it| it.0.id() != handles[1].id());
        assert_ne!(lanes.freest().unwrap().0.id(), handles[0].id());
        taken.clear();
        assert_eq!(lanes.freest().unwrap().0.id(), handles[0].id());
        assert!(Lanes::over(&[], PATIENCE).freest().is_none());
    }
}
