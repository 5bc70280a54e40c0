//! The jobs facade over a real host, store and tools.

use mandate_host::{
    Analysis, Intake, Job, JobMode, JobState, Jobs, Keys, LocalHost, NoResult, Switch,
};
use mandate_plan::ErrorCode;
use mandate_policy::Principal;
use mandate_store::{Journal, SqliteStore};
use mandate_tools::{
    Category, Confining, NoSecrets, OwnToolConfig, OwnTools, Registry, Runner, SandboxConfig,
    ToolsConfig, builtins,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::runtime::Runtime;

struct Rig {
    // Dropped in this order.
    jobs: Option<Jobs>,
    host: Option<LocalHost>,
    runtime: Runtime,
    store: Option<Arc<SqliteStore>>,
    dir: TempDir,
}

impl Rig {
    fn new() -> Self {
        Self::over(TempDir::new().unwrap())
    }

    fn over(dir: TempDir) -> Self {
        let store = Arc::new(SqliteStore::open(&dir.path().join("data")).unwrap());
        let registry = Arc::new(Registry::new());
        for provider in builtins(&ToolsConfig::default(), dir.path(), &[]).unwrap() {
            registry.add(provider).unwrap();
        }
        let external: OwnToolConfig = serde_json::from_value(json!({
            "name": "crm.charge", "kind": "external", "effect": "network",
        }))
        .unwrap();
        let own = OwnTools::new(
            &BTreeMap::from([(external.name.clone(), external)]),
            dir.path(),
            &[],
            Arc::new(NoSecrets),
            &Confining::new(&[], &SandboxConfig::default()),
        );
        registry.add(Arc::new(own.unwrap())).unwrap();
        let runner = Arc::new(Runner::new(registry.clone(), Arc::new(NoSecrets)));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let host = LocalHost::start(store.clone(), runner, runtime.handle().clone()).unwrap();
        let journal: Arc<dyn Journal> = store.clone();
        let jobs = Jobs::new(
            host.handle(),
            Arc::new(Intake::new(registry)),
            Arc::new(Keys::new(journal.clone())),
            journal,
        );
        Self {
            jobs: Some(jobs),
            host: Some(host),
            runtime,
            store: Some(store),
            dir,
        }
    }

    /// The process ends, and another one is there.
    fn restart(mut self) -> Self {
        self.jobs = None;
        self.host = None;
        self.store = None;
        let Self { dir, runtime, .. } = self;
        drop(runtime);
        let rig = Self::over(dir);
        rig.host.as_ref().unwrap().recover().unwrap();
        rig
    }

    fn analyze(&self, plugin: &str, payload: Value, mode: JobMode) -> Result<Job, NoResult> {
        let analysis = Analysis {
            plugin: plugin.to_owned(),
            payload,
            mode,
        };
        let jobs = self.jobs.as_ref().unwrap();
        let who = Principal::local(1);
        self.runtime
            .block_on(jobs.analyze(&who, "s1", analysis, None))
    }

    fn job(&self, id: &str) -> Option<Job> {
        let jobs = self.jobs.as_ref().unwrap();
        self.runtime.block_on(jobs.job(id)).unwrap()
    }

    fn until(&self, id: &str, state: JobState) -> Job {
        loop {
            let job = self.job(id).unwrap();
            if job.state == state {
                return job;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    fn approve(&self, job: &Job) {
        let request = job.request_id.as_deref().unwrap();
        let answer = mandate_engine::event::Answer::new(request, "approve", "local:1", "cli");
        let host = self.host.as_ref().unwrap();
        host.answer(&job.job_id, answer).unwrap();
    }
}

fn code(answer: Result<Job, NoResult>) -> ErrorCode {
    answer.unwrap_err().error.code
}

#[test]
fn whoever_waits_gets_the_result_or_the_envelope() {
    let rig = Rig::new();
    std::fs::write(rig.dir.path().join("a.txt"), "hello").unwrap();
    let job = rig
        .analyze("fs.read", json!({ "path": "a.txt" }), JobMode::Sync)
        .unwrap();
    assert_eq!(job.state, JobState::Success);
    assert_eq!(job.result.as_ref().unwrap()["content"], "hello");
    assert_eq!(rig.job(&job.job_id).unwrap(), job, "it lasts");

    let error = rig.analyze("fs.read", json!({ "path": "none.txt" }), JobMode::Sync);
    let error = error.unwrap_err().error;
    assert_eq!(
        (error.code, error.category),
        (ErrorCode::ToolFailed, Category::ToolError)
    );
    assert_eq!((&*error.tool, &*error.step_id), ("fs.read", "call"));
    let failed = rig.job(&error.execution_id).unwrap();
    assert_eq!(failed.state, JobState::Failed);
    assert_eq!(failed.error.unwrap().code, ErrorCode::ToolFailed);

    // What stands in a payload is data, whatever it looks like, and so are its keys.
    let text = "${steps.x.output} $${ ${secrets.KEY} ${inputs.payload}";
    let payload = json!({ "value": { "text": text, "a\"]b": [1, null] } });
    let job = rig.analyze("data.value", payload.clone(), JobMode::Sync);
    assert_eq!(job.unwrap().result, Some(payload["value"].clone()));

    for (plugin, payload, wanted) in [
        ("fs.nothing", json!({}), ErrorCode::ActionNotFound),
        ("no name", json!({}), ErrorCode::ActionNotFound),
        ("fs.read", json!([1]), ErrorCode::InvalidPayload),
        ("fs.read", json!({ "path": 5 }), ErrorCode::InvalidPayload),
        (
            "fs.read",
            json!({ "path": "a.txt", "more": 1 }),
            ErrorCode::InvalidPayload,
        ),
        ("crm.charge", json!({}), ErrorCode::NotSupported),
    ] {
        for mode in [JobMode::Sync, JobMode::Async] {
            let error = rig.analyze(plugin, payload.clone(), mode);
            let error = error.map(|job| panic!("{plugin} {payload}: {job:?}"));
            let error: NoResult = error.unwrap_err();
            assert_eq!(error.error.code, wanted, "{plugin} {payload}");
        }
    }
}

#[test]
fn a_job_that_needs_a_human_waits_only_where_nobody_waits_for_it() {
    let rig = Rig::new();
    let write = json!({ "path": "out.txt", "content": "x" });
    let refused = rig.analyze("fs.write", write.clone(), JobMode::Sync);
    let error = refused.unwrap_err().error;
    assert_eq!(
        (error.code, error.category),
        (ErrorCode::ApprovalRequired, Category::PolicyError)
    );
    // Nobody waits for it: it does not happen when somebody says yes later.
    let cancelled = rig.job(&error.execution_id).unwrap();
    assert_eq!(cancelled.state, JobState::Failed);
    assert_eq!(cancelled.error.unwrap().code, ErrorCode::Cancelled);

    let job = rig.analyze("fs.write", write, JobMode::Async).unwrap();
    assert_eq!(job.state, JobState::Pending);
    assert!(job.request_id.is_some());
    // It lasts, as its execution does.
    let rig = rig.restart();
    let waits = rig.job(&job.job_id).unwrap();
    assert_eq!(
        (waits.state, &waits.request_id),
        (JobState::Pending, &job.request_id)
    );
    assert!(!rig.dir.path().join("out.txt").exists());
    rig.approve(&waits);
    let done = rig.until(&job.job_id, JobState::Success);
    assert!(
        done.finished_ms.is_some() && done.result.is_some(),
        "{done:?}"
    );
    assert!(rig.dir.path().join("out.txt").exists());
    assert_eq!(rig.job("nobody"), None);
}

#[test]
fn nobody_waits_for_a_freeze() {
    let rig = Rig::new();
    let host = rig.host.as_ref().unwrap();
    let freeze = Switch::Freeze { reason: None };
    host.throw(freeze, "local:1").unwrap();
    let frozen = rig.analyze("fs.list", json!({ "path": "." }), JobMode::Sync);
    assert_eq!(code(frozen), ErrorCode::Frozen);
    let job = rig
        .analyze("fs.list", json!({ "path": "." }), JobMode::Async)
        .unwrap();
    assert!(matches!(job.state, JobState::Pending | JobState::Running));
    host.throw(Switch::Thaw { reason: None }, "local:1")
        .unwrap();
    rig.until(&job.job_id, JobState::Success);
}
