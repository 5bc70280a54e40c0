//! Executions: lists, and everything that can be looked at of one.

use super::seen::{self, At, has, tagged};
use crate::access::{Caller, Right};
use crate::asked::{Asked, must_be_one_of};
use crate::problem::Problem;
use crate::site::Site;
use crate::view::{self, AwaitedCalls, DrawnPlan, Execution, RowView, TimelineView, schemas};
use crate::when;
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use mandate_engine::{Event, Fault, State as Folded, fold, replay};
use mandate_host::{CallableStep, Freeze, HostError, recovery};
use mandate_plan::CheckedPlan;
use mandate_policy::Rules as _;
use mandate_policy::decision::Decision;
use mandate_store::{ExecutionFilter, Page};
use serde::Serialize;
use serde_json::{Map, Value};
use std::sync::Arc;
use utoipa::ToSchema;

const STATES: [&str; 9] = [
    "pending",
    "waiting",
    "running",
    "paused",
    "replanning",
    "compensating",
    "completed",
    "failed",
    "cancelled",
];
/// Of these, those of executions that have not ended.
const UNFINISHED: usize = 6;

/// A page of executions.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExecutionList {
    /// The freeze that holds, if one does.
    #[schema(value_type = Option<schemas::Freeze>)]
    freeze: Option<Freeze>,
    /// The newest first, unless it was asked for otherwise.
    executions: Vec<RowView>,
    /// Where the next page starts; none = this is the last.
    next: Option<String>,
}

/// Lists executions.
#[utoipa::path(get, operation_id = "list_executions", path = "/v1/executions", tag = "executions",
    params(
        ("state" = Option<String>, Query, description = "in one of these states, separated by commas"),
        ("unfinished" = Option<bool>, Query, description = "not ended yet"),
        ("status" = Option<String>, Query, description = "ended as `success`, `partial` or `failure`"),
        ("waiting_for" = Option<String>, Query, description = "waiting for this kind of thing"),
        ("since" = Option<String>, Query, description = "created since: Unix milliseconds, `2h` ago, or a date"),
        ("until" = Option<String>, Query, description = "created before"),
        ("older_than" = Option<String>, Query, description = "the same as `until`"),
        ("tool" = Option<String>, Query, description = "whose plan names this tool"),
        ("principal" = Option<String>, Query, description = "asked for by"),
        ("session" = Option<String>, Query, description = "of this session"),
        ("plan" = Option<String>, Query, description = "of the plan of this hash"),
        ("parent" = Option<String>, Query, description = "that a step of this execution stands for"),
        ("q" = Option<String>, Query, description = "whose name or id holds this text"),
        ("order" = Option<String>, Query, description = "`newest` or `oldest` first"),
        ("limit" = Option<u32>, Query, description = "rows at most, 1 to 500", minimum = 1, maximum = 500),
        ("after" = Option<String>, Query, description = "behind the page that gave this cursor"),
    ),
    responses((status = 200, body = ExecutionList)))]
pub(crate) async fn list(
    State(site): State<Arc<Site>>,
    caller: Caller,
    mut asked: Asked,
) -> Result<Json<ExecutionList>, Problem> {
    let mut states = asked.many("state");
    for state in &states {
        must_be_one_of("state", state, &STATES)?;
    }
    if asked.flag("unfinished")? {
        let open = STATES
            .iter()
            .take(UNFINISHED)
            .map(|state| (*state).to_owned());
        let open: Vec<String> = open.collect();
        match states.is_empty() {
            true => states = open,
            false => states.retain(|state| open.contains(state)),
        }
    }
    let (until, older) = (asked.time("until")?, asked.time("older_than")?);
    let plan = asked.text("plan")?;
    let mut filter = ExecutionFilter {
        states,
        status: asked.one_of("status", &["success", "partial", "failure"])?,
        principal: asked.text("principal")?,
        session: asked.text("session")?,
        waiting_kind: asked.text("waiting_for")?,
        tool: asked.text("tool")?,
        created_after_ms: asked.time("since")?,
        created_before_ms: until.into_iter().chain(older).min(),
        plan_hash: { plan.as_deref() }
            .map(|hash| {
                hash.parse()
                    .map_err(|_| Problem::usage(format!("`plan` is no hash: `{hash}`")))
            })
            .transpose()?,
        parent: asked.text("parent")?,
        text: asked.text("q")?,
    };
    let order = asked.one_of("order", &["newest", "oldest"])?;
    let page = Page {
        limit: asked.limit(50, 500)?,
        after: asked.cursor()?,
        newest_first: order.as_deref() != Some("oldest"),
    };
    asked.end()?;
    // Whoever sees their own only is shown a list of these.
    let own = &caller.principal.name;
    let mut nothing = false;
    if !caller.may(Right::ViewAll) {
        nothing = filter.principal.as_ref().is_some_and(|name| name != own);
        filter.principal = Some(own.clone());
    }
    let list = site
        .waiting(move |site| {
            let freeze = view::freeze(site.reader())?;
            if nothing {
                return Ok::<_, Problem>(ExecutionList {
                    freeze,
                    executions: Vec::new(),
                    next: None,
                });
            }
            let listed = site.reader().executions(&filter, &page)?;
            Ok(ExecutionList {
                freeze,
                executions: listed.rows.iter().map(view::row).collect(),
                next: listed.next.map(|next| next.to_string()),
            })
        })
        .await?;
    Ok(Json(list))
}

/// What happened in an execution, and the plan that it began with.
pub(super) fn history(
    site: &Site,
    execution_id: &str,
) -> Result<(Vec<Event>, Arc<CheckedPlan>), HostError> {
    let journal = site.store.as_ref();
    let events = recovery::events(journal, execution_id)?;
    let plan = recovery::plan_of(journal, execution_id, &events)?;
    Ok((events, plan))
}

/// An execution as it was after an event: the events up to it, the state that they fold into, and the last event's `seq`.
pub(super) fn back_then(
    site: &Site,
    execution_id: &str,
    at: Option<u64>,
) -> Result<(Vec<Event>, Folded, u64), Problem> {
    let (mut events, plan) = history(site, execution_id)?;
    let last = events.last().map_or(0, |event| event.seq);
    let at = at.unwrap_or(last);
    if at == 0 || at > last {
        return Err(Problem::usage(format!("there is no event {at}"))
            .remedy(format!("give one from 1 to {last}")));
    }
    events.retain(|event| event.seq <= at);
    let state = fold(plan, &events).map_err(|difference| HostError::Unreadable {
        execution_id: execution_id.to_owned(),
        reason: difference.to_string(),
    })?;
    Ok((events, state, last))
}

/// Shows an execution, as it is or as it was after an event.
#[utoipa::path(get, operation_id = "show_execution", path = "/v1/executions/{execution_id}", tag = "executions",
    params(
        ("execution_id" = String, Path, description = "its id"),
        ("at" = Option<u64>, Query, description = "as it was after the event of this `seq`"),
    ),
    responses((status = 200, body = Execution), (status = 304, description = "it is as it was")))]
pub(crate) async fn show(
    State(site): State<Arc<Site>>,
    caller: Caller,
    At(id): At<String>,
    headers: HeaderMap,
    mut asked: Asked,
) -> Result<Response, Problem> {
    let at: Option<u64> = asked.parsed("at")?;
    asked.end()?;
    site.waiting(move |site| {
        let row = seen::execution(site, &caller, &id)?;
        if at.is_some() {
            let (_, state, last) = back_then(site, &id, at)?;
            let tag = format!("W/\"{}.{last}\"", state.seq);
            let shown = (!has(&headers, &tag)).then(|| Execution::back_then(&state, last));
            return Ok(tagged(&tag, shown));
        }
        let freeze = view::freeze(site.reader())?.filter(|_| row.finished_at_ms.is_none());
        let since = freeze.as_ref().map_or(0, |freeze| freeze.since_ms);
        // What others of its session give back changes what it lacks, and none of its own events.
        let in_line = row.state == "pending";
        let state = in_line.then(|| site.state(&id)).transpose()?;
        let awaited = state.as_ref().map(|state| awaited_calls(site, state));
        let awaited = awaited.transpose()?.flatten();
        let lacking =
            { awaited.as_ref() }.map(|calls| format!(".{}.{}", calls.left, calls.reserved));
        let tag = format!(
            "W/\"{}.{since}{}\"",
            row.last_seq,
            lacking.unwrap_or_default()
        );
        if has(&headers, &tag) {
            return Ok(tagged::<()>(&tag, None));
        }
        let state = state.map_or_else(|| site.state(&id), Ok)?;
        let head = site.reader().head()?;
        let shown = Execution::now(&state, Some(&head), freeze, awaited);
        Ok(tagged(&tag, Some(shown)))
    })
    .await
}

/// An execution that was just steered, for whoever did.
pub(super) fn shown(site: &Site, execution_id: &str) -> Result<Json<Execution>, Problem> {
    let state = site.state(execution_id)?;
    let head = site.reader().head()?;
    let freeze = view::freeze(site.reader())?;
    let awaited = awaited_calls(site, &state)?;
    Ok(Json(Execution::now(&state, Some(&head), freeze, awaited)))
}

/// What an execution lacks to start.
fn awaited_calls(site: &Site, state: &Folded) -> Result<Option<AwaitedCalls>, HostError> {
    let limits = site.policy.limits();
    AwaitedCalls::of(state, site.store.as_ref(), limits, when::now_ms())
}

/// What a replay found.
#[derive(Serialize, ToSchema)]
pub(crate) struct Replayed {
    /// The execution.
    execution_id: String,
    /// Everything that was decided would be decided again.
    identical: bool,
    /// How many events were looked at.
    events: Option<u64>,
    /// How many decisions were made again.
    decisions: Option<u64>,
    /// The first difference.
    #[schema(value_type = Option<Object>)]
    difference: Option<Value>,
}

/// Either of both, as it was asked for.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes what is put together as values")]
pub(crate) enum ReplayedOrState {
    /// What a replay found.
    Replayed(Replayed),
    /// The whole state after an event.
    State(StateThen),
}

/// The whole state after an event; what it holds depends on the version that wrote it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes a type of another crate")]
pub(crate) struct StateThen {
    /// The execution's state, as it is shown.
    state: String,
    /// What it began with.
    #[schema(value_type = Object)]
    created: Value,
}

/// Derives every decision from the journal once more, and compares; with `at`, gives the state after that event.
#[utoipa::path(get, operation_id = "replay_execution", path = "/v1/executions/{execution_id}/replay", tag = "executions",
    params(
        ("execution_id" = String, Path, description = "its id"),
        ("at" = Option<u64>, Query, description = "the whole state after the event of this `seq` instead"),
    ),
    responses((status = 200, body = ReplayedOrState)))]
pub(crate) async fn replayed(
    State(site): State<Arc<Site>>,
    caller: Caller,
    At(id): At<String>,
    mut asked: Asked,
) -> Result<Json<Value>, Problem> {
    let at: Option<u64> = asked.parsed("at")?;
    asked.end()?;
    site.waiting(move |site| {
        seen::execution(site, &caller, &id)?;
        if at.is_some() {
            let (_, state, _) = back_then(site, &id, at)?;
            let mut snapshot = state.snapshot();
            if let Some(map) = snapshot.as_object_mut() {
                map.insert("state".to_owned(), state.shown_state().into());
            }
            return Ok(Json(snapshot));
        }
        let (events, plan) = history(site, &id)?;
        let replayed = match replay(plan, &events) {
            Ok(replayed) => Replayed {
                execution_id: id,
                identical: true,
                events: Some(replayed.events),
                decisions: Some(replayed.decisions),
                difference: None,
            },
            Err(difference) => Replayed {
                execution_id: id,
                identical: false,
                events: None,
                decisions: None,
                difference: serde_json::to_value(&difference).ok(),
            },
        };
        Ok(Json(serde_json::to_value(replayed).unwrap_or_default()))
    })
    .await
}

/// Gives the plan of an execution: of the revision that runs, or that ran after an event.
#[utoipa::path(get, operation_id = "show_execution_plan", path = "/v1/executions/{execution_id}/plan", tag = "executions",
    params(
        ("execution_id" = String, Path, description = "its id"),
        ("at" = Option<u64>, Query, description = "as it was after the event of this `seq`"),
    ),
    responses((status = 200, body = DrawnPlan), (status = 304, description = "it is as it was")))]
pub(crate) async fn plan(
    State(site): State<Arc<Site>>,
    caller: Caller,
    At(id): At<String>,
    headers: HeaderMap,
    mut asked: Asked,
) -> Result<Response, Problem> {
    let at: Option<u64> = asked.parsed("at")?;
    asked.end()?;
    site.waiting(move |site| {
        let row = seen::execution(site, &caller, &id)?;
        let tag = format!("\"{}\"", row.plan_hash);
        if at.is_none() && has(&headers, &tag) {
            return Ok(tagged::<()>(&tag, None));
        }
        let (_, state, _) = back_then(site, &id, at)?;
        let tag = format!("\"{}\"", state.created.plan_hash);
        let drawn = DrawnPlan::of(state.plan(), Some(state.created.revision));
        Ok(tagged(&tag, Some(drawn)))
    })
    .await
}

/// What policy said of the plan that runs.
#[derive(Serialize, ToSchema)]
pub(crate) struct Decided {
    /// What it said.
    #[schema(value_type = schemas::Decision)]
    decision: Arc<Decision>,
    /// Of which revision.
    revision: u32,
}

/// Gives what policy said of the plan that runs, with its reasons.
#[utoipa::path(get, operation_id = "show_execution_decision", path = "/v1/executions/{execution_id}/decision", tag = "executions",
    params(("execution_id" = String, Path, description = "its id")),
    responses((status = 200, body = Decided)))]
pub(crate) async fn decision(
    State(site): State<Arc<Site>>,
    caller: Caller,
    At(id): At<String>,
    asked: Asked,
) -> Result<Json<Decided>, Problem> {
    asked.end()?;
    site.waiting(move |site| {
        seen::execution(site, &caller, &id)?;
        let created = site.state(&id)?.created;
        Ok(Json(Decided {
            decision: created.decision,
            revision: created.revision,
        }))
    })
    .await
}

/// Gives what took time in an execution: attempts and waits, without arguments and outputs.
#[utoipa::path(get, operation_id = "show_execution_timeline", path = "/v1/executions/{execution_id}/timeline", tag = "executions",
    params(("execution_id" = String, Path, description = "its id")),
    responses((status = 200, body = TimelineView)))]
pub(crate) async fn timeline(
    State(site): State<Arc<Site>>,
    caller: Caller,
    At(id): At<String>,
    asked: Asked,
) -> Result<Json<TimelineView>, Problem> {
    asked.end()?;
    site.waiting(move |site| {
        seen::execution(site, &caller, &id)?;
        let events = recovery::events(site.store.as_ref(), &id)?;
        Ok(Json(view::timeline(&id, &events)))
    })
    .await
}

/// What an execution gave.
#[derive(Serialize, ToSchema)]
pub(crate) struct Output {
    /// `success`, `partial` or `failure`.
    status: &'static str,
    /// By name.
    #[schema(value_type = Object)]
    outputs: Map<String, Value>,
    /// Outputs whose expression erred.
    warnings: Vec<String>,
    /// Why it is no success.
    #[schema(value_type = Option<schemas::Fault>)]
    error: Option<Fault>,
}

/// Gives what an execution gave. It must have ended.
#[utoipa::path(get, operation_id = "show_execution_output", path = "/v1/executions/{execution_id}/output", tag = "executions",
    params(("execution_id" = String, Path, description = "its id")),
    responses((status = 200, body = Output)))]
pub(crate) async fn output(
    State(site): State<Arc<Site>>,
    caller: Caller,
    At(id): At<String>,
    asked: Asked,
) -> Result<Json<Output>, Problem> {
    asked.end()?;
    site.waiting(move |site| {
        seen::execution(site, &caller, &id)?;
        let state = site.state(&id)?;
        let shown = state.shown_state();
        let Some(ending) = state.ending else {
            let message = format!("the execution is {shown}: it has not ended");
            return Err(Problem::new(mandate_host::Kind::NotNow, message)
                .about(&id)
                .remedy("`Prefer: wait=N` waits for the end where it is asked for"));
        };
        Ok(Json(Output {
            status: ending.status.as_str(),
            outputs: ending.outputs,
            warnings: ending.warnings,
            error: ending.error,
        }))
    })
    .await
}

/// A plan as whoever carries it out step by step needs it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Context {
    /// The execution.
    execution_id: String,
    /// The plan's name.
    name: String,
    /// What it is for.
    description: Option<String>,
    /// `engine` or `agent`: who makes the calls.
    #[schema(value_type = String)]
    mode: mandate_plan::Mode,
    /// Where it is.
    state: &'static str,
    /// What the plan keeps to.
    #[schema(value_type = Object)]
    constraints: Value,
    /// Its steps with their states.
    steps: Vec<StepContext>,
    /// In agent mode: the steps that may be called now, and what their arguments must be.
    #[schema(value_type = Vec<Object>)]
    callable: Vec<CallableStep>,
    /// Why nothing runs.
    #[schema(value_type = Option<schemas::WaitingFor>)]
    waiting_for: Option<mandate_engine::WaitingFor>,
}

/// A step and where it is.
#[derive(Serialize, ToSchema)]
pub(crate) struct StepContext {
    /// Its id.
    id: String,
    /// Its tool.
    tool: String,
    /// What it is for.
    description: Option<String>,
    /// Where it is.
    state: &'static str,
}

/// Gives the plan as context for an agent: constraints, steps with their states, and what may be called now.
#[utoipa::path(get, operation_id = "show_execution_context", path = "/v1/executions/{execution_id}/context", tag = "executions",
    params(("execution_id" = String, Path, description = "its id")),
    responses((status = 200, body = Context)))]
pub(crate) async fn context(
    State(site): State<Arc<Site>>,
    caller: Caller,
    At(id): At<String>,
    asked: Asked,
) -> Result<Json<Context>, Problem> {
    asked.end()?;
    site.waiting(move |site| {
        seen::execution(site, &caller, &id)?;
        let state = site.state(&id)?;
        let plan = state.plan().plan();
        let steps = view::shown_steps(&state).map(|(checked, data)| StepContext {
            id: checked.step.id.clone(),
            tool: checked.step.tool.clone(),
            description: checked.step.description.clone(),
            state: data.state.as_str(),
        });
        let agents = plan.mode == mandate_plan::Mode::Agent;
        Ok(Json(Context {
            execution_id: id,
            name: plan.name.clone(),
            description: plan.description.clone(),
            mode: plan.mode,
            state: state.shown_state(),
            constraints: serde_json::to_value(&plan.constraints).unwrap_or_default(),
            steps: steps.collect(),
            callable: if agents {
                CallableStep::all(&state)
            } else {
                Vec::new()
            },
            waiting_for: state.waiting_for(),
        }))
    })
    .await
}
