//! `docs/openapi.json`: the HTTP API as the built binary describes it.

use super::Page;
use crate::Failure;
use crate::workspace::{Workspace, output_of};

/// The binary is there: the command reference before this is taken from it.
pub(super) fn pages(workspace: &Workspace) -> Result<Vec<Page>, Failure> {
    let mut mandate = workspace.program(workspace.built("mandate"));
    let text = output_of(mandate.args(["__docs", "openapi"]))?;
    Ok(vec![Page {
        path: "docs/openapi.json".to_owned(),
        text: format!("{}\n", text.trim_end()),
    }])
}
