//! Checks a document against everything that a plan must be, and reports every violation at once.
//!
//! First the shape: `reader`, `shape`, `step_shape`, `rule_shape` and `names` read the document into the model and go
//! on with defaults where something cannot be read. Then the meaning: `assemble` compiles expressions, resolves edges
//! and makes the checked plan, unless anything was wrong.

mod arguments;
mod assemble;
mod call;
mod calls;
mod effects;
mod ids;
mod inputs;
mod names;
mod nested;
mod reader;
mod references;
mod rule_shape;
mod secrets;
mod shape;
mod step_shape;

use crate::{CheckedPlan, Document, ToolLookup, Violation, canonical_json, document};
use assemble::Assembler;
pub(crate) use calls::worst_case;
use reader::Reader;
use serde_json::Value;
use std::sync::Arc;

/// What a check found.
#[derive(Debug)]
pub struct Checked {
    /// The plan, if no violation is an error.
    pub plan: Option<Arc<CheckedPlan>>,
    /// Everything that was found, in the order of the document.
    pub violations: Vec<Violation>,
}

/// Checks a document. With `tools`, also that the tools exist and that literal arguments fit them.
pub fn check(document: &Document, tools: Option<&dyn ToolLookup>) -> Checked {
    let mut reader = Reader::new(document);
    let plan = plan_at(&mut reader, document.value(), "", tools, 1);
    Checked {
        plan,
        violations: reader.violations.sorted(),
    }
}

/// The plan of canonical bytes that were checked before.
pub fn reload(canonical: &[u8]) -> Result<Arc<CheckedPlan>, Vec<Violation>> {
    let document = document::Document::from_canonical(canonical)?;
    let checked = check(&document, None);
    checked.plan.ok_or(checked.violations)
}

/// Checks the plan at `pointer`, which is the `depth`-th of plans within plans.
fn plan_at<'a>(
    reader: &mut Reader<'a>,
    value: &'a Value,
    pointer: &str,
    tools: Option<&dyn ToolLookup>,
    depth: usize,
) -> Option<Arc<CheckedPlan>> {
    let before = reader.errors;
    let plan = reader.plan(value, pointer)?;
    let canonical = canonical_json(value);
    let parts = Assembler::new(reader, &plan, pointer, tools, depth).assemble(canonical);
    (reader.errors == before).then(|| Arc::new(parts.with(plan)))
}
