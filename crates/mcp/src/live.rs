//! Tasks whose calls are under way in this process: how far they are, and what tool servers want to know meanwhile. Only what
//! cannot outlive the process is here; everything else about a task is in the journal.

use crate::under::{Answers, Under, Word};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// The tasks of this process, by their ids.
#[derive(Default)]
pub(crate) struct Lives(Mutex<HashMap<String, Arc<Live>>>);

/// A call that goes on without anybody who waits for its answer.
#[derive(Default)]
pub(crate) struct Live(Mutex<Talk>);

#[derive(Default)]
struct Talk {
    /// How far it is, in words.
    said: Option<String>,
    /// How often the server has asked.
    rounds: u64,
    /// What it wants to know, by the keys that the client is shown; no key is used twice.
    open: Map<String, Value>,
    /// What the client has answered so far, by the server's own keys.
    known: Answers,
    /// Where the answers go.
    reply: Option<oneshot::Sender<Answers>>,
}

impl Lives {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Live>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The task of that id, if its call is under way here.
    pub(crate) fn of(&self, id: &str) -> Option<Arc<Live>> {
        self.lock().get(id).cloned()
    }

    /// Whether it is.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.lock().contains_key(id)
    }

    /// A new one; none if there is one of that id already.
    pub(crate) fn begin(&self, id: &str) -> Option<Arc<Live>> {
        let mut all = self.lock();
        if all.contains_key(id) {
            return None;
        }
        let live = Arc::<Live>::default();
        all.insert(id.to_owned(), live.clone());
        Some(live)
    }

    /// Hears what the server says until the call is over.
    pub(crate) async fn attend(&self, id: &str, live: &Live, mut under: Under) {
        loop {
            tokio::select! {
                biased;
                Some((settled, of, step)) = under.steps.recv() => {
                    live.says(format!("{settled} of {of} steps are settled, {step} was the last"));
                }
                Some(word) = under.words.recv() => live.hears(word),
                _ = &mut under.done => break,
            }
        }
        self.lock().remove(id);
    }
}

impl Live {
    fn lock(&self) -> MutexGuard<'_, Talk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn says(&self, text: String) {
        self.lock().said = Some(text);
    }

    fn hears(&self, word: Word) {
        match word {
            Word::Told(method, params) if method == "notifications/progress" => {
                if let Some(text) = params.get("message").and_then(Value::as_str) {
                    self.says(text.to_owned());
                }
            }
            Word::Told(..) => {}
            Word::Asked(requests, reply) => {
                let mut talk = self.lock();
                talk.rounds = talk.rounds.saturating_add(1);
                let round = talk.rounds;
                let requests = requests.into_iter();
                talk.open = requests
                    .map(|(key, request)| (format!("{round}-{key}"), request))
                    .collect();
                talk.known = Answers::new();
                talk.reply = Some(reply);
            }
        }
    }

    /// How far it is, in words.
    pub(crate) fn said(&self) -> Option<String> {
        self.lock().said.clone()
    }

    /// What its server wants to know.
    pub(crate) fn open(&self) -> Map<String, Value> {
        self.lock().open.clone()
    }

    /// Nobody answers any more.
    pub(crate) fn closes(&self) {
        let mut talk = self.lock();
        talk.open = Map::new();
        talk.reply = None;
    }

    /// Takes answers. Once there is one to each question, the call goes on. What nobody asked is passed over.
    pub(crate) fn answers(&self, given: impl IntoIterator<Item = (String, Value)>) {
        let mut talk = self.lock();
        for (key, answer) in given {
            let Some((_, own)) = key.split_once('-') else {
                continue;
            };
            if talk.open.remove(&key).is_some() {
                talk.known.insert(own.to_owned(), answer);
            }
        }
        if talk.open.is_empty()
            && let Some(reply) = talk.reply.take()
        {
            let _ = reply.send(std::mem::take(&mut talk.known));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn asked(live: &Live, requests: Value) -> oneshot::Receiver<Answers> {
        let (reply, answers) = oneshot::channel();
        let Value::Object(requests) = requests else {
            panic!()
        };
        live.hears(Word::Asked(requests, reply));
        answers
    }

    #[test]
    fn a_call_goes_on_once_everything_is_answered() {
        let live = Live::default();
        let mut answers = asked(&live, json!({ "a": 1, "b-c": 2 }));
        let keys: Vec<String> = live.open().keys().cloned().collect();
        assert_eq!(keys, ["1-a", "1-b-c"]);
        live.answers([
            ("1-a".to_owned(), json!("x")),
            ("never".to_owned(), json!(0)),
        ]);
        assert!(answers.try_recv().is_err(), "one is missing");
        assert_eq!(live.open().len(), 1);
        live.answers([
            ("1-a".to_owned(), json!("again")),
            ("1-b-c".to_owned(), json!("y")),
        ]);
        assert_eq!(
            Value::Object(answers.try_recv().unwrap()),
            json!({ "a": "x", "b-c": "y" })
        );
        let _more = asked(&live, json!({ "a": 3 }));
        assert!(live.open().contains_key("2-a"), "no key is used twice");
    }

    #[test]
    fn a_call_is_attended_once() {
        let lives = Lives::default();
        assert!(lives.begin("a").is_some());
        assert!(lives.begin("a").is_none());
        assert!(lives.has("a") && !lives.has("b"));
    }
}
