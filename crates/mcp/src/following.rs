//! Following a call: its progress, what a tool server says and asks meanwhile, and what comes of it.

use crate::acts::{Act, Besides, Way, call, call_approved};
use crate::approving::Call;
use crate::handler::{Placed, is_stateless};
use crate::handles::Handle;
use crate::own_tools::own_tool;
use crate::told::Told;
use crate::under::{Answers, Parked, Spots, Under, Word};
use axum::http::request::Parts;
use mandate_tools::PARAM_PREFIX;
use rmcp::ErrorData;
use rmcp::model::{
    CallToolResponse, CallToolResult, ContentBlock, CustomRequest, InputRequests,
    InputRequiredResult, ProgressNotificationParam, ServerNotification, ServerRequest,
};
use rmcp::service::{RequestContext, RoleServer};
use serde_json::{Map, Value, json};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::oneshot;

/// What came of a call so far.
pub(crate) enum Came {
    /// It is over.
    Done(Box<Told>),
    /// A server wants to know something first, and the client can be asked by the answer only.
    Asks(Map<String, Value>, Parked),
    /// It takes long, and its client has a task to come back with.
    Left(Box<CallToolResponse>),
}

impl Placed {
    /// Begins to do what a tool does.
    pub(crate) fn begin(
        self: &Arc<Self>,
        name: String,
        arguments: String,
        context: &RequestContext<RoleServer>,
    ) -> Under {
        let (told, steps) = unbounded_channel();
        let (line, words) = self.line(context);
        let placed = self.clone();
        let spots = Spots::default();
        let said = self.task_after(context).map(|_| spots.clone());
        let Some(tool) = own_tool(&name) else {
            let way = Way {
                line,
                repeated: repeated(context),
                spots: said,
            };
            // Boxed, since a task is moved as a whole several times.
            let done = tokio::spawn(Box::pin(call(placed, way, name, arguments)));
            return Under::new(done, steps, words, spots);
        };
        let asks = context.meta.get_progress_token().is_some();
        let ended = context.ct.clone();
        let done = tokio::task::spawn_blocking(move || {
            let progress = |settled: usize, of: usize, step: &str| {
                if asks {
                    let _ = told.send((settled, of, step.to_owned()));
                }
            };
            let abandoned = || ended.is_cancelled() || told.is_closed();
            let own = |act: &Act<'_>| act.own(tool, &arguments);
            let besides = Besides {
                line: Some(&line),
                spots: said.as_ref(),
            };
            placed.act_with((&progress, &abandoned), besides, own)
        });
        Under::new(done, steps, words, spots)
    }

    /// Begins a call that a yes was given to.
    pub(crate) fn begin_approved(
        self: &Arc<Self>,
        handle: Handle,
        (tool, args): (String, Value),
        context: &RequestContext<RoleServer>,
    ) -> Under {
        let (_, steps) = unbounded_channel();
        let (line, words) = self.line(context);
        let way = Way {
            line,
            repeated: None,
            spots: None,
        };
        let done = tokio::spawn(Box::pin(call_approved(
            self.clone(),
            way,
            handle,
            (tool, args),
        )));
        Under::new(done, steps, words, Spots::default())
    }

    /// Follows it until it is over, or its client has to come back.
    pub(crate) async fn follow(
        &self,
        mut under: Under,
        context: &RequestContext<RoleServer>,
    ) -> Result<Came, ErrorData> {
        loop {
            match self.follow_for(under, None, context).await? {
                ControlFlow::Break(came) => return Ok(came),
                ControlFlow::Continue(still) => under = still,
            }
        }
    }

    /// The same, and no longer than that: then it goes on.
    pub(crate) async fn follow_for(
        &self,
        mut under: Under,
        limit: Option<Duration>,
        context: &RequestContext<RoleServer>,
    ) -> Result<ControlFlow<Came, Under>, ErrorData> {
        // Nobody looks at the clock for an answer that comes at once.
        let long = async {
            match limit {
                Some(limit) => tokio::time::sleep(limit).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(long);
        loop {
            tokio::select! {
                biased;
                Some((settled, of, step)) = under.steps.recv() => {
                    tell_progress(&mut under.last, (settled, of, &step), context).await;
                }
                Some(word) = under.words.recv() => {
                    if let Some((requests, answers)) = hear(word, context).await {
                        let parked = Parked { under, answers };
                        return Ok(ControlFlow::Break(Came::Asks(requests, parked)));
                    }
                }
                outcome = &mut under.done => {
                    // What was said before the end is told before the end.
                    while let Ok(word) = under.words.try_recv() {
                        let _ = hear(word, context).await;
                    }
                    let told = outcome.map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
                    return Ok(ControlFlow::Break(Came::Done(Box::new(told))));
                }
                () = &mut long => return Ok(ControlFlow::Continue(under)),
            }
        }
    }

    /// Has the client come back with what a server wants to know.
    pub(crate) fn asks(
        &self,
        call: Call,
        requests: Map<String, Value>,
        parked: Parked,
    ) -> CallToolResponse {
        let asked: Option<InputRequests> = serde_json::from_value(Value::Object(requests)).ok();
        let word = asked
            .is_some()
            .then(|| self.shared.parked.keep(call, parked));
        match word.flatten() {
            Some(word) => InputRequiredResult::new(asked, Some(word)).into(),
            None => {
                let text = "the server asks for something that cannot be asked";
                CallToolResult::error(vec![ContentBlock::text(text)]).into()
            }
        }
    }
}

/// The headers that repeat arguments, where the client has to send them: over HTTP, of the revision that has them.
fn repeated(context: &RequestContext<RoleServer>) -> Option<Vec<(String, String)>> {
    let parts = context.extensions.get::<Parts>()?;
    if !is_stateless(context) {
        return None;
    }
    let named = parts
        .headers
        .iter()
        .filter(|(name, _)| name.as_str().starts_with(PARAM_PREFIX));
    // What is no text is none that could agree with anything.
    let read = named.map(|(name, value)| {
        let value = value.to_str().unwrap_or("=?base64?-?=");
        (name.as_str().to_owned(), value.trim().to_owned())
    });
    Some(read.collect())
}

async fn tell_progress(
    last: &mut f64,
    (settled, of, step): (usize, usize, &str),
    context: &RequestContext<RoleServer>,
) {
    let Some(token) = context.meta.get_progress_token() else {
        return;
    };
    // Only what goes forward is progress.
    let settled = f64::from(u32::try_from(settled).unwrap_or(u32::MAX));
    if settled <= *last {
        return;
    }
    *last = settled;
    let of = f64::from(u32::try_from(of).unwrap_or(u32::MAX));
    let mut notice = ProgressNotificationParam::new(token, settled).with_total(of);
    if !step.is_empty() {
        notice = notice.with_message(format!("step {step} is settled"));
    }
    let _ = context.peer.notify_progress(notice).await;
}

/// Passes on what a server says. Gives back what its client can be asked by an answer only.
pub(crate) async fn hear(
    word: Word,
    context: &RequestContext<RoleServer>,
) -> Option<(Map<String, Value>, oneshot::Sender<Answers>)> {
    let (requests, answers) = match word {
        Word::Told(method, params) => {
            tell(&method, params, context).await;
            return None;
        }
        Word::Asked(requests, answers) => (requests, answers),
    };
    if is_stateless(context) {
        return Some((requests, answers));
    }
    let mut known = Map::new();
    for (key, request) in requests {
        let method = request
            .get("method")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let params = request
            .get("params")
            .filter(|params| !params.is_null())
            .cloned();
        let request = ServerRequest::CustomRequest(CustomRequest::new(method, params));
        // Without an answer nobody is told one.
        let answer = context.peer.send_request(request).await.ok()?;
        known.insert(key, serde_json::to_value(answer).ok()?);
    }
    let _ = answers.send(known);
    None
}

async fn tell(method: &str, mut params: Value, context: &RequestContext<RoleServer>) {
    if method == "notifications/progress" {
        let Some(token) = context.meta.get_progress_token() else {
            return;
        };
        if let Value::Object(params) = &mut params {
            params.insert("progressToken".to_owned(), json!(token));
        }
    }
    if let Value::Object(params) = &mut params {
        params.remove("_meta");
    }
    let notice = json!({ "method": method, "params": params });
    let notice: Result<ServerNotification, _> = serde_json::from_value(notice);
    if let Ok(notice) = notice {
        let _ = context.peer.send_notification(notice).await;
    }
}
