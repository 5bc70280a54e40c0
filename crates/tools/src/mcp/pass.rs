//! Requests that are passed on to a server, and what a server wants to know during a call.

use super::connection::RequestError;
use super::era::Era;
use super::listener::Listener;
use super::server::{Live, Server};
use crate::{About, AboutCall, CallContext, Caller, NotPassed, Pass};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// How often a server may ask during one call.
const ROUNDS: usize = 16;

/// What of a server a request is about.
fn of_method(method: &str) -> Option<Pass> {
    Some(match method {
        "prompts/list" | "prompts/get" => Pass::Prompts,
        "resources/list"
        | "resources/templates/list"
        | "resources/read"
        | "resources/subscribe"
        | "resources/unsubscribe" => Pass::Resources,
        "completion/complete" => Pass::Completions,
        "logging/setLevel" => Pass::Logging,
        _ => return None,
    })
}

impl Server {
    /// Whoever made a call, where what the server says meanwhile is passed on. Nobody hears of a call whose answer holds what
    /// the plan keeps from everybody.
    pub(super) fn listener(&self, call: &CallContext) -> Option<Listener> {
        if self.passes.is_empty() || call.sensitive {
            return None;
        }
        let place = (call.execution_id.as_str(), call.tool.as_str());
        let caller = self.callers.claim(place, &call.args)?;
        let about = About {
            server: self.name.clone(),
            call: Some(AboutCall {
                execution_id: call.execution_id.clone(),
                step: call.step.clone(),
                item: call.item,
                attempt: call.attempt,
            }),
            untrusted: self.facts(&call.tool).open_world,
        };
        Some(self.listening(caller, about))
    }

    fn listening(&self, caller: Arc<dyn Caller>, about: About) -> Listener {
        Listener::new(
            caller,
            about,
            Arc::clone(&self.passes),
            Arc::clone(&self.secrets),
        )
    }

    /// Sends a call, and once more for each time that the server wants to know something first: it has done nothing yet.
    pub(super) async fn call_with(
        &self,
        live: &Live,
        listener: Option<Listener>,
        params: &(dyn Fn(u64) -> Map<String, Value> + Send + Sync),
    ) -> Result<Value, RequestError> {
        let mut more = Map::new();
        for _ in 0..ROUNDS {
            let given = more.clone();
            let answer = { &live.connection }.request_for(listener.clone(), "tools/call", |id| {
                let mut params = params(id);
                params.extend(given);
                Value::Object(params)
            });
            let mut result = answer.await?;
            let Some(listener) = &listener else {
                return Ok(result);
            };
            if result.get("resultType") != Some(&json!("input_required")) {
                listener.answered(&result);
                return Ok(result);
            }
            let none = Map::new();
            let wanted = { result.get("inputRequests") }.and_then(Value::as_object);
            let Some(known) = listener.asked_all(wanted.unwrap_or(&none)).await else {
                return Ok(result);
            };
            more.insert("inputResponses".to_owned(), Value::Object(known));
            match result.get_mut("requestState").map(Value::take) {
                Some(state) => more.insert("requestState".to_owned(), state),
                None => more.remove("requestState"),
            };
        }
        Ok(json!({ "resultType": "input_required" }))
    }

    /// Passes a request on in the name of a caller.
    pub(super) async fn pass(
        self: Arc<Self>,
        method: String,
        params: Map<String, Value>,
        caller: Arc<dyn Caller>,
    ) -> Result<Value, NotPassed> {
        if !of_method(&method).is_some_and(|pass| self.passes.contains(&pass)) {
            return Err(NotPassed::unknown(&method));
        }
        let broken = |message: String| NotPassed {
            code: -32603,
            message,
            data: None,
        };
        let live = self.live().await.map_err(broken)?;
        if live.era == Era::Stateless {
            match method.as_str() {
                // Each request says it by itself.
                "logging/setLevel" => return Ok(json!({})),
                "resources/subscribe" | "resources/unsubscribe" => {
                    return Err(NotPassed::unknown(&method));
                }
                _ => {}
            }
        }
        let about = About {
            server: self.name.clone(),
            call: None,
            untrusted: self.is_open(),
        };
        let listener = self.listening(caller, about);
        let answer = live
            .connection
            .request_for(Some(listener.clone()), &method, |id| {
                let mut meta = live.era.meta();
                meta.insert("progressToken".to_owned(), json!(id));
                if live.era == Era::Stateless {
                    meta.extend(listener.meta());
                }
                let mut params = params;
                params.insert("_meta".to_owned(), Value::Object(meta));
                Value::Object(params)
            });
        let mut answer = answer.await.map_err(|error| match error {
            RequestError::Answered(error) => NotPassed {
                code: error.code,
                message: error.message,
                data: error.data,
            },
            RequestError::NotSent(why) | RequestError::Lost(why) => broken(why),
        })?;
        for scrubber in self.secrets.all() {
            scrubber.scrub_value(&mut answer);
        }
        Ok(answer)
    }
}
