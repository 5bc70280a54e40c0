//! Asking the client's own user, where the operator lets that be: whoever answers there is the requester, and counts as nobody
//! else.
//!
//! Clients of the older revisions are asked over their connection. Those of 2026-07-28 get the question as the answer to their
//! call, with a word to give back; it stands for this question about this call of this principal, once.

use mandate_plan::Digest;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long somebody may take to answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(600);
/// Questions that may be open at a time; beyond, the oldest is forgotten.
const MOST: usize = 1_024;
/// What the question is called.
pub(crate) const KEY: &str = "approval";
/// The longest question.
const LONGEST: usize = 8_000;

/// A request that the client's user can be asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asks {
    pub(crate) execution_id: String,
    pub(crate) request_id: String,
    /// What is asked, for people.
    pub(crate) question: String,
}

impl Asks {
    pub(crate) fn new(execution_id: &str, request_id: &str, question: &str) -> Self {
        Self {
            execution_id: execution_id.to_owned(),
            request_id: request_id.to_owned(),
            question: visible(question),
        }
    }
}

/// The text without what could make it look like another one.
fn visible(text: &str) -> String {
    let hidden = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    text.chars().filter(|c| !hidden(*c)).take(LONGEST).collect()
}

/// What can be answered, as the protocol wants it: flat.
pub(crate) fn form() -> Value {
    json!({
        "type": "object",
        "properties": {
            "decision": { "type": "string", "title": "Decision", "enum": ["approve", "reject"] },
            "reason": { "type": "string", "title": "Reason" },
        },
        "required": ["decision"],
    })
}

/// What somebody answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) choice: &'static str,
    pub(crate) reason: Option<String>,
}

impl Said {
    /// From what a client gives back. Whoever closes the question has not answered it.
    pub(crate) fn of(result: &Value) -> Option<Self> {
        let action = result.get("action").and_then(Value::as_str);
        let content = result.get("content");
        let field = |name: &str| {
            content
                .and_then(|content| content.get(name))
                .and_then(Value::as_str)
        };
        let choice = match (action, field("decision")) {
            (Some("accept"), Some("approve")) => "approve",
            (Some("accept"), Some("reject")) | (Some("decline"), _) => "reject",
            _ => return None,
        };
        let reason = field("reason").filter(|reason| !reason.trim().is_empty());
        Some(Self {
            choice,
            reason: reason.map(str::to_owned),
        })
    }
}

/// A call that waits for an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) principal: String,
    pub(crate) tool: String,
    pub(crate) arguments: Digest,
}

impl Call {
    pub(crate) fn new(principal: &str, tool: &str, arguments: &str) -> Self {
        Self {
            principal: principal.to_owned(),
            tool: tool.to_owned(),
            arguments: Digest::framed("mandate/mcp-question/v1", [arguments.as_bytes()]),
        }
    }
}

struct Open<T> {
    call: Call,
    what: T,
    at: Instant,
}

/// What clients were handed a word for.
pub(crate) struct Words<T>(Mutex<HashMap<String, Open<T>>>);

/// The questions that clients were handed.
pub(crate) type Questions = Words<Asks>;

impl<T> Default for Words<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Words<T> {
    /// Keeps something, and gives the word for it; none if the system gives no randomness.
    pub(crate) fn keep(&self, call: Call, what: T) -> Option<String> {
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes).ok()?;
        let word: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, open| open.at.elapsed() < PATIENCE);
        if open.len() >= MOST
            && let Some(oldest) = { open.iter() }
                .min_by_key(|(_, open)| open.at)
                .map(|(word, _)| word.clone())
        {
            open.remove(&oldest);
        }
        let at = Instant::now();
        open.insert(word.clone(), Open { call, what, at });
        Some(word)
    }

    /// What a word stands for, if it is about this call. Whatever comes of it, the word is used up.
    pub(crate) fn take(&self, word: &str, call: &Call) -> Option<T> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = open.remove(word)?;
        (found.at.elapsed() < PATIENCE && found.call == *call).then_some(found.what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_holds_once_and_for_its_call_only() {
        let questions = Questions::default();
        let call = Call::new("ann", "propose_plan", "{}");
        let asks = Asks::new("e", "r", "Go?");
        let word = questions.keep(call.clone(), asks.clone()).unwrap();
        assert_eq!(questions.take("other", &call), None);
        assert_eq!(questions.take(&word, &call), Some(asks.clone()));
        assert_eq!(questions.take(&word, &call), None, "once");
        for other in [
            Call::new("eve", "propose_plan", "{}"),
            Call::new("ann", "replan", "{}"),
            Call::new("ann", "propose_plan", "{ }"),
        ] {
            let word = questions.keep(call.clone(), asks.clone()).unwrap();
            assert_eq!(questions.take(&word, &other), None);
            assert_eq!(
                questions.take(&word, &call),
                None,
                "it was shown to somebody else"
            );
        }
    }

    #[test]
    fn only_a_clear_word_is_an_answer() {
        let of = |value: Value| Said::of(&value).map(|said| said.choice);
        assert_eq!(
            of(json!({ "action": "accept", "content": { "decision": "approve" } })),
            Some("approve")
        );
        assert_eq!(
            of(json!({ "action": "accept", "content": { "decision": "reject" } })),
            Some("reject")
        );
        assert_eq!(of(json!({ "action": "decline" })), Some("reject"));
        assert_eq!(of(json!({ "action": "cancel" })), None);
        assert_eq!(of(json!({ "action": "accept", "content": {} })), None);
        assert_eq!(
            of(json!({ "action": "accept", "content": { "decision": "Approve" } })),
            None
        );
        assert_eq!(of(json!({})), None);
    }

    #[test]
    fn what_cannot_be_seen_is_not_asked() {
        assert_eq!(Asks::new("e", "r", "a\u{202e}b\u{7}\nc").question, "ab\nc");
    }
}
