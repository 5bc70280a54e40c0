//! The approvals that a single call may need: of a step with `confirm`, and where the policy asks at the call itself.

use crate::{
    Purpose, Refusal, ResolvedCall, SessionView, Turn,
    approved::ApprovedPlan,
    approver::{Approval, Approver},
    assent::unmet,
    decision::Outcome,
    planned_call::PlannedCall,
    rules::Ruling,
};
use mandate_plan::ErrorCode;
use serde_json::json;

/// A step with `confirm` runs with exactly the arguments that somebody who may said yes to.
pub(super) fn confirmed(
    approved: &ApprovedPlan,
    planned: &PlannedCall,
    turn: &dyn Turn,
    call: &ResolvedCall,
    session: &SessionView,
) -> Result<(), Refusal> {
    let approvers = of_plan(approved, session);
    if !planned.confirm || counts(approved, of_call(turn, call).as_ref(), &approvers) {
        return Ok(());
    }
    let message = format!(
        "nobody who may has confirmed step `{}` with these arguments",
        call.place()
    );
    Err(Refusal::new(ErrorCode::ApprovalRequired, message)
        .expecting(json!({ "approvers": approvers }))
        .by_rule(format!("steps.{}.confirm", call.step)))
}

/// Whether the approval of the plan, or one of this call, is by everybody that the rules want.
pub(super) fn given(
    approved: &ApprovedPlan,
    turn: &dyn Turn,
    call: &ResolvedCall,
    approvers: &[Approver],
) -> bool {
    counts(approved, approved.approval(), approvers)
        || (call.purpose == Purpose::Run
            && counts(approved, of_call(turn, call).as_ref(), approvers))
}

/// Whether a human said yes to exactly the arguments of this call.
pub(super) fn endorsed(turn: &dyn Turn, call: &ResolvedCall) -> bool {
    call.purpose == Purpose::Run && of_call(turn, call).is_some()
}

/// The approval of this call: one that binds to other arguments is none.
fn of_call(turn: &dyn Turn, call: &ResolvedCall) -> Option<Approval> {
    turn.approval(call)
        .filter(|approval| approval.subject == call.args_digest())
}

/// Who must approve a call that the rules want an approval for.
pub(super) fn wanted(
    approved: &ApprovedPlan,
    rulings: &[Ruling],
    session: &SessionView,
) -> Vec<Approver> {
    let asking = rulings
        .iter()
        .filter(|ruling| ruling.outcome == Outcome::RequireApproval);
    let mut approvers: Vec<Approver> = asking.flat_map(|ruling| ruling.approvers.clone()).collect();
    approvers.sort_unstable();
    approvers.dedup();
    if approvers.is_empty() {
        return of_plan(approved, session);
    }
    approvers
}

/// Who answers for the plan: as decided, else whoever asked for it.
fn of_plan(approved: &ApprovedPlan, session: &SessionView) -> Vec<Approver> {
    let decided = &approved.decision().approvers;
    if decided.is_empty() {
        vec![Approver::Requester.where_asked_with(&session.roles)]
    } else {
        decided.clone()
    }
}

fn counts(approved: &ApprovedPlan, approval: Option<&Approval>, approvers: &[Approver]) -> bool {
    let requester = &approved.decision().principal;
    approval.is_some_and(|approval| {
        approval.execution_id == approved.execution_id()
            && unmet(approvers, &approval.everybody(), requester).is_empty()
    })
}
