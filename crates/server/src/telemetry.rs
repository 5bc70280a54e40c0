//! What can be seen of a host from outside while it runs: counts and times for Prometheus, spans for OpenTelemetry.
//!
//! A host tells [`Telemetry`] what it does, the journal what it has taken. Whoever is told counts and returns: nothing here
//! waits, and nothing of an execution depends on it. Arguments, inputs, outputs and messages are in none of it.

mod attempts;
mod calls;
mod conventions;
mod export;
mod exposition;
mod metrics;
mod otlp;
mod trace_context;
mod tracer;

pub use calls::ClientCall;
pub use export::{BadExport, Export};
pub(crate) use metrics::{Metrics, Reading, ReadsAlong, UNFINISHED};
pub(crate) use trace_context::{TRACEPARENT, TraceContext};

use attempts::Attempts;
use export::Exporter;
use mandate_engine::{Event, State};
use mandate_host::{Committed, Judgement, Place, Witness};
use mandate_policy::{Outcome, ResolvedCall};
use mandate_tools::TracePlace;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tracer::Tracer;

/// What is counted and shown of one host.
#[derive(Default)]
pub struct Telemetry {
    pub(crate) metrics: Metrics,
    attempts: Mutex<Attempts>,
    tracer: Option<Tracer>,
}

impl Telemetry {
    /// Counts; and sends spans, where that is asked for.
    ///
    /// # Errors
    /// The address that spans go to cannot be used.
    pub fn start(export: Option<Export>, runtime: &Handle) -> Result<Self, BadExport> {
        let metrics = Metrics::default();
        let start = |export| Exporter::start(export, metrics.spans_dropped(), runtime);
        let exporter = export.map(start).transpose()?;
        Ok(Self {
            tracer: exporter.map(Tracer::new),
            attempts: Mutex::default(),
            metrics,
        })
    }

    /// Takes the news of an append. Runs on the store's writer thread.
    pub fn committed(&self, committed: &Committed) {
        self.metrics.committed(committed);
    }

    /// Whether spans are sent to anybody.
    pub fn sends_spans(&self) -> bool {
        self.tracer.is_some()
    }

    /// Where in a trace the request of an MCP client is: beneath `given`, which it names, else beneath the execution that it
    /// is about, with what that one was asked for within; and the span above. None: nothing is shown of it.
    pub fn place_of_call(
        &self,
        given: Option<&str>,
        execution: Option<(&str, Option<&str>)>,
    ) -> Option<(String, Option<String>)> {
        self.tracer.as_ref()?;
        Tracer::place_of_call(given, execution)
    }

    /// Shows the request of an MCP client that was answered.
    pub fn called(&self, call: ClientCall) {
        if let Some(tracer) = &self.tracer {
            tracer.called(call);
        }
    }

    /// Waits until every span is sent, but no longer than this.
    pub fn settle(&self, most: Duration) {
        if let Some(tracer) = &self.tracer {
            tracer.settle(most);
        }
    }
}

impl Witness for Telemetry {
    fn happened(&self, state: &State, events: &[Event]) {
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        for event in events {
            let ended = attempts.follow(state, event);
            self.metrics.happened(state, event, ended.as_ref());
            if let Some(tracer) = &self.tracer {
                tracer.happened(state, event, ended.as_ref());
            }
        }
    }

    fn evaluated(&self, what: Judgement, outcome: Outcome, took: Duration) {
        self.metrics.evaluated(what, outcome, took);
    }

    fn enforced(&self, outcome: Outcome, took: Duration) {
        self.metrics.enforced(outcome, took);
    }

    fn asked_within(&self, state: &State, attempt: (&Place, u32), traceparent: &str) {
        if let Some(tracer) = &self.tracer {
            tracer.asked_within(state, attempt, traceparent);
        }
    }

    fn trace(&self, state: &State, call: &ResolvedCall) -> Option<TracePlace> {
        let tracer = self.tracer.as_ref()?;
        Some(tracer.trace(state, call))
    }
}
