//! A server on a real store with real tools.

use crate::client::{Answer, PATIENCE, Stream, send};
use mandate_host::{Intake, KeyAct, Keys, Local, LocalHost, Observed, Terms};
use mandate_policy::token::KeyRing;
use mandate_policy::{Limits, Principal};
use mandate_rules::{Active, Source, load, starter::starter};
use mandate_server::serving::NoServer;
use mandate_server::telemetry::Export;
use mandate_server::{Live, Parts, ServerSettings, Serving, Telemetry};
use mandate_store::{Journal, SqliteStore};
use mandate_tools::{
    Confining, NoSecrets, OwnToolConfig, OwnTools, Registry, Runner, SandboxConfig, ToolsConfig,
    builtins,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// The user of this process, as the journal knows them.
pub fn owner() -> Principal {
    Principal::local(rustix::process::getuid().as_raw())
}

/// A server, and everything under it.
pub struct Rig {
    serving: Option<Serving>,
    host: Option<LocalHost>,
    pub store: Arc<SqliteStore>,
    keys: Keys,
    runtime: Runtime,
    telemetry: Arc<Telemetry>,
    links: Arc<Mutex<Vec<String>>>,
    address: SocketAddr,
    dir: Option<TempDir>,
}

/// How it is set up.
#[derive(Default)]
pub struct Setup {
    pub settings: ServerSettings,
    /// Rules in Cedar, instead of the starter set.
    pub policy: Option<&'static str>,
    /// Where traces go.
    pub export: Option<Export>,
    /// How many calls a session may make; none = a hundred.
    pub calls: Option<u64>,
    /// Tools beside those that are built in, as the configuration has them.
    pub tools: Vec<Value>,
    /// Where a server ran before.
    pub dir: Option<TempDir>,
}

impl Rig {
    pub fn new() -> Self {
        Self::with(Setup::default())
    }

    /// The same where somebody has a key already: nobody comes without.
    pub fn keyed() -> Self {
        let rig = Self::new();
        rig.key("root", &["admin"]);
        rig
    }

    pub fn with(setup: Setup) -> Self {
        Self::try_with(setup).unwrap_or_else(|error| panic!("{error}"))
    }

    pub fn try_with(setup: Setup) -> Result<Self, NoServer> {
        let dir = setup.dir.unwrap_or_else(|| TempDir::new().unwrap());
        let store = Arc::new(SqliteStore::open(&dir.path().join("data")).unwrap());
        let registry = Arc::new(Registry::new());
        let config = ToolsConfig::default();
        for provider in builtins(&config, dir.path(), &[]).unwrap() {
            registry.add(provider).unwrap();
        }
        let own: BTreeMap<String, OwnToolConfig> = { setup.tools.into_iter() }
            .map(|tool| serde_json::from_value::<OwnToolConfig>(tool).unwrap())
            .map(|tool| (tool.name.clone(), tool))
            .collect();
        let confining = Confining::new(&[], &SandboxConfig::default());
        let own = OwnTools::new(&own, dir.path(), &[], Arc::new(NoSecrets), &confining);
        registry.add(Arc::new(own.unwrap())).unwrap();
        let runner = Arc::new(Runner::new(registry.clone(), Arc::new(NoSecrets)));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let limits = Limits {
            calls_per_session: setup.calls.or(Some(100)),
            calls_per_minute: None,
        };
        let set = match setup.policy {
            Some(text) => Arc::new(load(&[Source::new("test.cedar", text)], &[]).unwrap()),
            None => starter(),
        };
        let policy = Arc::new(Active::new(vec![set], limits));
        let live = Arc::new(Live::new());
        let telemetry = Telemetry::start(setup.export, runtime.handle()).unwrap();
        let telemetry = Arc::new(telemetry);
        let (told, counted) = (live.clone(), telemetry.clone());
        let journal: Arc<dyn Journal> = Arc::new(Observed::new(store.clone(), move |committed| {
            told.note(&committed);
            counted.committed(&committed);
        }));
        let terms = Terms {
            rules: policy.clone(),
            witness: Some(telemetry.clone()),
            // The same after a restart.
            tokens: Arc::new(KeyRing::single(&[7; 32])),
            ..Terms::default()
        };
        let host = LocalHost::start_with(journal.clone(), runner, runtime.handle().clone(), terms)
            .unwrap();
        host.recover().unwrap();
        let intake = Arc::new(Intake::new(registry).keeping(journal.clone()));
        let local = Local::new(
            host.handle(),
            intake.clone(),
            runtime.handle().clone(),
            owner(),
            Keys::new(journal.clone()),
        );
        let links = Arc::<Mutex<Vec<String>>>::default();
        let kept = links.clone();
        let listen = match setup.settings.listen.as_str() {
            "127.0.0.1:7447" => "127.0.0.1:0".to_owned(),
            other => other.to_owned(),
        };
        let parts = Parts {
            host: local,
            store: store.clone(),
            intake,
            policy,
            limits,
            settings: ServerSettings {
                listen,
                ..setup.settings
            },
            live,
            telemetry: telemetry.clone(),
            tells_link: Arc::new(move |link| kept.lock().unwrap().push(link.to_owned())),
            beside: None,
        };
        let serving = Serving::start(parts, runtime.handle(), &[runtime.handle().clone()])?;
        Ok(Self {
            address: serving.address(),
            serving: Some(serving),
            host: Some(host),
            keys: Keys::new(journal),
            store,
            runtime,
            telemetry,
            links,
            dir: Some(dir),
        })
    }

    pub fn address(&self) -> SocketAddr {
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address.set_ip([127, 0, 0, 1].into());
        }
        address
    }

    /// Where plans work.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.as_ref().unwrap().path().join(name)
    }

    /// A new key.
    pub fn key(&self, name: &str, roles: &[&str]) -> String {
        let roles: BTreeSet<String> = roles.iter().map(|role| (*role).to_owned()).collect();
        let admin = Principal {
            name: "root".to_owned(),
            key: None,
            roles: BTreeSet::new(),
        };
        let by = match self
            .keys
            .all()
            .unwrap()
            .iter()
            .find(|key| key.name == "root")
        {
            Some(known) => Principal {
                key: Some(known.key_id.clone()),
                roles: known.roles.clone(),
                ..admin
            },
            None => admin,
        };
        let name = name.to_owned();
        let made = self.keys.act(KeyAct::Create { name, roles }, &by).unwrap();
        made.key.unwrap().reveal().to_owned()
    }

    /// The link that was told last.
    pub fn link(&self) -> String {
        self.links.lock().unwrap().last().unwrap().clone()
    }

    /// Nobody in particular.
    pub fn anybody(&self) -> As<'_> {
        As {
            rig: self,
            headers: Vec::new(),
        }
    }

    /// Whoever has that key.
    pub fn with_key(&self, key: &str) -> As<'_> {
        self.anybody()
            .and("authorization", &format!("Bearer {key}"))
    }

    /// Whoever has a new key of these roles.
    pub fn as_a(&self, name: &str, roles: &[&str]) -> As<'_> {
        let key = self.key(name, roles);
        self.with_key(&key)
    }

    /// Somebody who logged in to the console.
    pub fn logged_in(&self, with: Value) -> As<'_> {
        let answer = self.anybody().post("/login", &with).is(200);
        let cookie = answer.header("set-cookie").unwrap();
        let cookie = cookie.split(';').next().unwrap().to_owned();
        let csrf = answer.json()["csrf"].as_str().unwrap().to_owned();
        self.anybody()
            .and("cookie", &cookie)
            .and("x-mandate-csrf", &csrf)
    }

    /// Stops the server and the host, and gives the directory for the next one.
    pub fn stop(mut self) -> TempDir {
        self.end();
        let dir = self.dir.take().unwrap();
        drop(self);
        dir
    }

    /// Stops serving alone.
    pub fn stop_serving(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.stop(self.runtime.handle(), Duration::from_secs(20));
        }
    }

    fn end(&mut self) {
        self.stop_serving();
        drop(self.host.take());
        self.telemetry.settle(PATIENCE);
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.end();
    }
}

/// Somebody who asks.
#[derive(Clone)]
pub struct As<'a> {
    rig: &'a Rig,
    headers: Vec<(String, String)>,
}

impl As<'_> {
    /// The same with one more header.
    pub fn and(&self, name: &str, value: &str) -> Self {
        let mut with = self.clone();
        with.headers.push((name.to_owned(), value.to_owned()));
        with
    }

    /// The same without a header.
    pub fn without(&self, name: &str) -> Self {
        let mut with = self.clone();
        with.headers.retain(|(key, _)| key != name);
        with
    }

    fn headers(&self) -> Vec<(&str, &str)> {
        let pairs = self.headers.iter();
        pairs
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect()
    }

    pub fn send(&self, method: &str, path: &str, body: Option<&[u8]>) -> Answer {
        send(self.rig.address(), method, path, &self.headers(), body)
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None)
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        let text = body.to_string();
        self.and("content-type", "application/json")
            .send("POST", path, Some(text.as_bytes()))
    }

    /// Without a body.
    pub fn act(&self, path: &str) -> Answer {
        self.send("POST", path, Some(b""))
    }

    pub fn stream(&self, path: &str) -> Stream {
        Stream::open(self.rig.address(), path, &self.headers())
    }

    /// Has a plan run, and gives the answer to that.
    pub fn submit(&self, plan: &Value) -> Answer {
        self.post("/v1/executions", &json!({ "plan": plan }))
    }

    /// The same, waited for to its rest.
    pub fn run(&self, plan: &Value) -> Value {
        let made = self.and("prefer", "wait=60").submit(plan);
        assert!(matches!(made.status, 201 | 202), "{}", made.text());
        made.json()
    }

    /// Has a plan run, and gives its id once it rests.
    pub fn run_id(&self, plan: &Value) -> String {
        let made = self.run(plan);
        made["execution_id"].as_str().unwrap().to_owned()
    }

    pub fn execution(&self, id: &str) -> Value {
        self.get(&format!("/v1/executions/{id}")).is(200).json()
    }
}

/// A plan of so many reads.
pub fn reads(name: &str, steps: usize) -> Value {
    let steps: Vec<Value> = (0..steps)
        .map(|n| json!({ "id": format!("s{n}"), "tool": "data.value", "args": { "value": n } }))
        .collect();
    json!({ "version": 1, "name": name, "steps": steps })
}

/// A plan that writes a file, which the starter set wants approved.
pub fn writes(name: &str) -> Value {
    json!({ "version": 1, "name": name, "steps": [
        { "id": "look", "tool": "data.value", "args": { "value": "text" } },
        { "id": "put", "tool": "fs.write", "args": { "path": format!("{name}.txt"), "content": "${steps.look.output}" } },
    ] })
}

/// A plan that sleeps.
pub fn sleeps(name: &str, ms: u64) -> Value {
    json!({ "version": 1, "name": name, "steps": [
        { "id": "rest", "tool": "time.sleep", "args": { "duration_ms": ms } },
        { "id": "then", "tool": "data.value", "args": { "value": 1 } },
    ] })
}
