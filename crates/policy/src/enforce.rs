//! The gate that every call passes just before it runs, from the engine or from an agent.

mod approval;
mod permit;

pub use permit::Permit;

use crate::{
    Limits, Purpose, Refusal, ResolvedCall, SessionView, Turn,
    approved::ApprovedPlan,
    assess::{Subject, assess},
    decision::{Outcome, StepAssessment},
    flow::CallFlow,
    normalise::shown,
    planned_call::PlannedCall,
    resources::{Found, ResourceKind},
    rules::{Case, Moment, Ruling, judge},
};
use mandate_plan::{ErrorCode, Facts};
use serde_json::json;

/// How long to wait when the calls of the last minute are used up, in milliseconds: after that, all are older.
const MINUTE_MS: u64 = 60_000;

/// Judges one call. In this order: the execution runs, nothing is frozen, the call is one of the plan, it is its turn,
/// its arguments keep to the plan and its rules, a human confirmed them where the step asks for that, the counts hold, and
/// the policy permits it.
///
/// # Errors
/// The first thing that is wrong, with what would have been right. Nothing has changed then.
pub fn enforce(
    approved: &ApprovedPlan,
    turn: &dyn Turn,
    call: &ResolvedCall,
    session: &SessionView,
    now_ms: i64,
) -> Result<Permit, Refusal> {
    runs(approved, turn, call)?;
    if session.frozen {
        let message = "new calls are frozen everywhere; the execution goes on when they are thawed";
        return Err(Refusal::new(ErrorCode::Frozen, message));
    }
    let planned = matches_plan(approved, call)?;
    let tool_digest = approved.tools().spec(&call.tool)?.digest;
    turn.turn(call)?;
    let facts = approved.facts(call);
    let subject = Subject {
        step: &call.step,
        purpose: call.purpose,
        tool: &call.tool,
        facts: Some(facts.unwrap_or(Facts::WORST)),
        args: &call.args,
        unknown_args: Vec::new(),
        urls_limited: planned
            .allow
            .as_ref()
            .is_some_and(|allow| allow.limits(ResourceKind::Url)),
    };
    let (assessed, found) = assess(subject, approved.rules().classification());
    arguments(approved, planned, call, &found)?;
    approval::confirmed(approved, planned, turn, call, session)?;
    counts(approved, turn, call, session, now_ms)?;
    let endorsed = approval::endorsed(turn, call);
    let touched = (assessed.effect, found.as_slice());
    let flow = approved.flow_of(planned, turn, &call.args, touched, endorsed);
    let seen = Seen {
        now: &assessed,
        found: &found,
        flow: &flow,
    };
    policy(approved, planned, turn, call, seen, session, now_ms)?;
    let guard = planned.guard.clone();
    Ok(Permit::issue(call, *approved.digest(), tool_digest, guard))
}

fn runs(approved: &ApprovedPlan, turn: &dyn Turn, call: &ResolvedCall) -> Result<(), Refusal> {
    let id = approved.execution_id();
    if call.execution_id != id || turn.execution_id() != id {
        let message = format!("the call is not one of the execution `{id}`");
        return Err(Refusal::new(ErrorCode::UnplannedAction, message)
            .expecting(json!({ "execution_id": id })));
    }
    turn.running(call.purpose)
}

fn matches_plan<'a>(
    approved: &'a ApprovedPlan,
    call: &ResolvedCall,
) -> Result<&'a PlannedCall, Refusal> {
    let refuse = |message: String| Refusal::new(ErrorCode::UnplannedAction, message);
    let step = shown(&call.step);
    let Some(planned) = approved.planned(&call.step, call.purpose) else {
        return Err(match call.purpose {
            Purpose::Run => refuse(format!("the plan has no step `{step}`")),
            Purpose::Compensate => {
                refuse(format!("the plan has nothing that undoes step `{step}`"))
            }
        });
    };
    if planned.tool != call.tool {
        let message = format!(
            "step `{step}` calls `{}`, not `{}`",
            planned.tool,
            shown(&call.tool)
        );
        let expected = json!({ "step": call.step, "tool": planned.tool });
        return Err(refuse(message)
            .expecting(expected)
            .by_rule(format!("steps.{step}.tool")));
    }
    if planned.per_item != call.item.is_some() {
        return Err(match planned.per_item {
            true => refuse(format!(
                "step `{step}` runs once for each item, and the call names none"
            )),
            false => refuse(format!(
                "step `{step}` has no items, but the call names one"
            )),
        });
    }
    Ok(planned)
}

fn arguments(
    approved: &ApprovedPlan,
    planned: &PlannedCall,
    call: &ResolvedCall,
    found: &[Found],
) -> Result<(), Refusal> {
    let mode = approved.plan().plan().mode;
    planned.check_literals(call, mode)?;
    planned.check_secrets(call)?;
    // What is forbidden comes first, so that it wins.
    let absent = PlannedCall::absent(mode);
    for rules in planned.deny.iter().chain(&planned.allow) {
        rules.check_resources(found)?;
        // `args` names the arguments of the step's own tool.
        if call.purpose == Purpose::Run {
            rules.check_args(&call.args, absent)?;
        }
    }
    Ok(())
}

/// Whether an attempt counts against `constraints.max_tool_calls`: those that reach no tool, or undo something, do not.
pub fn counts_as_call(tool: &str, purpose: Purpose) -> bool {
    let server = tool.split_once('.').map_or(tool, |(server, _)| server);
    purpose == Purpose::Run
        && tool != "human.ask"
        && tool != "plan.run"
        && server != "time"
        && server != "data"
}

fn counts(
    approved: &ApprovedPlan,
    turn: &dyn Turn,
    call: &ResolvedCall,
    session: &SessionView,
    now_ms: i64,
) -> Result<(), Refusal> {
    let planned = approved.plan().max_tool_calls();
    let most = planned.saturating_add(turn.granted_calls());
    if counts_as_call(&call.tool, call.purpose) && turn.counted_calls() >= most {
        let message = format!("the plan's {most} tool calls are used up");
        return Err(Refusal::new(ErrorCode::BudgetExceeded, message)
            .expecting(json!({ "max_tool_calls": most }))
            .by_rule("constraints.max_tool_calls"));
    }
    if !counts_as_call(&call.tool, Purpose::Run) {
        return Ok(());
    }
    let limits = approved.rules().limits().and(session.limits);
    rates(limits, session, call.purpose, now_ms)
}

/// One action is one permitted call, whatever it is for. What undoes something is owed: it may use what is set aside for
/// others.
fn rates(
    limits: Limits,
    session: &SessionView,
    purpose: Purpose,
    now_ms: i64,
) -> Result<(), Refusal> {
    let until = |at_ms: i64| {
        u64::try_from(at_ms.saturating_sub(now_ms))
            .unwrap_or(0)
            .max(1)
    };
    if let Some(limit) = limits
        .calls_per_session
        .filter(|limit| session.calls >= *limit)
    {
        let message = format!("the session may make {limit} calls, and has made them");
        let refusal =
            Refusal::new(ErrorCode::RateLimited, message).by_rule("limits.calls_per_session");
        return Err(match session.resets_ms {
            Some(resets_ms) => refusal.retry_after(until(resets_ms)),
            None => refusal,
        });
    }
    let taken = session.calls.saturating_add(session.reserved);
    if let Some(limit) = limits
        .calls_per_session
        .filter(|limit| purpose == Purpose::Run && taken >= *limit)
    {
        let message = format!(
            "the session may make {limit} calls: {} were made, and the others are set aside for other executions",
            session.calls
        );
        return Err(Refusal::new(ErrorCode::RateLimited, message)
            .by_rule("limits.calls_per_session")
            .retry_after(MINUTE_MS));
    }
    if let Some(limit) = limits
        .calls_per_minute
        .filter(|limit| session.calls_last_minute >= *limit)
    {
        let message = format!("the session may make {limit} calls a minute");
        return Err(Refusal::new(ErrorCode::RateLimited, message)
            .by_rule("limits.calls_per_minute")
            .retry_after(session.minute_frees_ms.map_or(MINUTE_MS, until)));
    }
    Ok(())
}

/// What a call turns out to be.
struct Seen<'a> {
    now: &'a StepAssessment,
    found: &'a [Found],
    flow: &'a CallFlow,
}

fn policy(
    approved: &ApprovedPlan,
    planned: &PlannedCall,
    turn: &dyn Turn,
    call: &ResolvedCall,
    seen: Seen<'_>,
    session: &SessionView,
    now_ms: i64,
) -> Result<(), Refusal> {
    let now = seen.now;
    let decided = &planned.assessed;
    if graver(now.facts(), decided.facts()) {
        let message = format!(
            "step `{}` was decided about as `{}`, but this call's effect is `{}` or it reaches further",
            call.place(),
            decided.effect,
            now.effect
        );
        return Err(Refusal::new(ErrorCode::PolicyDenied, message).by_rule("effect-as-decided"));
    }
    let case = Case {
        moment: Moment::Call,
        principal: &session.principal,
        session,
        now_ms,
        call: now,
        args: &call.args,
        found: seen.found,
        before: &[],
        flow: seen.flow,
    };
    let (outcome, rulings) = overridden(judge(approved.rules(), &case), turn, call);
    // What was decided before stands; what the call turns out to be can only make it stricter.
    let strictest = outcome.max(decided.outcome);
    let approvers = approval::wanted(approved, &rulings, session);
    let decisive = rulings
        .into_iter()
        .find(|ruling| ruling.outcome == strictest);
    let refuse = |code, message: String| {
        let refusal = Refusal::new(code, message);
        Err(match decisive.clone() {
            Some(Ruling { rule, .. }) => refusal.by_rule(rule),
            None => refusal,
        })
    };
    let why = decisive
        .as_ref()
        .map_or("as decided before the plan ran", |ruling| &ruling.message);
    let place = call.place();
    match strictest {
        Outcome::Allow => Ok(()),
        Outcome::RequireApproval if approval::given(approved, turn, call, &approvers) => Ok(()),
        Outcome::RequireApproval => refuse(
            ErrorCode::ApprovalRequired,
            format!("step `{place}` needs approval: {why}"),
        )
        .map_err(|refusal| refusal.expecting(json!({ "approvers": approvers }))),
        Outcome::RateLimited => refuse(
            ErrorCode::RateLimited,
            format!("step `{place}` has to wait: {why}"),
        ),
        Outcome::Deny => refuse(
            ErrorCode::PolicyDenied,
            format!("policy denies step `{place}`: {why}"),
        ),
    }
}

/// What is left of the denies where somebody lets the call pass them: never one that no override passes, and everything
/// else that the rules want is still wanted.
fn overridden(
    (outcome, rulings): (Outcome, Vec<Ruling>),
    turn: &dyn Turn,
    call: &ResolvedCall,
) -> (Outcome, Vec<Ruling>) {
    let denies = |ruling: &Ruling| ruling.outcome == Outcome::Deny;
    let absolute = rulings
        .iter()
        .any(|ruling| denies(ruling) && ruling.absolute);
    if outcome != Outcome::Deny || absolute || !turn.overrides(call) {
        return (outcome, rulings);
    }
    let left: Vec<Ruling> = rulings
        .into_iter()
        .filter(|ruling| !denies(ruling))
        .collect();
    let outcome = left.iter().map(|ruling| ruling.outcome).max();
    (outcome.unwrap_or(Outcome::Allow), left)
}

/// Whether a call does more to the world than was decided about.
fn graver(now: Facts, decided: Facts) -> bool {
    now.effect > decided.effect
        || now.open_world && !decided.open_world
        || !now.repeatable() && decided.repeatable()
}
