//! Rebuilding the projections, for `audit verify`.

use crate::projection::{execution_row, request_rows};
use crate::recovery::event;
use mandate_engine::{Body, fold};
use mandate_plan::{Digest, reload};
use mandate_store::{ExecutionRow, Rebuild, Record, RequestRow};

/// Folds a stream again and gives the rows that must stand beside it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rebuilder;

impl Rebuild for Rebuilder {
    fn rows(
        &self,
        _stream: &str,
        records: &[Record],
        plan: &dyn Fn(&Digest) -> Option<Vec<u8>>,
    ) -> Result<(ExecutionRow, Vec<RequestRow>), String> {
        let events = records.iter().map(event).collect::<Result<Vec<_>, _>>();
        let events = events.map_err(|error| error.to_string())?;
        let Some(Body::ExecutionCreated(created)) = events.first().map(|event| &event.body) else {
            return Err("the stream does not begin with `execution_created`".to_owned());
        };
        let canonical = plan(&created.plan_hash)
            .ok_or_else(|| format!("the plan {} is not stored", created.plan_hash))?;
        let plan = reload(&canonical).map_err(|violations| {
            violations
                .first()
                .map_or_else(String::new, |violation| violation.message.clone())
        })?;
        let state = fold(plan, &events).map_err(|difference| difference.to_string())?;
        Ok((execution_row(&state), request_rows(&state)))
    }
}
