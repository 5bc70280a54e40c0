//! Recovery in the background: a host that starts takes up what the ones before it left, one execution at a time, so that
//! whoever asks for something meanwhile does not wait for it.

use crate::ask::HostError;
use crate::host::Host;
use crate::packed::PackedId;
use crate::parking::Away;
use crate::recovery::event;
use mandate_engine::{Body, WaitingFor};
use mandate_store::ExecutionRow;
use std::collections::VecDeque;

impl Host {
    /// Notes everything that is unfinished. It is taken up by [`Host::step`].
    pub(crate) fn recover(&mut self) -> Result<(), HostError> {
        let left = self.parts.journal.unfinished()?;
        self.backlog
            .extend(left.iter().map(|id| PackedId::from(id.as_str())));
        Ok(())
    }

    /// Whether there is something that [`Host::step`] would do.
    pub fn has_work(&self) -> bool {
        !self.leaving && (self.queue.may_start() || !self.backlog.is_empty())
    }

    /// Does one thing that can wait: starts the next execution in the queue, or looks at one that was left.
    pub fn step(&mut self) {
        if self.leaving {
            return;
        }
        if self.queue.may_start() {
            self.start_next();
        } else if let Some(id) = self.backlog.pop_front() {
            let execution_id = id.to_string();
            if let Err(error) = self.look_at(&execution_id) {
                self.report(&execution_id, &error);
            }
            if self.backlog.is_empty() {
                self.backlog = VecDeque::new();
            }
        }
        self.start_what_fits();
    }

    /// What only a human can carry on is noted with its time; everything else queues to be taken up.
    fn look_at(&mut self, execution_id: &str) -> Result<(), HostError> {
        if self.drives.contains_key(execution_id) || self.is_away(execution_id).is_some() {
            return Ok(());
        }
        let Some(row) = self.parts.journal.execution(execution_id)? else {
            return Ok(());
        };
        // A nested one comes along with the plan that holds it.
        if row.finished_at_ms.is_some() || row.parent.is_some() {
            return Ok(());
        }
        let (deadline_ms, began_under) = self.terms_of(execution_id)?;
        // Whoever answers is asked as the policy says that is in force.
        let waits = only_a_human(&row).filter(|_| !self.outdates(&began_under));
        let Some(waiting) = waits else {
            self.queue
                .push(execution_id, row.priority, row.created_at_ms);
            return Ok(());
        };
        let due_ms = [waiting.due_ms, deadline_ms].into_iter().flatten().min();
        let away = Away {
            due_ms,
            parked: false,
            goes_on: false,
        };
        self.away.insert(execution_id.into(), away);
        self.reschedule(execution_id);
        Ok(())
    }

    /// The deadline and the policy stand in the first event.
    fn terms_of(&self, execution_id: &str) -> Result<(Option<i64>, String), HostError> {
        let first = self.parts.journal.read(execution_id, 1, 1)?;
        let Some(first) = first.first() else {
            return Err(HostError::NoSuchExecution(execution_id.to_owned()));
        };
        Ok(match event(first)?.body {
            Body::ExecutionCreated(created) => (created.deadline_ms, created.policy_version),
            _ => (None, String::new()),
        })
    }

    /// Tells, once, what keeps an execution from being driven.
    pub(crate) fn report(&self, execution_id: &str, error: &HostError) {
        tracing::warn!(execution = execution_id, %error, "an execution cannot be taken up");
        (self.parts.report)(&format!(
            "execution `{execution_id}` cannot be taken up: {error}"
        ));
    }
}

/// What an execution waits for at which nothing else can happen: its plan is not approved, or it is paused.
fn only_a_human(row: &ExecutionRow) -> Option<WaitingFor> {
    let waiting: WaitingFor = serde_json::from_str(row.waiting_for.as_deref()?).ok()?;
    let alone = match waiting.kind.as_str() {
        "plan" => row.state == "waiting",
        "paused" => row.state == "paused",
        _ => false,
    };
    alone.then_some(waiting)
}
