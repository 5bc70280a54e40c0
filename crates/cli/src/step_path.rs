//! Paths of steps as people write them: `fetch`, `fetch[3]`, and of nested plans `child/fetch[3]`.

use crate::{errors::Failure, ids, read_only};
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
        let (step, item) = match text.split_once('[') {
            None => (text, None),
            Some((step, rest)) => {
                let number = rest.strip_suffix(']').ok_or_else(bad)?;
                (step, Some(number.parse().map_err(|_| bad())?))
            }
        };
        let named = step
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if step.is_empty() || !named {
            return Err(bad());
        }
        Ok(Self {
            step: step.to_owned(),
            item,
        })
    }
}

/// The path of a step or item.
pub(crate) fn show(step: &str, item: Option<u32>) -> String {
    item.map_or_else(|| step.to_owned(), |item| format!("{step}[{item}]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_and_items() {
        let read = |text| {
            StepPath::parse(text)
                .ok()
                .map(|path| (path.step, path.item))
        };
        assert_eq!(read("fetch"), Some(("fetch".to_owned(), None)));
        assert_eq!(read("fetch[3]"), Some(("fetch".to_owned(), Some(3))));
        for wrong in ["", "fetch[", "fetch[]", "fetch[x]", "Fetch", "[3]", "a/b"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert_eq!(show("fetch", Some(3)), "fetch[3]");
    }
}
