//! What a revision asks for beside what was approved: all that whoever is asked about it has to look at.

use super::shown;
use crate::output::{Look, Paint};
use mandate_policy::{Delta, Outcome};
use serde_json::{Map, Value};

/// The longest that one value may be where somebody answers for it, in characters.
const VALUE_WIDTH: usize = 8_000;

/// Adds what is shown of a request about a revision, by the detail that it carries.
pub(crate) fn show(detail: &Map<String, Value>, id: &str, paint: Paint, out: &mut Vec<String>) {
    let delta = detail.get("delta").cloned().unwrap_or_default();
    let Ok(delta) = serde_json::from_value::<Delta>(delta) else {
        // Of another version: nothing is held back.
        out.push(shown::whole(&Value::Object(detail.clone())));
        return;
    };
    if let Some(reason) = detail.get("reason").and_then(Value::as_str) {
        out.push(format!(
            "  {} {}",
            paint.dim("reason:"),
            shown::line(reason)
        ));
    }
    if !delta.widenings.is_empty() {
        out.push(String::new());
        out.push(paint.bold("Beside what was approved"));
        for widening in &delta.widenings {
            let place = paint.look(Look::Warn, &shown::line(&widening.place));
            out.push(format!("  {place}  {}", shown::line(&widening.problem)));
        }
    }
    if !delta.calls.is_empty() {
        out.push(String::new());
        out.push(paint.bold("Calls that are new or changed"));
    }
    for call in &delta.calls {
        let assessed = &call.assessment;
        let undo = match assessed.purpose {
            mandate_policy::Purpose::Run => "",
            mandate_policy::Purpose::Compensate => "undo ",
        };
        out.push(format!(
            "  {:<7} {}  {}  {}",
            assessed.effect.as_str(),
            paint.bold(&format!("{undo}{}", shown::line(&assessed.step))),
            shown::line(&assessed.tool),
            paint.look(
                super::decision::level_look(assessed.risk.level),
                &format!("risk {}", assessed.risk.score)
            )
        ));
        for (name, value) in &call.args {
            let name = paint.dim(&format!("{}:", shown::line(name)));
            let value = shown::value(value, VALUE_WIDTH);
            out.push(format!("            {name} {value}"));
        }
    }
    let asking = delta.reasons.iter();
    let asking = asking.filter(|reason| reason.outcome != Outcome::Allow);
    let mut rules = asking
        .map(|reason| {
            let rule = paint.dim(&shown::line(&reason.rule));
            format!("  {rule} {}", shown::line(&reason.message))
        })
        .peekable();
    if rules.peek().is_some() {
        out.push(String::new());
        out.push(paint.bold("Why it needs approval"));
        out.extend(rules);
    }
    out.push(String::new());
    let steps = match delta.unchanged {
        1 => "1 step is as it was".to_owned(),
        many => format!("{many} steps are as they were"),
    };
    out.push(paint.dim(&format!(
        "{steps}. The whole change: `mandate inbox show {id} --json`"
    )));
}
