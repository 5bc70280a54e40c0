//! The tools that there are.

use crate::{
    Accepted, Caller, Callers, Definition, FactsFrom, Fault, Lifecycle, Metrics, NotPassed, Passes,
    Provider, Standing, ToolLock, metrics::Life, schema::Schema,
};
use futures_util::future::join_all;
use mandate_plan::{Digest, ErrorCode, Facts, ToolLookup, ToolSpec};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// Every tool, its provider and its life. Providers may come and go while executions run.
#[derive(Default)]
pub struct Registry {
    tools: RwLock<BTreeMap<String, Arc<Entry>>>,
    providers: RwLock<Vec<Known>>,
    lock: Arc<ToolLock>,
    callers: Arc<Callers>,
    /// Raised whenever a tool comes, goes or changes.
    changes: AtomicU64,
    /// The last snapshot: calls are many, and changes few.
    taken: RwLock<Option<Taken>>,
}

/// A snapshot, and the numbers of changes to the tools and to the lock that it has seen.
struct Taken {
    seen: (u64, u64),
    snapshot: Arc<Snapshot>,
}

/// A provider, and the revision of its definitions that the tools are of.
struct Known {
    provider: Arc<dyn Provider>,
    revision: AtomicU64,
}

/// A tool.
pub(crate) struct Entry {
    pub(crate) definition: Definition,
    pub(crate) provider: Arc<dyn Provider>,
    /// Absent if the tool's definition is broken.
    pub(crate) input: Option<Schema>,
    pub(crate) output: Option<Schema>,
    pub(crate) life: Arc<Life>,
}

/// What `tools list` and `tools show` say of a tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolStatus {
    /// `server.tool`.
    pub name: String,
    /// Its provider.
    pub provider: String,
    /// One sentence for people.
    pub description: String,
    /// SHA-256 over the raw definition.
    pub digest: Digest,
    /// The definition as its provider gave it.
    pub definition: Value,
    /// JSON Schema of the arguments.
    pub input_schema: Value,
    /// JSON Schema of the output, where the tool declares one.
    pub output_schema: Option<Value>,
    /// The worst that a call can do.
    pub facts: Facts,
    /// Where its effect comes from.
    pub facts_from: FactsFrom,
    /// How its definition stands to what was accepted; none if nobody needs to accept it.
    pub standing: Option<Standing>,
    /// Who accepted what of it.
    pub accepted: Option<Accepted>,
    /// What confines the program that a call starts, in one word; none if it starts none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<String>,
    /// What that program may touch; none if it may do what its user may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<Value>,
    /// The engine carries it out itself.
    pub engine_handled: bool,
    /// Somebody outside calls it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub external: bool,
    /// Where it is in its life.
    pub lifecycle: Lifecycle,
    /// Why it cannot be called.
    pub lifecycle_reason: Option<String>,
    /// What was counted since the process started.
    pub metrics: Metrics,
}

/// A provider that cannot be added.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// The name is taken.
    #[error(
        "the tool `{name}` of `{provider}` is there already, from `{present}`; give one of them an alias"
    )]
    Taken {
        /// The tool.
        name: String,
        /// Who brings it.
        provider: String,
        /// Who has it.
        present: String,
    },
}

impl Registry {
    /// No tools.
    pub fn new() -> Self {
        Self::default()
    }

    /// No tools; those that come are held against what was accepted and switched off.
    pub fn locked(lock: Arc<ToolLock>) -> Self {
        Self {
            lock,
            ..Self::default()
        }
    }

    /// What was accepted and switched off.
    pub fn lock(&self) -> &ToolLock {
        &self.lock
    }

    /// Who waits for which call, where something of servers is passed on.
    pub fn callers(&self) -> &Arc<Callers> {
        &self.callers
    }

    /// The servers of which something is passed on.
    pub fn passing(&self) -> Vec<(String, Passes)> {
        let all = self.providers();
        let all = all
            .iter()
            .map(|provider| (provider.name().to_owned(), provider.passes()));
        all.filter(|(_, passes)| !passes.is_empty()).collect()
    }

    /// Passes a request on to a server.
    ///
    /// # Errors
    /// Why it did not do that.
    pub async fn pass(
        &self,
        server: &str,
        method: &str,
        params: Map<String, Value>,
        caller: Arc<dyn Caller>,
    ) -> Result<Value, NotPassed> {
        let providers = self.providers();
        let found = providers.iter().find(|known| known.name() == server);
        let Some(provider) = found else {
            return Err(NotPassed::unknown(method));
        };
        provider.pass(method.to_owned(), params, caller).await
    }

    /// Whether a plan may name these tools: none is switched off, and each is defined as it was accepted. What is not
    /// there at all is found by the plan's own checks.
    ///
    /// # Errors
    /// The first that it may not name, why, and the command that changes it.
    pub fn usable<'t>(&self, tools: impl IntoIterator<Item = &'t str>) -> Result<(), Fault> {
        self.catch_up();
        for name in tools {
            if let Some(fault) = self.off(name) {
                return Err(fault);
            }
            let message = match self
                .entry(name)
                .and_then(|entry| entry.standing(&self.lock))
            {
                Some(Standing::Changed) => format!(
                    "the tool `{name}` is not defined as it was when it was accepted; `mandate tools diff {name}` shows the change, `mandate tools accept {name}` accepts it"
                ),
                Some(Standing::Unaccepted) => format!(
                    "nobody has accepted the tool `{name}` (`require_accepted_tools`); `mandate tools show {name}` shows it, `mandate tools accept {name}` accepts it"
                ),
                Some(Standing::Accepted | Standing::New) | None => continue,
            };
            return Err(Fault::new(ErrorCode::ToolChanged, message));
        }
        Ok(())
    }

    /// The fault of calling what is switched off.
    pub(crate) fn off(&self, tool: &str) -> Option<Fault> {
        let why = self.why_off(tool)?;
        let message = format!("the tool `{tool}` is switched off: {why}");
        Some(Fault::new(ErrorCode::ActionNotFound, message))
    }

    fn why_off(&self, tool: &str) -> Option<String> {
        let (name, off) = self.lock.switched_off(tool)?;
        Some(format!(
            "`{}` disabled `{name}`; `mandate tools enable {name}` switches it on again",
            off.by
        ))
    }

    /// Has a provider's process replaced. False if none runs; none if there is no such provider.
    pub fn restart(
        &self,
        provider: &str,
    ) -> Option<impl Future<Output = Result<bool, String>> + Send + use<>> {
        let providers = self.providers();
        let found = providers.iter().find(|known| known.name() == provider);
        found.map(|provider| provider.restart())
    }

    /// Adds all tools of a provider, or none. A tool whose schemas do not compile is added as `FAILED`.
    ///
    /// # Errors
    /// A name that another provider's tool has, unless that one is unavailable.
    pub fn add(&self, provider: Arc<dyn Provider>) -> Result<(), RegistryError> {
        let revision = AtomicU64::new(provider.revision());
        let definitions = provider.definitions();
        let mut tools = self.tools.write().unwrap_or_else(PoisonError::into_inner);
        let mut names = BTreeSet::new();
        for definition in &definitions {
            let name = &definition.spec.name;
            let present = tools
                .get(name)
                .filter(|entry| entry.life.state().0 != Lifecycle::Unavailable);
            let present = present.map(|entry| entry.provider.name().to_owned());
            let twice = (!names.insert(name)).then(|| provider.name().to_owned());
            if let Some(present) = present.or(twice) {
                return Err(RegistryError::Taken {
                    name: name.clone(),
                    provider: provider.name().to_owned(),
                    present,
                });
            }
        }
        for definition in definitions {
            let name = definition.spec.name.clone();
            tools.insert(
                name,
                Arc::new(Entry::new(definition, Arc::clone(&provider))),
            );
        }
        drop(tools);
        self.changes.fetch_add(1, Ordering::AcqRel);
        let mut providers = self
            .providers
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        providers.retain(|known| known.provider.name() != provider.name());
        providers.push(Known { provider, revision });
        Ok(())
    }

    /// The providers that were added and not removed.
    pub fn providers(&self) -> Vec<Arc<dyn Provider>> {
        let providers = self
            .providers
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        providers
            .iter()
            .map(|known| Arc::clone(&known.provider))
            .collect()
    }

    /// Makes ready the providers of these tools, all at once; what does not work is told by provider.
    pub fn prepare(
        &self,
        tools: &BTreeSet<String>,
    ) -> impl Future<Output = BTreeMap<String, String>> + Send + use<> {
        let servers: BTreeSet<String> = tools
            .iter()
            .filter_map(|tool| tool.split_once('.'))
            .map(|(server, _)| server.to_owned())
            .collect();
        self.prepare_where(&|provider| servers.contains(provider.name()))
    }

    /// Makes ready the providers whose tools were never heard of, so that they can be listed.
    pub fn discover(&self) -> impl Future<Output = BTreeMap<String, String>> + Send + use<> {
        self.prepare_where(&|provider| !provider.is_known())
    }

    /// Makes every provider ready.
    pub fn prepare_all(&self) -> impl Future<Output = BTreeMap<String, String>> + Send + use<> {
        self.prepare_where(&|_| true)
    }

    fn prepare_where(
        &self,
        wanted: &dyn Fn(&dyn Provider) -> bool,
    ) -> impl Future<Output = BTreeMap<String, String>> + Send + use<> {
        let providers = self.providers();
        let wanted = providers
            .iter()
            .filter(|provider| wanted(provider.as_ref()))
            .filter(|provider| self.lock.switched_off(provider.name()).is_none());
        let prepared: Vec<_> = wanted
            .map(|provider| {
                let (name, prepared) = (provider.name().to_owned(), provider.prepare());
                async move { prepared.await.err().map(|why| (name, why)) }
            })
            .collect();
        async move { join_all(prepared).await.into_iter().flatten().collect() }
    }

    /// Reads the definitions of providers whose tools have changed. A tool that is defined as before goes on as it is;
    /// one that is gone stays listed as `UNAVAILABLE`.
    fn catch_up(&self) {
        let providers = self
            .providers
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        for known in providers.iter() {
            let revision = known.provider.revision();
            if known.revision.swap(revision, Ordering::AcqRel) != revision {
                self.replace(&known.provider);
            }
        }
    }

    fn replace(&self, provider: &Arc<dyn Provider>) {
        let mut now: BTreeMap<String, Definition> = provider
            .definitions()
            .into_iter()
            .map(|definition| (definition.spec.name.clone(), definition))
            .collect();
        let mut tools = self.tools.write().unwrap_or_else(PoisonError::into_inner);
        for (name, entry) in tools.iter() {
            let others = entry.provider.name() != provider.name();
            let as_before = now.get(name) == Some(&entry.definition)
                && entry.life.state().0 != Lifecycle::Unavailable;
            if others || as_before {
                now.remove(name);
            } else if !now.contains_key(name) {
                let why = format!("`{}` does not have it any more", provider.name());
                entry.life.move_to(Lifecycle::Unavailable, Some(why));
            }
        }
        for (name, definition) in now {
            let entry = Entry::new(definition, Arc::clone(provider));
            tools.insert(name, Arc::new(entry));
        }
        self.changes.fetch_add(1, Ordering::AcqRel);
    }

    /// Takes a provider's tools out of use; they stay listed as `UNAVAILABLE`. Calls under way go on.
    pub fn remove(&self, provider: &str, why: &str) {
        let mut providers = self
            .providers
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        providers.retain(|known| known.provider.name() != provider);
        drop(providers);
        let tools = self.tools.read().unwrap_or_else(PoisonError::into_inner);
        for entry in tools
            .values()
            .filter(|entry| entry.provider.name() == provider)
        {
            entry
                .life
                .move_to(Lifecycle::Unavailable, Some(why.to_owned()));
        }
        self.changes.fetch_add(1, Ordering::AcqRel);
    }

    /// What there is now. It does not change when providers come and go.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.catch_up();
        // Before anything is read: a change that comes in between makes this snapshot an old one.
        let seen = (self.changes.load(Ordering::Acquire), self.lock.changes());
        let taken = self.taken.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(taken) = taken.as_ref().filter(|taken| taken.seen == seen) {
            return taken.snapshot.clone();
        }
        drop(taken);
        let snapshot = self.take_snapshot();
        *self.taken.write().unwrap_or_else(PoisonError::into_inner) = Some(Taken {
            seen,
            snapshot: snapshot.clone(),
        });
        snapshot
    }

    fn take_snapshot(&self) -> Arc<Snapshot> {
        let tools = self.tools.read().unwrap_or_else(PoisonError::into_inner);
        let usable = tools.iter().filter(|(name, entry)| {
            self.lock.switched_off(name).is_none()
                && !matches!(
                    entry.life.state().0,
                    Lifecycle::Failed | Lifecycle::Unavailable
                )
        });
        Arc::new(Snapshot {
            tools: usable
                .map(|(name, entry)| (name.clone(), Arc::clone(entry)))
                .collect(),
        })
    }

    /// Every tool, sorted by name, those that cannot be called included.
    pub fn list(&self) -> Vec<ToolStatus> {
        self.catch_up();
        let tools = self.tools.read().unwrap_or_else(PoisonError::into_inner);
        tools.values().map(|entry| self.status_of(entry)).collect()
    }

    /// One tool.
    pub fn status(&self, name: &str) -> Option<ToolStatus> {
        self.entry(name).map(|entry| self.status_of(&entry))
    }

    fn status_of(&self, entry: &Entry) -> ToolStatus {
        let mut status = entry.status(&self.lock);
        if let Some(why) = self.why_off(&status.name) {
            status.lifecycle = Lifecycle::Unavailable;
            status.lifecycle_reason = Some(why);
        }
        status
    }

    pub(crate) fn entry(&self, name: &str) -> Option<Arc<Entry>> {
        self.catch_up();
        let tools = self.tools.read().unwrap_or_else(PoisonError::into_inner);
        tools.get(name).map(Arc::clone)
    }
}

impl Entry {
    fn new(definition: Definition, provider: Arc<dyn Provider>) -> Self {
        let life = Life::new();
        let input = Schema::compile(&definition.spec.input_schema);
        let output = definition
            .spec
            .output_schema
            .as_ref()
            .map(Schema::compile)
            .transpose();
        let broken = match (&input, &output) {
            (Err(error), _) => Some(format!("its input schema is not valid {error}")),
            (_, Err(error)) => Some(format!("its output schema is not valid {error}")),
            _ => None,
        };
        match broken {
            Some(why) => {
                tracing::warn!(tool = %definition.spec.name, %why, "a tool cannot be used");
                life.move_to(Lifecycle::Failed, Some(why));
            }
            None => life.move_to(Lifecycle::Initialized, None),
        }
        Self {
            definition,
            provider,
            input: input.ok(),
            output: output.ok().flatten(),
            life: Arc::new(life),
        }
    }

    fn standing(&self, lock: &ToolLock) -> Option<Standing> {
        let spec = &self.definition.spec;
        let foreign = self.provider.is_foreign();
        foreign.then(|| lock.standing(&spec.name, &spec.digest))
    }

    fn status(&self, lock: &ToolLock) -> ToolStatus {
        let spec = &self.definition.spec;
        let (mut lifecycle, mut lifecycle_reason) = self.life.state();
        if lifecycle == Lifecycle::Initialized
            && let Some(why) = self.provider.problem()
        {
            (lifecycle, lifecycle_reason) = (Lifecycle::Failed, Some(why));
        }
        ToolStatus {
            name: spec.name.clone(),
            provider: self.provider.name().to_owned(),
            description: spec.description.clone(),
            digest: spec.digest,
            definition: self.definition.raw.clone(),
            input_schema: spec.input_schema.clone(),
            output_schema: spec.output_schema.clone(),
            facts: self.provider.facts(&spec.name, None),
            facts_from: self.provider.facts_from(&spec.name),
            standing: self.standing(lock),
            accepted: lock
                .accepted(&spec.name)
                .filter(|_| self.provider.is_foreign()),
            sandbox: self.provider.sandbox(&spec.name),
            profile: self.provider.profile(&spec.name),
            engine_handled: spec.engine_handled,
            external: spec.external,
            lifecycle,
            lifecycle_reason,
            metrics: self.life.metrics(),
        }
    }
}

/// The usable tools at one moment.
pub struct Snapshot {
    tools: BTreeMap<String, Arc<Entry>>,
}

impl ToolLookup for Snapshot {
    fn spec(&self, name: &str) -> Option<&ToolSpec> {
        self.tools.get(name).map(|entry| &entry.definition.spec)
    }

    fn facts(&self, name: &str, args: Option<&Value>) -> Option<Facts> {
        self.tools
            .get(name)
            .map(|entry| entry.provider.facts(name, args))
    }

    fn names(&self) -> Vec<&str> {
        self.tools.keys().map(String::as_str).collect()
    }

    fn sinks(&self, name: &str) -> BTreeMap<String, String> {
        let entry = self.tools.get(name);
        entry.map_or_else(BTreeMap::new, |entry| entry.provider.sinks(name))
    }

    fn sandbox(&self, name: &str) -> Option<String> {
        self.tools.get(name)?.provider.sandbox(name)
    }
}
