//! What the gateway's tools do: one file for each, in our own shapes. Every one of them may wait.

mod call;
mod catalogue;
mod execute;
mod passed_on;
mod propose;
mod status;
mod task;

use crate::approving::{Asks, Said};
use crate::desk::Visitor;
use crate::own_tools::OwnTool;
use crate::seat::{Bound, Seat};
use crate::settings::GatewaySettings;
use crate::shown;
use crate::told::{Told, host_error};
use crate::under::{Line, Spot, Spots};
use mandate_engine::State;
use mandate_host::{AgentAnswer, AgentWish, Answered, HostError, Outlook};
use mandate_plan::{ErrorCode, Format, misfit, parse_value};
use mandate_tools::{Callers, ToolStatus};
use serde_json::{Value, json};
use std::sync::{Arc, PoisonError};

pub(crate) use call::{Way, call, call_approved};
pub(crate) use catalogue::definitions;
pub(crate) use task::{Now, Standing};

/// Told of progress: how many of how many steps are settled, and which was the last.
pub(crate) type Progress<'a> = &'a dyn Fn(usize, usize, &str);

/// What the client says of itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct Client {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) protocol: String,
}

/// What else goes with an act.
#[derive(Default)]
pub(crate) struct Besides<'a> {
    /// The client's end of it.
    pub(crate) line: Option<&'a Arc<Line>>,
    /// Where it is said what it has come to.
    pub(crate) spots: Option<&'a Spots>,
}

/// Everything that an act has at hand.
pub(crate) struct Act<'a> {
    pub(crate) seat: &'a Arc<Seat>,
    pub(crate) visitor: &'a Visitor,
    pub(crate) settings: &'a GatewaySettings,
    pub(crate) client: &'a Client,
    pub(crate) progress: Progress<'a>,
    /// The client's end of the call, where something of tool servers is passed on.
    pub(crate) line: Option<(&'a Arc<Callers>, &'a Arc<Line>)>,
    /// Nobody waits for the answer any more.
    pub(crate) abandoned: &'a dyn Fn() -> bool,
    /// Where it is said what this has come to; none where nobody can come back for it.
    pub(crate) spots: Option<&'a Spots>,
    /// Where in a trace it is done.
    pub(crate) within: Option<&'a str>,
}

impl Act<'_> {
    /// Does what one of the gateway's own tools does.
    pub(crate) fn own(&self, tool: &OwnTool, arguments: &str) -> Told {
        let args = match parse_value(arguments.as_bytes(), Format::Json) {
            Ok(args) => args,
            Err(found) => {
                return Told::no(json!({
                    "code": ErrorCode::InvalidPayload,
                    "message": "the arguments cannot be read",
                    "violations": found,
                }));
            }
        };
        if let Some(why) = misfit(&tool.schema(), &args) {
            let name = tool.name;
            let message = format!("the arguments do not fit what `{name}` takes: {why}");
            return Told::wrong(message);
        }
        let done = match tool.name {
            "propose_plan" => propose::propose(self, arguments),
            "replan" => propose::replan(self, arguments),
            "execute" => execute::execute(self, arguments),
            "get_plan" => status::get_plan(self, &args),
            "status" => status::status(self, &args),
            "finish" => status::finish(self, &args),
            _ => catalogue::list(self, &args),
        };
        done.unwrap_or_else(|no| *no)
    }

    /// The execution that is named, which this session drives from here on, or the one that it drives.
    fn driven(&self, named: Option<&str>) -> Result<(Bound, State), Box<Told>> {
        let desk = self.visitor.desk.as_ref();
        let id = match named {
            Some(id) => id.to_owned(),
            None => match self.seat.bound(self.visitor) {
                Some(bound) => bound.execution_id,
                None => return Err(no_plan()),
            },
        };
        let absent = || HostError::NoSuchExecution(id.clone());
        let state = desk.state(&id).map_err(|error| no(&error))?;
        // Whose it is, nobody else is told.
        if state.created.principal != self.visitor.principal {
            return Err(no(&absent()));
        }
        self.seat.bind(self.visitor, &state);
        let bound = self.seat.bound(self.visitor);
        Ok((bound.ok_or_else(|| no(&absent()))?, state))
    }

    /// Does what the agent of this session wants; waits for it.
    fn ask(&self, bound: &Bound, wish: AgentWish) -> Result<AgentAnswer, HostError> {
        let asked = self
            .seat
            .ask(&self.visitor.desk, bound, (wish, self.within));
        tokio::runtime::Handle::current().block_on(asked)
    }

    /// Where an execution is now.
    fn noticed(&self, state: &State) {
        let outlook = Outlook::of(state);
        self.seat.noticed(state.execution_id(), &outlook);
    }

    /// What is known of a tool of the plan.
    fn known(&self, bound: &Bound, tool: &str) -> Option<Arc<ToolStatus>> {
        let kept = self.seat.known(bound);
        if let Some(kept) = kept {
            return kept.get(tool).cloned();
        }
        let named = bound.names.tools().map(str::to_owned).collect();
        let found = self.visitor.desk.tools(Some(&named)).ok()?;
        let kept = self.seat.keep(bound, found.into_iter());
        kept.get(tool).cloned()
    }

    /// Says what this has come to.
    fn at(&self, spot: impl FnOnce() -> Spot) {
        if let Some(spots) = self.spots {
            let mut said = spots.lock().unwrap_or_else(PoisonError::into_inner);
            *said = Some(spot());
        }
    }

    /// The execution as it is shown.
    fn shown(&self, state: &State, bound: &Bound) -> Value {
        shown::execution(state, &bound.names, self.settings)
    }

    /// Hands on what the client's user answered; gives why it does not count.
    pub(crate) fn hand_on(&self, asks: &Asks, said: &Said, channel: &str) -> Result<(), Box<Told>> {
        let answer = Answered {
            request_id: asks.request_id.clone(),
            choice: said.choice.to_owned(),
            data: None,
            reason: said.reason.clone(),
            subject: None,
            channel: channel.to_owned(),
        };
        let answered = self.visitor.desk.answer(&asks.execution_id, answer);
        answered.map_err(|error| no(&error))
    }

    /// From here on this session drives that execution.
    ///
    /// # Errors
    /// There is none that is theirs.
    pub(crate) fn take_up(&self, execution_id: &str) -> Result<(), Box<Told>> {
        self.driven(Some(execution_id)).map(drop)
    }

    /// The execution that this session drives; none if there is none.
    pub(crate) fn seated(&self) -> Option<(Bound, State)> {
        self.driven(None).ok()
    }

    /// The execution that this session drives, as it is shown; none if there is none.
    pub(crate) fn current(&self) -> Option<Value> {
        let (bound, state) = self.seated()?;
        Some(self.shown(&state, &bound))
    }
}

fn no(error: &HostError) -> Box<Told> {
    Box::new(Told::no(host_error(error)))
}

fn no_plan() -> Box<Told> {
    Box::new(Told::no(json!({
        "code": ErrorCode::UnplannedAction,
        "message": "this session has no plan",
        "expected": { "call": "propose_plan" },
        "remedy": "propose a plan with `propose_plan`, or take one of yours up again with `get_plan` and its `execution_id`",
    })))
}
