//! What happened, in words.

use crate::{shown, step_path, when::show_time};
use mandate_engine::{
    Body, Event,
    event::{Resolution, Timer},
};
use mandate_host::recovery;
use mandate_store::Record;
use serde_json::{Value, json};

/// What a row of the journal says, on one line; empty where it is no event of an execution.
pub(super) fn of_record(record: &Record) -> String {
    match recovery::event(record) {
        Ok(event) => shown::short(&summary(&event), 200),
        Err(_) => String::new(),
    }
}

/// In what a plan asks for less, in words.
fn narrower(narrowing: &mandate_plan::Narrowing) -> String {
    let parts = [
        ("leaves out", &narrowing.removed),
        ("tightens", &narrowing.tightened),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(verb, names)| format!("{verb} {}", shown::short(&names.join(", "), 160)))
        .collect();
    match parts.is_empty() {
        true => "asks for the same".to_owned(),
        false => parts.join(" and "),
    }
}

/// What happened, on one line.
pub fn summary(event: &Event) -> String {
    let path = |step: &str, item: &Option<u32>| step_path::show(step, *item);
    match &event.body {
        Body::ExecutionCreated(created) => format!(
            "plan {}, asked by {}, policy says {}",
            created
                .plan_hash
                .to_string()
                .chars()
                .take(12)
                .collect::<String>(),
            created.principal,
            created.decision.outcome
        ),
        Body::RequestOpened(request) => {
            let question = match request.question.as_str() {
                "" => String::new(),
                question => format!(": {question}"),
            };
            format!(
                "{} {} for {}{question}",
                request.kind.as_str(),
                request.request_id,
                request.approvers.join(", ")
            )
        }
        Body::RequestAnswered(answer) | Body::AnswerCounted(answer) => {
            let reason = answer
                .reason
                .as_ref()
                .map_or_else(String::new, |reason| format!(": {reason}"));
            let key = answer.key.as_ref();
            let key = key.map_or_else(String::new, |key| format!(" ({key})"));
            let more = match event.body {
                Body::AnswerCounted(_) => "; others must say the same",
                _ => "",
            };
            format!(
                "{} by {}{key} over `{}`{more}{reason}",
                answer.choice, answer.by, answer.channel
            )
        }
        Body::RevisionProposed {
            revision,
            by,
            stands: Some(stands),
            ..
        } => format!(
            "revision {revision} by {by} {}: {} by {} stands for it",
            narrower(&stands.narrowing),
            stands.request_id,
            stands.by
        ),
        Body::RevisionProposed {
            revision,
            by,
            decision,
            ..
        } => format!(
            "revision {revision} by {by}, policy says {}",
            decision.outcome
        ),
        Body::PlanRevised {
            revision,
            plan_hash,
            ..
        } => {
            let short: String = plan_hash.to_string().chars().take(12).collect();
            format!("revision {revision}, plan {short}")
        }
        Body::HostStopped { reason } => reason.clone(),
        Body::HostLeaving { host } | Body::HostStarted { host } => format!("host {host}"),
        Body::ExecutionStarted { approval, reserved } => {
            let by = approval.as_deref().unwrap_or("allowed by policy");
            match reserved {
                Some(calls) => format!("{by}; calls set aside: {calls}"),
                None => by.to_owned(),
            }
        }
        Body::StartHeld { room } => format!(
            "it may make {} calls, and its session has {} of {} left",
            room.needs,
            room.left(),
            room.limit
        ),
        Body::StepStarted {
            step,
            item,
            attempt,
            tool,
            facts,
            outside,
            ..
        } => {
            let outside = if *outside { ", outside" } else { "" };
            format!(
                "{} {tool} attempt {attempt} ({}{outside})",
                path(step, item),
                facts.effect
            )
        }
        Body::AttemptInterrupted {
            step,
            item,
            attempt,
            ..
        } => format!("{} attempt {attempt}", path(step, item)),
        Body::StepCompleted {
            step, item, output, ..
        } => {
            format!(
                "{} = {}",
                path(step, item),
                shown::short(&output.to_string(), 120)
            )
        }
        Body::StepFailed {
            step,
            item,
            attempt,
            error,
            ..
        } => {
            format!(
                "{} attempt {attempt}: {}: {}",
                path(step, item),
                error.code,
                error.message
            )
        }
        Body::RetryScheduled {
            step,
            item,
            attempt,
            due_ms,
            ..
        } => {
            format!(
                "{} attempt {attempt} at {}",
                path(step, item),
                show_time(*due_ms)
            )
        }
        Body::TimerSet { timer, due_ms } => {
            format!("{} until {}", timer_name(timer), show_time(*due_ms))
        }
        Body::TimerFired { timer } => timer_name(timer),
        Body::ItemsBound { step, items } => format!("{step}: {} items", items.len()),
        Body::StepSkipped { step, reason } => {
            format!("{step}: {}", json!(reason).as_str().unwrap_or_default())
        }
        Body::StepBlocked {
            step,
            item,
            refusal,
        } => {
            format!(
                "{}: {}: {}",
                path(step, item),
                refusal.code,
                refusal.message
            )
        }
        Body::StepHeld {
            step,
            item,
            refusal,
            due_ms,
            ..
        } => {
            let until = due_ms.map_or_else(String::new, |due_ms| {
                format!(" (until {})", show_time(due_ms))
            });
            format!(
                "{}: {}: {}{until}",
                path(step, item),
                refusal.code,
                refusal.message
            )
        }
        Body::Thawed { by } => format!("by {by}"),
        Body::CallRefused { refusal, call, .. } => {
            let tool =
                { call.as_ref() }.map_or_else(String::new, |call| format!("{}: ", call.tool));
            format!("{tool}{}: {}", refusal.code, refusal.message)
        }
        Body::RefusalsCounted { since_ms, codes } => {
            let codes: Vec<String> = codes
                .iter()
                .map(|(code, n)| format!("{n} {code}"))
                .collect();
            format!("since {}: {}", show_time(*since_ms), codes.join(", "))
        }
        Body::CallRequested {
            step,
            item,
            tool,
            by,
            ..
        } => format!("{}: {tool} by {by}", path(step, item)),
        Body::FinishRequested { by, step, item } => match step {
            Some(step) => format!("{} by {by}", path(step, item)),
            None => format!("by {by}"),
        },
        Body::StepInDoubt {
            step, item, error, ..
        } => format!("{}: {}", path(step, item), error.message),
        Body::StepResolved {
            step,
            item,
            by,
            resolution,
            ..
        } => {
            let how = match resolution {
                Resolution::Done { .. } => "done".to_owned(),
                Resolution::NotDone => "not done".to_owned(),
                Resolution::Fail { reason } => format!("failed ({reason})"),
            };
            format!("{}: {how} by {by}", path(step, item))
        }
        Body::FallbackEnded { step, from } => match from {
            Some(from) => format!("{step}: recovered by {from}"),
            None => format!("{step}: no fallback step completed"),
        },
        Body::BranchEvaluated { step, result } => format!("{step}: {result}"),
        Body::RequestExpired { request_id } => request_id.clone(),
        Body::TokenIssued {
            principal, steps, ..
        } => {
            let steps = { steps.as_ref() }
                .map_or_else(String::new, |steps| format!(", for {}", steps.join(", ")));
            format!("to {principal}{steps}")
        }
        Body::ExecutionPaused { by } | Body::ExecutionResumed { by } => format!("by {by}"),
        Body::CancelRequested { by, reason, .. } => {
            let reason = reason
                .as_ref()
                .map_or_else(String::new, |reason| format!(": {reason}"));
            format!("by {by}{reason}")
        }
        Body::ExecutionFinished { status, error, .. } | Body::FinallyStarted { status, error } => {
            let error = error.as_ref().map_or_else(String::new, |error| {
                format!(": {}: {}", error.code, error.message)
            });
            format!("{}{error}", status.as_str())
        }
        Body::CompensationStarted {
            step,
            item,
            attempt,
            tool,
            facts,
            ..
        } => format!(
            "{} {tool} attempt {attempt} ({})",
            path(step, item),
            facts.effect
        ),
        Body::CompensationCompleted { step, item, .. } => format!("{} undone", path(step, item)),
        Body::CompensationFailed {
            step, item, error, ..
        } => format!("{}: {}: {}", path(step, item), error.code, error.message),
        Body::AgentTold { what } => {
            let name = what.name.as_ref();
            let name = name.map_or_else(String::new, |name| format!(" `{}`", shown::line(name)));
            let asked = what.call.as_ref().map_or_else(String::new, |call| {
                let answered = if what.answer.is_some() {
                    "answered"
                } else {
                    "not answered"
                };
                format!(
                    " during {}, {answered}",
                    step_path::show(&call.step, call.item)
                )
            });
            let untrusted = if what.untrusted { ", untrusted" } else { "" };
            format!(
                "{}: {} {}{name}{asked}{untrusted}",
                what.by, what.server, what.method
            )
        }
        Body::FindingRecorded { finding } => {
            let text = |key: &str| finding.get(key).and_then(Value::as_str).unwrap_or_default();
            let item = finding.get("item").and_then(Value::as_u64);
            let item = item.and_then(|item| u32::try_from(item).ok());
            let (tool, message) = (text("tool"), shown::line(text("message")));
            format!("{}: {tool}: {message}", step_path::show(text("step"), item))
        }
        Body::ApprovalRevoked { by, reason } => {
            let reason = reason
                .as_ref()
                .map_or_else(String::new, |reason| format!(": {reason}"));
            format!("by {by}{reason}")
        }
        Body::OverrideGranted {
            step,
            item,
            by,
            reason,
            ..
        } => format!("{} by {by}: {reason}", path(step, item)),
        Body::PolicyChanged {
            policy_version,
            decision,
            revision,
        } => format!(
            "{} says {}{}",
            policy_version.get(..12).unwrap_or(policy_version),
            decision.outcome,
            revision
                .as_ref()
                .map_or_else(String::new, |revision| format!(
                    ", of the revision that is proposed {}",
                    revision.outcome
                ))
        ),
        // What this version never writes.
        other => shown::short(&json!(other).to_string(), 120),
    }
}

fn timer_name(timer: &Timer) -> String {
    match timer {
        Timer::Sleep { step, item } => format!("sleep of {}", step_path::show(step, *item)),
        Timer::Retry { step, item } => format!("back-off of {}", step_path::show(step, *item)),
        Timer::Rate { step, item } => format!("rate of {}", step_path::show(step, *item)),
        Timer::Report { step, item } => {
            let step = step_path::show(step, *item);
            format!("the time to report on {step}")
        }
        Timer::Grace => "time for running calls to end".to_owned(),
        Timer::PlanTimeout => "the plan's time limit".to_owned(),
        Timer::Start => "the session counts anew".to_owned(),
        Timer::Idle => "the time that an agent may be idle".to_owned(),
        Timer::Deadline => "the deadline".to_owned(),
    }
}
