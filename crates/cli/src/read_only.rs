//! A journal that is only looked at: what recovery reads, through connections that cannot write.

use crate::errors::Failure;
use mandate_engine::{Event, State};
use mandate_host::recovery;
use mandate_plan::{CheckedPlan, Digest};
use mandate_store::{
    Ack, Batch, ExecutionRow, Head, Journal, LastApproved, Reader, Record, RequestRow, StoreError,
    Tally,
};
use std::sync::Arc;

pub(crate) struct ReadOnly<'a>(pub(crate) &'a Reader);

impl Journal for ReadOnly<'_> {
    fn append(&self, _: Batch, ack: Ack) {
        ack(Err(StoreError::Failed(
            "the journal is open for reading only".to_owned(),
        )));
    }

    fn read(&self, stream: &str, from_seq: u64, limit: usize) -> Result<Vec<Record>, StoreError> {
        self.0.read(stream, from_seq, limit)
    }

    fn plan(&self, hash: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.plan(hash)
    }

    fn execution(&self, execution_id: &str) -> Result<Option<ExecutionRow>, StoreError> {
        self.0.execution(execution_id)
    }

    fn unfinished(&self) -> Result<Vec<String>, StoreError> {
        self.0.unfinished()
    }

    fn request(&self, request_id: &str) -> Result<Option<RequestRow>, StoreError> {
        self.0.request(request_id)
    }

    fn head(&self) -> Result<Head, StoreError> {
        self.0.head()
    }

    fn tally(
        &self,
        principal: &str,
        session: &str,
        now_ms: i64,
        idle_ms: i64,
    ) -> Result<Tally, StoreError> {
        self.0.tally(principal, session, now_ms, idle_ms)
    }

    fn last_approved(&self, name: &str) -> Result<Option<LastApproved>, StoreError> {
        self.0.last_approved(name)
    }

    fn system_rows(&self, kind: &str) -> Result<Vec<Record>, StoreError> {
        self.0.system_rows(kind, 1)
    }

    fn rows_of_system(&self, kinds: &[&str], after_seq: u64) -> Result<Vec<Record>, StoreError> {
        self.0.rows_of_system(kinds, after_seq)
    }

    fn last_of_system(&self, kinds: &[&str]) -> Result<Option<Record>, StoreError> {
        self.0.last_of_system(kinds)
    }
}

/// Where an execution is.
///
/// # Errors
/// There is none of that id, or its journal does not fold.
pub(crate) fn state(reader: &Reader, execution_id: &str) -> Result<State, Failure> {
    Ok(recovery::load(&ReadOnly(reader), execution_id)?)
}

/// What happened in an execution, and its plan.
///
/// # Errors
/// There is none of that id, or what is stored of it cannot be read.
pub(crate) fn history(
    reader: &Reader,
    execution_id: &str,
) -> Result<(Vec<Event>, Arc<CheckedPlan>), Failure> {
    let events = recovery::events(&ReadOnly(reader), execution_id)?;
    let plan = recovery::plan_of(&ReadOnly(reader), execution_id, &events)?;
    Ok((events, plan))
}
