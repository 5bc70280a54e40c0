//! Who goes on with what: over a real store, with a tool that notes the thread on which it is called.

use futures_util::{FutureExt as _, future::BoxFuture};
use mandate_engine::event::Answer;
use mandate_host::{LocalHost, Submission, Update};
use mandate_plan::{CheckedPlan, Effect, Facts, Format, check, parse};
use mandate_store::SqliteStore;
use mandate_tools::{
    Authorized, CallContext, Definition, NoSecrets, Outcome, Provider, Registry, Runner, Tools as _,
};
use serde_json::{Map, Value, json};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

const STEPS: usize = 12;

/// An effect that answers at once.
#[derive(Default)]
struct Noting(Arc<Mutex<Vec<String>>>);

impl Provider for Noting {
    fn name(&self) -> &str {
        "note"
    }

    fn definitions(&self) -> Vec<Definition> {
        let input = json!({ "type": "object" });
        vec![Definition::new(
            "note.put",
            "Notes the thread.",
            input,
            None,
        )]
    }

    fn facts(&self, _: &str, _: Option<&Value>) -> Facts {
        Facts {
            effect: Effect::Write,
            idempotent: false,
            open_world: false,
        }
    }

    fn answers_at_once(&self, _: &str) -> bool {
        true
    }

    fn call(&self, _: Authorized, _: CallContext) -> BoxFuture<'static, Outcome> {
        let thread = std::thread::current();
        let name = thread.name().unwrap_or_default().to_owned();
        self.0.lock().unwrap().push(name);
        let output = json!("done");
        async { Outcome::Completed { output } }.boxed()
    }
}

fn plan(runner: &Runner) -> Arc<CheckedPlan> {
    let steps: Vec<_> = (0..STEPS)
        .map(|number| json!({ "id": format!("s{number}"), "tool": "note.put", "args": {} }))
        .collect();
    let document = json!({ "version": 1, "name": "notes", "steps": steps }).to_string();
    let document = parse(document.as_bytes(), Format::Json).unwrap();
    check(&document, Some(&*runner.lookup())).plan.unwrap()
}

#[test]
fn the_journals_writer_goes_on_where_nothing_else_waits() {
    let dir = TempDir::new().unwrap();
    let store = Arc::new(SqliteStore::open(dir.path()).unwrap());
    let noting = Noting::default();
    let noted = noting.0.clone();
    let registry = Arc::new(Registry::new());
    registry.add(Arc::new(noting)).unwrap();
    let runner = Arc::new(Runner::new(registry, Arc::new(NoSecrets)));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let host = LocalHost::start(store, runner.clone(), runtime.handle().clone()).unwrap();
    let submitted = host
        .submit(Submission {
            plan: plan(&runner),
            inputs: Map::new(),
            principal: "local:1".to_owned(),
            roles: Vec::new(),
            session: "s".to_owned(),
            deadline_ms: None,
            rerun: None,
            revises: None,
            execution_id: None,
            asked: None,
        })
        .unwrap();
    if let Some(request) = &submitted.request_id {
        let answer = Answer::new(request, "approve", "local:1", "cli");
        host.answer(&submitted.execution_id, answer).unwrap();
    }
    let rests = host.await_rest(&submitted.execution_id).unwrap();
    let ended = rests.iter().find_map(|update| match update {
        Update::Rest(rest) => rest.state.ending,
        _ => None,
    });
    assert_eq!(ended.unwrap().error, None);
    let threads = noted.lock().unwrap();
    assert_eq!(threads.len(), STEPS);
    // Not each of them: whoever answered the request may have held the host when a commit was there.
    let by_writer = threads.iter().any(|name| name == "journal-writer");
    assert!(by_writer, "{threads:?}");
}
