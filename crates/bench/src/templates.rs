//! Many executions fast: some are really run, and their journals are written again and again under other ids and times,
//! through the store like any other. `verify` finds nothing wrong with them.

use crate::{failure::Failure, rig::Rig};
use mandate_host::Rebuilder;
use mandate_store::{
    Batch, ExecutionRow, Journal as _, NewRecord, PlanRow, Rebuild as _, RequestRow,
    verify::Rebuilt,
};

/// The kinds of events that templates have.
const KINDS: [&str; 8] = [
    "execution_created",
    "request_opened",
    "request_answered",
    "execution_started",
    "step_started",
    "step_completed",
    "step_failed",
    "execution_finished",
];

/// One execution's journal, to be written under other names.
pub(crate) struct Template {
    records: Vec<(&'static str, String)>,
    rows: Rebuilt,
    plan: PlanRow,
}

impl Template {
    /// The journal of an execution that was run.
    pub(crate) fn of(rig: &Rig, execution_id: &str) -> Result<Self, Failure> {
        let journal = rig.journal();
        let stored = journal.read(execution_id, 1, 1_000)?;
        let plan = |hash: &_| journal.plan(hash).ok().flatten();
        let rows = Rebuilder.rows(execution_id, &stored, &plan);
        let rows = rows.map_err(Failure::Wrong)?;
        let mut records = Vec::new();
        for record in stored {
            let kind = KINDS.into_iter().find(|kind| **kind == record.kind);
            let kind = kind.ok_or_else(|| Failure::Wrong(format!("an event `{}`", record.kind)))?;
            records.push((kind, String::from_utf8_lossy(&record.payload).into_owned()));
        }
        let row = &rows.execution;
        let missing = || Failure::Wrong(format!("the plan of `{execution_id}` is not stored"));
        let plan = PlanRow {
            hash: row.plan_hash,
            canonical: plan(&row.plan_hash).ok_or_else(missing)?,
            name: row.name.clone(),
            at_ms: row.created_at_ms,
        };
        Ok(Self {
            records,
            rows,
            plan,
        })
    }

    /// How many events an execution has.
    pub(crate) fn events(&self) -> u64 {
        self.records.len() as u64
    }

    /// The same journal as another execution's.
    pub(crate) fn copy(&self, number: u64, principal: &str, session: &str, at_ms: i64) -> Batch {
        let row = &self.rows.execution;
        let (id, plan_id) = (id(at_ms, number, 1), id(at_ms, number, 2));
        let text = |name: &str, value: &str| format!("\"{name}\":\"{value}\"");
        let mut names = vec![
            (row.execution_id.clone(), id.clone()),
            (row.plan_id.clone(), plan_id.clone()),
            (
                text("principal", &row.principal),
                text("principal", principal),
            ),
            (text("session", &row.session), text("session", session)),
        ];
        for (request, place) in self.rows.requests.iter().zip(3..) {
            names.push((request.request_id.clone(), self::id(at_ms, number, place)));
        }
        let named = |text: &str| {
            let all = names.iter();
            all.fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
        };
        let records = self.records.iter().map(|(kind, payload)| NewRecord {
            at_ms,
            kind,
            payload: named(payload).into_bytes(),
        });
        let requests = self.rows.requests.iter().map(|request| RequestRow {
            request_id: named(&request.request_id),
            execution_id: id.clone(),
            detail: named(&request.detail),
            opened_at_ms: at_ms,
            closed_at_ms: request.closed_at_ms.map(|_| at_ms),
            ..request.clone()
        });
        let calls = self.rows.calls.iter().map(|call| mandate_store::CallRow {
            execution_id: id.clone(),
            session: session.to_owned(),
            at_ms,
            ..call.clone()
        });
        Batch {
            stream: id.clone(),
            first_seq: 1,
            records: records.collect(),
            plan: Some(self.plan.clone()),
            stands_on: Vec::new(),
            requests: requests.collect(),
            calls: calls.collect(),
            execution: Some(ExecutionRow {
                execution_id: id.clone(),
                plan_id,
                principal: principal.to_owned(),
                session: session.to_owned(),
                created_at_ms: at_ms,
                updated_at_ms: at_ms,
                finished_at_ms: row.finished_at_ms.map(|_| at_ms),
                waiting_for: row
                    .waiting_for
                    .as_deref()
                    .map(|text| since(&named(text), at_ms)),
                ..row.clone()
            }),
        }
    }
}

/// What is waited for, as it was from another time on.
fn since(waiting_for: &str, at_ms: i64) -> String {
    let parsed = serde_json::from_str::<serde_json::Value>(waiting_for);
    let Ok(serde_json::Value::Object(mut waiting)) = parsed else {
        return waiting_for.to_owned();
    };
    waiting.insert("since_ms".to_owned(), at_ms.into());
    serde_json::Value::Object(waiting).to_string()
}

/// An id in the form of a UUID of version 7: its time first, as those of real executions.
fn id(at_ms: i64, number: u64, place: u64) -> String {
    let time = format!("{at_ms:012x}");
    let (high, low) = time.split_at_checked(8).unwrap_or((&time, "0000"));
    let (upper, lower) = (number >> 32 & 0xffff, number & 0xffff_ffff);
    format!(
        "{high}-{low}-7{place:03x}-8{:03x}-{upper:04x}{lower:08x}",
        place
    )
}
