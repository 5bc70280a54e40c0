//! A project directory, a data directory, and a runner over the built-ins.

use crate::permits::permit;
use mandate_policy::{Permit, Purpose, ResolvedCall, SecretSlot};
use mandate_tools::{
    ConfiguredSecrets, Confining, Fault, Outcome, Provider, Registry, Report, Runner,
    SandboxConfig, SecretConfig, Tools as _, ToolsConfig, builtins, use_sandbox_helper,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

pub(crate) const EXECUTION: &str = "execution-1";
pub(crate) const KEY: &str = "idempotency-key-of-the-test";

pub(crate) struct Fixture {
    pub(crate) runner: Runner,
    /// The root of the file tools.
    pub(crate) project: PathBuf,
    /// A directory beside the project, which no tool may reach.
    pub(crate) outside: PathBuf,
    /// Of every plan.
    constraints: Value,
    /// Keeps the directories.
    _directory: tempfile::TempDir,
}

/// What a test changes of the usual set-up.
#[derive(Default)]
pub(crate) struct Setup {
    pub(crate) config: ToolsConfig,
    pub(crate) forbidden_paths: Vec<&'static str>,
    pub(crate) forbidden_urls: Vec<&'static str>,
    pub(crate) providers: Vec<Arc<dyn Provider>>,
}

impl Setup {
    pub(crate) fn secret(
        mut self,
        name: &str,
        value: &str,
        tools: &[&str],
        hosts: &[&str],
    ) -> Self {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        // Its own directory, so that the value is not in the environment of processes.
        let file = tempfile::NamedTempFile::new()
            .unwrap()
            .into_temp_path()
            .keep()
            .unwrap();
        fs::write(&file, format!("{value}\n")).unwrap();
        let secret = SecretConfig {
            file: Some(file),
            tools: texts(tools),
            hosts: texts(hosts),
            ..SecretConfig::default()
        };
        self.config.secrets.insert(name.to_owned(), secret);
        self
    }

    pub(crate) fn local_http(mut self) -> Self {
        self.config.http.allow_private = vec!["127.0.0.1".to_owned()];
        self
    }

    pub(crate) fn build(self) -> Fixture {
        with_helper();
        let directory = tempfile::tempdir().unwrap();
        let base = directory.path().canonicalize().unwrap();
        let (project, outside) = (base.join("project"), base.join("outside"));
        for path in [
            &project,
            &outside,
            &project.join("data"),
            &project.join("data/blobs"),
        ] {
            fs::create_dir(path).unwrap();
        }
        fs::write(outside.join("secret.txt"), "outside").unwrap();
        fs::write(project.join("data/journal.db"), "journal").unwrap();
        fs::write(project.join("data/blobs/one"), "blob").unwrap();
        fs::write(project.join("policy.cedar"), "policy").unwrap();
        let protected = [
            project.join("data"),
            project.join("policy.cedar"),
            project.join("later.key"),
        ];
        let registry = Registry::new();
        for provider in builtins(&self.config, &project, &protected).unwrap() {
            registry.add(provider).unwrap();
        }
        for provider in self.providers {
            registry.add(provider).unwrap();
        }
        let secrets = Arc::new(ConfiguredSecrets::new(self.config.secrets));
        Fixture {
            runner: Runner::new(Arc::new(registry), secrets),
            project,
            outside,
            constraints: json!({"forbidden_paths": self.forbidden_paths, "forbidden_urls": self.forbidden_urls}),
            _directory: directory,
        }
    }
}

/// Programs are started by the helper that was built beside this test.
pub(crate) fn with_helper() {
    use_sandbox_helper(Path::new(env!("CARGO_BIN_EXE_mandate-sandbox-helper")));
}

/// Nothing but `/etc/mandate` is kept from programs.
pub(crate) fn confining() -> Confining {
    Confining::new(&[PathBuf::from("/etc/mandate")], &SandboxConfig::default())
}

pub(crate) fn fixture() -> Fixture {
    Setup::default().build()
}

pub(crate) fn resolved(tool: &str, args: Value) -> ResolvedCall {
    ResolvedCall {
        execution_id: EXECUTION.into(),
        step: "step_1".into(),
        item: None,
        attempt: 1,
        purpose: Purpose::Run,
        tool: tool.into(),
        args,
        secrets: Vec::new(),
        idempotency_key: KEY.into(),
        timeout_ms: None,
        sensitive: Vec::new(),
    }
}

/// Marks every `${secrets.NAME}` in the arguments as the plan's own.
pub(crate) fn with_slots(mut call: ResolvedCall) -> ResolvedCall {
    fn walk(value: &Value, pointer: &str, slots: &mut Vec<SecretSlot>) {
        match value {
            Value::String(text) => {
                for (offset, _) in text.match_indices("${secrets.") {
                    let len = text[offset..].find('}').unwrap() + 1;
                    let name = text[offset + "${secrets.".len()..offset + len - 1].to_owned();
                    slots.push(SecretSlot {
                        pointer: pointer.into(),
                        offset,
                        len,
                        name,
                    });
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    walk(item, &format!("{pointer}/{index}"), slots);
                }
            }
            Value::Object(entries) => {
                for (key, item) in entries {
                    walk(item, &format!("{pointer}/{key}"), slots);
                }
            }
            _ => {}
        }
    }
    let mut slots = Vec::new();
    walk(&call.args, "", &mut slots);
    call.secrets = slots;
    call
}

impl Fixture {
    /// A permit for a call, from a plan of one step that makes just this call.
    pub(crate) fn permit(&self, call: &ResolvedCall) -> Permit {
        permit(self.runner.lookup(), self.constraints.clone(), call)
    }

    pub(crate) async fn run(&self, call: ResolvedCall) -> Report {
        let permit = self.permit(&call);
        self.runner.run(permit, call).await
    }

    pub(crate) async fn call(&self, tool: &str, args: Value) -> Outcome {
        self.run(resolved(tool, args)).await.outcome
    }

    /// The output of a call that must complete.
    pub(crate) async fn output(&self, tool: &str, args: Value) -> Value {
        match self.call(tool, args).await {
            Outcome::Completed { output } => output,
            other => panic!("{tool}: {other:?}"),
        }
    }

    /// The fault of a call that must be refused.
    pub(crate) async fn refusal(&self, tool: &str, args: Value) -> Fault {
        match self.call(tool, args).await {
            Outcome::Refused(fault) => fault,
            other => panic!("{tool}: {other:?}"),
        }
    }

    /// The fault of a call that must fail.
    pub(crate) async fn failure(&self, tool: &str, args: Value) -> Fault {
        match self.call(tool, args).await {
            Outcome::Failed(fault) => fault,
            other => panic!("{tool}: {other:?}"),
        }
    }

    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.project.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(crate) fn text(&self, path: &str) -> String {
        fs::read_to_string(self.project.join(path)).unwrap()
    }
}

/// Every file beneath a directory with its content: what must not change.
pub(crate) fn contents(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(contents(&path));
        } else {
            let bytes = fs::read(&path).unwrap();
            found.insert(path, bytes);
        }
    }
    found
}
