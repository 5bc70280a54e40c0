//! The tools of one plan, as they were when it was admitted.

use crate::Refusal;
use mandate_plan::{CheckedPlan, Digest, ErrorCode, Facts, ToolLookup, ToolSpec};
use std::{collections::BTreeMap, fmt, sync::Arc};

/// A snapshot of the tools that a plan names.
#[derive(Clone)]
pub struct ToolTable {
    lookup: Arc<dyn ToolLookup + Send + Sync>,
    digests: BTreeMap<String, Digest>,
}

impl ToolTable {
    /// The table of the plan's tools, fallback, `finally`, compensation and nested plans included.
    ///
    /// # Errors
    /// `ACTION_NOT_FOUND` that names the tools that are missing.
    pub fn of(
        plan: &CheckedPlan,
        lookup: Arc<dyn ToolLookup + Send + Sync>,
    ) -> Result<Self, Refusal> {
        let (digests, missing) = digests(plan, lookup.as_ref());
        if missing.is_empty() {
            return Ok(Self { lookup, digests });
        }
        let names = missing.join("`, `");
        Err(Refusal::new(
            ErrorCode::ActionNotFound,
            format!("no tool of this name is registered: `{names}`"),
        ))
    }

    /// Name and digest of every tool of the plan.
    pub fn digests(&self) -> &BTreeMap<String, Digest> {
        &self.digests
    }

    /// The tool, if the plan names it and it is still the one that was admitted.
    ///
    /// # Errors
    /// `ACTION_NOT_FOUND`, or `TOOL_CHANGED`.
    pub fn spec(&self, name: &str) -> Result<&ToolSpec, Refusal> {
        let gone = || {
            Refusal::new(
                ErrorCode::ActionNotFound,
                format!("the tool `{name}` is not registered"),
            )
        };
        let admitted = self.digests.get(name).ok_or_else(gone)?;
        let spec = self.lookup.spec(name).ok_or_else(gone)?;
        match spec.digest == *admitted {
            true => Ok(spec),
            false => Err(changed(name)),
        }
    }

    /// Whether it is a snapshot of the same registry at the same time.
    pub(crate) fn is_of(&self, other: &Self) -> bool {
        std::ptr::addr_eq(Arc::as_ptr(&self.lookup), Arc::as_ptr(&other.lookup))
    }

    pub(crate) fn lookup(&self) -> &dyn ToolLookup {
        self.lookup.as_ref()
    }

    /// The facts of a call.
    pub fn facts(&self, name: &str, args: &serde_json::Value) -> Option<Facts> {
        self.lookup.facts(name, Some(args))
    }
}

impl fmt::Debug for ToolTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolTable")
            .field("digests", &self.digests)
            .finish_non_exhaustive()
    }
}

/// The digests of the plan's tools that are there, and the names of those that are not.
pub(crate) fn digests(
    plan: &CheckedPlan,
    lookup: &dyn ToolLookup,
) -> (BTreeMap<String, Digest>, Vec<String>) {
    let mut found = BTreeMap::new();
    let mut missing = Vec::new();
    for name in plan.tools() {
        match lookup.spec(name) {
            Some(spec) => {
                found.insert(name.to_owned(), spec.digest);
            }
            None => missing.push(name.to_owned()),
        }
    }
    (found, missing)
}

pub(crate) fn changed(name: &str) -> Refusal {
    let message = format!(
        "the tool `{name}` is no longer the one that was approved; look at the change and approve the plan again"
    );
    Refusal::new(ErrorCode::ToolChanged, message)
}
