//! A caller as a connection knows it: what of the server is passed on to it, and without the secrets that the server was
//! given.

use super::stderr::GivenSecrets;
use crate::{About, Caller, Pass, Passes};
use futures_util::{FutureExt as _, future::BoxFuture};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// The key of a question that comes alone.
const ONLY: &str = "only";

/// A caller, and what is passed on to it.
#[derive(Clone)]
pub(super) struct Listener {
    caller: Arc<dyn Caller>,
    about: Arc<About>,
    passes: Arc<Passes>,
    secrets: Arc<GivenSecrets>,
}

impl Listener {
    pub(super) fn new(
        caller: Arc<dyn Caller>,
        about: About,
        passes: Arc<Passes>,
        secrets: Arc<GivenSecrets>,
    ) -> Self {
        Self {
            caller,
            about: Arc::new(about),
            passes,
            secrets,
        }
    }

    fn scrubbed(&self, mut value: Value) -> Value {
        for scrubber in self.secrets.all() {
            scrubber.scrub_value(&mut value);
        }
        value
    }

    /// Tells the caller, where that is passed on.
    pub(super) fn told(&self, pass: Pass, method: &str, params: Value) {
        if self.passes.contains(&pass) {
            self.caller.told(method, self.scrubbed(params));
        }
    }

    /// Hands it the whole answer.
    pub(super) fn answered(&self, result: &Value) {
        self.caller.answered(&self.scrubbed(result.clone()));
    }

    /// Whether it may be asked that.
    fn may_be_asked(&self, method: &str) -> bool {
        Pass::of_request(method).is_some_and(|pass| self.passes.contains(&pass))
    }

    /// Whether it said that it can be asked that.
    fn can_be_asked(&self, method: &str) -> bool {
        let can = self.caller.capabilities();
        let name = Pass::of_request(method).and_then(Pass::capability);
        self.may_be_asked(method) && name.is_some_and(|name| can.get(name).is_some())
    }

    /// Asks it one thing, and gives the result; none if that is not passed on.
    pub(super) fn asked(
        &self,
        method: &str,
        params: &Value,
    ) -> Option<BoxFuture<'static, Option<Value>>> {
        if !self.can_be_asked(method) {
            return None;
        }
        let request = self.scrubbed(json!({ "method": method, "params": params }));
        let requests = Map::from_iter([(ONLY.to_owned(), request)]);
        let asked = self.caller.asked(&self.about, requests);
        Some(async move { asked.await?.remove(ONLY) }.boxed())
    }

    /// Asks it several things at a time, as the server put them: what it cannot do it says itself. None if one of them is
    /// not passed on, or it does not answer.
    pub(super) async fn asked_all(
        &self,
        requests: &Map<String, Value>,
    ) -> Option<Map<String, Value>> {
        let method = |request: &Value| {
            let method = request.get("method").and_then(Value::as_str);
            method.is_some_and(|method| self.may_be_asked(method))
        };
        if !requests.values().all(method) {
            return None;
        }
        match self.scrubbed(Value::Object(requests.clone())) {
            Value::Object(requests) => self.caller.asked(&self.about, requests).await,
            _ => None,
        }
    }

    /// What a stateless server is told of it.
    pub(super) fn meta(&self) -> Map<String, Value> {
        let mut meta = Map::new();
        let can = self.caller.capabilities();
        let passed = { self.passes.iter() }
            .filter_map(|pass| pass.capability())
            .filter_map(|name| Some((name.to_owned(), can.get(name)?.clone())));
        let passed: Map<String, Value> = passed.collect();
        meta.insert(
            "io.modelcontextprotocol/clientCapabilities".to_owned(),
            Value::Object(passed),
        );
        if let Some(level) = self.caller.log_level()
            && self.passes.contains(&Pass::Logging)
        {
            let key = "io.modelcontextprotocol/logLevel".to_owned();
            meta.insert(key, level.into());
        }
        meta
    }
}
