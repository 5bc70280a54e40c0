//! What is passed between a tool server and whoever called one of its tools, besides the call itself: where the operator
//! lets it be, and only while a call of an approved plan is under way, or in its name.
//!
//! A call is enforced, journaled and made as every other. What goes on meanwhile (progress, log lines, questions to the
//! caller) goes to [`Caller`], who is found here by the execution, the tool and the arguments; where two calls of one
//! tool begin at a time and neither is known by its arguments, nobody could say whose is whose, and nothing is passed on.

use futures_util::future::BoxFuture;
use mandate_plan::{Digest, canonical_json};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{BTreeSet, HashMap};
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

/// Something of a server that is passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pass {
    /// Its prompts.
    Prompts,
    /// Its resources.
    Resources,
    /// What it proposes to complete arguments with.
    Completions,
    /// What it says of how far a call is.
    Progress,
    /// What it logs during a call.
    Logging,
    /// The model of the caller, asked during a call.
    Sampling,
    /// The caller's user, asked during a call.
    Elicitation,
    /// The caller's folders, asked for during a call.
    Roots,
}

impl Pass {
    /// What a request of a server is.
    pub(crate) fn of_request(method: &str) -> Option<Self> {
        Some(match method {
            "sampling/createMessage" => Self::Sampling,
            "elicitation/create" => Self::Elicitation,
            "roots/list" => Self::Roots,
            _ => return None,
        })
    }

    /// What the protocol calls it among the capabilities of clients; none if it is none.
    pub(crate) fn capability(self) -> Option<&'static str> {
        Some(match self {
            Self::Sampling => "sampling",
            Self::Elicitation => "elicitation",
            Self::Roots => "roots",
            _ => return None,
        })
    }
}

/// What a server's question is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// The server.
    pub server: String,
    /// The call during which it asks; none: something else was passed on to it.
    pub call: Option<AboutCall>,
    /// Other parties may have a say in what it asks.
    pub untrusted: bool,
}

/// A call during which a server asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AboutCall {
    /// The execution.
    pub execution_id: String,
    /// The step.
    pub step: String,
    /// Its item.
    pub item: Option<u32>,
    /// The attempt.
    pub attempt: u32,
}

/// Whoever made a call, and can be told and asked while it is under way.
pub trait Caller: Send + Sync {
    /// What it can be asked, as the protocol says it.
    fn capabilities(&self) -> Value;

    /// From which level on it wants to be told what is logged; none if it did not say so.
    fn log_level(&self) -> Option<String>;

    /// Tells it something: the method and the parameters of a notification.
    fn told(&self, method: &str, params: Value);

    /// Hands it the whole answer of the server, before anything is made of it.
    fn answered(&self, result: &Value);

    /// Asks it: each request has a key, under which its result comes back. None if it does not answer.
    fn asked(
        &self,
        about: &About,
        requests: Map<String, Value>,
    ) -> BoxFuture<'static, Option<Map<String, Value>>>;
}

/// Why a server did not do what was passed on to it.
#[derive(Debug, Clone, PartialEq)]
pub struct NotPassed {
    /// The protocol's number.
    pub code: i64,
    /// What is wrong.
    pub message: String,
    /// What the server says besides.
    pub data: Option<Value>,
}

impl NotPassed {
    /// There is nobody who would do that.
    pub fn unknown(method: &str) -> Self {
        Self {
            code: -32601,
            message: format!("`{method}` is not passed on"),
            data: None,
        }
    }
}

/// Somebody who waits for a call.
struct Waits {
    number: u64,
    args: Digest,
    /// The call that they wait for was found.
    claimed: bool,
    caller: Arc<dyn Caller>,
}

/// Who waits for which call.
#[derive(Default)]
pub struct Callers {
    last: AtomicU64,
    /// By execution and tool.
    waiting: Mutex<HashMap<(String, String), Vec<Waits>>>,
}

fn digest(args: &Value) -> Digest {
    Digest::framed("mandate/caller-args/v1", [canonical_json(args).as_slice()])
}

impl Callers {
    /// From here until the guard is dropped this caller waits for a call of that tool, for which it gave these arguments.
    pub fn enter(
        self: &Arc<Self>,
        (execution_id, tool): (&str, &str),
        args: &Value,
        caller: Arc<dyn Caller>,
    ) -> Entered {
        let number = self.last.fetch_add(1, Ordering::Relaxed);
        let place = (execution_id.to_owned(), tool.to_owned());
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.entry(place.clone()).or_default().push(Waits {
            number,
            args: digest(args),
            claimed: false,
            caller,
        });
        Entered {
            callers: Arc::clone(self),
            place,
            number,
        }
    }

    /// Whoever waits for this call: the first who gave these arguments, or else the only one who waits for any.
    pub(crate) fn claim(
        &self,
        (execution_id, tool): (&str, &str),
        args: &Value,
    ) -> Option<Arc<dyn Caller>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.is_empty() {
            return None;
        }
        let found = waiting.get_mut(&(execution_id.to_owned(), tool.to_owned()))?;
        let args = digest(args);
        let mut open: Vec<&mut Waits> = found.iter_mut().filter(|waits| !waits.claimed).collect();
        let place = match open.iter().position(|waits| waits.args == args) {
            Some(place) => place,
            None if open.len() == 1 => 0,
            None => return None,
        };
        let found = open.get_mut(place)?;
        found.claimed = true;
        Some(Arc::clone(&found.caller))
    }
}

/// Somebody waits for a call.
pub struct Entered {
    callers: Arc<Callers>,
    place: (String, String),
    number: u64,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut waiting = { &self.callers.waiting }
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = waiting.get_mut(&self.place) {
            found.retain(|waits| waits.number != self.number);
            if found.is_empty() {
                waiting.remove(&self.place);
            }
        }
    }
}

/// What of a server is passed on.
pub type Passes = BTreeSet<Pass>;

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use serde_json::json;

    struct Nobody;

    impl Caller for Nobody {
        fn capabilities(&self) -> Value {
            Value::Null
        }
        fn log_level(&self) -> Option<String> {
            None
        }
        fn told(&self, _: &str, _: Value) {}
        fn answered(&self, _: &Value) {}
        fn asked(
            &self,
            _: &About,
            _: Map<String, Value>,
        ) -> BoxFuture<'static, Option<Map<String, Value>>> {
            async { None }.boxed()
        }
    }

    #[test]
    fn a_call_has_the_caller_that_gave_its_arguments_or_none() {
        let callers = Arc::new(Callers::default());
        let enter = |execution: &str, args: Value| {
            callers.enter((execution, "s.t"), &args, Arc::new(Nobody))
        };
        let claim = |execution: &str, args: Value| callers.claim((execution, "s.t"), &args);
        assert!(claim("a", json!({})).is_none());
        let first = enter("a", json!({ "x": 1 }));
        assert!(claim("b", json!({ "x": 1 })).is_none());
        assert!(
            claim("a", json!({ "x": 1, "default": 2 })).is_some(),
            "there is no other"
        );
        let (second, third) = (enter("a", json!({ "x": 2 })), enter("a", json!({ "x": 3 })));
        assert!(claim("a", json!({ "x": 1 })).is_none(), "whose is it?");
        assert!(claim("a", json!({ "x": 3 })).is_some());
        assert!(claim("a", json!({ "x": 2 })).is_some());
        assert!(claim("a", json!({ "x": 2 })).is_none(), "each has one call");
        drop((first, second, third));
        assert!(callers.waiting.lock().unwrap().is_empty());
    }
}
