//! From a submission to the event that an execution begins with: everything that is checked before anything exists.

use crate::ask::{HostError, Rerun, Submission};
use crate::backtest::What;
use crate::gate::Bench;
use crate::gateway::Gateway;
use crate::host::Ids;
use crate::supported::unsupported;
use mandate_engine::event::Carried;
use mandate_engine::{BEHAVIOUR, Body, CannotCarry, Created, Event, Parent, State, carry};
use mandate_plan::{CheckedPlan, Digest, ToolLookup, model::Mode};
use mandate_policy::{KnownExaminations, Outcome};
use std::collections::{BTreeMap, BTreeSet};

/// How long a request for a plan's approval stays open, in milliseconds: 24 hours.
pub const APPROVAL_EXPIRES_MS: i64 = 24 * 3_600_000;

/// A nested plan: the execution that its parent's step stands for.
pub(crate) struct Nested {
    pub(crate) execution_id: String,
    pub(crate) parent: Parent,
}

pub(crate) fn created_event(
    submission: &Submission,
    nested: Option<Nested>,
    again: Option<&State>,
    bench: &Bench,
    known: &mut KnownExaminations,
    ids: &dyn Ids,
    gateway: Gateway,
) -> Result<Event, HostError> {
    let now_ms = bench.now_ms;
    let plan = &submission.plan;
    if let Some((feature, pointer)) = unsupported(plan) {
        return Err(HostError::NotSupported { feature, pointer });
    }
    let inputs = plan
        .bind_inputs(&submission.inputs)
        .map_err(HostError::Inputs)?;
    let tools = tool_digests(submission, bench.lookup.as_ref())?;
    if submission
        .deadline_ms
        .is_some_and(|deadline_ms| deadline_ms <= now_ms)
    {
        return Err(HostError::DeadlinePassed);
    }
    let nothing = BTreeMap::new();
    let origins = nested
        .as_ref()
        .map_or(&nothing, |nested| &nested.parent.input_labels);
    let decision = bench.evaluate_within(known, plan, &inputs, origins);
    if !matches!(decision.outcome, Outcome::Allow | Outcome::RequireApproval) {
        bench.shadow_plan(What::Plan, None, plan, &inputs, origins, &decision);
        return Err(HostError::Denied(Box::new(decision)));
    }
    let inputs_digest = inputs.digest();
    let carried = match (again, &submission.rerun) {
        (Some(state), Some(rerun)) => Some(carried(state, rerun, plan.hash(), &inputs_digest)?),
        _ => None,
    };
    let execution_id = match &nested {
        Some(nested) => nested.execution_id.clone(),
        None => submission.execution_id.clone().unwrap_or_else(|| ids.id()),
    };
    let id = Some(execution_id.as_str());
    bench.shadow_plan(What::Plan, id, plan, &inputs, origins, &decision);
    let parent = nested.map(|nested| nested.parent);
    let asks = decision.outcome == Outcome::RequireApproval
        && parent
            .as_ref()
            .is_none_or(|parent| parent.approval.is_none());
    let created = Created {
        execution_id,
        plan_id: ids.id(),
        revision: 1,
        plan_hash: *plan.hash(),
        execution_digest: decision.subject,
        inputs: inputs.values,
        secrets: inputs.secrets,
        inputs_digest,
        tools,
        external: external_tools(plan, bench.lookup.as_ref()),
        principal: submission.principal.clone(),
        roles: submission.roles.clone(),
        session: submission.session.clone(),
        parent,
        deadline_ms: submission.deadline_ms,
        approval_expires_ms: asks.then(|| now_ms.saturating_add(APPROVAL_EXPIRES_MS)),
        seed: ids.seed(),
        behaviour: BEHAVIOUR,
        policy_version: decision.policy_version.clone(),
        decision: decision.into(),
        agent_idle_ms: gateway
            .agent_idle_ms
            .filter(|_| plan.plan().mode == Mode::Agent),
        scan_outputs: gateway.scan_outputs,
        approved_before: None,
        carried,
        asked: submission.asked.clone(),
    };
    Ok(Event {
        seq: 1,
        at_ms: now_ms,
        body: Body::ExecutionCreated(Box::new(created)),
    })
}

/// What the new execution begins with: outputs of one of the same plan and inputs, and of no other.
fn carried(
    state: &State,
    rerun: &Rerun,
    plan_hash: &Digest,
    inputs_digest: &Digest,
) -> Result<Carried, HostError> {
    let created = &state.created;
    if created.plan_hash != *plan_hash || created.inputs_digest != *inputs_digest {
        return Err(CannotCarry::OtherPlan(rerun.execution_id.clone()).into());
    }
    Ok(carry(state, rerun.from.as_deref())?)
}

pub(crate) fn tool_digests(
    submission: &Submission,
    lookup: &dyn ToolLookup,
) -> Result<BTreeMap<String, Digest>, HostError> {
    let mut digests = BTreeMap::new();
    for tool in submission.plan.tools() {
        let spec = lookup.spec(tool).ok_or_else(|| HostError::NoSuchTool {
            tool: tool.to_owned(),
            nearest: nearest(tool, lookup),
        })?;
        digests.insert(tool.to_owned(), spec.digest);
    }
    Ok(digests)
}

/// The tools of a plan that somebody outside calls.
pub(crate) fn external_tools(plan: &CheckedPlan, lookup: &dyn ToolLookup) -> BTreeSet<String> {
    let is_external = |tool: &&str| lookup.spec(tool).is_some_and(|spec| spec.external);
    let tools = plan.tools().into_iter().filter(is_external);
    tools.map(str::to_owned).collect()
}

/// The registered name that is most like `tool`, if one is.
fn nearest(tool: &str, lookup: &dyn ToolLookup) -> Option<String> {
    nearest_of(tool, lookup.names().into_iter())
}

pub(crate) fn nearest_of<'n>(tool: &str, names: impl Iterator<Item = &'n str>) -> Option<String> {
    let scored = names.map(|name| (strsim::jaro_winkler(tool, name), name));
    let best = scored.max_by(|left, right| left.0.total_cmp(&right.0))?;
    (best.0 > 0.8).then(|| best.1.to_owned())
}
