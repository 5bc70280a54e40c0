//! Spans out of events: one per execution, and one per attempt of a step. A span is made when its end is known, with the
//! times that the journal has.

use super::attempts::Ended;
use super::calls::{ClientCall, of_client, of_server};
use super::conventions as names;
use super::export::Exporter;
use super::otlp::{Span, SpanKind, Value};
use super::trace_context::{TraceContext, of_attempt, of_execution};
use mandate_engine::{Body, Created, Event, Parent, RUN, State, call_id};
use mandate_host::Place;
use mandate_policy::{Purpose, ResolvedCall};
use mandate_tools::TracePlace;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Attempts of which something is kept in mind until they end. Of further ones only what the journal says is told.
const MOST_OPEN: usize = 16_384;

/// What is known of an attempt beside what the journal says of it.
#[derive(Default)]
struct Open {
    /// The agent's span that asked for it.
    beneath: Option<TraceContext>,
    /// What its way was like.
    place: Option<TracePlace>,
}

/// Makes spans, and has them sent.
pub(super) struct Tracer {
    exporter: Exporter,
    /// Of executions that run others as steps, or are run so: what their own events do not say.
    contexts: Mutex<HashMap<String, TraceContext>>,
    /// By the ids of their spans.
    open: Mutex<HashMap<[u8; 8], Open>>,
}

impl Tracer {
    pub(super) fn new(exporter: Exporter) -> Self {
        Self {
            exporter,
            contexts: Mutex::default(),
            open: Mutex::default(),
        }
    }

    pub(super) fn settle(&self, most: Duration) {
        self.exporter.settle(most);
    }

    pub(super) fn happened(&self, state: &State, event: &Event, ended: Option<&Ended>) {
        let id = state.execution_id();
        match &event.body {
            Body::ExecutionCreated(created) if created.parent.is_some() => self.keep(created),
            Body::HostStarted { .. } => self.keep(&state.created),
            Body::StepStarted { tool, .. } if tool == RUN => self.keep(&state.created),
            _ => {}
        }
        if let Some(ended) = ended {
            self.ended(state, ended);
        }
        if let Body::ExecutionFinished { status, error, .. } = &event.body {
            let context = self.context(&state.created);
            if context.sampled {
                let code = error.as_ref().map(|error| error.code.as_str());
                let span = execution(state, status.as_str(), code, event.at_ms, context);
                self.exporter.send(span);
            }
            self.contexts().remove(id);
        }
    }

    fn ended(&self, state: &State, ended: &Ended) {
        let Ended {
            step,
            item,
            attempt: number,
            purpose,
            ..
        } = ended;
        let id = state.execution_id();
        let place = of_attempt(id, step, *item, *number, *purpose);
        let open = self.open().remove(&place).unwrap_or_default();
        let whole = self.context(&state.created);
        let context = open.beneath.unwrap_or(whole);
        if !context.sampled {
            return;
        }
        let mut span = attempt(state, ended, context);
        if let Some(beneath) = open.beneath {
            span.parent = beneath.parent;
            // It is a part of its execution, wherever it was asked for.
            span.links.push((whole.trace, of_execution(id)));
        }
        if let Some(wire) = open.place.and_then(|place| place.wire()) {
            of_server(&wire, &mut span);
        }
        self.exporter.send(span);
    }

    /// An agent asked for an attempt from within a trace.
    pub(super) fn asked_within(
        &self,
        state: &State,
        (place, attempt): (&Place, u32),
        traceparent: &str,
    ) {
        let beneath = TraceContext::parse(traceparent).filter(|given| given.sampled);
        if beneath.is_none() {
            return;
        }
        let Place {
            step,
            item,
            purpose,
        } = place;
        let id = of_attempt(state.execution_id(), step, *item, attempt, *purpose);
        self.keep_open(id, |open| open.beneath = beneath);
    }

    fn keep_open(&self, span: [u8; 8], keep: impl FnOnce(&mut Open)) {
        let mut open = self.open();
        if open.len() < MOST_OPEN || open.contains_key(&span) {
            keep(open.entry(span).or_default());
        }
    }

    fn open(&self) -> std::sync::MutexGuard<'_, HashMap<[u8; 8], Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The place of a call in its trace, for whoever is called: beneath it is the attempt's span.
    pub(super) fn trace(&self, state: &State, call: &ResolvedCall) -> TracePlace {
        let ResolvedCall {
            step,
            item,
            attempt,
            purpose,
            ..
        } = call;
        let span = of_attempt(state.execution_id(), step, *item, *attempt, *purpose);
        let beneath = self.open().get(&span).and_then(|open| open.beneath);
        let context = beneath.unwrap_or_else(|| self.context(&state.created));
        let place = TracePlace::new(context.written(span));
        self.keep_open(span, |open| open.place = Some(place.clone()));
        place
    }

    /// A place for the request of a client: beneath what it names, else beneath the execution that it is about, which may
    /// belong to a trace itself; and the span above. None: nobody wants it kept.
    pub(super) fn place_of_call(
        given: Option<&str>,
        execution: Option<(&str, Option<&str>)>,
    ) -> Option<(String, Option<String>)> {
        let parse = |text: Option<&str>| text.and_then(TraceContext::parse);
        let beneath = |(id, within)| {
            let of = parse(within).unwrap_or_else(|| TraceContext::of_id(id));
            TraceContext {
                parent: Some(of_execution(id)),
                ..of
            }
        };
        let above = parse(given).or_else(|| execution.map(beneath));
        let context = above.unwrap_or_else(|| {
            let fresh = uuid::Uuid::now_v7().to_string();
            TraceContext::of_id(&fresh)
        });
        let above = above.and_then(|above| Some(above.written(above.parent?)));
        let own = context.written(TraceContext::fresh_span());
        context.sampled.then_some((own, above))
    }

    /// A request of a client was answered.
    pub(super) fn called(&self, call: ClientCall) {
        if let Some(span) = of_client(call) {
            self.exporter.send(span);
        }
    }

    /// The context of an execution: of one that is run as a step, the trace is that of whoever runs it.
    fn context(&self, created: &Created) -> TraceContext {
        let Some(parent) = &created.parent else {
            return TraceContext::of_root(created);
        };
        let contexts = self.contexts();
        let own = contexts.get(&created.execution_id);
        own.copied()
            .unwrap_or_else(|| beneath(parent, contexts.get(&parent.execution_id)))
    }

    fn keep(&self, created: &Created) {
        let context = self.context(created);
        // What is its own root, and says so by its id, need not be kept.
        if context != TraceContext::of_id(&created.execution_id) {
            self.contexts()
                .insert(created.execution_id.clone(), context);
        }
    }

    fn contexts(&self) -> std::sync::MutexGuard<'_, HashMap<String, TraceContext>> {
        self.contexts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn beneath(parent: &Parent, context: Option<&TraceContext>) -> TraceContext {
    let of = context.copied();
    let of = of.unwrap_or_else(|| TraceContext::of_id(&parent.execution_id));
    let Parent {
        execution_id,
        step,
        item,
        attempt,
        ..
    } = parent;
    TraceContext {
        parent: Some(of_attempt(
            execution_id,
            step,
            *item,
            *attempt,
            Purpose::Run,
        )),
        ..of
    }
}

fn execution(
    state: &State,
    status: &'static str,
    code: Option<&'static str>,
    until_ms: i64,
    context: TraceContext,
) -> Span {
    let created = &state.created;
    let mut attributes = vec![
        (names::EXECUTION_ID, Value::text(&created.execution_id)),
        (names::EXECUTION_STATUS, Value::text(status)),
        (
            names::PLAN_HASH,
            Value::text(&created.plan_hash.to_string()),
        ),
        (names::PLAN_REVISION, Value::Number(created.revision.into())),
        (names::PRINCIPAL, Value::text(&created.principal)),
        (names::CONVERSATION, Value::text(&created.session)),
    ];
    let asked = created.asked.as_deref();
    if let Some(request_id) = asked.and_then(|asked| asked.request_id.as_deref()) {
        attributes.push((names::REQUEST_ID, Value::text(request_id)));
    }
    attributes.extend(code.map(|code| (names::ERROR_TYPE, Value::text(code))));
    attributes.extend(code.map(|code| (names::ERROR_CODE, Value::text(code))));
    Span {
        trace: context.trace,
        id: of_execution(&created.execution_id),
        parent: context.parent,
        name: names::EXECUTE_PLAN.to_owned(),
        from_ms: state.created_ms,
        until_ms,
        attributes,
        error: code.map(str::to_owned),
        kind: SpanKind::Internal,
        links: Vec::new(),
    }
}

fn attempt(state: &State, ended: &Ended, context: TraceContext) -> Span {
    let id = state.execution_id();
    let Ended {
        step,
        item,
        attempt,
        purpose,
        tool,
        from_ms,
        until_ms,
        outcome,
        code,
        begun_seq,
    } = ended;
    let error = (*outcome != "completed").then(|| code.unwrap_or(outcome));
    let mut attributes = vec![
        (names::OPERATION, Value::text(names::EXECUTE_TOOL)),
        (names::TOOL, Value::text(tool)),
        (names::TOOL_TYPE, Value::text(names::FUNCTION)),
        (names::CONVERSATION, Value::text(&state.created.session)),
        (names::EXECUTION_ID, Value::text(id)),
        (names::STEP_ID, Value::text(step)),
        (names::STEP_ATTEMPT, Value::Number((*attempt).into())),
        (names::STEP_PURPOSE, Value::text(purpose.as_str())),
        (names::STEP_OUTCOME, Value::text(outcome)),
    ];
    attributes.extend(item.map(|item| (names::STEP_ITEM, Value::Number(item.into()))));
    let call = begun_seq.map(|seq| call_id(id, seq));
    attributes.extend(call.map(|call| (names::CALL_ID, Value::text(&call))));
    attributes.extend(error.map(|error| (names::ERROR_TYPE, Value::text(error))));
    attributes.extend(code.map(|code| (names::ERROR_CODE, Value::text(code))));
    Span {
        trace: context.trace,
        id: of_attempt(id, step, *item, *attempt, *purpose),
        parent: Some(of_execution(id)),
        name: format!("{} {tool}", names::EXECUTE_TOOL),
        from_ms: *from_ms,
        until_ms: *until_ms,
        attributes,
        error: error.map(str::to_owned),
        kind: SpanKind::Internal,
        links: Vec::new(),
    }
}
