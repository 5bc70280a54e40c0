//! The tasks extension (`io.modelcontextprotocol/tasks`): a client that takes tasks need not wait for what takes long, or for a
//! human. It is given a name to come back with, and what it is told then is read in the journal.

use crate::acts::{Now, Standing};
use crate::approving::Said;
use crate::following::Came;
use crate::handler::{Gateway, Placed, is_stateless};
use crate::handles::Handle;
use crate::shapes::{error_data, question, result};
use crate::told::Told;
use crate::under::{Spot, Under};
use mandate_host::HostError;
use rmcp::ErrorData;
use rmcp::model::{
    CallToolResponse, CreateTaskResult, DetailedTask, ElicitRequest, GetTaskResult, InputRequest,
    InputRequests, ServerCapabilities, TASKS_EXTENSION_ID, Task, TaskPayload, TaskStatus,
    UpdateTaskParams,
};
use rmcp::service::{RequestContext, RoleServer};
use serde_json::{Value, json};
use std::ops::ControlFlow;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// Where a request says what its client can do.
const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
/// How soon a client may come back.
const POLL_MS: u64 = 1_000;
/// How long it takes until it is looked again whether there is anything that could be come back for.
const AGAIN: Duration = Duration::from_secs(1);

type Context = RequestContext<RoleServer>;

impl Gateway {
    /// Says that there are tasks.
    pub(crate) fn declare_tasks(&self, capabilities: &mut ServerCapabilities) {
        if self.shared.settings.task_after.is_some() {
            let tasks = ServerCapabilities::builder().enable_tasks().build();
            capabilities.extensions = tasks.extensions;
        }
    }

    /// Whether the client's user may be asked, and can be.
    pub(crate) fn can_be_asked(&self, context: &Context) -> bool {
        let can = context.client_capabilities();
        self.shared.settings.ask_client && can.is_some_and(|can| can.elicitation.is_some())
    }

    async fn task_of(
        &self,
        id: &str,
        context: &Context,
    ) -> Result<(Arc<Placed>, Handle, Now), ErrorData> {
        let placed = self.placed(context).await?;
        let unknown = || ErrorData::invalid_params(format!("there is no task `{id}`"), None);
        let handle = Handle::read(id).ok_or_else(unknown)?;
        let now = placed.look(&handle).await?.ok_or_else(unknown)?;
        Ok((placed, handle, now))
    }

    /// `tasks/get`.
    pub(crate) async fn task_got(
        &self,
        id: &str,
        context: &Context,
    ) -> Result<GetTaskResult, ErrorData> {
        let (placed, handle, mut now) = self.task_of(id, context).await?;
        let mut open = None;
        now.standing = match now.standing {
            Standing::Due(tool, args) => {
                // It was said yes to, and whoever wanted it has come back for it.
                if self.shared.lives.begin(id).is_some() {
                    let approved = handle.clone();
                    let under = placed.begin_approved(approved, (tool, args), context);
                    placed.leave(&handle, under);
                }
                Standing::Working
            }
            Standing::Asks(asks) if self.can_be_asked(context) => {
                let params = question(&asks.question);
                let asked = params.map(|it| InputRequest::Elicitation(ElicitRequest::new(it)));
                open = asked.map(|it| InputRequests::from([(asks.request_id.clone(), it)]));
                Standing::Asks(asks)
            }
            Standing::Asks(_) => Standing::Working,
            other => other,
        };
        let live = self.shared.lives.of(id);
        if let (Some(live), Standing::Working) = (live, &now.standing) {
            now.message = live.said().or(now.message);
            let asked = Some(live.open()).filter(|asked| !asked.is_empty());
            let asked = asked.map(Value::Object);
            open = asked.and_then(|asked| serde_json::from_value(asked).ok());
        }
        let payload = match (now.standing, open) {
            (Standing::Done(told), _) => of_told(*told),
            (Standing::Failed(error), _) => {
                let error = json!(error_data(error));
                TaskPayload::Failed {
                    error: error.as_object().cloned().unwrap_or_default(),
                }
            }
            (Standing::Cancelled, _) => TaskPayload::Cancelled,
            (_, Some(input_requests)) => TaskPayload::InputRequired { input_requests },
            (_, None) => TaskPayload::Working,
        };
        let times = (now.created_ms, now.updated_ms);
        let task = task(id, payload.status(), now.message, times);
        Ok(GetTaskResult::new(DetailedTask::new(task, payload)))
    }

    /// `tasks/update`.
    pub(crate) async fn task_updated(
        &self,
        request: UpdateTaskParams,
        context: &Context,
    ) -> Result<(), ErrorData> {
        let (placed, _, now) = self.task_of(&request.task_id, context).await?;
        if let Some(live) = self.shared.lives.of(&request.task_id) {
            live.answers(request.input_responses);
            return Ok(());
        }
        let Standing::Asks(asks) = now.standing else {
            return Ok(());
        };
        let said = request.input_responses.get(&asks.request_id);
        // Whoever closes the question has not answered it.
        let Some(said) = said
            .and_then(Said::of)
            .filter(|_| self.can_be_asked(context))
        else {
            return Ok(());
        };
        let handed = placed.on_thread(move |act| act.hand_on(&asks, &said, "input_required"));
        let handed = handed.await?;
        handed.map_err(|told| ErrorData::invalid_params(told.text, None))
    }

    /// `tasks/cancel`.
    pub(crate) async fn task_cancelled(
        &self,
        id: &str,
        context: &Context,
    ) -> Result<(), ErrorData> {
        let (placed, handle, now) = self.task_of(id, context).await?;
        if !matches!(now.standing, Standing::Working | Standing::Asks(_)) {
            return Ok(());
        }
        let given_up = placed.on_thread(move |act| act.give_up(&handle)).await?;
        if let Some(live) = self.shared.lives.of(id) {
            live.closes();
        }
        match given_up {
            // It is over already, or ends.
            Ok(()) | Err(HostError::NotNow(_)) => Ok(()),
            Err(error) => Err(ErrorData::internal_error(error.to_string(), None)),
        }
    }
}

impl Placed {
    /// How long a client waits before it is given a task; none if it takes none.
    pub(crate) fn task_after(&self, context: &Context) -> Option<Duration> {
        let after = self.shared.settings.task_after?;
        let can = context.meta.0.0.get(CAPABILITIES)?.get("extensions")?;
        // What a client of an older revision said when it began does not hold for each request.
        (can.get(TASKS_EXTENSION_ID).is_some() && is_stateless(context)).then_some(after)
    }

    async fn look(self: &Arc<Self>, handle: &Handle) -> Result<Option<Now>, ErrorData> {
        let handle = handle.clone();
        let now = self.on_thread(move |act| act.task(&handle)).await?;
        now.map_err(|error| ErrorData::internal_error(error.to_string(), None))
    }

    /// Follows a call until it is over, its client has to come back, or it takes so long that a client that takes tasks is
    /// given one.
    pub(crate) async fn follow_or_leave(
        self: &Arc<Self>,
        mut under: Under,
        context: &Context,
    ) -> Result<Came, ErrorData> {
        let Some(mut limit) = self.task_after(context) else {
            return self.follow(under, context).await;
        };
        loop {
            match self.follow_for(under, Some(limit), context).await? {
                ControlFlow::Continue(still) => under = still,
                ControlFlow::Break(came) => return Ok(came),
            }
            if let Some(handle) = self.handle_of(&under).await?
                && let Some(now) = self.look(&handle).await?
                && matches!(now.standing, Standing::Working | Standing::Asks(_))
                && self.leaves(&handle)
            {
                self.leave(&handle, under);
                let created = self.created(&handle, now);
                return Ok(Came::Left(Box::new(created)));
            }
            limit = AGAIN;
        }
    }

    /// What the client is told; a task where it would have to come back, and takes one.
    pub(crate) async fn told_or_task(
        self: &Arc<Self>,
        told: Told,
        context: &Context,
    ) -> Result<CallToolResponse, ErrorData> {
        let takes = self.task_after(context).is_some();
        if let Some(handle) = told.handle.clone().filter(|_| takes)
            && let Some(now) = self.look(&handle).await?
            && matches!(now.standing, Standing::Working | Standing::Asks(_))
        {
            return Ok(self.created(&handle, now));
        }
        Ok(result(told)?.into())
    }

    fn created(&self, handle: &Handle, now: Now) -> CallToolResponse {
        let times = (now.created_ms, now.updated_ms);
        let task = task(&handle.id(), TaskStatus::Working, now.message, times);
        CallToolResponse::Task(CreateTaskResult::new(task))
    }

    /// What a task would stand for.
    async fn handle_of(self: &Arc<Self>, under: &Under) -> Result<Option<Handle>, ErrorData> {
        let spot = { under.spots.lock() }
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let (execution, tool, arguments) = match spot {
            None => return Ok(None),
            Some(Spot::At(handle)) => return Ok(Some(handle)),
            Some(Spot::Calls(execution, tool, arguments)) => (execution, tool, arguments),
        };
        let shared = self.shared.clone();
        let found = self.on_thread(move |act| {
            let taken = |id: &str| shared.lives.has(id);
            act.under_way((&execution, &tool, &arguments), &taken)
        });
        found.await
    }

    /// Whether the call is this one's to leave: no other task stands for it.
    fn leaves(&self, handle: &Handle) -> bool {
        match handle {
            Handle::Run { .. } => true,
            handle => self.shared.lives.begin(&handle.id()).is_some(),
        }
    }

    /// Leaves a call to itself. What its server says meanwhile is kept for the client; an execution says it by itself.
    fn leave(self: &Arc<Self>, handle: &Handle, under: Under) {
        let id = handle.id();
        if let Some(live) = self.shared.lives.of(&id) {
            let shared = self.shared.clone();
            tokio::spawn(async move { shared.lives.attend(&id, &live, under).await });
        }
    }
}

fn of_told(told: Told) -> TaskPayload {
    match result(told) {
        Ok(result) => {
            let result = json!(result);
            TaskPayload::Completed {
                result: result.as_object().cloned().unwrap_or_default(),
            }
        }
        Err(error) => TaskPayload::Failed {
            error: json!(error).as_object().cloned().unwrap_or_default(),
        },
    }
}

fn task(
    id: &str,
    status: TaskStatus,
    message: Option<String>,
    (created_ms, updated_ms): (i64, i64),
) -> Task {
    let times = (written(created_ms), written(updated_ms));
    let mut task = Task::new(id, status, times.0, times.1).with_poll_interval_ms(POLL_MS);
    // It is there for as long as the journal has it.
    task.ttl_ms = None;
    task.status_message = message;
    task
}

/// A time as RFC 3339 has it.
fn written(unix_ms: i64) -> String {
    mandate_tools::rfc3339_ms(unix_ms)
}
