//! Rebuilding the projections, for `audit verify`.

use crate::projection::{execution_row, request_rows};
use crate::recovery::event;
use mandate_engine::fold;
use mandate_plan::reload;
use mandate_store::{ExecutionRow, Rebuild, Record, RequestRow};

/// Folds a stream again and gives the rows that must stand beside it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rebuilder;

impl Rebuild for Rebuilder {
    fn rows(
        &self,
        _stream: &str,
        records: &[Record],
        plan: &[u8],
    ) -> Result<(ExecutionRow, Vec<RequestRow>), String> {
        let plan = reload(plan).map_err(|violations| {
            violations
                .first()
                .map_or_else(String::new, |violation| violation.message.clone())
        })?;
        let events = records.iter().map(event).collect::<Result<Vec<_>, _>>();
        let events = events.map_err(|error| error.to_string())?;
        let state = fold(plan, &events).map_err(|difference| difference.to_string())?;
        Ok((execution_row(&state), request_rows(&state)))
    }
}
