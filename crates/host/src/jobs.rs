//! The jobs facade: somebody names a tool and gives it a payload, now or later, and knows nothing of plans.
//!
//! What is asked for goes down a chain, each link of which does one thing: [`Jobs::analyze`] waits for the end or does not;
//! a [`Job`] is how an execution looks from there; [`tool_plan`] makes the plan of one step that the execution is of; and
//! the tool runner, behind the engine, is the only one that calls a tool. So a job is evaluated, approved, enforced and
//! journaled like everything else, and it lasts because its execution does.

use crate::ask::{HostError, Submitted};
use crate::clock::{Clock as _, SystemClock};
use crate::handle::Handle;
use crate::intake::{Intake, Proposal};
use crate::keys::Keys;
use crate::recovery::load;
use crate::server::waiting;
use mandate_engine::event::{Asked, Status};
use mandate_engine::{Created, Fault, Phase, State, WaitingFor};
use mandate_plan::{Digest, ErrorCode, ToolLookup as _, ViolationCode, misfit};
use mandate_policy::Principal;
use mandate_store::Journal;
use mandate_tools::{ErrorBody, ErrorEnvelope, Fault as ToolFault};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// The one step of a job.
const STEP: &str = "call";
/// The one input of a job.
const INPUT: &str = "payload";

/// What somebody wants done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Analysis {
    /// The tool: `server.tool`.
    pub plugin: String,
    /// Its arguments: an object.
    #[serde(default)]
    pub payload: Value,
    /// Whether to wait for the end.
    #[serde(default)]
    pub mode: JobMode,
}

/// A request that is known again when it comes once more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repeatable {
    /// The id of the execution that it makes, each time the same.
    pub execution_id: String,
    /// Digest over the request.
    pub digest: Digest,
}

/// Whether somebody waits for the end of a job.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobMode {
    /// The answer is the result.
    #[default]
    Sync,
    /// The answer is the job, whose result is asked for later.
    Async,
}

/// Where a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum JobState {
    /// Nothing was called yet: it is not approved, or not its turn.
    Pending,
    /// It is under way.
    Running,
    /// It has its result.
    Success,
    /// It has none, and will have none.
    Failed,
}

/// An execution of one step, as those see it who know nothing of steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// The execution.
    pub job_id: String,
    /// Where it is.
    pub state: JobState,
    /// The tool.
    pub plugin: String,
    /// Who asked for it.
    pub principal: String,
    /// The request that a human has to answer before it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// What it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_for: Option<WaitingFor>,
    /// What the tool gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorBody>,
    /// When it was asked for, Unix milliseconds.
    pub created_ms: i64,
    /// When it ended, Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_ms: Option<i64>,
}

impl Job {
    /// The job that an execution is; none where its plan is more than one step.
    pub fn of(state: &State) -> Option<Self> {
        let plan = state.plan();
        let [step] = plan.steps() else { return None };
        if !plan.finally().is_empty() || !step.fallback.is_empty() {
            return None;
        }
        let ending = state.ending.as_ref();
        let job_state = match (state.phase, ending) {
            (_, Some(ending)) if ending.status == Status::Success => JobState::Success,
            (_, Some(_)) => JobState::Failed,
            (Phase::Created, None) => JobState::Pending,
            (_, None) => JobState::Running,
        };
        let (_, data) = state.step(&step.step.id)?;
        let result = data.output.clone();
        let fault = ending.and_then(|ending| ending.error.as_ref());
        let ended_ms = state.finished_ms.unwrap_or(state.at_ms);
        let place = (step.step.tool.as_str(), state.execution_id());
        let open = state.open_request();
        Some(Self {
            job_id: state.execution_id().to_owned(),
            state: job_state,
            plugin: step.step.tool.clone(),
            principal: state.created.principal.clone(),
            request_id: open.map(|open| open.request.request_id.clone()),
            waiting_for: state.waiting_for(),
            result: result.filter(|_| job_state == JobState::Success),
            error: fault.map(|fault| envelope(fault, place, ended_ms).error),
            created_ms: state.created_ms,
            finished_ms: state.finished_ms,
        })
    }
}

/// Why there is no result: what the facade answers with.
pub type NoResult = Box<ErrorEnvelope>;

/// The facade over a host.
pub struct Jobs {
    host: Handle,
    intake: Arc<Intake>,
    keys: Arc<Keys>,
    journal: Arc<dyn Journal>,
}

impl Jobs {
    /// Over this host, whose tools and journal these are.
    pub fn new(
        host: Handle,
        intake: Arc<Intake>,
        keys: Arc<Keys>,
        journal: Arc<dyn Journal>,
    ) -> Self {
        Self {
            host,
            intake,
            keys,
            journal,
        }
    }

    /// Has a tool called. Whoever waits gets the job with its result, and whoever does not gets it as it stands.
    ///
    /// Nobody who waits waits for a human, a rate or a freeze: then the job is cancelled, so that nothing is done later that
    /// nobody waits for. A job in doubt is left as it is: somebody has to say what became of its call.
    ///
    /// # Errors
    /// Why there is no result, as the envelope that says so.
    pub async fn analyze(
        &self,
        who: &Principal,
        session: &str,
        analysis: Analysis,
        repeatable: Option<Repeatable>,
    ) -> Result<Job, NoResult> {
        let Analysis {
            plugin,
            payload,
            mode,
        } = analysis;
        let wanted = (plugin.as_str(), payload);
        let made = self.made(who, session, wanted, repeatable).await;
        let id = made.map_err(|error| no_result(&fault_of(&error), &plugin, ""))?;
        let job = match mode {
            JobMode::Async => self.job(&id).await,
            JobMode::Sync => self.end_of(who, &id, &plugin).await,
        };
        match job? {
            Some(job) if mode == JobMode::Async || job.state == JobState::Success => Ok(job),
            Some(Job {
                error: Some(error), ..
            }) => Err(Box::new(ErrorEnvelope { error })),
            _ => {
                let fault =
                    Fault::new(ErrorCode::UnknownError, "the job has neither end nor error");
                Err(no_result(&fault, &plugin, &id))
            }
        }
    }

    /// A job, as its execution stands on the disk; none where there is none of that id.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn job(&self, job_id: &str) -> Result<Option<Job>, NoResult> {
        let (journal, id) = (self.journal.clone(), job_id.to_owned());
        let read = waiting(move || load(journal.as_ref(), &id)).await;
        match read {
            Ok(state) => Ok(Job::of(&state)),
            Err(HostError::NoSuchExecution(_)) => Ok(None),
            Err(error) => Err(no_result(&fault_of(&error), "", job_id)),
        }
    }

    /// The job's id: of a new one, or of the one that the same request made before.
    async fn made(
        &self,
        who: &Principal,
        session: &str,
        wanted: (&str, Value),
        repeatable: Option<Repeatable>,
    ) -> Result<String, HostError> {
        let (keys, principal) = (self.keys.clone(), who.clone());
        waiting(move || keys.may_submit(&principal)).await?;
        let Some(repeatable) = repeatable else {
            let submitted = self.submit(who, session, wanted, None).await?;
            return Ok(submitted.execution_id);
        };
        let before = self.before(&repeatable.execution_id).await?;
        let before = match before {
            Some(before) => before,
            None => match self.submit(who, session, wanted, Some(&repeatable)).await {
                Ok(submitted) => return Ok(submitted.execution_id),
                // The same request came a moment ago, and may not be on the disk yet.
                Err(HostError::Taken(id)) => {
                    self.on_the_disk(&id).await?;
                    let before = self.before(&id).await?;
                    before.ok_or(HostError::Taken(id))?
                }
                Err(error) => return Err(error),
            },
        };
        let kept = before.asked.as_ref().and_then(|asked| asked.digest);
        match before.principal == who.name && kept == Some(repeatable.digest) {
            true => Ok(repeatable.execution_id),
            false => Err(wrong_payload(
                "this key was used for another request: use a new one for a new request",
            )),
        }
    }

    /// Waits until the disk has what the host has of an execution.
    async fn on_the_disk(&self, execution_id: &str) -> Result<(), HostError> {
        let (host, id) = (self.host.clone(), execution_id.to_owned());
        waiting(move || {
            let followed = host.follow(&id).map(drop);
            host.unfollow(&id);
            followed
        })
        .await
    }

    /// What an execution of that id began with, if there is one.
    async fn before(&self, execution_id: &str) -> Result<Option<Box<Created>>, HostError> {
        let (journal, id) = (self.journal.clone(), execution_id.to_owned());
        waiting(move || match load(journal.as_ref(), &id) {
            Ok(state) => Ok(Some(Box::new(state.created))),
            Err(HostError::NoSuchExecution(_)) => Ok(None),
            Err(error) => Err(error),
        })
        .await
    }

    async fn submit(
        &self,
        who: &Principal,
        session: &str,
        (plugin, payload): (&str, Value),
        repeatable: Option<&Repeatable>,
    ) -> Result<Submitted, HostError> {
        let payload = arguments(payload)?;
        let mut proposal = tool_plan(plugin, &payload);
        if let Some(repeatable) = repeatable {
            proposal.execution_id = Some(repeatable.execution_id.clone());
            proposal.asked = Some(Box::new(Asked {
                digest: Some(repeatable.digest),
                ..Asked::default()
            }));
        }
        let submission = self.intake.take(proposal, who, session).await?;
        // Its arguments are inputs of the plan, which are held to the tool's schema when it is called. Now is sooner.
        let tools = self.intake.registry().snapshot();
        let schema = tools.spec(plugin).map(|spec| &spec.input_schema);
        if let Some(why) = schema.and_then(|schema| misfit(schema, &Value::Object(payload))) {
            return Err(wrong_payload(&format!(
                "`payload` does not fit what `{plugin}` takes: {why}"
            )));
        }
        let host = self.host.clone();
        waiting(move || host.submit(submission)).await
    }

    /// Waits until the job has ended, or nobody should wait any longer.
    async fn end_of(
        &self,
        who: &Principal,
        id: &str,
        plugin: &str,
    ) -> Result<Option<Job>, NoResult> {
        let (host, followed) = (self.host.clone(), id.to_owned());
        let notices = waiting(move || host.follow(&followed)).await;
        let lost = |error: &HostError| no_result(&fault_of(error), plugin, id);
        let mut notices = notices.map_err(|error| lost(&error))?;
        loop {
            let notice = notices.borrow_and_update().clone();
            if let Some(error) = &notice.lost {
                return Err(lost(error));
            }
            match notice.rest.as_ref().map(|rest| rest.waiting_for.as_ref()) {
                Some(None) => break,
                Some(Some(waiting_for)) => {
                    if let Some(code) = stops_waiting(waiting_for) {
                        drop(notices);
                        return Err(self.give_up(who, (id, plugin), code).await);
                    }
                }
                None => {}
            }
            // The host is about to stop; the job goes on with the next one.
            let told = notices.changed().await;
            told.map_err(|_| lost(&HostError::Gone))?;
        }
        self.host.unfollow(id);
        self.job(id).await
    }

    /// Nobody waits any longer: what nobody waits for is not done either.
    async fn give_up(
        &self,
        who: &Principal,
        (id, plugin): (&str, &str),
        code: ErrorCode,
    ) -> NoResult {
        self.host.unfollow(id);
        let before = match self.job(id).await {
            Ok(job) => job,
            Err(error) => return error,
        };
        let waits = before.as_ref().and_then(|job| job.waiting_for.clone());
        let message = match code {
            ErrorCode::InDoubt => {
                "the call was made, and nobody knows whether its effect happened: somebody has to say so"
            }
            ErrorCode::RateLimited => "a rate is used up; the job was cancelled",
            ErrorCode::Frozen => "calls are frozen; the job was cancelled",
            _ => {
                "a human has to say yes first; the job was cancelled: ask for it with `async` to have it wait"
            }
        };
        if code != ErrorCode::InDoubt {
            let (host, by, id) = (self.host.clone(), who.name.clone(), id.to_owned());
            let reason = Some("whoever waited for it does not wait for that".to_owned());
            // It may have ended by itself meanwhile, and then there is nothing to cancel.
            let _ = waiting(move || host.cancel(&id, &by, reason, false)).await;
        }
        let mut fault = Fault::new(code, message);
        fault.details = Some(json!({
            "job_id": id,
            "request_id": before.and_then(|job| job.request_id),
            "waiting_for": waits,
        }));
        no_result(&fault, plugin, id)
    }
}

fn no_result(fault: &Fault, plugin: &str, execution_id: &str) -> NoResult {
    let now_ms = SystemClock.now_ms();
    Box::new(envelope(fault, (plugin, execution_id), now_ms))
}

/// The code of what nobody waits for who wants the result now; none where the job goes on by itself.
fn stops_waiting(waiting_for: &WaitingFor) -> Option<ErrorCode> {
    match waiting_for.kind.as_str() {
        "timer" | "retry" | "host" => None,
        "rate_limit" => Some(ErrorCode::RateLimited),
        "frozen" => Some(ErrorCode::Frozen),
        "in_doubt" => Some(ErrorCode::InDoubt),
        _ => Some(ErrorCode::ApprovalRequired),
    }
}

/// The payload as arguments.
fn arguments(payload: Value) -> Result<Map<String, Value>, HostError> {
    match payload {
        Value::Object(payload) => Ok(payload),
        Value::Null => Ok(Map::new()),
        _ => Err(wrong_payload("`payload` is not an object")),
    }
}

fn wrong_payload(message: &str) -> HostError {
    HostError::Tool(ToolFault::new(ErrorCode::InvalidPayload, message))
}

/// The plan of one step that a job is. The payload is its input, so that nothing in it is read as an expression.
fn tool_plan(plugin: &str, payload: &Map<String, Value>) -> Proposal {
    let args: Map<String, Value> = { payload.keys() }
        .map(|key| {
            let name = Value::String(key.clone());
            let read = format!("${{inputs.{INPUT}[{name}]}}");
            (key.clone(), Value::String(read))
        })
        .collect();
    let document = json!({
        "version": 1,
        "name": format!("Job {plugin}"),
        "inputs": { INPUT: { "type": "object" } },
        "steps": [{ "id": STEP, "tool": plugin, "args": args }],
        "outputs": { "result": format!("steps.{STEP}.output") },
    });
    Proposal {
        document: document.to_string(),
        json: true,
        inputs: Map::from_iter([(INPUT.to_owned(), Value::Object(payload.clone()))]),
        deadline_ms: None,
        session: None,
        rerun: None,
        revises: None,
        execution_id: None,
        asked: None,
    }
}

/// Why a job does not even begin.
fn fault_of(error: &HostError) -> Fault {
    let (found, code) = match error {
        HostError::Plan(found) | HostError::Inputs(found) => {
            let first = found.first().map(|violation| violation.code);
            let code = match first {
                Some(ViolationCode::ActionNotFound | ViolationCode::ToolNameInvalid) => {
                    ErrorCode::ActionNotFound
                }
                Some(ViolationCode::ToolExternal) => ErrorCode::NotSupported,
                _ => ErrorCode::InvalidPayload,
            };
            (found, code)
        }
        HostError::Denied(decision) => {
            let mut fault = Fault::from(error);
            fault.details = Some(json!({ "reasons": decision.reasons }));
            return fault;
        }
        HostError::Tool(fault) => {
            let mut said = Fault::new(fault.code, fault.message.clone());
            said.details = fault.details.clone();
            return said;
        }
        other => return Fault::from(other),
    };
    let messages: Vec<&str> = found.iter().map(|one| one.message.as_str()).collect();
    let mut fault = Fault::new(code, messages.join("; "));
    fault.details = Some(json!({ "violations": found }));
    fault
}

fn envelope(fault: &Fault, (tool, execution_id): (&str, &str), at_ms: i64) -> ErrorEnvelope {
    let said = ToolFault {
        code: fault.code,
        message: fault.message.clone(),
        details: fault.details.clone(),
    };
    ErrorEnvelope::new(&said, tool, STEP, execution_id, at_ms)
}
