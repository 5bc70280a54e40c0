//! `list_tools`: what plans can call. And what the tools of a plan are listed as.

use super::{Act, no};
use crate::names::Names;
use crate::told::Told;
use mandate_host::HostError;
use mandate_tools::{Lifecycle, ToolStatus};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// How many tools are listed at a time where nothing is said.
const PAGE: usize = 50;

/// The tools that plans can call.
pub(super) fn list(act: &Act<'_>, args: &Value) -> Result<Told, Box<Told>> {
    let number = |name: &str| {
        let number = args.get(name).and_then(Value::as_u64);
        number.and_then(|number| usize::try_from(number).ok())
    };
    let query = args.get("query").and_then(Value::as_str);
    let query = query.unwrap_or_default().to_lowercase();
    let names_only = matches!(args.get("names_only"), Some(Value::Bool(true)));
    let all = act.visitor.desk.tools(None).map_err(|error| no(&error))?;
    let usable =
        |tool: &&ToolStatus| !matches!(tool.lifecycle, Lifecycle::Failed | Lifecycle::Unavailable);
    let found: Vec<&ToolStatus> = { all.iter().filter(usable) }
        .filter(|tool| {
            let text = format!("{} {}", tool.name, tool.description);
            text.to_lowercase().contains(&query)
        })
        .collect();
    let names = Names::of(
        all.iter().map(|tool| tool.name.as_str()),
        &act.settings.plain,
    );
    let (offset, limit) = (
        number("offset").unwrap_or(0),
        number("limit").unwrap_or(PAGE),
    );
    let page = found.iter().skip(offset).take(limit);
    let tools: Vec<Value> = page.map(|tool| shown(tool, &names, names_only)).collect();
    let left = found
        .len()
        .saturating_sub(offset.saturating_add(tools.len()));
    Ok(Told::value(
        json!({ "tools": tools, "of": found.len(), "left": left }),
    ))
}

fn shown(tool: &ToolStatus, names: &Names, names_only: bool) -> Value {
    let call_as = (!tool.external && !tool.engine_handled).then(|| names.name(&tool.name));
    let mut shown = json!({
        "tool": tool.name,
        "description": tool.description,
        "effect": tool.facts.effect,
        "call_as": call_as,
    });
    if let (false, Value::Object(map)) = (names_only, &mut shown) {
        map.insert("idempotent".to_owned(), tool.facts.idempotent.into());
        map.insert("open_world".to_owned(), tool.facts.open_world.into());
        map.insert("input_schema".to_owned(), tool.input_schema.clone());
        map.insert("output_schema".to_owned(), json!(tool.output_schema));
    }
    shown
}

/// What is known of these tools, in their order; one that cannot be found is left out.
///
/// # Errors
/// They cannot be found out.
pub(crate) fn definitions(act: &Act<'_>, tools: &[String]) -> Result<Vec<ToolStatus>, HostError> {
    if tools.is_empty() {
        return Ok(Vec::new());
    }
    let named: BTreeSet<String> = tools.iter().cloned().collect();
    let known = act.visitor.desk.tools(Some(&named))?;
    let of = |tool: &String| known.iter().find(|status| status.name == *tool).cloned();
    Ok(tools.iter().filter_map(of).collect())
}
