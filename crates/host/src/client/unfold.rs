//! From what the host tells of an execution to its state: the client folds the events itself.

use crate::ask::{HostError, Rest, Update};
use mandate_engine::{Applied, Event, State, WaitingFor, fold};
use mandate_plan::{CheckedPlan, reload};
use mandate_store::Head;
use std::sync::Arc;

/// An execution that is watched, as far as it was told.
pub(super) struct Unfolding {
    execution_id: String,
    plan: Option<Arc<CheckedPlan>>,
    state: Option<State>,
    /// What had happened when the watch began was told.
    caught_up: bool,
}

type Told = Result<Option<Update>, HostError>;

impl Unfolding {
    pub(super) fn new(execution_id: &str) -> Self {
        Self {
            execution_id: execution_id.to_owned(),
            plan: None,
            state: None,
            caught_up: false,
        }
    }

    fn unreadable(&self, reason: &str) -> HostError {
        HostError::Unreadable {
            execution_id: self.execution_id.clone(),
            reason: reason.to_owned(),
        }
    }

    pub(super) fn plan(&mut self, canonical: &str) -> Told {
        let plan = reload(canonical.as_bytes());
        let plan = plan.map_err(|_| self.unreadable("its plan does not check here"))?;
        self.plan = Some(plan);
        Ok(None)
    }

    pub(super) fn event(&mut self, event: Event) -> Told {
        match &mut self.state {
            None => {
                let plan = self.plan.clone();
                let plan = plan.ok_or_else(|| self.unreadable("its plan was not told"))?;
                let state = fold(plan, std::slice::from_ref(&event));
                let state = state.map_err(|error| self.unreadable(&error.to_string()))?;
                self.state = Some(state);
            }
            Some(state) => {
                if state.apply(&event) == Applied::Ignored {
                    let reason = format!("event {} does not fit", event.seq);
                    return Err(self.unreadable(&reason));
                }
            }
        }
        Ok(self.caught_up.then(|| Update::Event(Arc::new(event))))
    }

    pub(super) fn now(&mut self) -> Told {
        self.caught_up = true;
        let state = self.state.clone();
        let state = state.ok_or_else(|| self.unreadable("nothing of it was told"))?;
        Ok(Some(Update::Now(Box::new(state))))
    }

    pub(super) fn rest(&mut self, waiting_for: Option<WaitingFor>, head: Option<Head>) -> Told {
        let state = self.state.clone();
        let state = state.ok_or_else(|| self.unreadable("nothing of it was told"))?;
        Ok(Some(Update::Rest(Box::new(Rest {
            state,
            waiting_for,
            head,
        }))))
    }
}
