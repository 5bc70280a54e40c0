//! A server that misbehaves on demand, and what it saw.

use crate::fixture::{Fixture, Setup};
use mandate_tools::{
    ConfiguredSecrets, McpServerConfig, McpSettings, Provider, SecretConfig, ToolFacts, ToolLock,
    mcp_servers,
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// One fake server and the directory that it logs to.
pub(crate) struct Fake {
    dir: TempDir,
    config: McpServerConfig,
    cached: bool,
    secrets: BTreeMap<String, SecretConfig>,
    pub(crate) lock: Arc<ToolLock>,
    pub(crate) patience: Duration,
}

impl Fake {
    pub(crate) fn new(options: &[&str]) -> Self {
        let dir = TempDir::new().unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fake_server.py");
        let mut args = vec![
            script.to_string_lossy().into_owned(),
            dir.path().join("log").to_string_lossy().into_owned(),
        ];
        args.extend(options.iter().map(|option| (*option).to_owned()));
        let config = McpServerConfig {
            command: Some("python3".to_owned()),
            args,
            env: BTreeMap::from([("GIVEN".to_owned(), "by configuration".to_owned())]),
            ..McpServerConfig::default()
        };
        Self {
            dir,
            config,
            cached: false,
            secrets: BTreeMap::new(),
            lock: Arc::default(),
            patience: Duration::from_millis(300),
        }
    }

    pub(crate) fn configure(mut self, change: impl FnOnce(&mut McpServerConfig)) -> Self {
        change(&mut self.config);
        self
    }

    pub(crate) fn cached(mut self) -> Self {
        self.cached = true;
        self
    }

    /// With the secrets of a set-up.
    pub(crate) fn knowing(mut self, setup: &Setup) -> Self {
        self.secrets = setup.config.secrets.clone();
        self
    }

    pub(crate) fn facts(self, tool: &str, facts: ToolFacts) -> Self {
        self.configure(|config| {
            config.tools.insert(tool.to_owned(), facts);
        })
    }

    pub(crate) fn cache(&self) -> PathBuf {
        self.dir.path().join("cache")
    }

    /// The server as a provider called `fake`, which has not been started.
    pub(crate) fn provider(&self) -> Arc<dyn Provider> {
        crate::fixture::with_helper();
        let settings = McpSettings {
            project: self.dir.path(),
            env: &["PATH".to_owned(), "HOME".to_owned()],
            cache: self.cached.then(|| self.cache()),
            secrets: Arc::new(ConfiguredSecrets::new(self.secrets.clone())),
            lock: Arc::clone(&self.lock),
            confining: crate::fixture::confining(),
            callers: Arc::default(),
            patience: self.patience,
            runtime: None,
        };
        let names = BTreeMap::from([("fake".to_owned(), "Fake".to_owned())]);
        let servers = BTreeMap::from([("Fake".to_owned(), self.config.clone())]);
        mcp_servers(&names, &servers, &settings).remove(0)
    }

    /// A runner with this server, its tools known.
    pub(crate) async fn ready(&self, setup: Setup) -> Fixture {
        let provider = self.provider();
        provider.prepare().await.unwrap();
        let setup = Setup {
            providers: vec![provider],
            ..setup
        };
        setup.build()
    }

    /// What the server logged.
    pub(crate) fn log(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// The entries of one kind.
    pub(crate) fn logged(&self, kind: &str) -> Vec<Value> {
        let mut log = self.log();
        log.retain(|entry| entry.get(kind).is_some());
        log
    }

    /// Waits until the server has logged so many entries of a kind.
    pub(crate) async fn await_logged(&self, kind: &str, many: usize) -> Vec<Value> {
        let begun = Instant::now();
        loop {
            let found = self.logged(kind);
            if found.len() >= many {
                return found;
            }
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "no {many} `{kind}`: {:?}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Whether a process is there and no zombie.
pub(crate) fn lives(pid: &Value) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_some_and(|(_, state)| !state.starts_with('Z'))
}

/// Waits until a process is gone.
pub(crate) async fn await_gone(pid: &Value) {
    let begun = Instant::now();
    while lives(pid) {
        assert!(begun.elapsed() < Duration::from_secs(30), "{pid} lives");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
