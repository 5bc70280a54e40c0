//! An execution over time: attempts, and what was waited for. Without arguments and outputs.

use mandate_engine::event::{Request, Timer};
use mandate_engine::{Body, Event};
use mandate_policy::Purpose;
use serde::Serialize;
use utoipa::ToSchema;

/// An execution over time.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Timeline)]
pub struct TimelineView {
    /// The execution.
    pub execution_id: String,
    /// The first event's time, Unix milliseconds.
    pub from_ms: i64,
    /// The last event's time, Unix milliseconds.
    pub until_ms: i64,
    /// What took time, in the order in which it began.
    pub spans: Vec<SpanView>,
}

/// Something that took time.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Span)]
pub struct SpanView {
    /// `attempt` or `wait`.
    pub what: &'static str,
    /// Of a wait: `retry`, `sleep`, `rate_limit`, `frozen`, `paused`, `in_doubt`, or the kind of a request.
    pub kind: Option<String>,
    /// The step; none = the execution as a whole.
    pub step: Option<String>,
    /// Its item.
    pub item: Option<u32>,
    /// Of an attempt, its number.
    pub attempt: Option<u32>,
    /// Of an attempt: `run` or `compensate`.
    #[schema(value_type = Option<String>)]
    pub purpose: Option<Purpose>,
    /// Of an attempt, its tool.
    pub tool: Option<String>,
    /// The request that was waited for.
    pub request_id: Option<String>,
    /// Unix milliseconds.
    pub start_ms: i64,
    /// Unix milliseconds; none = it goes on.
    pub end_ms: Option<i64>,
    /// The event that began it.
    pub start_seq: u64,
    /// The event that ended it.
    pub end_seq: Option<u64>,
    /// How an attempt ended: `completed`, `failed`, `interrupted` or `in_doubt`; a wait, how it was answered.
    pub outcome: Option<String>,
    /// The code of what went wrong.
    pub code: Option<String>,
}

/// The timeline of these events.
pub fn timeline(execution_id: &str, events: &[Event]) -> TimelineView {
    let mut drawing = Drawing::default();
    for event in events {
        drawing.take(event);
    }
    let at = |event: Option<&Event>| event.map_or(0, |event| event.at_ms);
    TimelineView {
        execution_id: execution_id.to_owned(),
        from_ms: at(events.first()),
        until_ms: at(events.last()),
        spans: drawing.spans,
    }
}

#[derive(Default)]
struct Drawing {
    spans: Vec<SpanView>,
}

/// What a span is found by that is to be ended.
struct Key<'a> {
    what: &'static str,
    kinds: &'a [&'a str],
    step: Option<&'a str>,
    item: Option<u32>,
}

impl Drawing {
    fn begin(&mut self, event: &Event, what: &'static str) -> Option<&mut SpanView> {
        self.spans.push(SpanView {
            what,
            kind: None,
            step: None,
            item: None,
            attempt: None,
            purpose: None,
            tool: None,
            request_id: None,
            start_ms: event.at_ms,
            end_ms: None,
            start_seq: event.seq,
            end_seq: None,
            outcome: None,
            code: None,
        });
        self.spans.last_mut()
    }

    fn end(&mut self, event: &Event, key: &Key<'_>, outcome: Option<&str>, code: Option<String>) {
        let fits = |span: &&mut SpanView| {
            span.end_seq.is_none()
                && span.what == key.what
                && span.step.as_deref() == key.step
                && span.item == key.item
                && (key.kinds.is_empty()
                    || span
                        .kind
                        .as_deref()
                        .is_some_and(|kind| key.kinds.contains(&kind)))
        };
        if let Some(span) = self.spans.iter_mut().rev().find(fits) {
            span.end_ms = Some(event.at_ms);
            span.end_seq = Some(event.seq);
            span.outcome = outcome.map(str::to_owned);
            span.code = code;
        }
    }

    fn attempt(
        &mut self,
        event: &Event,
        (step, item): (&str, Option<u32>),
        (attempt, tool, purpose): (u32, &str, Purpose),
    ) {
        // Whatever the step waited for is over.
        let waits = ["retry", "rate_limit", "frozen", "in_doubt"];
        self.end(event, &wait(&waits, Some(step), item), None, None);
        if let Some(span) = self.begin(event, "attempt") {
            span.step = Some(step.to_owned());
            span.item = item;
            span.attempt = Some(attempt);
            span.tool = Some(tool.to_owned());
            span.purpose = Some(purpose);
        }
    }

    fn settle(
        &mut self,
        event: &Event,
        (step, item): (&str, Option<u32>),
        outcome: &str,
        code: Option<String>,
    ) {
        let key = Key {
            what: "attempt",
            kinds: &[],
            step: Some(step),
            item,
        };
        self.end(event, &key, Some(outcome), code);
    }

    fn waits(&mut self, event: &Event, kind: &str, step: Option<&str>, item: Option<u32>) {
        if let Some(span) = self.begin(event, "wait") {
            span.kind = Some(kind.to_owned());
            span.step = step.map(str::to_owned);
            span.item = item;
        }
    }

    fn asked(&mut self, event: &Event, request: &Request) {
        if let Some(span) = self.begin(event, "wait") {
            span.kind = Some(request.kind.as_str().to_owned());
            span.step.clone_from(&request.step);
            span.item = request.item;
            span.request_id = Some(request.request_id.clone());
        }
    }

    fn closed(&mut self, event: &Event, request_id: &str, how: &str) {
        let asked = |span: &&mut SpanView| {
            span.end_seq.is_none() && span.request_id.as_deref() == Some(request_id)
        };
        if let Some(span) = self.spans.iter_mut().find(asked) {
            span.end_ms = Some(event.at_ms);
            span.end_seq = Some(event.seq);
            span.outcome = Some(how.to_owned());
        }
    }

    fn take(&mut self, event: &Event) {
        let code = |error: &mandate_engine::Fault| Some(error.code.as_str().to_owned());
        match &event.body {
            Body::StepStarted {
                step,
                item,
                attempt,
                tool,
                ..
            } => {
                self.attempt(event, (step, *item), (*attempt, tool, Purpose::Run));
            }
            Body::CompensationStarted {
                step,
                item,
                attempt,
                tool,
                ..
            } => {
                self.attempt(event, (step, *item), (*attempt, tool, Purpose::Compensate));
            }
            Body::StepCompleted { step, item, .. }
            | Body::CompensationCompleted { step, item, .. } => {
                self.settle(event, (step, *item), "completed", None);
                self.end(event, &wait(&["sleep"], Some(step), *item), None, None);
            }
            Body::StepFailed {
                step, item, error, ..
            }
            | Body::CompensationFailed {
                step, item, error, ..
            } => {
                self.settle(event, (step, *item), "failed", code(error));
            }
            Body::AttemptInterrupted { step, item, .. } => {
                self.settle(event, (step, *item), "interrupted", None);
            }
            Body::StepInDoubt {
                step, item, error, ..
            } => {
                self.settle(event, (step, *item), "in_doubt", code(error));
                self.waits(event, "in_doubt", Some(step), *item);
            }
            Body::StepResolved { step, item, .. } => {
                self.end(event, &wait(&["in_doubt"], Some(step), *item), None, None);
            }
            Body::RetryScheduled { step, item, .. } => {
                self.waits(event, "retry", Some(step), *item);
            }
            Body::TimerSet {
                timer: Timer::Sleep { step, item },
                ..
            } => {
                self.waits(event, "sleep", Some(step), *item);
            }
            Body::TimerFired {
                timer: Timer::Sleep { step, item },
            } => {
                self.end(event, &wait(&["sleep"], Some(step), *item), None, None);
            }
            Body::TimerFired {
                timer: Timer::Rate { step, item },
            } => {
                self.end(event, &wait(&["rate_limit"], Some(step), *item), None, None);
            }
            Body::StepHeld {
                step, item, due_ms, ..
            } => {
                let kind = if due_ms.is_some() {
                    "rate_limit"
                } else {
                    "frozen"
                };
                self.waits(event, kind, Some(step), *item);
            }
            Body::ExecutionPaused { .. } => self.waits(event, "paused", None, None),
            Body::ExecutionResumed { .. } => {
                self.end(event, &wait(&["paused"], None, None), None, None);
            }
            Body::RequestOpened(request) => self.asked(event, request),
            Body::RequestAnswered(answer) => {
                self.closed(event, &answer.request_id, &answer.choice);
            }
            Body::RequestExpired { request_id } => self.closed(event, request_id, "expired"),
            Body::ExecutionFinished { .. } => {
                for span in self.spans.iter_mut().filter(|span| span.end_seq.is_none()) {
                    span.end_ms = Some(event.at_ms);
                    span.end_seq = Some(event.seq);
                }
            }
            _ => {}
        }
    }
}

fn wait<'a>(kinds: &'a [&'a str], step: Option<&'a str>, item: Option<u32>) -> Key<'a> {
    Key {
        what: "wait",
        kinds,
        step,
        item,
    }
}
