//! What a plan would do and what policy says of it: what an approver must see.

use super::{shown, table::Table};
use crate::output::{Look, Paint};
use mandate_plan::{CheckedPlan, Effect, Step};
use mandate_policy::{
    FlowCode, FlowPath, Purpose,
    decision::{Decision, Outcome, StepAssessment},
    risk::Level,
};
use serde_json::{Map, Value};

/// The longest that one argument may be where somebody approves it, in characters. An approver must see what runs, so
/// this cuts only what nobody would read to its end; `--json` has all of it.
const ARGUMENT_WIDTH: usize = 8_000;

/// The longest that one thing may be which a rule looked at, in characters.
const INPUT_WIDTH: usize = 120;

/// How an outcome looks.
pub(crate) fn outcome_look(outcome: Outcome) -> Look {
    match outcome {
        Outcome::Allow => Look::Good,
        Outcome::RequireApproval => Look::Warn,
        Outcome::RateLimited | Outcome::Deny => Look::Bad,
    }
}

pub(crate) fn level_look(level: Level) -> Look {
    match level {
        Level::Info | Level::Low => Look::Good,
        Level::Medium => Look::Warn,
        Level::High | Level::Critical => Look::Bad,
    }
}

fn effect_look(effect: Effect) -> Look {
    match effect {
        Effect::Read => Look::Dim,
        Effect::Write | Effect::Network => Look::Warn,
        Effect::Delete | Effect::Execute => Look::Bad,
    }
}

/// One line per call of the plan: what it does, with which tool, how risky, and what the rules say.
pub(crate) fn table(decision: &Decision, paint: Paint, width: Option<usize>) -> String {
    let mut table = Table::new(&["STEP", "EFFECT", "TOOL", "RISK", "OUTCOME", "WHAT"]);
    for step in &decision.steps {
        table.row(vec![
            (name_of(step), Look::Bold),
            (step.effect.to_string(), effect_look(step.effect)),
            (step.tool.clone(), Look::Plain),
            (
                format!("{} {}", step.risk.score, step.risk.level),
                level_look(step.risk.level),
            ),
            (step.outcome.to_string(), outcome_look(step.outcome)),
            (what(step), Look::Dim),
        ]);
    }
    table.text(paint, width)
}

/// Every rule that matched, or only those that made the outcome what it is.
pub(crate) fn reasons(decision: &Decision, all: bool, paint: Paint) -> String {
    let mut lines = Vec::new();
    for reason in decision
        .reasons
        .iter()
        .filter(|reason| all || reason.outcome == decision.outcome)
    {
        let place = reason
            .step
            .as_ref()
            .map_or_else(String::new, |step| format!("{step}: "));
        lines.push(format!(
            "  {} {place}{} {}",
            paint.look(outcome_look(reason.outcome), "•"),
            shown::line(&reason.message),
            paint.dim(&format!("[{}]", reason.rule))
        ));
    }
    lines.join("\n")
}

/// Every rule that matched, with its severity and what it looked at.
pub(crate) fn reasons_with_inputs(decision: &Decision, paint: Paint) -> String {
    let mut lines = Vec::new();
    for reason in &decision.reasons {
        let step = reason.step.as_ref();
        let place = step.map_or_else(String::new, |step| format!("{step}: "));
        lines.push(format!(
            "  {} {place}{} {} {}",
            paint.look(outcome_look(reason.outcome), "•"),
            shown::line(&reason.message),
            paint.dim(&format!("[{}]", shown::line(&reason.rule))),
            paint.look(level_look(reason.severity), reason.severity.as_str()),
        ));
        let inputs: Vec<String> = reason
            .inputs
            .iter()
            .map(|(name, value)| {
                format!("{name} = {}", shown::short(&value.to_string(), INPUT_WIDTH))
            })
            .collect();
        if !inputs.is_empty() {
            lines.push(paint.dim(&format!("      {}", inputs.join(", "))));
        }
    }
    lines.join("\n")
}

/// How untrusted values may reach sensitive arguments and decisions, one line each; empty where none does.
pub(crate) fn flows(decision: &Decision, paint: Paint) -> String {
    let line = |flow: &FlowPath| {
        let what = match (flow.code, flow.kind) {
            (FlowCode::UntrustedControl, _) => "decides".to_owned(),
            (_, Some(kind)) => kind.as_str().to_owned(),
            (_, None) => "argument".to_owned(),
        };
        let look = if flow.endorsed { Look::Dim } else { Look::Warn };
        let path: Vec<String> = flow.path.iter().map(|place| shown::line(place)).collect();
        let mut notes = Vec::new();
        if flow.any_host {
            notes.push("any host");
        }
        if flow.endorsed {
            notes.push("endorsed");
        }
        let notes = match notes.is_empty() {
            true => String::new(),
            false => paint.dim(&format!("  ({})", notes.join(", "))),
        };
        format!(
            "  {} {}  {}{notes}",
            paint.look(look, "•"),
            paint.look(look, &format!("{what:<9}")),
            path.join(" → ")
        )
    };
    let lines: Vec<String> = decision.flows.iter().map(line).collect();
    lines.join("\n")
}

/// How many calls the plan may make, and what its session has left for it.
pub(crate) fn calls(decision: &Decision) -> Option<String> {
    let calls = decision.calls.as_ref()?;
    let most = match calls.most {
        1 => "at most 1".to_owned(),
        most => format!("at most {most}"),
    };
    let (Some(limit), Some(left)) = (calls.limit, calls.left()) else {
        return Some(most);
    };
    let set_aside = match calls.reserved {
        0 => String::new(),
        reserved => format!(", {reserved} set aside for others"),
    };
    let note = match calls.most > left {
        true => "; it may have to wait",
        false => "",
    };
    Some(format!(
        "{most}; the session has {left} of {limit} left ({} made{set_aside}){note}",
        calls.counted
    ))
}

/// What stands above those lines.
pub(crate) const FLOWS: &str = "Where untrusted values go";

/// Score and level, and what they come from.
pub(crate) fn risk(decision: &Decision, paint: Paint) -> String {
    let risk = &decision.risk;
    let score = paint.look(
        level_look(risk.level),
        &format!("{} ({}/100)", risk.level, risk.score),
    );
    let factors: Vec<String> = risk
        .factors
        .iter()
        .map(|factor| shown::line(factor))
        .collect();
    if factors.is_empty() {
        score
    } else {
        format!("{score} {}", paint.dim(&factors.join(", ")))
    }
}

/// Everything that whoever approves a plan must see: its inputs, and each effect that it will have with the arguments.
pub(crate) fn for_approval(
    plan: &CheckedPlan,
    inputs: &Map<String, Value>,
    decision: &Decision,
    paint: Paint,
) -> String {
    let about = plan.plan();
    let mut out = vec![paint.bold(&shown::line(&about.name))];
    if let Some(description) = &about.description {
        out.push(indented(&shown::lines(description), "  "));
    }
    out.push(format!("  {} {}", paint.dim("plan  "), plan.hash()));
    out.push(format!(
        "  {} {}",
        paint.dim("risk  "),
        risk(decision, paint)
    ));
    if let Some(calls) = calls(decision) {
        out.push(format!("  {} {calls}", paint.dim("calls ")));
    }
    if !inputs.is_empty() {
        out.push(format!("  {}", paint.dim("inputs")));
        for (name, value) in inputs {
            let secret = about.inputs.get(name).is_some_and(|input| input.secret);
            let value = if secret {
                format!("the secret {}", shown::value(value, ARGUMENT_WIDTH))
            } else {
                shown::value(value, ARGUMENT_WIDTH)
            };
            out.push(format!("    {} = {value}", shown::line(name)));
        }
    }
    if about.constraints.allow_unplanned {
        let what = "calls that are not in the plan, where policy allows them and the operator lets plans say so";
        out.push(format!(
            "  {} {}",
            paint.dim("allows"),
            paint.look(Look::Warn, what)
        ));
    }
    let (effects, reads): (Vec<_>, Vec<_>) = decision
        .steps
        .iter()
        .partition(|step| step.outcome != Outcome::Allow || step.effect != Effect::Read);
    out.push(String::new());
    out.push(match effects.len() {
        1 => "It will have 1 effect:".to_owned(),
        many => format!("It will have {many} effects:"),
    });
    for step in effects {
        out.push(effect(plan, step, paint));
    }
    let flows = flows(decision, paint);
    if !flows.is_empty() {
        out.push(format!("\n{FLOWS}:\n{flows}"));
    }
    if !reads.is_empty() {
        let names: Vec<&str> = reads.iter().map(|step| step.step.as_str()).collect();
        let text = format!(
            "Beside that it reads, on this machine only: {}",
            names.join(", ")
        );
        out.push(String::new());
        out.push(paint.dim(&shown::short(&text, ARGUMENT_WIDTH)));
    }
    out.join("\n")
}

/// One effect with its arguments as the plan writes them.
fn effect(plan: &CheckedPlan, assessed: &StepAssessment, paint: Paint) -> String {
    let facts = match (assessed.effect, assessed.idempotent, assessed.open_world) {
        (Effect::Read, _, true) => "reads what others control",
        (_, true, true) => "repeatable, reaches what others control",
        (_, true, false) => "repeatable",
        (_, false, true) => "not repeatable, reaches what others control",
        (_, false, false) => "not repeatable",
    };
    let mut out = format!(
        "  {} {}  {}  {}  {}",
        paint.look(
            effect_look(assessed.effect),
            &format!("{:<7}", assessed.effect.as_str())
        ),
        paint.bold(&name_of(assessed)),
        assessed.tool,
        paint.look(
            level_look(assessed.risk.level),
            &format!("risk {}", assessed.risk.score)
        ),
        paint.dim(facts)
    );
    if !assessed.tags.is_empty() {
        let tags: Vec<String> = assessed.tags.iter().map(ToString::to_string).collect();
        out.push_str(&format!("  {}", paint.look(Look::Bad, &tags.join(", "))));
    }
    let step = step_of(plan, &assessed.step);
    let args = step.and_then(|step| match assessed.purpose {
        Purpose::Run => Some(&step.args),
        Purpose::Compensate => step.compensate.as_ref().map(|undo| &undo.args),
    });
    for (name, value) in args.into_iter().flatten() {
        let value = shown::value(value, ARGUMENT_WIDTH);
        out.push_str(&format!(
            "\n            {} {value}",
            paint.dim(&format!("{}:", shown::line(name)))
        ));
    }
    let step = step.filter(|_| assessed.purpose == Purpose::Run);
    let mode = plan.plan().mode;
    for name in step.into_iter().flat_map(|step| step.open_args(mode)) {
        let chosen = paint.look(Look::Warn, "left to the agent, within `allow.args`");
        let name = paint.dim(&format!("{}:", shown::line(name)));
        out.push_str(&format!("\n            {name} {chosen}"));
    }
    let conditions = step.into_iter().flat_map(|step| {
        let each = step.for_each.as_ref();
        [
            step.condition
                .as_ref()
                .map(|condition| format!("only if {condition}")),
            each.map(|each| {
                format!(
                    "once per item of {}, at most {} times",
                    each.items, each.max_items
                )
            }),
        ]
    });
    for condition in conditions.flatten() {
        let condition = shown::short(&condition, ARGUMENT_WIDTH);
        out.push_str(&format!("\n            {}", paint.dim(&condition)));
    }
    out
}

fn step_of<'a>(plan: &'a CheckedPlan, id: &str) -> Option<&'a Step> {
    plan.every_step()
        .map(|step| step.step.as_ref())
        .find(|step| step.id == id)
}

fn name_of(step: &StepAssessment) -> String {
    match step.purpose {
        Purpose::Run => step.step.clone(),
        Purpose::Compensate => format!("undo {}", step.step),
    }
}

fn what(step: &StepAssessment) -> String {
    let mut parts: Vec<String> = step
        .resources
        .iter()
        .map(|resource| shown::short(&resource.value, ARGUMENT_WIDTH))
        .collect();
    if !step.unknown_args.is_empty() {
        parts.push({
            let names: Vec<&str> = step
                .unknown_args
                .iter()
                .map(|at| at.trim_start_matches('/'))
                .collect();
            format!("{} known at run time", names.join(", "))
        });
    }
    parts.join(", ")
}

fn indented(text: &str, by: &str) -> String {
    text.lines()
        .map(|line| format!("{by}{line}"))
        .collect::<Vec<_>>()
        .join("\n")
}
