//! What comes in to a host: what is asked of it, how calls ended, and how far the disk is.

use crate::agent::Reading;
use crate::ask::{Ask, HostError};
use crate::drive::Place;
use crate::look_up::StatusAnswer;
use crate::switch::Switch;
use mandate_store::{Appended, StoreError};
use std::sync::mpsc::Sender;

/// What comes in.
pub enum Input {
    /// A surface asks.
    Ask(Ask),
    /// A call ended.
    Outcome {
        /// The execution.
        execution_id: String,
        /// What was called.
        place: Place,
        /// The attempt.
        attempt: u32,
        /// How.
        outcome: mandate_tools::Outcome,
    },
    /// A tool was asked what became of a call in doubt.
    Told {
        /// The execution.
        execution_id: String,
        /// What it says.
        answer: Box<StatusAnswer>,
    },
    /// A report of a call that was made outside was read.
    Reported(Box<Reading>),
    /// A nested plan has ended.
    ChildEnded {
        /// The execution that runs it as a step.
        execution_id: String,
        /// The step.
        place: Place,
        /// The step's attempt.
        attempt: u32,
        /// How.
        outcome: Box<mandate_engine::CallOutcome>,
    },
    /// The disk has a batch, or failed to take it.
    Stored {
        /// The execution.
        execution_id: String,
        /// `seq` of the batch's last event.
        last_seq: u64,
        /// What the store said.
        result: Result<Appended, StoreError>,
    },
    /// The disk has a switch that somebody threw, or failed to take it.
    Thrown {
        /// Which.
        switch: Switch,
        /// Who threw it.
        by: String,
        /// What the store said.
        result: Result<Appended, StoreError>,
        /// Who waits for it.
        reply: Sender<Result<(), HostError>>,
    },
}

impl Input {
    /// The execution that it is about; none for a submission, which has none yet.
    pub(crate) fn execution_id(&self) -> Option<&str> {
        match self {
            Input::Ask(ask) => ask.execution_id(),
            Input::Thrown { .. } => None,
            Input::Reported(reading) => Some(reading.execution_id()),
            Input::Outcome { execution_id, .. }
            | Input::Told { execution_id, .. }
            | Input::ChildEnded { execution_id, .. }
            | Input::Stored { execution_id, .. } => Some(execution_id),
        }
    }
}
