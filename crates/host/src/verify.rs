//! Rebuilding the projections, for `audit verify`.

use crate::projection::{execution_row, request_rows};
use crate::recovery::event;
use crate::sessions::call_row;
use mandate_engine::{Applied, Body, State};
use mandate_plan::{Digest, reload};
use mandate_store::verify::Rebuilt;
use mandate_store::{Rebuild, Record};

/// Folds a stream again and gives the rows that must stand beside it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rebuilder;

impl Rebuild for Rebuilder {
    fn rows(
        &self,
        _stream: &str,
        records: &[Record],
        plan: &dyn Fn(&Digest) -> Option<Vec<u8>>,
    ) -> Result<Rebuilt, String> {
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
        let folded = |difference: &dyn std::fmt::Display| difference.to_string();
        let first = events.first().ok_or("the stream is empty")?;
        let mut state = State::begin(plan, first).map_err(|error| folded(&error))?;
        let mut calls = Vec::new();
        for event in events.iter().skip(1) {
            if state.apply(event) == Applied::Ignored {
                let seq = event.seq;
                return Err(format!(
                    "differs at seq {seq}: the event changes nothing at this place"
                ));
            }
            calls.extend(call_row(&state, event));
        }
        Ok(Rebuilt {
            execution: execution_row(&state),
            requests: request_rows(&state),
            calls,
        })
    }
}
