//! Events, commands and states as the lines of a script.

use mandate_engine::{Event, State, Turned};
use serde_json::{Map, Value};

/// What is derived from the rest by hashing: too long to read, and compared by the replay that ends each script.
const HASHES: [&str; 7] = [
    "answer_digest",
    "args_digest",
    "idempotency_key",
    "permit",
    "granted_digest",
    "output_digest",
    "subject",
];

pub(crate) fn turned(turned: &Turned, state: &State) -> Vec<String> {
    let mut lines: Vec<String> = turned.events.iter().map(event).collect();
    if turned.admit {
        lines.push("! admit".to_owned());
    }
    for abort in &turned.aborts {
        let place = place(&abort.step, abort.item, Some(abort.attempt));
        lines.push(format!("! abort {place}"));
    }
    if let Some(wake_ms) = turned.wake_ms {
        lines.push(format!("! wake {wake_ms}"));
    }
    lines.push(rest(state));
    lines
}

fn rest(state: &State) -> String {
    let waits = state.waiting_for().map_or_else(String::new, |waits| {
        let step = waits
            .step
            .map_or_else(String::new, |step| format!(" {step}"));
        let due = waits
            .due_ms
            .map_or_else(String::new, |due| format!(" until {due}"));
        let who = waits.who.join(",");
        format!(
            ": {}{step} since {}{due} [{who}] `{}`",
            waits.kind, waits.since_ms, waits.next_command
        )
    });
    format!("~ {}{waits}", state.shown_state())
}

fn place(step: &str, item: Option<u32>, attempt: Option<u32>) -> String {
    let item = item.map_or_else(String::new, |item| format!("[{item}]"));
    let attempt = attempt.map_or_else(String::new, |attempt| format!("#{attempt}"));
    format!("{step}{item}{attempt}")
}

pub(crate) fn event(event: &Event) -> String {
    let mut body = serde_json::to_value(&event.body).unwrap();
    body.sort_all_objects();
    let mut data = body["data"].as_object().unwrap().clone();
    let kind = event.body.kind();
    if kind == "execution_created" {
        return kind.to_owned();
    }
    let number = |value: Option<Value>| value.and_then(|v| v.as_u64()).map(|n| n as u32);
    let mut words = vec![kind.to_owned()];
    let (item, attempt) = (number(data.remove("item")), number(data.remove("attempt")));
    if let Some(step) = data.remove("step") {
        words.push(place(step.as_str().unwrap(), item, attempt));
    }
    // What a revision is, is in its proposal in the script.
    if matches!(kind, "revision_proposed" | "plan_revised") {
        for long in [
            "plan",
            "decision",
            "tools",
            "plan_hash",
            "execution_digest",
            "diff",
        ] {
            data.remove(long);
        }
    }
    if data.get("kind") == Some(&Value::from("revision")) {
        data.remove("detail");
    }
    for hash in HASHES {
        data.remove(hash);
    }
    if let Some(reported) = data.get_mut("reported").and_then(Value::as_object_mut) {
        reported.remove("digest");
    }
    if let Some(facts) = data.remove("facts") {
        words.push(facts["effect"].as_str().unwrap().to_owned());
    }
    for key in [
        "args", "output", "items", "result", "reason", "outcome", "status",
    ] {
        if let Some(value) = data.remove(key).filter(|value| !value.is_null()) {
            let text = value
                .as_str()
                .filter(|_| key != "output")
                .map(str::to_owned);
            words.push(text.unwrap_or_else(|| value.to_string()));
        }
    }
    for key in ["error", "refusal"] {
        if let Some(Value::Object(fault)) = data.remove(key) {
            words.push(fault_of(&fault));
        }
    }
    if let Some(calls) = data.remove("calls").as_ref().and_then(Value::as_array) {
        words.push(format!("({} bound)", calls.len()));
    }
    data.retain(|_, value| !value.is_null());
    data.sort_keys();
    if !data.is_empty() {
        words.push(Value::Object(data).to_string());
    }
    words.join(" ")
}

fn fault_of(fault: &Map<String, Value>) -> String {
    let text = |key: &str| fault.get(key).and_then(Value::as_str).unwrap_or_default();
    let mut shown = text("code").to_owned();
    if fault.contains_key("severity") {
        shown += &format!("/{}", text("severity"));
    }
    if fault.contains_key("step") {
        shown += &format!("@{}", text("step"));
    }
    shown += &format!(" \"{}\"", text("message"));
    for key in ["details", "expected", "rule"] {
        if let Some(value) = fault.get(key).filter(|value| !value.is_null()) {
            shown += &format!(" {key}={value}");
        }
    }
    if let Some(Value::Object(cause)) = fault.get("cause") {
        shown += &format!(" <- {}", fault_of(cause));
    }
    shown
}
