//! What a source of tools is: the built-ins, MCP servers, the operator's own tools.

use crate::{Caller, Fault, NotPassed, Outcome, Passes, TracePlace, secret::Scrubber};
use futures_util::future::BoxFuture;
use mandate_plan::{Digest, ErrorCode, Facts, ToolSpec};
use mandate_policy::Permit;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// A source of tools. Providers are called by the runner only: [`Provider::call`] asks for an [`Authorized`].
pub trait Provider: Send + Sync {
    /// Its name in the registry.
    fn name(&self) -> &str;

    /// The tools it has.
    fn definitions(&self) -> Vec<Definition>;

    /// How often the definitions have changed since it was made. The registry reads them again when this has grown.
    fn revision(&self) -> u64 {
        0
    }

    /// Whether its definitions were ever read. If not, [`Provider::prepare`] reads them.
    fn is_known(&self) -> bool {
        true
    }

    /// Why it does not work now, if that is known. Calls try again.
    fn problem(&self) -> Option<String> {
        None
    }

    /// Makes it ready for calls, and its definitions the newest.
    ///
    /// # Errors
    /// Why it does not work.
    fn prepare(&self) -> BoxFuture<'static, Result<(), String>> {
        Box::pin(async { Ok(()) })
    }

    /// The facts of a call; without arguments, the worst that any arguments can give.
    fn facts(&self, tool: &str, args: Option<&Value>) -> Facts;

    /// What the operator says of the tool's sensitive arguments, as `ToolLookup::sinks` gives it.
    fn sinks(&self, tool: &str) -> BTreeMap<String, String> {
        let _ = tool;
        BTreeMap::new()
    }

    /// Where the effect comes from that [`Provider::facts`] gives.
    fn facts_from(&self, tool: &str) -> FactsFrom {
        let _ = tool;
        FactsFrom::BuiltIn
    }

    /// Whether somebody else defines its tools, and may define them otherwise tomorrow.
    fn is_foreign(&self) -> bool {
        false
    }

    /// Has the process that serves its tools replaced. False if none runs.
    fn restart(&self) -> BoxFuture<'static, Result<bool, String>> {
        Box::pin(async { Ok(false) })
    }

    /// What confines the tool's program, in one word: `none` if nothing does. None if a call starts no program.
    fn sandbox(&self, tool: &str) -> Option<String> {
        let _ = tool;
        None
    }

    /// What that program may touch, for people; none if it may do what its user may.
    fn profile(&self, tool: &str) -> Option<Value> {
        let _ = tool;
        None
    }

    /// Where a call sends what it is given, which decides whether it may be given a secret.
    fn destination(&self, tool: &str, args: &Value) -> Destination {
        let _ = (tool, args);
        Destination::Local
    }

    /// How long the tool's status look-up may take; none if it has none.
    fn look_up_limit(&self, tool: &str) -> Option<Duration> {
        let _ = tool;
        None
    }

    /// Asks the tool's status look-up what became of the call with this idempotency key.
    fn look_up(&self, authorized: Authorized, call: CallContext) -> BoxFuture<'static, Outcome> {
        let _ = authorized;
        let message = format!("`{}` has no status look-up", call.tool);
        Box::pin(async { Outcome::Refused(Fault::new(ErrorCode::NotSupported, message)) })
    }

    /// Whether calls of the tool end without waiting for anything, and soon: they may be made on the thread that decides
    /// what happens next, which saves handing them to another one and back.
    fn answers_at_once(&self, tool: &str) -> bool {
        let _ = tool;
        false
    }

    /// The runtime on which calls are best made; none = any.
    fn runs_on(&self) -> Option<tokio::runtime::Handle> {
        None
    }

    /// What of it is passed on to those who call its tools.
    fn passes(&self) -> Passes {
        Passes::new()
    }

    /// Passes a request of the protocol on, in the name of a caller: no call of a tool.
    fn pass(
        &self,
        method: String,
        params: Map<String, Value>,
        caller: Arc<dyn Caller>,
    ) -> BoxFuture<'static, Result<Value, NotPassed>> {
        let _ = (params, caller);
        Box::pin(async move { Err(NotPassed::unknown(&method)) })
    }

    /// Carries out one call. Dropping the future stops it at once.
    fn call(&self, authorized: Authorized, call: CallContext) -> BoxFuture<'static, Outcome>;
}

/// A tool as its provider defines it.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    /// What plans and policies see.
    pub spec: ToolSpec,
    /// The definition as it came, which the digest covers.
    pub raw: Value,
}

impl Definition {
    /// A definition whose digest is taken over all its parts.
    pub fn new(
        name: &str,
        description: &str,
        input_schema: Value,
        output_schema: Option<Value>,
    ) -> Self {
        let raw = json!({
            "name": name,
            "description": description,
            "inputSchema": input_schema,
            "outputSchema": output_schema,
        });
        Self {
            spec: ToolSpec {
                name: name.to_owned(),
                description: description.to_owned(),
                input_schema,
                output_schema,
                digest: Digest::of_json(&raw),
                engine_handled: false,
                external: false,
            },
            raw,
        }
    }

    /// The same, carried out by the engine itself.
    #[must_use]
    pub fn engine_handled(mut self) -> Self {
        self.spec.engine_handled = true;
        self
    }
}

/// Where it comes from what a tool does to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FactsFrom {
    /// Mandate brings the tool.
    BuiltIn,
    /// The configuration says it.
    Configuration,
    /// It was said when the definition was accepted.
    Accepted,
    /// The server says it, and is trusted.
    Server,
    /// Nobody says it: it is the worst.
    Default,
}

/// Where a call sends what it is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// Nowhere but this machine.
    Local,
    /// To this host.
    Host(String),
    /// It sends it somewhere, but the arguments do not say where: no secret goes there.
    Unclear,
}

/// The proof that a permit was consumed for this call. Only the runner makes one, of a permit that it takes by value, or
/// to look up what became of a call that had one.
#[derive(Debug)]
pub struct Authorized {
    _only_the_runner: (),
}

impl Authorized {
    pub(crate) fn by(permit: Permit) -> Self {
        drop(permit);
        Self {
            _only_the_runner: (),
        }
    }

    /// For the operator's status look-up, which only reads and is no call of a plan.
    pub(crate) fn to_look_up() -> Self {
        Self {
            _only_the_runner: (),
        }
    }
}

/// A rule on a resource that is only known while the call runs: the real path of an opened file, the target of a
/// redirect.
pub type Check = Arc<dyn Fn(&str) -> Result<(), Fault> + Send + Sync>;

/// One call, ready to be carried out.
pub struct CallContext {
    /// The execution it belongs to.
    pub execution_id: String,
    /// The step it belongs to.
    pub step: String,
    /// The item of the step's `for_each`, from 0.
    pub item: Option<u32>,
    /// The attempt, from 1.
    pub attempt: u32,
    /// The tool.
    pub tool: String,
    /// The digest of the definition that was approved.
    pub tool_digest: Digest,
    /// The arguments, secrets inserted.
    pub args: Value,
    /// JSON pointers into `args` of the strings that hold a secret.
    pub secret_places: Vec<String>,
    /// The same for every attempt of the same call.
    pub idempotency_key: String,
    /// The plan declares parts of the output as sensitive: nobody but the runner may see the answer as it came.
    pub sensitive: bool,
    /// Where in a trace the call is, for whoever is called to go on from.
    pub trace: Option<TracePlace>,
    /// The time limit that the runner enforces.
    pub timeout: Option<Duration>,
    /// Refuses real paths that the plan forbids.
    pub check_path: Check,
    /// Refuses URLs that the plan forbids.
    pub check_url: Check,
    /// Knows the secrets of this call.
    pub scrubber: Arc<Scrubber>,
    /// Set when the call was stopped.
    pub stop: StopFlag,
}

/// Says that a call was stopped, to work that runs on another thread and cannot be dropped.
#[derive(Debug, Clone, Default)]
pub struct StopFlag(Arc<AtomicBool>);

impl StopFlag {
    /// Whether the call was stopped: no further effect may begin.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Release);
    }
}
