//! The projection rows, `executions` and `requests`: how they are written and read.

use crate::{ExecutionRow, RequestRow, StoreError, session_rows};
use mandate_plan::Digest;
use rusqlite::{Connection, Row, params};

/// The columns of `executions`, in the order of [`execution_row`].
pub(crate) const EXECUTION_COLUMNS: &str = "execution_id, plan_id, revision, plan_hash, name, principal, session, \
    state, status, error_code, waiting_for, priority, created_at_ms, updated_at_ms, finished_at_ms, last_seq, \
    steps_total, steps_settled, tools, parent";

/// The columns of `requests`, in the order of [`request_row`].
pub(crate) const REQUEST_COLUMNS: &str = "request_id, execution_id, kind, step, state, subject, detail, answer, \
    opened_at_ms, expires_at_ms, closed_at_ms, approved";

pub(crate) fn execution_row(row: &Row<'_>) -> rusqlite::Result<ExecutionRow> {
    Ok(ExecutionRow {
        execution_id: row.get(0)?,
        plan_id: row.get(1)?,
        revision: row.get(2)?,
        plan_hash: Digest::from_bytes(row.get(3)?),
        name: row.get(4)?,
        principal: row.get(5)?,
        session: row.get(6)?,
        state: row.get(7)?,
        status: row.get(8)?,
        error_code: row.get(9)?,
        waiting_for: row.get(10)?,
        priority: row.get(11)?,
        created_at_ms: row.get(12)?,
        updated_at_ms: row.get(13)?,
        finished_at_ms: row.get(14)?,
        last_seq: row.get(15)?,
        steps_total: row.get(16)?,
        steps_settled: row.get(17)?,
        tools: row.get(18)?,
        parent: row.get(19)?,
    })
}

pub(crate) fn request_row(row: &Row<'_>) -> rusqlite::Result<RequestRow> {
    Ok(RequestRow {
        request_id: row.get(0)?,
        execution_id: row.get(1)?,
        kind: row.get(2)?,
        step: row.get(3)?,
        state: row.get(4)?,
        subject: Digest::from_bytes(row.get(5)?),
        detail: row.get(6)?,
        answer: row.get(7)?,
        opened_at_ms: row.get(8)?,
        expires_at_ms: row.get(9)?,
        closed_at_ms: row.get(10)?,
        approved: row.get(11)?,
    })
}

/// Writes `row`; `before` is what is stored, as far as known. Most events only move an execution on, and then one
/// index is touched instead of nine.
pub(crate) fn write_execution(
    db: &Connection,
    row: &ExecutionRow,
    before: Option<&ExecutionRow>,
) -> Result<(), StoreError> {
    if before.is_some_and(|before| only_moved_on(before, row)) {
        db.prepare_cached(
            "UPDATE executions SET updated_at_ms = ?2, last_seq = ?3, steps_settled = ?4 WHERE execution_id = ?1",
        )?
        .execute(params![row.execution_id, row.updated_at_ms, row.last_seq, row.steps_settled])?;
        return Ok(());
    }
    let owed = session_rows::note(db, row, before)?;
    db.prepare_cached(
        "INSERT INTO executions (execution_id, plan_id, revision, plan_hash, name, principal, session, state, status, \
           error_code, waiting_for, priority, created_at_ms, updated_at_ms, finished_at_ms, last_seq, steps_total, \
           steps_settled, tools, parent) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20) \
         ON CONFLICT (execution_id) DO UPDATE SET plan_id = excluded.plan_id, revision = excluded.revision, \
           plan_hash = excluded.plan_hash, name = excluded.name, principal = excluded.principal, \
           session = excluded.session, state = excluded.state, status = excluded.status, \
           error_code = excluded.error_code, waiting_for = excluded.waiting_for, priority = excluded.priority, \
           created_at_ms = excluded.created_at_ms, updated_at_ms = excluded.updated_at_ms, \
           finished_at_ms = excluded.finished_at_ms, last_seq = excluded.last_seq, \
           steps_total = excluded.steps_total, steps_settled = excluded.steps_settled, \
           tools = excluded.tools, parent = excluded.parent",
    )?
    .execute(params![
        row.execution_id,
        row.plan_id,
        row.revision,
        row.plan_hash.as_bytes(),
        row.name,
        row.principal,
        row.session,
        row.state,
        row.status,
        row.error_code,
        row.waiting_for,
        row.priority,
        row.created_at_ms,
        row.updated_at_ms,
        row.finished_at_ms,
        row.last_seq,
        row.steps_total,
        row.steps_settled,
        row.tools,
        row.parent,
    ])?;
    owed.pay(db)
}

/// The names of the fields in which two rows differ.
pub(crate) fn execution_differences(a: &ExecutionRow, b: &ExecutionRow) -> Vec<&'static str> {
    // Taken apart, so that a new field cannot be forgotten here.
    let ExecutionRow {
        execution_id,
        plan_id,
        revision,
        plan_hash,
        name,
        principal,
        session,
        state,
        status,
        error_code,
        waiting_for,
        priority,
        created_at_ms,
        updated_at_ms,
        finished_at_ms,
        last_seq,
        steps_total,
        steps_settled,
        tools,
        parent,
    } = a;
    let differs = [
        ("execution_id", *execution_id != b.execution_id),
        ("plan_id", *plan_id != b.plan_id),
        ("revision", *revision != b.revision),
        ("plan_hash", *plan_hash != b.plan_hash),
        ("name", *name != b.name),
        ("principal", *principal != b.principal),
        ("session", *session != b.session),
        ("state", *state != b.state),
        ("status", *status != b.status),
        ("error_code", *error_code != b.error_code),
        ("waiting_for", *waiting_for != b.waiting_for),
        ("priority", *priority != b.priority),
        ("created_at_ms", *created_at_ms != b.created_at_ms),
        ("updated_at_ms", *updated_at_ms != b.updated_at_ms),
        ("finished_at_ms", *finished_at_ms != b.finished_at_ms),
        ("last_seq", *last_seq != b.last_seq),
        ("steps_total", *steps_total != b.steps_total),
        ("steps_settled", *steps_settled != b.steps_settled),
        ("tools", *tools != b.tools),
        ("parent", *parent != b.parent),
    ];
    names(&differs)
}

/// The names of the fields in which two rows differ.
pub(crate) fn request_differences(a: &RequestRow, b: &RequestRow) -> Vec<&'static str> {
    let RequestRow {
        request_id,
        execution_id,
        kind,
        step,
        state,
        subject,
        detail,
        answer,
        opened_at_ms,
        expires_at_ms,
        closed_at_ms,
        approved,
    } = a;
    let differs = [
        ("request_id", *request_id != b.request_id),
        ("execution_id", *execution_id != b.execution_id),
        ("kind", *kind != b.kind),
        ("step", *step != b.step),
        ("state", *state != b.state),
        ("subject", *subject != b.subject),
        ("detail", *detail != b.detail),
        ("answer", *answer != b.answer),
        ("opened_at_ms", *opened_at_ms != b.opened_at_ms),
        ("expires_at_ms", *expires_at_ms != b.expires_at_ms),
        ("closed_at_ms", *closed_at_ms != b.closed_at_ms),
        ("approved", *approved != b.approved),
    ];
    names(&differs)
}

fn names(differs: &[(&'static str, bool)]) -> Vec<&'static str> {
    let wrong = differs.iter().filter(|(_, differs)| *differs);
    wrong.map(|(name, _)| *name).collect()
}

fn only_moved_on(before: &ExecutionRow, row: &ExecutionRow) -> bool {
    execution_differences(before, row)
        .iter()
        .all(|name| matches!(*name, "updated_at_ms" | "last_seq" | "steps_settled"))
}

pub(crate) fn write_request(db: &Connection, row: &RequestRow) -> Result<(), StoreError> {
    db.prepare_cached(
        "INSERT INTO requests (request_id, execution_id, kind, step, state, subject, detail, answer, opened_at_ms, \
           expires_at_ms, closed_at_ms, approved) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) \
         ON CONFLICT (request_id) DO UPDATE SET execution_id = excluded.execution_id, kind = excluded.kind, \
           step = excluded.step, state = excluded.state, subject = excluded.subject, detail = excluded.detail, \
           answer = excluded.answer, opened_at_ms = excluded.opened_at_ms, expires_at_ms = excluded.expires_at_ms, \
           closed_at_ms = excluded.closed_at_ms, approved = excluded.approved",
    )?
    .execute(params![
        row.request_id,
        row.execution_id,
        row.kind,
        row.step,
        row.state,
        row.subject.as_bytes(),
        row.detail,
        row.answer,
        row.opened_at_ms,
        row.expires_at_ms,
        row.closed_at_ms,
        row.approved,
    ])?;
    Ok(())
}
