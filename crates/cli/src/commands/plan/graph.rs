//! `mandate plan graph PLAN`.

use crate::{
    context::Context,
    document::read_plan,
    errors::{Exit, Failure},
    ids,
    read_only,
};
use clap::Args;
use mandate_plan::graph::mermaid;
use serde_json::json;
use std::collections::BTreeMap;

/// What `plan graph` takes.
#[derive(Debug, Args)]
pub(crate) struct GraphArgs {
    /// The plan, YAML or JSON; `-` reads standard input
    #[arg(required_unless_present = "execution")]
    plan: Option<String>,
    /// Draw this execution's plan with the states of its steps
    #[arg(long, value_name = "ID", conflicts_with = "plan")]
    execution: Option<String>,
}

pub(super) fn run(args: &GraphArgs, context: &Context) -> Result<Exit, Failure> {
    let graph = match (&args.plan, &args.execution) {
        (Some(path), _) => mermaid(&read_plan(context, path, None)?.plan, None),
        (None, Some(id)) => {
            let reader = context.reader()?;
            let id = ids::execution(&reader, id)?;
            let state = read_only::state(&reader, &id)?;
            let steps = state.plan().steps().iter().zip(&state.steps);
            let states: BTreeMap<String, String> =
                steps.map(|(step, data)| (step.step.id.clone(), data.state.as_str().to_owned())).collect();
            mermaid(state.plan(), Some(&states))
        }
        (None, None) => return Err(Failure::usage("neither a plan nor an execution is given")),
    };
    if context.out().is_json() {
        context.out().value(&json!({ "mermaid": graph }));
    } else {
        context.out().line(graph.trim_end());
    }
    Ok(Exit::Success)
}
