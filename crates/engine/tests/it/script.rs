//! The scripts' little language. A file holds scripts; a script is a plan and a table:
//!
//! ```text
//! === name of the script
//! steps:                       the plan, without `version` and `name`
//! - {id: a, tool: t.read}
//! ---
//! # a comment
//! @0 created                   an input and its time
//!   execution_created          what follows: events, `! commands`, `~ state: what it waits for`
//! ```
//!
//! Everything that follows an input is compared as a whole. `UPDATE_SCRIPTS=1` writes what the engine does into the
//! files; read the diff before you believe it.

use crate::show;
use crate::world::{Begin, Taken, World, answer, call_outcome, created, plan_of, resolve};
use mandate_engine::agent::matching::find;
use mandate_engine::event::{
    Answer, FailureKind, RefusedCall, Reported, Resolution, report_digest,
};
use mandate_engine::{Body, CallOutcome, Fault, Weighed, settle};
use mandate_plan::ErrorCode;
use mandate_policy::approver::Approver;
use mandate_policy::{Outcome, Principal, Purpose, Refusal};
use serde_json::{Value, json};

pub(crate) struct Script {
    pub name: String,
    plan: String,
    table: Vec<String>,
}

pub(crate) fn read(text: &str) -> Vec<Script> {
    text.split("=== ")
        .skip(1)
        .map(|script| {
            let (name, rest) = script.split_once('\n').expect("a name");
            let (plan, table) = rest.split_once("---\n").expect("a line of `---`");
            Script {
                name: name.trim().to_owned(),
                plan: plan.to_owned(),
                table: table.trim_end().lines().map(str::to_owned).collect(),
            }
        })
        .collect()
}

/// The script as it should be read, given what the engine does now.
pub(crate) fn write(script: &Script, actual: &[String]) -> String {
    format!(
        "=== {}\n{}---\n{}\n",
        script.name,
        script.plan,
        actual.join("\n")
    )
}

/// Runs a script; what it should have said, and what its events took.
pub(crate) fn run(script: &Script) -> (Vec<String>, Taken) {
    let plan = plan_of(&format!(
        "version: 1\nname: {:?}\n{}",
        script.name, script.plan
    ));
    let mut world: Option<World> = None;
    let mut actual = Vec::new();
    let mut forged = false;
    for line in &script.table {
        if line.starts_with('#') || line.is_empty() {
            actual.push(line.clone());
            continue;
        }
        let Some(input) = line.strip_prefix('@') else {
            continue;
        };
        actual.push(line.clone());
        let (at, words) = input.split_once(' ').expect("a time and an input");
        let at_ms: i64 = at.parse().expect("a time");
        let turned = match world.as_mut() {
            None => {
                let (begun, turned) = World::begin(plan.clone(), at_ms, &begin(words));
                world = Some(begun);
                Some(turned)
            }
            Some(world) => {
                forged |= words.starts_with("raw ");
                let somebody = words
                    .strip_prefix("as ")
                    .map(|words| said_by(world, at_ms, words));
                match words
                    .strip_prefix("say ")
                    .map(|words| said(world, at_ms, words))
                    .or(somebody)
                {
                    Some(Err(refused)) => {
                        actual.push(format!("  refused: {refused}"));
                        continue;
                    }
                    Some(Ok(body)) => world.take(at_ms, body),
                    None => give(world, at_ms, words),
                }
            }
        };
        let state = &world.as_ref().expect("a world").state;
        let lines = turned.map_or_else(
            || vec!["ignored".to_owned()],
            |turned| show::turned(&turned, state),
        );
        actual.extend(lines.into_iter().map(|line| format!("  {line}")));
    }
    let world = world.expect("a script begins with `created`");
    if !forged {
        world.replays();
    }
    (actual, world.taken)
}

pub(crate) fn expected(script: &Script) -> &[String] {
    &script.table
}

fn begin(words: &str) -> Begin {
    let mut how = Begin::default();
    for word in words.split(' ').skip(1) {
        match word.split_once('=') {
            None if word == "ask" => how.ask = true,
            Some(("deadline", at)) => how.deadline_ms = at.parse().ok(),
            Some(("expires", at)) => how.expires_ms = at.parse().ok(),
            Some(("behaviour", number)) => how.behaviour = number.parse().ok(),
            Some(("roles", roles)) => how.roles = roles.split(',').map(str::to_owned).collect(),
            Some(("inputs", json)) => how.inputs = serde_json::from_str(json).unwrap(),
            _ => panic!("`{word}` is no way to create an execution"),
        }
    }
    how
}

/// `NAME ROLE[,ROLE] CHOICE`: an answer to the longest open request by somebody with a key of those roles (`-`: none), as
/// a host would give it in.
fn said_by(world: &World, at_ms: i64, words: &str) -> Result<Body, String> {
    let words: Vec<&str> = words.split(' ').collect();
    let [name, roles, choice] = words[..] else {
        panic!("`as NAME ROLES CHOICE`")
    };
    let keyed = (roles != "-").then(|| format!("key-{name}"));
    let principal = Principal {
        name: name.to_owned(),
        roles: roles
            .split(',')
            .filter(|_| keyed.is_some())
            .map(str::to_owned)
            .collect(),
        key: keyed,
    };
    let open = world
        .state
        .open_requests()
        .next()
        .ok_or("nothing is open")?;
    let answer = Answer::new(&open.request.request_id, choice, "", "cli").given_by(&principal);
    let weighed = world.state.weigh(&answer);
    let body = world
        .state
        .given(answer, at_ms)
        .map_err(|error| error.to_string())?;
    match (weighed, body) {
        (Weighed::Holds, body) => Ok(body),
        (Weighed::Counts(_), Body::RequestAnswered(answer)) => Ok(Body::AnswerCounted(answer)),
        (weighed, _) => Err(format!("{weighed:?}")),
    }
}

/// `KIND CHOICE [data] [because REASON]`: an answer to the longest open request of that kind (`step/2`: the second of
/// that kind that was opened), as a host would give it in.
fn said(world: &World, at_ms: i64, words: &str) -> Result<Body, String> {
    let (words, reason) = match words.split_once(" because ") {
        Some((words, reason)) => (words, Some(reason.to_owned())),
        None => (words, None),
    };
    let (kind, words) = words.split_once(' ').expect("a kind and a choice");
    let (choice, data) = words.split_once(' ').unwrap_or((words, ""));
    let (kind, which) = match kind.split_once('/') {
        Some((kind, which)) => (kind, which.parse::<usize>().unwrap() - 1),
        None => (kind, 0),
    };
    let state = &world.state;
    let mut of_kind: Vec<_> = state
        .requests
        .values()
        .filter(|open| open.request.kind.as_str() == kind)
        .collect();
    of_kind.sort_by_key(|open| {
        let id = &open.request.request_id;
        let place = state.open.iter().position(|open| open == id);
        (open.closed.is_some(), place)
    });
    let request_id = of_kind
        .get(which)
        .map_or("req-none", |open| &open.request.request_id);
    let answer = Answer {
        data: value(data),
        reason,
        ..Answer::new(request_id, choice, "ann", "terminal")
    };
    state
        .given(answer, at_ms)
        .map_err(|refused| refused.to_string())
}

type Place<'a> = (&'a str, Option<u32>, u32);

/// `step`, `step#attempt`, `step[item]#attempt`.
fn place(text: &str) -> Place<'_> {
    let (unit, attempt) = text.split_once('#').unwrap_or((text, "0"));
    let (step, item) = match unit.strip_suffix(']').and_then(|unit| unit.split_once('[')) {
        Some((step, item)) => (step, Some(item.parse().unwrap())),
        None => (unit, None),
    };
    (step, item, attempt.parse().unwrap())
}

fn code(text: &str) -> ErrorCode {
    serde_json::from_value(json!(text)).unwrap()
}

fn value(text: &str) -> Option<Value> {
    (!text.is_empty()).then(|| serde_json::from_str(text).unwrap())
}

/// `propose {steps: […]}` or `propose ask {steps: […]}`: a revision, as a host gives it in.
pub(crate) fn propose(state: &mandate_engine::State, text: &str) -> Body {
    let (ask, keys) = match text.strip_prefix("ask ") {
        Some(keys) => (true, keys),
        None => (false, text),
    };
    let name = &state.plan().plan().name;
    let plan = plan_of(&format!("{{version: 1, name: {name:?}, {}", &keys[1..]));
    let begin = Begin {
        ask,
        ..Begin::default()
    };
    let Body::ExecutionCreated(created) = created(&plan, state.at_ms, &begin).body else {
        panic!("an execution begins with its creation")
    };
    Body::RevisionProposed {
        revision: state.created.revision + 1,
        plan: serde_json::from_slice(plan.canonical()).unwrap(),
        plan_hash: *plan.hash(),
        execution_digest: created.execution_digest,
        tools: created.tools,
        external: created.external,
        decision: Box::new(created.decision.as_ref().clone()),
        diff: json!({ "added": [] }),
        by: "ann".to_owned(),
        reason: None,
        stands: None,
        delta: None,
        asked_for: false,
    }
}

/// `policy v2 allow`: another policy, and what it says of the plan: `allow`, `ask`, `ask other` or `deny`.
fn policy(state: &mandate_engine::State, version: &str, says: &str) -> Body {
    let mut decision = state.created.decision.as_ref().clone();
    let asks = |who| (Outcome::RequireApproval, vec![who]);
    (decision.outcome, decision.approvers) = match says {
        "allow" => (Outcome::Allow, Vec::new()),
        "ask" => asks(Approver::Requester),
        "ask other" => asks(Approver::Other),
        _ => (Outcome::Deny, Vec::new()),
    };
    decision.policy_version = version.to_owned();
    Body::PolicyChanged {
        policy_version: version.to_owned(),
        decision: Box::new(decision),
        revision: None,
    }
}

/// `ask TOOL ARGS`: an agent's call, as a host gives it in.
fn asked(state: &mandate_engine::State, tool: &str, args: Value) -> Body {
    match find(state, tool, &args, None, &|_| true) {
        Ok(found) => Body::CallRequested {
            step: found.step,
            item: found.item,
            tool: tool.to_owned(),
            args: found.args,
            by: "ann".to_owned(),
            key: None,
        },
        Err(refusal) => Body::CallRefused {
            refusal,
            admission: false,
            call: Some(Box::new(RefusedCall::new(tool, &args, "ann"))),
        },
    }
}

/// `report PLACE {"output": …}` or `{"error": TEXT}`: what somebody outside says of a call, as a host gives it in.
fn reported(
    world: &mut World,
    at_ms: i64,
    (step, item, attempt): Place<'_>,
    report: &str,
) -> Option<mandate_engine::Turned> {
    let report = value(report).expect("a report");
    let outcome = match report.get("output") {
        Some(output) => CallOutcome::Completed(output.clone()),
        None => CallOutcome::Failed(Fault::new(
            ErrorCode::ToolFailed,
            report["error"].as_str().expect("an error"),
        )),
    };
    let body = settle(&world.state, step, item, attempt, Purpose::Run, outcome)?;
    let digest = report_digest(&report);
    let (by, key) = ("ann".to_owned(), None);
    world.take(at_ms, body.reported_as(Reported { by, key, digest }))
}

fn give(world: &mut World, at_ms: i64, words: &str) -> Option<mandate_engine::Turned> {
    let (verb, rest) = words.split_once(' ').unwrap_or((words, ""));
    let (first, more) = rest.split_once(' ').unwrap_or((rest, ""));
    let by = || "ann".to_owned();
    let failure = |kind: FailureKind| {
        let (text, output) = more.split_once(' ').unwrap_or((more, ""));
        call_outcome(Some(kind), code(text), value(output))
    };
    let body = match verb {
        "done" => {
            let outcome = call_outcome(None, ErrorCode::UnknownError, value(more));
            return world.outcome(at_ms, place(first), outcome);
        }
        "report" => return reported(world, at_ms, place(first), more),
        "refused" => return world.outcome(at_ms, place(first), failure(FailureKind::Refused)),
        "failed" => return world.outcome(at_ms, place(first), failure(FailureKind::Failed)),
        "unknown" => return world.outcome(at_ms, place(first), failure(FailureKind::Unknown)),
        "invalid" => return world.outcome(at_ms, place(first), failure(FailureKind::Invalid)),
        "fire" => return world.fire(at_ms),
        "freeze" => {
            world.gate.frozen = true;
            return None;
        }
        "thaw" => {
            world.gate.frozen = false;
            Body::Thawed { by: by() }
        }
        "admit" if first == "refused" => Body::CallRefused {
            refusal: Refusal::new(code(more), "not admitted"),
            admission: true,
            call: None,
        },
        "admit" => Body::ExecutionStarted {
            approval: None,
            reserved: None,
        },
        "approve" => answer(&world.state, "approve", None),
        "answer" => answer(&world.state, first, None),
        "reject" => answer(&world.state, "reject", Some(rest)),
        "host" => Body::HostStarted {
            host: "h2".to_owned(),
        },
        "host_leaving" => Body::HostLeaving {
            host: rest.to_owned(),
        },
        "host_stopped" => Body::HostStopped {
            reason: rest.to_owned(),
        },
        "policy" => policy(&world.state, first, more),
        "override" => {
            let (step, item, _) = place(first);
            let call = world.state.first_call(step, item);
            let args_digest =
                call.map_or(mandate_plan::Digest::of(b"none"), |call| call.args_digest());
            Body::OverrideGranted {
                step: step.to_owned(),
                by: by(),
                reason: more.to_owned(),
                args_digest,
                item,
            }
        }
        "propose" => propose(&world.state, rest),
        "ask" => asked(
            &world.state,
            first,
            value(more).unwrap_or_else(|| json!({})),
        ),
        "finish" => Body::FinishRequested {
            by: by(),
            step: (!first.is_empty()).then(|| place(first).0.to_owned()),
            item: place(first).1,
        },
        "pause" => Body::ExecutionPaused { by: by() },
        "resume" => Body::ExecutionResumed { by: by() },
        "cancel" => Body::CancelRequested {
            by: by(),
            reason: (!rest.is_empty() && first != "force").then(|| rest.to_owned()),
            force: first == "force",
        },
        "revoke" => Body::ApprovalRevoked {
            by: by(),
            reason: (!rest.is_empty()).then(|| rest.to_owned()),
        },
        "resolve" => {
            let (step, item, _) = place(first);
            let (how, with) = more.split_once(' ').unwrap_or((more, ""));
            let resolution = match how {
                "done" => Resolution::Done {
                    output: value(with).unwrap_or(Value::Null),
                },
                "not_done" => Resolution::NotDone,
                _ => Resolution::Fail {
                    reason: with.to_owned(),
                },
            };
            resolve(step, item, resolution)
        }
        "raw" | "input" => {
            serde_json::from_str(rest).unwrap_or_else(|error| panic!("{rest}: {error}"))
        }
        _ => panic!("`{verb}` is no input"),
    };
    world.take(at_ms, body)
}
