//! `run` and `executions rerun` over a server: submit, ask, follow, tell.

use super::{
    client::Client,
    follow::{Parted, Stay},
    mirror,
};
use crate::{
    asking::is_confirm,
    commands::{
        executions::{
            replan::{ReplanArgs, note_changes},
            rerun::RerunArgs,
        },
        run::{self, RunArgs},
    },
    context::Context,
    document::{Source, invalid, note_warnings, read_plan},
    errors::{Exit, Failure, Kind},
    ids,
    prompt::{self, Said, Told},
    render::{approved_before, decision, execution, request as shown},
};
use mandate_engine::event::Request;
use mandate_plan::{Digest, Mode};
use mandate_policy::decision::Decision;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What the server made.
#[derive(Deserialize)]
struct Made {
    execution_id: String,
    request_id: Option<String>,
    decision: Decision,
}

/// How it is stayed with.
#[derive(Clone, Copy)]
struct How {
    yes: bool,
    detach: bool,
    stream: bool,
}

pub(super) fn run(args: &RunArgs, client: &Client, context: &Context) -> Result<Exit, Failure> {
    if !args.policy.is_empty() {
        return Err(not_there("`--policy` is for the process that drives")
            .remedy("name the policy in the configuration of the server, under `[policy] files`"));
    }
    let deadline_ms = args.deadline.as_deref().map(run::deadline_ms).transpose()?;
    let inputs = args.inputs.collect()?;
    // Which tools there are is for the server to say.
    let read = read_plan(context, &args.plan, None)?;
    note_warnings(context, &read);
    read.plan
        .bind_inputs(&inputs)
        .map_err(mandate_host::HostError::Inputs)?;
    if read.plan.plan().mode == Mode::Agent || args.token_file.is_some() {
        return Err(not_there("tokens of agents are given where the journal is").remedy(
            "run the plan there; over HTTP an agent's plan can be submitted and watched, not called",
        ));
    }
    let mut body = json!({
        "plan": String::from_utf8_lossy(&read.source.bytes),
        "inputs": inputs,
        "context": { "deadline_ms": deadline_ms },
    });
    if let (Some(session), Some(map)) = (&args.session, body.as_object_mut()) {
        map.insert("session".to_owned(), session.clone().into());
    }
    let made = client.make(&["executions"], &body);
    let made = made.map_err(|failure| with_lines(failure, context, &read.source))?;
    let how = How {
        yes: args.yes,
        detach: args.detach,
        stream: args.stream,
    };
    go(&made, how, client, context)
}

pub(super) fn rerun(args: &RerunArgs, client: &Client, context: &Context) -> Result<Exit, Failure> {
    let id = ids_of(client, &args.execution.execution)?;
    let state = mirror::state(client, &id)?;
    // The same that the host will find, so that what it takes over can be told before.
    let carried = mandate_engine::carry(&state, args.from.as_deref())
        .map_err(mandate_host::HostError::from)?;
    let names: Vec<&str> = carried.steps.keys().map(String::as_str).collect();
    if !names.is_empty() {
        let text = format!("not done again: {}", names.join(", "));
        context.out().note(&text);
    }
    let path = format!("{id}:rerun");
    let made: Made = client.make(&["executions", &path], &json!({ "from": args.from }))?;
    let how = How {
        yes: args.yes,
        detach: args.detach,
        stream: args.stream,
    };
    go(&made, how, client, context)
}

pub(super) fn replan(
    args: &ReplanArgs,
    client: &Client,
    context: &Context,
) -> Result<Exit, Failure> {
    let id = ids_of(client, &args.execution.execution)?;
    let state = mirror::state(client, &id)?;
    let read = read_plan(context, &args.plan, None)?;
    note_warnings(context, &read);
    note_changes(&state, &read.plan, context);
    let body = json!({
        "plan": String::from_utf8_lossy(&read.source.bytes),
        "reason": args.reason,
    });
    // Another plan is in the way of the same one a second time, so that it needs no key.
    let made = client.post(&["executions", &format!("{id}:replan")], &body);
    let made: Made = made.map_err(|failure| with_lines(failure, context, &read.source))?;
    let how = How {
        yes: args.yes,
        detach: args.detach,
        stream: args.stream,
    };
    go(&made, how, client, context)
}

/// What is wrong with a plan, with the lines that it is about.
fn with_lines(failure: Failure, context: &Context, source: &Source) -> Failure {
    match failure.found().is_empty() {
        true => failure,
        false => invalid(context, source, failure.found().to_vec()),
    }
}

fn ids_of(client: &Client, typed: &str) -> Result<String, Failure> {
    super::ids::execution(client, typed)
}

fn not_there(why: &str) -> Failure {
    Failure::new(
        Kind::NotSupported,
        format!("a server cannot do that: {why}"),
    )
}

/// From a plan that was taken to its end.
fn go(made: &Made, how: How, client: &Client, context: &Context) -> Result<Exit, Failure> {
    let out = context.out();
    let id = &made.execution_id;
    let interrupts = client.interrupts();
    let mut stay = Stay::begin(client, context, id, how.stream, Some(interrupts))?;
    let mut asking = Asking {
        client,
        context,
        how,
        later: BTreeSet::new(),
    };
    if let Some(request_id) = &made.request_id {
        asking.have_approved(&stay, request_id, &made.decision)?;
    }
    if how.detach {
        let state = mirror::state(client, id)?;
        let waiting = state.waiting_for().filter(|_| !state.goes_on());
        if out.is_json() {
            out.value(&execution::to_json(&state, waiting.as_ref(), None));
        } else {
            out.line(&execution::result(
                &state,
                waiting.as_ref(),
                None,
                out.paint(),
            ));
            if waiting.is_none() && state.ending.is_none() {
                let id = ids::short(id);
                out.line("\nThe server drives it:");
                out.line(&format!("  mandate executions watch {id}"));
            }
        }
        return Ok(match waiting {
            Some(_) => Exit::Waiting,
            None => Exit::Success,
        });
    }
    loop {
        let parted = stay.until_it_rests()?;
        let done = parted == Parted::Left || stay.state.ending.is_some() || stay.must_leave();
        if done || !asking.answer(&stay)? {
            return stay.tell(&parted);
        }
    }
}

/// Who answers while somebody stays with it.
struct Asking<'a> {
    client: &'a Client,
    context: &'a Context,
    how: How,
    /// What was asked about, or is left to others.
    later: BTreeSet<String>,
}

impl Asking<'_> {
    /// Asks whether the plan may run, or answers as `--yes` says. Without anybody to ask the request stays open.
    fn have_approved(
        &mut self,
        stay: &Stay<'_>,
        request_id: &str,
        judged: &Decision,
    ) -> Result<(), Failure> {
        let out = self.context.out();
        self.later.insert(request_id.to_owned());
        let asks = !self.how.yes
            && !self.how.detach
            && prompt::somebody_is_there()
            && self.may_answer(request_id)?;
        let state = &stay.state;
        if !out.is_json() || asks {
            let inputs = &state.created.inputs;
            let text = decision::for_approval(state.plan(), inputs, judged, out.paint_notes());
            out.note(&format!("{text}\n"));
            let plan = |hash: &Digest| Ok(mirror::plan(self.client, hash));
            let before = approved_before::section(state, plan, out.paint_notes())?;
            if !before.is_empty() {
                out.note(&format!("{before}\n"));
            }
        }
        let (choice, reason) = match (self.how.yes, asks) {
            (true, _) => ("approve", None),
            (false, true) => match prompt::ask(out, &stay.signals()) {
                Said::Yes(reason) => ("approve", reason),
                Said::No(reason) => ("reject", reason),
                // Ctrl-C is seen again where the execution is followed.
                Said::Later | Said::Interrupted => return Ok(()),
            },
            (false, false) => return Ok(()),
        };
        if self.how.yes && !out.is_json() {
            out.note(&out.paint_notes().dim("approved by `--yes`"));
        }
        let subject = state.requests.get(request_id);
        let subject = subject.map(|open| open.request.subject);
        let answer = json!({ "choice": choice, "reason": reason, "subject": subject });
        self.give(request_id, &answer)
    }

    /// Has the requests answered that can be; says whether any was.
    fn answer(&mut self, stay: &Stay<'_>) -> Result<bool, Failure> {
        let somebody = prompt::somebody_is_there();
        let mut answered = false;
        let open: Vec<Request> = { stay.state.open_requests() }
            .map(|open| open.request.clone())
            .filter(|request| !self.later.contains(&request.request_id))
            .collect();
        for request in open {
            let flagged = self.how.yes && is_confirm(&request);
            if !(flagged || somebody) || !self.may_answer(&request.request_id)? {
                continue;
            }
            self.later.insert(request.request_id.clone());
            let out = self.context.out();
            let paint = out.paint_notes();
            out.note(&format!("\n{}", shown::asked(&request, paint)));
            let answer = if flagged {
                out.note(&paint.dim("approved by `--yes`"));
                json!({ "choice": "approve", "subject": request.subject })
            } else {
                match prompt::request(out, &stay.signals(), &request) {
                    Told::Answer {
                        choice,
                        data,
                        reason,
                    } => json!({
                        "choice": choice,
                        "data": data,
                        "reason": reason,
                        "subject": request.subject,
                    }),
                    Told::Later => continue,
                    Told::Interrupted => return Ok(answered),
                }
            };
            self.give(&request.request_id, &answer)?;
            answered = true;
        }
        Ok(answered)
    }

    fn may_answer(&self, request_id: &str) -> Result<bool, Failure> {
        #[derive(Deserialize)]
        struct May {
            may_answer: bool,
        }
        let may: May = self.client.get(&["inbox", request_id], &[])?;
        Ok(may.may_answer)
    }

    fn give(&self, request_id: &str, answer: &Value) -> Result<(), Failure> {
        let path = format!("{request_id}:answer");
        let _: Value = self.client.post(&["inbox", &path], answer)?;
        Ok(())
    }
}
