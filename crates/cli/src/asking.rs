//! Requests that an execution opens while somebody stays with it: asked in the terminal, or answered as `--yes` says.

use crate::{
    context::Context,
    drive::Driver,
    errors::Failure,
    prompt::{self, Said, Told},
    read_only,
    render::{approved_before, decision, request as shown},
    who,
};
use mandate_engine::{
    State, Weighed,
    event::{Answer, Request, RequestKind},
};
use mandate_host::Answered;
use mandate_policy::Principal;
use std::collections::BTreeSet;

/// Who answers while somebody stays with an execution.
pub(crate) struct Answering {
    /// Calls of confirmed steps are approved without asking.
    yes: bool,
    somebody: bool,
    /// What is to wait.
    later: BTreeSet<String>,
}

impl Answering {
    /// Asks whoever sits at the terminal; `yes` approves plan and calls without asking.
    pub(crate) fn new(yes: bool) -> Self {
        Self {
            yes,
            somebody: prompt::somebody_is_there(),
            later: BTreeSet::new(),
        }
    }

    /// Asks nobody.
    pub(crate) fn nobody() -> Self {
        Self {
            yes: false,
            somebody: false,
            later: BTreeSet::new(),
        }
    }

    /// Leaves a request to others.
    pub(crate) fn leave(&mut self, request_id: &str) {
        self.later.insert(request_id.to_owned());
    }

    /// Whether an execution at rest should be looked at for requests that can be answered here.
    pub(crate) fn answers(&self) -> bool {
        self.yes || self.somebody
    }

    /// Has the requests answered that can be; says whether any was.
    ///
    /// # Errors
    /// The host does not take an answer.
    pub(crate) fn answer(
        &mut self,
        context: &Context,
        driver: &Driver<'_>,
        execution_id: &str,
    ) -> Result<bool, Failure> {
        let mut answered = false;
        while let Some((owner, request)) = self.next(driver, execution_id)? {
            let Some(answer) = self.told(context, driver, &owner, &request)? else {
                self.later.insert(request.request_id.clone());
                if driver.interrupts().presses() > 0 || driver.interrupts().must_leave() {
                    return Ok(answered);
                }
                continue;
            };
            match driver.answer(&owner, &answer) {
                Ok(()) => {
                    // Where others must join, it stays open, and is not asked about again.
                    self.later.insert(request.request_id.clone());
                    answered = true;
                }
                // Somebody else was faster, or its time has passed.
                Err(failure) if is_closed(driver, &owner, &request)? => {
                    context.out().note(failure.message());
                    answered = true;
                }
                Err(failure) => return Err(failure),
            }
        }
        Ok(answered)
    }

    /// The first request, of the execution or of one that it runs as a step, that can be answered here.
    fn next(
        &self,
        driver: &Driver<'_>,
        execution_id: &str,
    ) -> Result<Option<(String, Request)>, Failure> {
        let reader = driver.reader()?;
        let me = who::known(Some(&reader))?;
        let mut owners = vec![execution_id.to_owned()];
        while let Some(owner) = owners.pop() {
            let state = read_only::state(&reader, &owner)?;
            let mut open = state.open_requests().map(|open| &open.request);
            if let Some(request) = open.find(|request| self.is_mine(&state, request, &me)) {
                return Ok(Some((owner, request.clone())));
            }
            let children = state.open_children().into_iter();
            owners.extend(children.map(|child| child.execution_id));
        }
        Ok(None)
    }

    fn is_mine(&self, state: &State, request: &Request, me: &Principal) -> bool {
        let by_flag = self.yes && is_confirm(request);
        counts(state, request, me)
            && (by_flag || self.somebody)
            && !self.later.contains(&request.request_id)
    }

    fn told(
        &self,
        context: &Context,
        driver: &Driver<'_>,
        owner: &str,
        request: &Request,
    ) -> Result<Option<Answered>, Failure> {
        let out = context.out();
        let paint = out.paint_notes();
        let answered = |choice: String, data, reason, channel: &str| Answered {
            request_id: request.request_id.clone(),
            choice,
            data,
            reason,
            subject: Some(request.subject),
            channel: channel.to_owned(),
        };
        if request.kind == RequestKind::Plan {
            let reader = driver.reader()?;
            let state = read_only::state(&reader, owner)?;
            let (created, plan) = (&state.created, state.plan());
            let text = decision::for_approval(plan, &created.inputs, &created.decision, paint);
            out.note(&format!("\n{text}\n"));
            let before = approved_before::section(&state, |hash| reader.plan(hash), paint)?;
            if !before.is_empty() {
                out.note(&format!("{before}\n"));
            }
            return Ok(match prompt::ask(out, driver.interrupts()) {
                Said::Yes(why) => Some(answered("approve".to_owned(), None, why, "terminal")),
                Said::No(why) => Some(answered("reject".to_owned(), None, why, "terminal")),
                Said::Later | Said::Interrupted => None,
            });
        }
        out.note(&format!("\n{}", shown::asked(request, paint)));
        if self.yes && is_confirm(request) {
            out.note(&paint.dim("approved by `--yes`"));
            return Ok(Some(answered("approve".to_owned(), None, None, "flag")));
        }
        Ok(match prompt::request(out, driver.interrupts(), request) {
            Told::Answer {
                choice,
                data,
                reason,
            } => Some(answered(choice, data, reason, "terminal")),
            Told::Later | Told::Interrupted => None,
        })
    }
}

/// Whether an answer of that person would count.
pub(crate) fn counts(state: &State, request: &Request, me: &Principal) -> bool {
    let choice = request.choices.first().map_or("", String::as_str);
    let answer = Answer::new(&request.request_id, choice, "", "terminal").given_by(me);
    matches!(state.weigh(&answer), Weighed::Counts(_) | Weighed::Holds)
}

/// Whether nobody waits for an answer any more.
fn is_closed(driver: &Driver<'_>, owner: &str, request: &Request) -> Result<bool, Failure> {
    let state = read_only::state(&*driver.reader()?, owner)?;
    let open = state.requests.get(&request.request_id);
    Ok(open.is_none_or(|open| open.closed.is_some()))
}

/// Whether it asks for a yes that the plan itself wants, and not the policy.
pub(crate) fn is_confirm(request: &Request) -> bool {
    request.kind == RequestKind::Step && request.refusal.is_none()
}
