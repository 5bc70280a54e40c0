//! A host as `mandate` sets it up, with two tools more.

use crate::{bench_tools::BenchTools, failure::Failure};
use mandate_engine::{Status, event::Answer};
use mandate_host::{LocalHost, Submission, Submitted, Terms, Update};
use mandate_plan::{CheckedPlan, ToolLookup};
use mandate_store::{Journal as _, SqliteStore};
use mandate_tools::{NoSecrets, Registry, Runner, Tools as _, ToolsConfig, builtins};
use serde_json::Map;
use std::{path::Path, sync::Arc, time::Duration};
use tokio::runtime::Runtime;

/// Who asks for everything, and approves it.
const PRINCIPAL: &str = "bench";

/// Store, tools and host of one data directory.
pub(crate) struct Rig {
    // Dropped first: it must not take anything up while the runtime goes away.
    host: Option<LocalHost>,
    runtime: Option<Runtime>,
    store: Arc<SqliteStore>,
    runner: Arc<Runner>,
    tools: Arc<BenchTools>,
}

impl Rig {
    /// Opens the data directory `dir` and starts a host on it.
    pub(crate) fn open(dir: &Path) -> Result<Self, Failure> {
        Self::open_for(dir, dir)
    }

    /// The same, for file tools that work in `project`.
    pub(crate) fn open_for(dir: &Path, project: &Path) -> Result<Self, Failure> {
        let store = Arc::new(SqliteStore::open(dir)?);
        let tools = Arc::new(BenchTools::default());
        let runner = Arc::new(Runner::new(
            registry(dir, project, &tools)?,
            Arc::new(NoSecrets),
        ));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .thread_name("mandate-tools")
            .build()
            .map_err(Failure::doing("start the threads that tools run on"))?;
        let terms = Terms {
            rules: mandate_rules::starter::starter(),
            ..Terms::default()
        };
        let journal = store.clone();
        let host = LocalHost::start_with(journal, runner.clone(), runtime.handle().clone(), terms)?;
        Ok(Self {
            host: Some(host),
            runtime: Some(runtime),
            store,
            runner,
            tools,
        })
    }

    /// The host.
    pub(crate) fn host(&self) -> Result<&LocalHost, Failure> {
        Ok(self.host.as_ref().ok_or(mandate_host::HostError::Stopped)?)
    }

    /// The trivial tools.
    pub(crate) fn tools(&self) -> &BenchTools {
        &self.tools
    }

    /// What plans are checked against.
    pub(crate) fn lookup(&self) -> Arc<dyn ToolLookup + Send + Sync> {
        self.runner.lookup()
    }

    /// The journal.
    pub(crate) fn journal(&self) -> &SqliteStore {
        &self.store
    }

    /// How many transactions the journal has committed.
    pub(crate) fn commits(&self) -> Result<u64, Failure> {
        Ok(self.store.head()?.number)
    }

    /// The ids of what has not ended.
    pub(crate) fn unfinished(&self) -> Result<Vec<String>, Failure> {
        Ok(self.store.unfinished()?)
    }

    /// Submits a plan.
    pub(crate) fn submit(&self, plan: &Arc<CheckedPlan>) -> Result<Submitted, Failure> {
        Ok(self.host()?.submit(Submission {
            plan: plan.clone(),
            inputs: Map::new(),
            principal: PRINCIPAL.to_owned(),
            roles: Vec::new(),
            session: PRINCIPAL.to_owned(),
            deadline_ms: None,
            rerun: None,
            revises: None,
            execution_id: None,
            asked: None,
        })?)
    }

    /// Submits a plan, approves it if policy asks for that, and waits until the disk has its end. Gives its id.
    pub(crate) fn run(&self, plan: &Arc<CheckedPlan>) -> Result<String, Failure> {
        match self.run_to_any_end(plan)? {
            (execution_id, None) => Ok(execution_id),
            (_, Some(why)) => Err(Failure::Wrong(format!("an execution failed: {why}"))),
        }
    }

    /// The same, whether or not it fails; gives why it did.
    pub(crate) fn run_to_any_end(
        &self,
        plan: &Arc<CheckedPlan>,
    ) -> Result<(String, Option<String>), Failure> {
        let submitted = self.submit(plan)?;
        let execution_id = &submitted.execution_id;
        if let Some(request_id) = submitted.request_id {
            let answer = Answer::new(&request_id, "approve", PRINCIPAL, "flag");
            self.host()?.answer(execution_id, answer)?;
        }
        let updates = self.host()?.await_rest(execution_id)?;
        for update in updates {
            match update {
                // Without an end, it rested before it was approved.
                Update::Rest(rest) => {
                    if let Some(ending) = rest.state.ending {
                        let failed = ending.status != Status::Success;
                        let why = ending.error.map(|fault| fault.message);
                        let why = failed.then(|| why.unwrap_or_default());
                        return Ok((execution_id.clone(), why));
                    }
                }
                Update::Lost(error) => return Err(error.into()),
                Update::Now(_) | Update::Event(_) => {}
            }
        }
        Err(mandate_host::HostError::Stopped.into())
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        drop(self.host.take());
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(2));
        }
    }
}

/// The built-in tools and the trivial ones.
fn registry(dir: &Path, project: &Path, tools: &Arc<BenchTools>) -> Result<Arc<Registry>, Failure> {
    let wrong = |error: &dyn std::error::Error| {
        Failure::Wrong(format!("the tools cannot be set up: {error}"))
    };
    let registry = Registry::new();
    let built_in = builtins(&ToolsConfig::default(), project, &[dir.to_owned()]);
    for provider in built_in.map_err(|error| wrong(&error))? {
        registry.add(provider).map_err(|error| wrong(&error))?;
    }
    registry.add(tools.clone()).map_err(|error| wrong(&error))?;
    Ok(Arc::new(registry))
}
