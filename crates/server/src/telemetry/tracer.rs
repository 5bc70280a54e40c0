//! Spans out of events: one per execution, and one per attempt of a step. A span is made when its end is known, with the
//! times that the journal has.

use super::attempts::Ended;
use super::conventions as names;
use super::export::Exporter;
use super::otlp::{Span, Value};
use super::trace_context::{TraceContext, of_attempt, of_execution};
use mandate_engine::{Body, Created, Event, Parent, RUN, State};
use mandate_policy::{Purpose, ResolvedCall};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Makes spans, and has them sent.
pub(super) struct Tracer {
    exporter: Exporter,
    /// Of executions that run others as steps, or are run so: what their own events do not say.
    contexts: Mutex<HashMap<String, TraceContext>>,
}

impl Tracer {
    pub(super) fn new(exporter: Exporter) -> Self {
        Self {
            exporter,
            contexts: Mutex::default(),
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
            let context = self.context(&state.created);
            if context.sampled {
                self.exporter.send(attempt(state, ended, context));
            }
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

    /// The place of a call in its trace, for whoever is called: beneath it is the attempt's span.
    pub(super) fn traceparent(&self, state: &State, call: &ResolvedCall) -> String {
        let context = self.context(&state.created);
        let ResolvedCall {
            step,
            item,
            attempt,
            purpose,
            ..
        } = call;
        let id = state.execution_id();
        context.written(of_attempt(id, step, *item, *attempt, *purpose))
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
    Span {
        trace: context.trace,
        id: of_execution(&created.execution_id),
        parent: context.parent,
        name: names::EXECUTE_PLAN.to_owned(),
        from_ms: state.created_ms,
        until_ms,
        attributes,
        error: code,
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
    } = ended;
    let error = (*outcome != "completed").then(|| code.unwrap_or(outcome));
    let mut attributes = vec![
        (names::OPERATION, Value::text(names::EXECUTE_TOOL)),
        (names::TOOL, Value::text(tool)),
        (names::EXECUTION_ID, Value::text(id)),
        (names::STEP_ID, Value::text(step)),
        (names::STEP_ATTEMPT, Value::Number((*attempt).into())),
        (names::STEP_PURPOSE, Value::text(purpose.as_str())),
        (names::STEP_OUTCOME, Value::text(outcome)),
    ];
    attributes.extend(item.map(|item| (names::STEP_ITEM, Value::Number(item.into()))));
    attributes.extend(error.map(|error| (names::ERROR_TYPE, Value::text(error))));
    Span {
        trace: context.trace,
        id: of_attempt(id, step, *item, *attempt, *purpose),
        parent: Some(of_execution(id)),
        name: format!("{} {tool}", names::EXECUTE_TOOL),
        from_ms: *from_ms,
        until_ms: *until_ms,
        attributes,
        error,
    }
}
