//! What an execution was just before each of its calls, as the engine folds it: where the arguments came from, and what
//! somebody had let pass.

use super::runs::Made;
use mandate_engine::event::RequestKind;
use mandate_engine::{Applied, Event, State};
use mandate_plan::{CheckedPlan, Digest};
use mandate_policy::{CallFlow, Purpose, ResolvedCall, Turn as _, past_flow};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The past of one execution.
pub(super) struct Past {
    /// None: its journal does not fold any more.
    state: Option<State>,
    /// What somebody let pass once, and was not used yet.
    overrides: Vec<(String, Option<u32>, Digest)>,
    /// A call was made, so that the plan is not only a plan any more.
    pub(super) begun: bool,
}

impl Past {
    /// The execution as it begins.
    pub(super) fn of(plan: Arc<CheckedPlan>, created: &Event) -> Self {
        Self {
            state: State::begin(plan, created).ok(),
            overrides: Vec::new(),
            begun: false,
        }
    }

    /// Whether its events fold.
    pub(super) fn folds(&self) -> bool {
        self.state.is_some()
    }

    /// One more event.
    pub(super) fn apply(&mut self, event: &Event) {
        if let Some(state) = &mut self.state
            && state.apply(event) == Applied::Ignored
        {
            self.state = None;
        }
    }

    /// The version of the policy that held.
    pub(super) fn policy_version(&self) -> String {
        let state = self.state.as_ref();
        state.map_or_else(String::new, |state| state.policy_version().to_owned())
    }

    /// Where the arguments of a call came from.
    pub(super) fn flow(&self, call: &Made) -> CallFlow {
        let flow = self.state.as_ref().and_then(|state| {
            let confirmed = self.confirmed(state, call);
            past_flow(
                state.plan(),
                state,
                (&call.step, call.purpose),
                &call.args,
                call.facts,
                confirmed,
            )
        });
        flow.unwrap_or_default()
    }

    /// Whether a human had said yes to exactly these arguments.
    fn confirmed(&self, state: &State, call: &Made) -> bool {
        let asked = ResolvedCall {
            execution_id: state.execution_id().to_owned(),
            step: call.step.clone(),
            item: call.item,
            attempt: 1,
            purpose: call.purpose,
            tool: call.tool.clone(),
            args: Value::Null,
            secrets: Vec::new(),
            idempotency_key: String::new(),
            timeout_ms: None,
            sensitive: Vec::new(),
        };
        // The digest of the journal is over the places of secrets too, which the arguments do not tell.
        let given = state.approval(&asked);
        given.is_some_and(|given| Some(given.subject) == call.args_digest)
    }

    /// Somebody lets a call pass a deny once.
    pub(super) fn lets_pass(&mut self, step: String, item: Option<u32>, args_digest: Digest) {
        self.overrides.push((step, item, args_digest));
    }

    /// Whether the call was made because somebody let it pass; that is used up now.
    pub(super) fn passed(&mut self, call: &Made) -> bool {
        let let_pass = |(step, item, digest): &(String, Option<u32>, Digest)| {
            call.purpose == Purpose::Run
                && (step, item) == (&call.step, &call.item)
                && call.args_digest == Some(*digest)
        };
        let before = self.overrides.len();
        self.overrides.retain(|granted| !let_pass(granted));
        self.overrides.len() < before
    }

    /// The steps that are asked about and not answered: another policy asks anew.
    pub(super) fn asked_about(&self) -> BTreeSet<String> {
        let open = self.state.iter().flat_map(|state| state.open_requests());
        let of_steps = open.filter(|open| open.request.kind == RequestKind::Step);
        of_steps
            .filter_map(|open| open.request.step.clone())
            .collect()
    }
}
