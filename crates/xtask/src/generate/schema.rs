//! `docs/plan.schema.json`: the JSON Schema of the plan document, from the types that read it.

use super::Page;
use crate::Failure;
use crate::workspace::Workspace;
use mandate_plan::schema::plan_schema;

pub(super) fn pages(_: &Workspace) -> Result<Vec<Page>, Failure> {
    let text = serde_json::to_string_pretty(&plan_schema())? + "\n";
    Ok(vec![Page {
        path: "docs/plan.schema.json".to_owned(),
        text,
    }])
}
