//! An execution in a list.

use super::schemas;
use mandate_plan::Digest;
use mandate_store::ExecutionRow;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// An execution as lists show it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = ExecutionRow)]
pub struct RowView {
    /// Its id.
    pub execution_id: String,
    /// The execution that runs it as a step.
    pub parent: Option<String>,
    /// The plan's name.
    pub name: String,
    /// The plan's hash.
    #[schema(value_type = String)]
    pub plan_hash: Digest,
    /// Who asked for it.
    pub principal: String,
    /// The session that it belongs to.
    pub session: String,
    /// Where it is.
    pub state: String,
    /// `success`, `partial` or `failure`, once it has ended.
    pub status: Option<String>,
    /// The code of the error it ended with.
    pub error_code: Option<String>,
    /// Why nothing runs.
    #[schema(value_type = Option<schemas::WaitingFor>)]
    pub waiting_for: Value,
    /// Steps of the plan.
    pub steps_total: u32,
    /// Steps that are settled.
    pub steps_settled: u32,
    /// The tools that the plan names.
    pub tools: Vec<String>,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// Time of the last event, Unix milliseconds.
    pub updated_at_ms: i64,
    /// Unix milliseconds.
    pub finished_at_ms: Option<i64>,
    /// The `seq` of the last event.
    pub last_seq: u64,
}

/// A row for programs.
pub fn row(row: &ExecutionRow) -> RowView {
    let waiting = row.waiting_for.as_deref().unwrap_or("null");
    RowView {
        execution_id: row.execution_id.clone(),
        parent: row.parent.clone(),
        name: row.name.clone(),
        plan_hash: row.plan_hash,
        principal: row.principal.clone(),
        session: row.session.clone(),
        state: row.state.clone(),
        status: row.status.clone(),
        error_code: row.error_code.clone(),
        waiting_for: serde_json::from_str(waiting).unwrap_or(Value::Null),
        steps_total: row.steps_total,
        steps_settled: row.steps_settled,
        tools: row.tools.split_whitespace().map(str::to_owned).collect(),
        created_at_ms: row.created_at_ms,
        updated_at_ms: row.updated_at_ms,
        finished_at_ms: row.finished_at_ms,
        last_seq: row.last_seq,
    }
}
