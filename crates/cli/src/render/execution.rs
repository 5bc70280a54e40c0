//! An execution as it is shown: its result, what it waits for, its steps.

use super::{request, shown, step, table::Table, undo};
use crate::{
    errors::remedy_of,
    ids,
    output::{Look, Paint},
    step_path,
    when::{show_age, show_duration, show_time},
};
use mandate_engine::{Ending, Fault, Phase, State, Status, StepState, WaitingFor};
use mandate_server::view;
use mandate_store::Head;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Outputs that a plan names are shown up to this many lines each; `--json` has them all.
const OUTPUT_LINES: usize = 24;
/// Outputs that nobody named are shown up to this many lines each.
const UNNAMED_LINES: usize = 5;

/// Where an execution is, for programs.
pub(crate) fn to_json(state: &State, waiting: Option<&WaitingFor>, head: Option<&Head>) -> Value {
    json!(view::execution(state, waiting, head))
}

/// A head as it is written: `number:hash`.
pub(crate) fn head(head: &Head) -> String {
    format!("{}:{}", head.number, head.hash)
}

/// How a state of an execution looks.
pub(crate) fn state_look(state: &str, status: Option<&str>) -> Look {
    match (state, status) {
        ("completed", Some("partial")) | ("waiting" | "paused" | "pending", _) => Look::Warn,
        ("completed", _) => Look::Good,
        ("failed" | "cancelled", _) => Look::Bad,
        _ => Look::Busy,
    }
}

/// The end of an execution, or where it waits, for people.
pub(crate) fn result(
    state: &State,
    waiting: Option<&WaitingFor>,
    last: Option<&Head>,
    paint: Paint,
) -> String {
    let mut out = vec![headline(state, paint)];
    out.extend(ending(state, paint));
    out.push(String::new());
    out.push(format!(
        "{} {}",
        paint.dim("execution"),
        state.execution_id()
    ));
    if let Some(last) = last.filter(|last| last.number > 0) {
        out.push(format!("{} {}", paint.dim("head     "), head(last)));
    }
    if let Some(waiting) = waiting {
        out.push(String::new());
        out.push(next_steps(state, waiting, paint));
    }
    out.join("\n")
}

/// `✓ success  Repository report  3.2s  8 steps: 7 completed, 1 skipped`.
pub(crate) fn headline(state: &State, paint: Paint) -> String {
    let name = shown::short(&state.plan().plan().name, 60);
    let (sign, word, look) = match (&state.ending, state.shown_state()) {
        (Some(ending), shown) => match (ending.status, shown) {
            (Status::Success, _) => ("✓", "success", Look::Good),
            (Status::Partial, _) => ("◐", "partial", Look::Warn),
            (Status::Failure, "cancelled") => ("■", "cancelled", Look::Bad),
            (Status::Failure, _) => ("✗", "failure", Look::Bad),
        },
        (None, shown @ ("waiting" | "paused")) => ("◷", shown, Look::Warn),
        (None, shown) => ("▸", shown, Look::Busy),
    };
    let end = state.finished_ms.unwrap_or(state.at_ms);
    let took = show_duration(end.saturating_sub(state.created_ms));
    format!(
        "{}  {}  {}",
        paint.look(look, &format!("{sign} {word}")),
        paint.bold(&name),
        paint.dim(&format!("{took}  {}", counts(state)))
    )
}

/// `8 steps: 7 completed, 1 skipped`.
pub(crate) fn counts(state: &State) -> String {
    let mut counts: BTreeMap<StepState, usize> = BTreeMap::new();
    let total = state.plan().steps().len();
    for data in state.steps.iter().take(total) {
        *counts.entry(data.state).or_default() += 1;
    }
    let parts: Vec<String> = StepState::ALL
        .iter()
        .filter_map(|state| counts.get(state).map(|count| (count, state)))
        .map(|(count, state)| format!("{count} {}", state.as_str().replace('_', " ")))
        .collect();
    let steps = if total == 1 { "step" } else { "steps" };
    format!("{total} {steps}: {}", parts.join(", "))
}

/// The error and the outputs of an execution that has ended.
pub(crate) fn ending(state: &State, paint: Paint) -> Option<String> {
    let ending = state.ending.as_ref()?;
    let mut out = Vec::new();
    push_ending(&mut out, state, ending, paint);
    (!out.is_empty()).then(|| out.join("\n"))
}

fn push_ending(out: &mut Vec<String>, state: &State, ending: &Ending, paint: Paint) {
    if let Some(error) = &ending.error {
        out.push(String::new());
        push_fault(out, error, "", paint);
        out.push(format!("  {} {}", paint.dim("try:"), remedy_of(error)));
    }
    for id in step::recovered(state) {
        let problem = state.step(id).and_then(|(_, data)| step::problem(data));
        out.push(format!(
            "{} {} failed, and its fallback took its place: {}",
            paint.look(Look::Warn, "recovered:"),
            paint.bold(id),
            problem.unwrap_or_default()
        ));
    }
    out.extend(undo::lines(state, paint));
    for (checked, data) in step::finally(state) {
        if let Some(problem) = step::problem(data) {
            out.push(format!(
                "{} {} did not complete: {problem}",
                paint.look(Look::Warn, "finally:"),
                paint.bold(&checked.step.id)
            ));
        }
    }
    // What a failure left without a value says nothing.
    let failed = ending.status == Status::Failure;
    let outputs: Vec<_> = ending
        .outputs
        .iter()
        .filter(|(_, value)| !(failed && value.is_null()))
        .collect();
    if !outputs.is_empty() {
        out.push(String::new());
        out.push(paint.bold("Outputs"));
        for (name, value) in outputs {
            push_output(out, name, value, state, paint);
        }
    }
    for warning in &ending.warnings {
        out.push(format!(
            "{} {}",
            paint.look(Look::Warn, "warning:"),
            shown::line(warning)
        ));
    }
}

fn push_output(out: &mut Vec<String>, name: &str, value: &Value, state: &State, paint: Paint) {
    let text = shown::whole(value);
    let name = paint.look(Look::Busy, &shown::line(name));
    let lines: Vec<&str> = text.lines().collect();
    if lines.len() <= 1 {
        out.push(format!("  {name}  {}", shown::value(value, 160)));
        return;
    }
    let most = if state.plan().outputs().is_some() {
        OUTPUT_LINES
    } else {
        UNNAMED_LINES
    };
    out.push(format!("  {name}"));
    for line in lines.iter().take(most) {
        out.push(format!("    {}", shown::short_end(line, 160)));
    }
    if let Some(more) = lines.len().checked_sub(most).filter(|more| *more > 0) {
        let id = ids::short(state.execution_id());
        let text = format!("… {more} more lines: `mandate executions show {id} --json`");
        out.push(format!("    {}", paint.dim(&text)));
    }
}

fn push_fault(out: &mut Vec<String>, fault: &Fault, before: &str, paint: Paint) {
    let place = fault
        .step
        .as_ref()
        .map_or_else(String::new, |step| format!(" at {step}"));
    let head = paint.look(Look::Bad, &format!("{before}{}{place}", fault.code));
    let message = shown::lines(&fault.message).replace('\n', "\n      ");
    out.push(format!("  {head}: {message}"));
    if let Some(cause) = &fault.cause {
        push_fault(out, cause, "because of ", paint);
    }
}

/// What it waits for, and every command that carries it on.
pub(crate) fn next_steps(state: &State, waiting: &WaitingFor, paint: Paint) -> String {
    let id = ids::short(state.execution_id());
    let step = waiting.step.as_deref().unwrap_or("a step");
    let (what, commands): (String, Vec<String>) = match waiting.kind.as_str() {
        "plan" => {
            let expires = waiting
                .due_ms
                .map_or_else(String::new, |due| format!(", until {}", show_time(due)));
            (
                format!(
                    "It waits for approval by {}{expires}.",
                    waiting.who.join(" and ")
                ),
                vec![
                    format!("mandate approvals show {id}"),
                    waiting.next_command.clone(),
                    format!("mandate executions continue {id}"),
                ],
            )
        }
        "in_doubt" => (
            if state.phase == Phase::Compensating {
                format!(
                    "`{step}` was being undone, and nobody knows whether that happened. Find out, then say so:"
                )
            } else {
                format!(
                    "`{step}` was called, and nobody knows whether its effect happened. Find out, then say so:"
                )
            },
            vec![
                waiting.next_command.clone(),
                waiting.next_command.replace("--done", "--not-done"),
                waiting
                    .next_command
                    .replace("--done", "--fail --reason WHY"),
                format!("mandate executions continue {id}"),
            ],
        ),
        "paused" => (
            format!("It was paused by {}.", waiting.who.join(" and ")),
            vec![
                waiting.next_command.clone(),
                format!("mandate executions continue {id}"),
            ],
        ),
        "step" | "revision" | "question" | "failure" | "invariant" | "budget" => {
            // Of the execution itself, or of one that a step of it stands for.
            let asked = state.open_request().map(|open| &open.request);
            let question = asked.map_or_else(
                || format!("`{step}` waits for an answer."),
                |asked| shown::short(&asked.question, 160),
            );
            let until = waiting
                .due_ms
                .map_or_else(String::new, |due| format!(", until {}", show_time(due)));
            let who = waiting.who.join(" and ");
            let mut what = format!("It waits for an answer by {who}{until}: {question}");
            let more = state.open_requests().count().saturating_sub(1);
            if more > 0 {
                what.push_str(&format!("\n  {more} more in `mandate inbox list`"));
            }
            let show = waiting.next_command.replace("inbox answer", "inbox show");
            let choices =
                asked.map_or_else(|| vec![waiting.next_command.clone()], request::commands);
            let commands = std::iter::once(show).chain(choices);
            let then = format!("mandate executions continue {id}");
            (what, commands.chain([then]).collect())
        }
        "frozen" => (
            format!("Calls are frozen, and `{step}` would make one."),
            vec![
                waiting.next_command.clone(),
                format!("mandate executions continue {id}"),
            ],
        ),
        "replan" => (
            format!("`{step}` failed, and another plan is to make up for it."),
            vec![
                waiting.next_command.clone(),
                format!("mandate executions cancel {id}"),
            ],
        ),
        "rate_limit" => {
            let at = waiting.due_ms.map(show_time);
            let at = at.map_or_else(String::new, |at| format!(" at {at},"));
            (
                format!(
                    "A rate is used up. `{step}` is called{at} when there is room again, if a process drives it then."
                ),
                vec![waiting.next_command.clone()],
            )
        }
        kind => (
            format!("`{step}` waits for its {kind}; it goes on when a process drives it."),
            vec![waiting.next_command.clone()],
        ),
    };
    let mut out = paint.look(Look::Warn, &what);
    for command in commands {
        out.push_str(&format!("\n  {command}"));
    }
    out
}

/// The steps of an execution, a line each.
pub(crate) fn steps(state: &State, now_ms: i64, paint: Paint, width: Option<usize>) -> String {
    let mut table = Table::new(&["", "STEP", "STATE", "TOOL", "DETAIL"]);
    for (checked, data) in step::shown_steps(state) {
        let (sign, look) = step::sign(data.state);
        let child = state.child_of(&checked.step.id, None);
        let child = child.map(|id| format!("execution {}", ids::short(&id)));
        let detail: Vec<String> = [
            Some(step::detail(data, now_ms)),
            step::untrusted(data),
            child,
            step::problem(data),
        ]
        .into_iter()
        .flatten()
        .filter(|text| !text.is_empty())
        .collect();
        table.row(vec![
            (sign.to_owned(), look),
            (checked.step.id.clone(), Look::Bold),
            (data.state.as_str().to_owned(), look),
            (checked.step.tool.clone(), Look::Plain),
            (detail.join("  "), Look::Dim),
        ]);
    }
    table.text(paint, width)
}

/// Who asked for it, when, with what.
pub(crate) fn about(state: &State, now_ms: i64, paint: Paint) -> String {
    let created = &state.created;
    let field = |name: &str, value: String| format!("{} {value}", paint.dim(&format!("{name:<9}")));
    let mut out = vec![
        field("execution", state.execution_id().to_owned()),
        field("plan", created.plan_hash.to_string()),
        field("asked by", created.principal.clone()),
        field(
            "created",
            format!(
                "{} ({})",
                show_time(state.created_ms),
                show_age(state.created_ms, now_ms)
            ),
        ),
    ];
    if let Some(parent) = &created.parent {
        let step = step_path::show(&parent.step, parent.item);
        let text = format!("`{step}` of {}", parent.execution_id);
        out.push(field("step", text));
    }
    if let Some(carried) = &created.carried {
        out.push(field("rerun of", carried.from.clone()));
    }
    if let Some(deadline_ms) = created.deadline_ms {
        out.push(field("deadline", show_time(deadline_ms)));
    }
    for open in state.requests.values() {
        let answer = match (&open.closed, &open.by) {
            (Some(choice), Some((by, channel))) => format!("{choice} by {by} over `{channel}`"),
            (Some(choice), None) => choice.clone(),
            (None, _) if !open.said.is_empty() => {
                let said = open.said.iter();
                let said = said.map(|said| format!("{} by {}", said.choice, said.assent.by));
                format!("open, so far {}", said.collect::<Vec<_>>().join(" and "))
            }
            (None, _) => "open".to_owned(),
        };
        out.push(field(
            "approval",
            format!("{answer}  {}", paint.dim(&open.request.request_id)),
        ));
    }
    if !created.inputs.is_empty() {
        out.push(field("inputs", String::new()));
        for (name, value) in &created.inputs {
            out.push(format!(
                "  {} = {}",
                shown::line(name),
                shown::value(value, 120)
            ));
        }
    }
    out.join("\n")
}

/// What drives it on.
pub(crate) fn driver(state: &State, driver: Option<u32>) -> Option<String> {
    if state.phase == Phase::Ended {
        return None;
    }
    let id = ids::short(state.execution_id());
    Some(match driver {
        Some(pid) if state.shown_state() == "pending" => {
            format!("It is queued: process {pid} starts it when others have ended or wait.")
        }
        Some(pid) => format!("Process {pid} drives it."),
        None => format!("No process drives it now: `mandate executions continue {id}` does."),
    })
}
