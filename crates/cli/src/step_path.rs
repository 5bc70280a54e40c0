//! Paths of steps as people write them: `fetch`, `fetch[3]`, and of nested plans `child/fetch[3]`.

use crate::{errors::Failure, ids, read_only};
use mandate_server::step_path;
pub(crate) use mandate_server::step_path::show;
use mandate_store::Reader;

/// A step, or one item of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StepPath {
    pub(crate) step: String,
    pub(crate) item: Option<u32>,
}

impl StepPath {
    /// Reads a path from an execution on, through nested plans: gives the execution whose step it names, and the step.
    ///
    /// # Errors
    /// Not a path, or a step on the way that stands for no execution.
    pub(crate) fn locate(
        reader: &Reader,
        execution_id: &str,
        text: &str,
    ) -> Result<(String, Self), Failure> {
        let mut id = execution_id.to_owned();
        let mut rest = text;
        while let Some((outer, inner)) = rest.split_once('/') {
            let step = Self::parse(outer)?;
            let state = read_only::state(reader, &id)?;
            id = state.child_of(&step.step, step.item).ok_or_else(|| {
                let shown = show(&step.step, step.item);
                let message = format!("`{shown}` is not a nested plan that has begun");
                Failure::not_found(message).remedy(format!(
                    "`mandate executions show {}` shows the steps",
                    ids::short(&id)
                ))
            })?;
            rest = inner;
        }
        Ok((id, Self::parse(rest)?))
    }

    /// Reads `step` or `step[item]`.
    ///
    /// # Errors
    /// Anything else.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let bad = || {
            Failure::usage(format!("`{text}` is not a step")).remedy(
                "write the step's id, with the item's number for a `for_each` step: `fetch[3]`",
            )
        };
        let (step, item) = step_path::parse(text).ok_or_else(bad)?;
        Ok(Self { step, item })
    }
}
