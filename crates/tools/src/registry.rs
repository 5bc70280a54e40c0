//! The tools that there are.

use crate::{Definition, Lifecycle, Metrics, Provider, metrics::Life, schema::Schema};
use mandate_plan::{Digest, Facts, ToolLookup, ToolSpec};
use serde::Serialize;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

/// Every tool, its provider and its life. Providers may come and go while executions run.
#[derive(Default)]
pub struct Registry {
    tools: RwLock<BTreeMap<String, Arc<Entry>>>,
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
#[derive(Debug, Clone, PartialEq, Serialize)]
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
    /// The engine carries it out itself.
    pub engine_handled: bool,
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

    /// Adds all tools of a provider, or none. A tool whose schemas do not compile is added as `FAILED`.
    ///
    /// # Errors
    /// A name that another provider's tool has, unless that one is unavailable.
    pub fn add(&self, provider: Arc<dyn Provider>) -> Result<(), RegistryError> {
        let definitions = provider.definitions();
        let mut tools = self.tools.write().unwrap_or_else(PoisonError::into_inner);
        let mut names = std::collections::BTreeSet::new();
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
        Ok(())
    }

    /// Takes a provider's tools out of use; they stay listed as `UNAVAILABLE`. Calls under way go on.
    pub fn remove(&self, provider: &str, why: &str) {
        let tools = self.tools.read().unwrap_or_else(PoisonError::into_inner);
        for entry in tools
            .values()
            .filter(|entry| entry.provider.name() == provider)
        {
            entry
                .life
                .move_to(Lifecycle::Unavailable, Some(why.to_owned()));
        }
    }

    /// What there is now. It does not change when providers come and go.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        let tools = self.tools.read().unwrap_or_else(PoisonError::into_inner);
        let usable = tools.iter().filter(|(_, entry)| {
            !matches!(
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
        let tools = self.tools.read().unwrap_or_else(PoisonError::into_inner);
        tools.values().map(|entry| entry.status()).collect()
    }

    /// One tool.
    pub fn status(&self, name: &str) -> Option<ToolStatus> {
        self.entry(name).map(|entry| entry.status())
    }

    pub(crate) fn entry(&self, name: &str) -> Option<Arc<Entry>> {
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

    fn status(&self) -> ToolStatus {
        let spec = &self.definition.spec;
        let (lifecycle, lifecycle_reason) = self.life.state();
        ToolStatus {
            name: spec.name.clone(),
            provider: self.provider.name().to_owned(),
            description: spec.description.clone(),
            digest: spec.digest,
            definition: self.definition.raw.clone(),
            input_schema: spec.input_schema.clone(),
            output_schema: spec.output_schema.clone(),
            facts: self.provider.facts(&spec.name, None),
            engine_handled: spec.engine_handled,
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
}
